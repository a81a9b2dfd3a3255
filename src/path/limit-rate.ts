import type { RateStanding, RateUse } from "../ports/rates.ts";
import { type Denial, deny } from "../rules/denial.ts";
import { rateKey } from "../rules/rate-fields.ts";
import type { Governable } from "./call.ts";
import type { PathPorts } from "./ports.ts";

/**
 * Counts the call against the contract's rates. A counter store that fails denies. Preview reads are part of their call and are not counted. No counter
 * crosses a tenant or an environment: what an agent tries out in one must not use up what it may do in the other.
 */
export async function limitRate(ports: PathPorts, call: Governable): Promise<readonly RateStanding[] | Denial> {
  const { agent, tenant, environment } = call.principal;
  const idsOf = { agent: [agent, tenant], tenant: [tenant], tool: [agent, tenant, call.tool.name] } as const;
  const uses: RateUse[] = call.governed.contract.rates.map((rate) => ({
    name: rate.scope,
    key: rateKey([rate.scope, environment, ...idsOf[rate.scope]]),
    rate,
  }));
  if (uses.length === 0) return [];
  const { granted, standings } = await ports.rates.consume(uses);
  if (granted) return standings;
  const last = standings.at(-1);
  return deny(
    "ERR_RATE_LIMITED",
    last === undefined ? undefined : `The rate of ${last.quota} calls per ${last.windowMs / 1000} s for this ${last.name} is reached.`,
    {
      retryAfterMs: last?.resetMs ?? 1000,
      reasons: last === undefined ? [] : [{ rule: `rate/${last.name}`, message: "rate limit reached" }],
    },
  );
}
