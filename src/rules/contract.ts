import type { Budget, Catalogue, Contract, Gate, Tool } from "./catalogue.ts";
import { type Denial, deny } from "./denial.ts";
import type { Money } from "./money.ts";
import type { Principal } from "./principal.ts";
import type { Verdict } from "./verdict.ts";

/** A contract and the gate of the one tool that is called. */
export interface Governed {
  readonly contract: Contract;
  readonly gate: Gate;
}

/** The contract that names an agent for a tenant in an environment, or undefined. */
export function contractOf(
  catalogue: Catalogue,
  { agent, tenant, environment }: Pick<Principal, "agent" | "tenant" | "environment">,
): Contract | undefined {
  return catalogue.contracts.find((one) => one.agent === agent && one.tenants.includes(tenant) && one.environment === environment);
}

/** The one contract that names agent, tenant, workflow and environment, and its gate for the tool. Denied before Rego runs when there is none. */
export function findContract(catalogue: Catalogue, principal: Principal, tool: Tool): Governed | Denial {
  const contract = contractOf(catalogue, principal);
  if (contract === undefined || (principal.workflow !== null && principal.workflow !== contract.workflow)) {
    return deny(
      "ERR_CONTRACT_NONE",
      `No contract names agent ${principal.agent} for tenant ${principal.tenant} in ${principal.environment}.`,
    );
  }
  const gate = contract.gates.get(tool.name);
  if (gate === undefined) return deny("ERR_TOOL_NOT_IN_CONTRACT", `The contract of ${contract.agent} does not name ${tool.name}.`);
  if (principal.run === null && contract.budgets.some(isRunBudget)) return deny("ERR_RUN_REQUIRED");
  return { contract, gate };
}

function isRunBudget(budget: Budget): boolean {
  return budget.scope === "run";
}

/** What stage and gate alone say. Policy can only make it stricter. Reads are never held by the floor. */
export function contractFloor({ contract, gate }: Governed, tool: Tool, amount: Money | null): Verdict | Denial {
  const allow: Verdict = {
    verdict: "allow",
    reasons: [{ rule: "contract/gate", message: `${contract.agent} may call ${tool.name} alone` }],
    tiers: [],
    obligations: [],
  };
  if (tool.traits.effect === "read") return allow;
  if (contract.stage === "draft") return deny("ERR_STAGE_DRAFT");
  if (contract.stage === "suggest") return floorHold(gate, "contract/stage", "every write of this agent is held");
  if (gate.allow) return allow;
  if (gate.upTo === null) return floorHold(gate, "contract/gate", "a write without a gate is held");
  if (amount === null) return deny("ERR_AMOUNT_UNDETERMINED", `${tool.name} has a gate by amount, and this call has no amount.`);
  const limit = gate.upTo[amount.currency] ?? 0;
  if (amount.minor <= limit) return allow;
  const message = `${amount.minor} ${amount.currency} (minor units) is above the gate of ${limit}`;
  return gate.beyond === "deny"
    ? deny("ERR_POLICY_DENIED", undefined, { reasons: [{ rule: "contract/gate", message }] })
    : floorHold(gate, "contract/gate", message);
}

function floorHold(gate: Gate, rule: string, message: string): Verdict | Denial {
  if (gate.tier === null)
    return deny("ERR_POLICY_DENIED", undefined, { reasons: [{ rule, message: `${message}, and no tier is named to ask` }] });
  return { verdict: "hold", reasons: [{ rule, message }], tiers: [gate.tier], obligations: [] };
}

/** The stricter of two verdicts; of two holds, the union of their tiers. Only the reasons of the stricter side are told, policy's where they agree. */
export function stricterVerdict(floor: Verdict, policy: Verdict): Verdict {
  const rank = { allow: 0, hold: 1, deny: 2 } as const;
  if (rank[floor.verdict] > rank[policy.verdict]) return { ...floor, obligations: policy.obligations };
  if (rank[floor.verdict] < rank[policy.verdict]) return policy;
  return {
    verdict: policy.verdict,
    reasons: policy.reasons,
    tiers: [...new Set([...floor.tiers, ...policy.tiers])].sort(),
    obligations: policy.obligations,
  };
}
