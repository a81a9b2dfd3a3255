import type { Budget, Catalogue, Contract, Gate, Mount, Tier, Tool, Upstream } from "../../src/rules/catalogue.ts";
import type { Principal } from "../../src/rules/principal.ts";
import { sampleTool } from "./tool-samples.ts";

export function budgetOf(changes: Partial<Budget> = {}): Budget {
  return {
    name: "calls/agent/day",
    meter: "calls",
    scope: "agent",
    window: "day",
    zone: "Europe/Berlin",
    limit: 100,
    currency: null,
    heldShareMax: 50,
    ...changes,
  };
}

export function gateOf(changes: Partial<Gate> = {}): Gate {
  return { allow: false, upTo: null, beyond: "hold", tier: "finance", ...changes };
}

export function contractOf(changes: Partial<Contract> = {}): Contract {
  return {
    agent: "billing",
    workflow: "dispute",
    owner: "owners",
    tenants: ["acme"],
    environment: "production",
    stage: "autonomous",
    gates: new Map([["payments.refund", gateOf()]]),
    budgets: [],
    rates: [],
    callTimeoutMs: 10_000,
    ...changes,
  };
}

export function principalOf(changes: Partial<Principal> = {}): Principal {
  return {
    issuer: "https://issuer.example",
    agent: "billing",
    workflow: null,
    tenant: "acme",
    environment: "production",
    run: "r_1",
    user: null,
    tokenId: null,
    expiresAtMs: 0,
    ...changes,
  };
}

export function toolOf(changes: Partial<Tool> = {}): Tool {
  return { ...sampleTool({ input: { type: "object" } }), ...changes };
}

export function mountOf(path: readonly string[], tools: readonly Tool[], name = path.join("/")): Mount {
  const upstream: Upstream = { name, url: "http://127.0.0.1", headersFor: new Map(), accountFor: new Map(), ca: null };
  return { path, port: null, host: null, agentToken: { in: "bearer" }, dialect: "problem", clientKeys: null, upstream, tools };
}

export function catalogueOf(changes: Partial<Catalogue> = {}): Catalogue {
  const tiers = new Map<string, Tier>([
    ["finance", { name: "finance", group: "finance-people", people: 1, expiresMs: 8000 }],
    ["legal", { name: "legal", group: "lawyers", people: 2, expiresMs: 3000 }],
  ]);
  return { digest: "k1", tools: new Map(), mounts: [], contracts: [contractOf()], tenants: new Map(), tiers, ...changes };
}
