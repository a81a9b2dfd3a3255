import { all, startWide, type WideOptions } from "../path/wide-gateway.ts";
import { swap } from "../support/demo-config.ts";
import type { TestGateway } from "../support/gateway.ts";

const contract =
  (agent: string, lines: string, environment = "production"): (() => string) =>
  () =>
    `agent: ${agent}
workflow: ${agent}
owner: payments-team
tenants: [acme_co, globex]
environment: ${environment}
stage: autonomous
${lines}`;

const free = "{ meter: cost, scope: agent, window: day, limit: 25.00 USD }";

/** The demo without its limits, and beside it agents that are there to be turned against it. */
export function startAttacked({ edit = {}, ...options }: WideOptions = {}): Promise<TestGateway> {
  return startWide({
    ...options,
    edit: {
      "config/gateway.yaml": all(swap("policy_zone: UTC", "policy_zone: UTC\nstops: { stale_after: 60s }")),
      "config/contracts/flood-bot.yaml": contract(
        "flood-bot",
        `tools: { tickets.create: allow }\nbudgets: [${free}]\nrates: [{ scope: agent, limit: 5/min }]\n`,
      ),
      "config/contracts/report-bot.yaml": contract(
        "report-bot",
        `tools: { tickets.create: allow, payments.lookup_charge: allow }\nbudgets: [{ meter: cost, scope: run, limit: 0.40 USD }, ${free}]\n`,
      ),
      "config/contracts/poison-bot.yaml": contract("poison-bot", `tools: { payments.lookup_charge: allow }\nbudgets: [${free}]\n`),
      "config/contracts/narrow-bot.yaml": contract(
        "narrow-bot",
        `tools: { payments.refund: { up_to: { USD: 10000 }, beyond: hold, tier: finance } }\nbudgets: [${free}]\n`,
      ),
      "config/contracts/staging.yaml": contract("billing-dispute-v3", `tools: { deploys.list: allow }\nbudgets: [${free}]\n`, "staging"),
      "config/contracts/billing-dispute.yaml": swap("  tickets.search: allow", "  tickets.search: allow\n  deploys.list: allow"),
      ...edit,
    },
  });
}
