import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Contract, Gate, Tool } from "../../src/rules/catalogue.ts";
import { buildPolicyInput, findUnfit, localTime, type PolicyInputParts } from "../../src/rules/policy-input.ts";
import { policyInputSchema } from "../../src/rules/policy-input-schema.ts";
import { compileSchema } from "../../src/rules/schema.ts";

const gate: Gate = { allow: false, upTo: { USD: 10_000 }, beyond: "hold", tier: "finance" };
const tool: Tool = {
  name: "payments.refund",
  describe: "",
  digest: "0",
  upstream: "payments",
  method: "POST",
  template: [],
  traits: { effect: "write", reversible: false, financial: "high", data: "pci", errorsDetectable: true, maturity: "stable" },
  body: "json",
  places: new Map(),
  input: {},
  output: null,
  validateInput: () => [],
  validateOutput: null,
  headers: [],
  amount: null,
  priceMicros: 0,
  idempotency: null,
  key: "optional",
  preview: null,
  outbound: [],
  noEffect: [],
  timeoutMs: 1000,
  responseBytesMax: 1000,
  itemsMax: null,
} satisfies Partial<Tool>;
const contract = {
  agent: "a",
  workflow: "billing",
  tenants: ["acme_co"],
  environment: "production",
  stage: "autonomous",
} as unknown as Contract;
const parts: PolicyInputParts = {
  callId: "c_1",
  timeMs: Date.UTC(2026, 10, 27, 16, 30),
  zone: "Europe/Berlin",
  principal: {
    issuer: "i",
    agent: "a",
    workflow: null,
    tenant: "acme_co",
    environment: "production",
    run: "r_1",
    user: { id: "u", groups: ["support"] },
    tokenId: null,
    expiresAtMs: 0,
  },
  contract,
  gate,
  tool,
  args: { charge: "ch_1", amount: 90_000 },
  amount: { minor: 90_000, currency: "USD" },
  findings: [{ pointer: "/note", kind: "iban" }],
  headers: { "x-version": "1" },
  runCalls: [{ tool: "payments.lookup_charge", status: "succeeded" }],
  budgets: [{ name: "amount/tenant/day", limit: 500_000, left: 120_000 }],
  approval: null,
  preview: { currency: "USD" },
  repeats: 0,
  dryRun: false,
};
const validate = compileSchema(policyInputSchema, "output");

test("the document is the one that the docs show", () => {
  assert.deepEqual(buildPolicyInput(parts), {
    v: 1,
    call: { id: "c_1", time_ms: 1_795_797_000_000, repeats: 0, dry_run: false },
    time: { zone: "Europe/Berlin", date: "2026-11-27", weekday: "friday", minute_of_day: 1050 },
    agent: { id: "a", workflow: "billing", tenant: "acme_co", environment: "production" },
    user: { id: "u", groups: ["support"] },
    contract: { stage: "autonomous", gate: { allow: false, up_to: { USD: 10_000 }, beyond: "hold", tier: "finance" } },
    tool: {
      name: "payments.refund",
      traits: { effect: "write", reversible: false, financial: "high", data: "pci", errors_detectable: true, maturity: "stable" },
      amount: { minor: 90_000, currency: "USD" },
      findings: [{ pointer: "/note", kind: "iban" }],
    },
    args: { charge: "ch_1", amount: 90_000 },
    headers: { "x-version": "1" },
    run: { id: "r_1", calls: [{ tool: "payments.lookup_charge", status: "succeeded" }] },
    budgets: { "amount/tenant/day": { limit: 500_000, left: 120_000 } },
    approval: null,
    facts: { preview: { currency: "USD" } },
    asserted: {},
  });
});

const variants: readonly (readonly [string, Partial<PolicyInputParts>])[] = [
  ["as above", {}],
  ["no user and no run", { principal: { ...parts.principal, user: null, run: null } }],
  ["no amount, preview or limit", { amount: null, preview: null, gate: { allow: true, upTo: null, beyond: "deny", tier: null } }],
  ["an approval", { approval: { tiers: ["finance"], people: ["alice", "bob"] } }],
  ["a budget that is overdrawn", { budgets: [{ name: "cost/run", limit: 5, left: -1 }] }],
];
for (const [what, change] of variants) {
  test(`fits its schema: ${what}`, () => assert.deepEqual(validate(buildPolicyInput({ ...parts, ...change })), []));
}

const misfits: readonly (readonly [string, Partial<PolicyInputParts>])[] = [
  ["an unknown zone", { zone: "Europe/Nowhere" }],
  ["a time that is none", { timeMs: Number.NaN }],
  ["a negative amount", { amount: { minor: -1, currency: "USD" } }],
  ["half a cent", { amount: { minor: 0.5, currency: "USD" } }],
  ["an amount beyond 2^53-1", { amount: { minor: 2 ** 53, currency: "USD" } }],
  ["a currency in lower case", { amount: { minor: 1, currency: "usd" } }],
  ["a limit that is not whole", { gate: { ...gate, upTo: { USD: 0.5 } } }],
];
for (const [what, change] of misfits) {
  test(`fits no schema: ${what}`, () => assert.notDeepEqual(validate(buildPolicyInput({ ...parts, ...change })), []));
}

const moments: readonly (readonly [string, string, string, string, number])[] = [
  ["2026-03-29T00:59:00Z", "Europe/Berlin", "2026-03-29", "sunday", 119],
  ["2026-03-29T01:00:00Z", "Europe/Berlin", "2026-03-29", "sunday", 180],
  ["2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-25", "sunday", 150],
  ["2026-10-25T01:30:00Z", "Europe/Berlin", "2026-10-25", "sunday", 150],
  ["2028-02-29T23:59:59Z", "UTC", "2028-02-29", "tuesday", 1439],
  ["2026-12-31T23:30:00Z", "Asia/Kathmandu", "2027-01-01", "friday", 315],
  ["2026-01-01T00:00:00Z", "America/Los_Angeles", "2025-12-31", "wednesday", 960],
];
for (const [moment, zone, date, weekday, minute] of moments) {
  test(`local time of ${moment} in ${zone}`, () => {
    assert.deepEqual(localTime(Date.parse(moment), zone), { zone, date, weekday, minute_of_day: minute });
  });
}

const unfit: readonly (readonly [unknown, string])[] = [
  [{ a: [1, Number.NaN] }, "/a/1"],
  [Number.POSITIVE_INFINITY, ""],
  [{ a: 2 ** 53 }, "/a"],
  [{ a: -(2 ** 53) }, "/a"],
  [{ a: "\uD800" }, "/a"],
  [{ a: undefined }, "/a"],
  [{ a: new Map() }, "/a"],
  [[() => 1], "/0"],
];
for (const [value, pointer] of unfit) {
  test(`a value that Rego cannot hold is found at ${pointer === "" ? "the top" : pointer}`, () => assert.equal(findUnfit(value), pointer));
}

test("plain JSON is fit, and nesting over 64 is not", () => {
  assert.equal(findUnfit({ a: [null, true, -1.5, "é😀", { "": Number.MAX_SAFE_INTEGER }] }), null);
  let deep: unknown = 1;
  for (let depth = 0; depth < 64; depth += 1) deep = [deep];
  assert.equal(findUnfit(deep), null);
  assert.notEqual(findUnfit([deep]), null);
});

test("policies/input.schema.json is this schema", () => {
  const written: unknown = JSON.parse(readFileSync(new URL("../../policies/input.schema.json", import.meta.url), "utf8"));
  assert.deepEqual(written, policyInputSchema);
});
