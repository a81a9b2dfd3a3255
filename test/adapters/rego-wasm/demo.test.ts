// The story that the demo tells, on the bundle that is shipped.
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadPolicy } from "../../../src/adapters/rego-wasm/load-policy.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import type { JsonObject } from "../../../src/rules/json.ts";
import { localTime, type PolicyInput } from "../../../src/rules/policy-input.ts";
import type { Verdict } from "../../../src/rules/verdict.ts";
import { shippedBundle } from "./bundles.ts";
import { makeInput, seeded } from "./inputs.ts";

const hourMs = 3_600_000;
const start = Date.UTC(2026, 0, 1);

function judge(
  tool: string,
  effect: "read" | "write",
  args: JsonObject,
  changes: Partial<PolicyInput> = {},
  minor: number | null = null,
): Verdict {
  const policy = loadPolicy(shippedBundle);
  assert.ok(!isDenial(policy));
  const base = makeInput(seeded(1));
  const gated = minor !== null;
  const answer = policy.evaluate({
    ...base,
    agent: { ...base.agent, environment: "production" },
    contract: {
      stage: "autonomous",
      gate: { allow: !gated, up_to: gated ? { USD: 10_000 } : null, beyond: "hold", tier: gated ? "finance" : null },
    },
    tool: {
      name: tool,
      traits: { ...base.tool.traits, effect, data: "internal" },
      amount: gated ? { minor, currency: "USD" } : null,
      findings: [],
    },
    args,
    facts: {},
    ...changes,
  });
  assert.ok(!isDenial(answer), JSON.stringify(answer));
  return answer;
}

test("a deployment of the ledger is denied at every hour of every weekday, one of web is allowed", () => {
  let hours = 0;
  for (; hours < 8 * 24; hours += 1) {
    const time = localTime(start + hours * hourMs, "Europe/Berlin");
    const denied = judge("deploys.create", "write", { service: "ledger", version: "2.0.0" }, { time });
    assert.equal(denied.verdict, "deny");
    assert.deepEqual(
      denied.reasons.map((reason) => reason.rule),
      ["change_window.outside_change_window"],
    );
    assert.equal(judge("deploys.create", "write", { service: "web", version: "2.0.0" }, { time }).verdict, "allow");
  }
  assert.equal(hours, 192);
});

test("a refund of 10000 is allowed and one of 10001 is held for finance", () => {
  assert.equal(judge("payments.refund", "write", { charge: "ch_1", amount: 10_000 }, {}, 10_000).verdict, "allow");
  const held = judge("payments.refund", "write", { charge: "ch_1", amount: 10_001 }, {}, 10_001);
  assert.deepEqual([held.verdict, held.tiers], ["hold", ["finance"]]);
  assert.equal(held.reasons[0]?.message, "10001 USD (minor units) is more than the agent may move alone");
});

test("a read is allowed", () => {
  for (const tool of ["payments.lookup_charge", "tickets.search", "deploys.list"]) assert.equal(judge(tool, "read", {}).verdict, "allow");
});

test("an object of another tenant is denied", () => {
  assert.equal(
    judge("payments.refund", "write", {}, { facts: { preview: { tenant: "other" } } }, 5).reasons[0]?.rule,
    "tenant_wall.foreign_tenant",
  );
});
