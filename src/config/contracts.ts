import type { Budget, Contract, Gate, Rate, Tenant, Tier, Tool } from "../rules/catalogue.ts";
import { buildBudgets } from "./budgets.ts";
import { didYouMean, type Problem } from "./problems.ts";
import { accepted, isCurrency, parseRate } from "./quantities.ts";
import { type Report, reporterFor } from "./report.ts";
import type { Shaped } from "./routes.ts";
import type { ContractFile, GateFile } from "./schema/contract.ts";

/** What contracts are checked against. A null says that a file of the kind is broken, so unknown names are not reported for it. */
export interface ContractContext {
  readonly tools: ReadonlyMap<string, Tool>;
  /** All names of tools, those included that could not be built. */
  readonly declared: ReadonlySet<string>;
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly tiers: ReadonlyMap<string, Tier>;
  readonly complete: { readonly tools: boolean; readonly tenants: boolean; readonly tiers: boolean };
  readonly defaultTier: string | null;
  /** For budgets that name no zone. */
  readonly zone: string;
}

/** Builds all contracts and checks them against tools, tenants, tiers and each other; adds to `problems`. */
export function buildContracts(files: readonly Shaped<ContractFile>[], context: ContractContext, problems: Problem[]): readonly Contract[] {
  const seen = new Map<string, string>();
  return files.map(({ source, file }) => {
    const report = reporterFor(source, problems);
    checkTenants(file, source.file, seen, context, report);
    return buildContract(file, context, report);
  });
}

function buildContract(file: ContractFile, context: ContractContext, report: Report): Contract {
  const gates = new Map(Object.entries(file.tools).map(([name, gate]) => [name, buildGate(name, gate, file, context, report)]));
  const tools = [...gates.keys()].flatMap((name) => context.tools.get(name) ?? []);
  const budgets = buildBudgets(file.budgets, context.zone, report);
  checkMoneyIsCounted(tools, budgets, context, report);
  return {
    agent: file.agent,
    workflow: file.workflow,
    owner: file.owner,
    tenants: file.tenants,
    environment: file.environment,
    stage: file.stage,
    gates,
    budgets,
    rates: buildRates(file, report),
    callTimeoutMs: accepted("duration", file.timeouts.call),
  };
}

function checkTenants(file: ContractFile, place: string, seen: Map<string, string>, context: ContractContext, report: Report): void {
  for (const [index, tenant] of file.tenants.entries()) {
    if (context.complete.tenants && !context.tenants.has(tenant)) {
      report(
        ["tenants", index],
        `names the unknown tenant ${tenant}`,
        didYouMean(tenant, context.tenants.keys()) ?? "add it to the tenants' file",
      );
    }
    const key = JSON.stringify([file.agent, tenant, file.environment]);
    const other = seen.get(key);
    if (other !== undefined)
      report(
        ["tenants", index],
        `has a contract for ${file.agent} in ${file.environment} already, in ${other}`,
        "one agent has one contract per tenant and environment",
      );
    seen.set(key, place);
  }
}

function buildGate(name: string, file: GateFile, contract: ContractFile, context: ContractContext, report: Report): Gate {
  const path = ["tools", name];
  const tool = context.tools.get(name);
  if (!context.declared.has(name) && context.complete.tools) {
    report(path, "is an unknown tool", didYouMean(name, context.declared) ?? "no route file declares it", "key");
  }
  const terms = typeof file === "string" ? {} : file;
  if (terms.tier !== undefined && context.complete.tiers && !context.tiers.has(terms.tier)) {
    report(
      [...path, "tier"],
      `names the unknown tier ${terms.tier}`,
      didYouMean(terms.tier, context.tiers.keys()) ?? "add it to the tiers' file",
    );
  }
  const gate: Gate = {
    allow: file === "allow",
    upTo: terms.up_to ?? null,
    beyond: terms.beyond ?? "hold",
    tier: terms.tier ?? context.defaultTier,
  };
  if (tool?.traits.effect === "read" && !gate.allow) report(path, "is a read tool and can only be allow, or not named", null, "key");
  if (tool?.pass !== undefined && tool.traits.effect === "write" && !gate.allow)
    report(
      path,
      "is passed through and can only be allow, or not named: it cannot be held",
      "use a typed tool for what people must sign",
      "key",
    );
  checkUpTo(path, terms, tool, report);
  if (tool?.traits.effect === "write" && needsTier(gate, contract.stage) && gate.tier === null && context.complete.tiers) {
    report(path, `needs a tier: ${whyHeld(gate, contract.stage)}`, "name a tier, or mark one tier with default: true", "key");
  }
  return gate;
}

function needsTier(gate: Gate, stage: ContractFile["stage"]): boolean {
  if (stage === "suggest") return true;
  return !gate.allow && (gate.upTo === null || gate.beyond === "hold");
}

function whyHeld(gate: Gate, stage: ContractFile["stage"]): string {
  if (stage === "suggest") return "at stage suggest every write is held";
  return gate.upTo === null ? "a write without allow or up_to is held" : "what is beyond up_to is held";
}

function checkUpTo(
  path: readonly string[],
  terms: Exclude<GateFile, string> | Record<string, never>,
  tool: Tool | undefined,
  report: Report,
): void {
  if (terms.up_to === undefined) {
    if (terms.beyond !== undefined) report([...path, "beyond"], "means nothing without up_to", null, "key");
    return;
  }
  if (Object.keys(terms.up_to).length === 0) report([...path, "up_to"], 'must name a currency, like "{ USD: 10000 }"');
  for (const currency of Object.keys(terms.up_to)) {
    if (!isCurrency(currency)) report([...path, "up_to", currency], "is not a currency of ISO 4217", null, "key");
  }
  if (tool !== undefined && tool.amount === null)
    report([...path, "up_to"], `cannot be checked: ${tool.name} declares no amount`, null, "key");
}

// Money that no amount budget can see would pass every limit.
function checkMoneyIsCounted(tools: readonly Tool[], budgets: readonly Budget[], context: ContractContext, report: Report): void {
  const amountBudget = budgets.findIndex(({ meter }) => meter === "amount");
  if (amountBudget < 0 || !context.complete.tools) return;
  if (!tools.some((tool) => tool.amount !== null))
    report(["budgets", amountBudget], "can never count anything: no tool of this contract declares an amount", null, "key");
  for (const tool of tools) {
    if (tool.traits.effect === "write" && tool.pass !== undefined)
      report(["tools", tool.name], "is a write that is passed through, and an amount budget cannot count what it moves", null, "key");
    else if (tool.traits.effect === "write" && tool.traits.financial !== "none" && tool.amount === null) {
      report(["tools", tool.name], "moves money and declares no amount, so the amount budgets cannot count it", null, "key");
    }
  }
}

function buildRates(file: ContractFile, report: Report): readonly Rate[] {
  const scopes = new Set<string>();
  return file.rates.flatMap((rate, index) => {
    if (scopes.has(rate.scope)) report(["rates", index, "scope"], `stands twice: ${rate.scope} has a rate already`);
    scopes.add(rate.scope);
    const parsed = parseRate(rate.limit);
    return "wanted" in parsed ? [] : [{ scope: rate.scope, limit: parsed.limit, windowMs: parsed.windowMs }];
  });
}
