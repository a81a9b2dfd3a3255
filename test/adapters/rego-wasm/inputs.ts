import type { FindingKind } from "../../../src/rules/catalogue.ts";
import { localTime, type PolicyInput } from "../../../src/rules/policy-input.ts";

/** A repeatable source of numbers in 0..1 (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const tools = ["payments.lookup_charge", "payments.refund", "tickets.reply", "deploys.create", "deploys.list"] as const;
const amounts = [0, 1, 9_999, 10_000, 10_001, 90_000, Number.MAX_SAFE_INTEGER];
const services = ["web", "api", "ledger", "unheard-of"];
const previews = [
  {},
  { tenant: "acme_co" },
  { tenant: "other" },
  { account: "acct_9" },
  { tenant: "acme_co", nested: { deep: [1, "x", null] } },
];

/** An input that fits the schema, from all corners of what the starter policies look at. */
export function makeInput(random: () => number): PolicyInput {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
  const tool = pick(tools);
  const minor = pick(amounts);
  const gates = [
    { allow: true, up_to: null, beyond: "hold", tier: null },
    { allow: false, up_to: null, beyond: "hold", tier: "finance" },
    { allow: false, up_to: { USD: 10_000 }, beyond: "hold", tier: "finance" },
    { allow: false, up_to: { USD: 10_000, EUR: 500 }, beyond: "deny", tier: null },
  ] as const;
  return {
    v: 1,
    call: { id: "c_1", time_ms: 1_795_350_600_000, repeats: Math.floor(random() * 3), dry_run: random() < 0.1 },
    time: localTime(1_795_350_600_000 + Math.floor(random() * 14) * 12 * 3_600_000, "Europe/Berlin"),
    agent: {
      id: "billing-dispute-v3",
      workflow: "billing-dispute",
      tenant: "acme_co",
      environment: pick(["production", "staging", "elsewhere"]),
    },
    user: random() < 0.5 ? null : { id: "u_7", groups: ["support"] },
    contract: { stage: "autonomous", gate: pick(gates) },
    tool: {
      name: tool,
      traits: {
        effect: tool.endsWith("refund") || tool.endsWith("create") || tool.endsWith("reply") ? "write" : "read",
        reversible: false,
        financial: "high",
        data: pick(["public", "internal", "internal", "pci", "secret"]),
        errors_detectable: true,
        maturity: "stable",
      },
      amount: random() < 0.3 ? null : { minor, currency: pick(["USD", "USD", "EUR", "GBP"]) },
      findings: random() < 0.7 ? [] : [{ pointer: "/note", kind: pick<FindingKind>(["pan", "iban", "email"]) }],
    },
    args: pick([
      { charge: "ch_1", amount: minor },
      { service: pick(services), version: "1.2.3" },
      {},
      { text: 'für "Ümläut" 漢字 😀 \u0000\\', list: [[], {}, -1.5, 0.1] },
    ]),
    headers: {},
    run: { id: "r_1", calls: [{ tool: "payments.lookup_charge", status: "succeeded" }] },
    budgets: { "amount/tenant/day": { limit: 500_000, left: 120_000 } },
    approval: random() < 0.2 ? { tiers: ["finance"], people: ["alice"] } : null,
    facts: random() < 0.5 ? {} : { preview: pick(previews) },
    asserted: {},
  };
}
