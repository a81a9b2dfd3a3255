import type { Contract } from "../rules/catalogue.ts";
import { contractOf } from "../rules/contract.ts";
import { type Denial, deny, isDenial } from "../rules/denial.ts";
import type { Principal } from "../rules/principal.ts";
import { rateKey } from "../rules/rate-fields.ts";
import { reservationsFor } from "../rules/reservations.ts";
import type { ControlPorts } from "./ports.ts";

export interface UsageReport {
  readonly model: string | null;
  /** Integers >= 0, added to what was reported before. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly usdMicros: number;
}

/** Reports of one agent, tenant and environment that are taken in a minute. */
const reportsPerMinuteMax = 30;

/**
 * Adds what an agent says it used. It only adds: the cost counts against the budgets of the run and of the agent at once, and past a limit the next call is
 * refused. It never counts for a tenant or workflow, where one agent's word would stop the others.
 */
export async function reportUsage(ports: ControlPorts, principal: Principal, run: string, report: UsageReport): Promise<Denial | null> {
  const contract = await admitReport(ports, principal, run);
  if (isDenial(contract)) return contract;
  const nowMs = ports.clock.nowMs();
  const costs = contract.budgets.filter((budget) => budget.meter === "cost" && (budget.scope === "run" || budget.scope === "agent"));
  const usage = { ...principal, workflow: contract.workflow, calls: 0, costMicros: report.usdMicros, amount: null };
  const reservations = reservationsFor(costs, usage, nowMs);
  if (isDenial(reservations)) return reservations;
  await ports.runs.addUsage({ run, tenant: principal.tenant, agent: principal.agent, ...report }, reservations, nowMs);
  return null;
}

/** Records how the agent says its run ended. */
export async function reportOutcome(
  ports: ControlPorts,
  principal: Principal,
  run: string,
  outcome: { readonly status: string; readonly reason: string },
): Promise<Denial | null> {
  const contract = await admitReport(ports, principal, run);
  if (isDenial(contract)) return contract;
  await ports.runs.setOutcome({ run, tenant: principal.tenant, agent: principal.agent }, outcome, ports.clock.nowMs());
  return null;
}

/** Reports go into the ledger, so they need a contract and a rate: nobody fills it with words. */
async function admitReport(ports: ControlPorts, principal: Principal, run: string): Promise<Contract | Denial> {
  if (principal.run !== run) return deny("ERR_CALL_NOT_FOUND", "The token is not of this run.");
  const contract = contractOf(ports.catalogue(), principal);
  if (contract === undefined) return deny("ERR_CONTRACT_NONE");
  const rate = { scope: "agent", limit: reportsPerMinuteMax, windowMs: 60_000 } as const;
  const { granted, standings } = await ports.rates.consume([
    { name: "agent", key: rateKey(["reports", principal.environment, principal.agent, principal.tenant]), rate },
  ]);
  return granted ? contract : deny("ERR_RATE_LIMITED", undefined, { retryAfterMs: standings.at(-1)?.resetMs ?? 1000 });
}
