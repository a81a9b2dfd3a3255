import type { Catalogue, Contract, Gate, Mount, Tier, Tool } from "../rules/catalogue.ts";
import { formatDuration, formatMinor } from "./quantities.ts";

/** What happens when one agent calls one tool for one tenant, before any policy narrows it. */
export interface ExplainRow {
  readonly agent: string;
  readonly tenant: string;
  readonly environment: string;
  readonly tool: string;
  /** One clause, such as `up to 100.00 USD alone, beyond that finance, 2 people, 8 h`. */
  readonly happens: string;
}

/** Every agent × tenant × tool, in the order of contracts, tenants and tools. */
export function explainContracts(catalogue: Catalogue): readonly ExplainRow[] {
  return catalogue.contracts.flatMap((contract) =>
    contract.tenants.flatMap((tenant) =>
      [...catalogue.tools.values()].map((tool) => ({
        agent: contract.agent,
        tenant,
        environment: contract.environment,
        tool: tool.name,
        happens: explainTool(catalogue, contract, tenant, tool),
      })),
    ),
  );
}

function explainTool(catalogue: Catalogue, contract: Contract, tenant: string, tool: Tool): string {
  const gate = contract.gates.get(tool.name);
  if (gate === undefined) return "denied: the contract does not name it";
  if (!accountOf(catalogue.mounts, tool, tenant)) return `denied: ${tenant} has no account or credential at ${tool.upstream}`;
  if (tool.traits.effect === "read") return "allowed";
  if (tool.pass !== undefined && contract.stage !== "autonomous")
    return `denied: a passed-through write waits for nobody, and the contract is at ${contract.stage}`;
  const key = tool.key === "required" ? "; needs an idempotency key" : "";
  if (contract.stage === "draft") return "dry run only: the contract is a draft";
  if (contract.stage === "suggest") return `every write is held for ${signers(gate, catalogue.tiers)}${key}`;
  return `${explainGate(gate, catalogue.tiers)}${key}`;
}

function accountOf(mounts: readonly Mount[], tool: Tool, tenant: string): boolean {
  return mounts.some(({ upstream }) => upstream.name === tool.upstream && upstream.headersFor.has(tenant));
}

function explainGate(gate: Gate, tiers: ReadonlyMap<string, Tier>): string {
  if (gate.allow) return "allowed alone";
  if (gate.upTo === null) return `every call is held for ${signers(gate, tiers)}`;
  const limits = Object.entries(gate.upTo).map(([currency, minor]) => formatMinor(minor, currency));
  const beyond = gate.beyond === "deny" ? "denied" : signers(gate, tiers);
  return `up to ${limits.join(" or ")} alone, beyond that ${beyond}`;
}

function signers(gate: Gate, tiers: ReadonlyMap<string, Tier>): string {
  const tier = gate.tier === null ? undefined : tiers.get(gate.tier);
  if (tier === undefined) return "nobody: denied";
  return `${tier.name}, ${tier.people} ${tier.people === 1 ? "person" : "people"}, ${formatDuration(tier.expiresMs)}`;
}

const columns = ["agent", "tenant", "environment", "tool", "happens"] as const satisfies readonly (keyof ExplainRow)[];

/** The rows as a text table with a head line, columns padded with spaces; every line ends with a newline. */
export function renderExplainTable(rows: readonly ExplainRow[]): string {
  const head: ExplainRow = { agent: "AGENT", tenant: "TENANT", environment: "ENVIRONMENT", tool: "TOOL", happens: "WHAT HAPPENS" };
  const all = [head, ...rows];
  const widths = columns.map((column) => Math.max(...all.map((row) => row[column].length)));
  return all
    .map((row) =>
      columns
        .map((column, index) => row[column].padEnd(widths[index] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}
