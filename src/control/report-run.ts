import { type Denial, deny, isDenial } from "../rules/denial.ts";
import type { Principal } from "../rules/principal.ts";
import { reservationsFor } from "../rules/reservations.ts";
import type { ControlPorts } from "./ports.ts";

export interface UsageReport {
  readonly model: string | null;
  /** Integers >= 0, added to what was reported before. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly usdMicros: number;
}

/** Adds what an agent says it used. It only adds: the cost counts against the run's budgets at once, and past the limit the next call is refused. */
export async function reportUsage(ports: ControlPorts, principal: Principal, run: string, report: UsageReport): Promise<Denial | null> {
  const own = checkOwnRun(principal, run);
  if (own !== null) return own;
  const nowMs = ports.clock.nowMs();
  const contract = ports
    .catalogue()
    .contracts.find(
      (one) => one.agent === principal.agent && one.tenants.includes(principal.tenant) && one.environment === principal.environment,
    );
  if (contract === undefined) return deny("ERR_CONTRACT_NONE");
  const costs = contract.budgets.filter((budget) => budget.meter === "cost");
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
  const own = checkOwnRun(principal, run);
  if (own !== null) return own;
  await ports.runs.setOutcome({ run, tenant: principal.tenant, agent: principal.agent }, outcome, ports.clock.nowMs());
  return null;
}

function checkOwnRun(principal: Principal, run: string): Denial | null {
  return principal.run === run ? null : deny("ERR_CALL_NOT_FOUND", "The token is not of this run.");
}
