import assert from "node:assert/strict";
import { test } from "node:test";
import { isDenial } from "../../src/rules/denial.ts";
import { termsOfHold } from "../../src/rules/hold-terms.ts";
import type { Verdict } from "../../src/rules/verdict.ts";
import { catalogueOf, contractOf, principalOf } from "./catalogue-samples.ts";

const holds = (...tiers: readonly string[]): Verdict => ({
  verdict: "hold",
  reasons: [{ rule: "gate", message: "above" }],
  tiers,
  obligations: [],
});

test("a hold that names no tier, or one that nobody configured, is denied", () => {
  const bad = [
    [],
    [""],
    ["board"],
    ["finance", "board"],
    ["board", "finance"],
    ["Finance"],
    ["finance "],
    ["finance-people"],
    ["__proto__"],
    ["constructor"],
  ];
  for (const tiers of bad) {
    const terms = termsOfHold(catalogueOf(), contractOf(), principalOf(), holds(...tiers), 1000);
    assert.ok(isDenial(terms) && terms.denied === "ERR_POLICY_FAULT", JSON.stringify(tiers));
  }
  assert.equal(bad.length, 10);
});

test("a hold asks every tier and ends with its shortest-lived one", () => {
  const terms = termsOfHold(catalogueOf(), contractOf(), principalOf(), holds("finance", "legal"), 1000);
  assert.ok(!isDenial(terms));
  assert.deepEqual(terms.demands, [
    { tier: "finance", group: "finance-people", people: 1 },
    { tier: "legal", group: "lawyers", people: 2 },
  ]);
  assert.equal(terms.expiresAtMs, 4000);
  assert.deepEqual(terms.reasons, holds().reasons);
  assert.deepEqual(terms.excluded, ["owners"]);
});

test("the contract's owner and the user the agent acts for never sign", () => {
  const terms = termsOfHold(
    catalogueOf(),
    contractOf(),
    principalOf({ user: { id: "u_7", groups: ["finance-people"] } }),
    holds("finance"),
    0,
  );
  assert.ok(!isDenial(terms));
  assert.deepEqual(terms.excluded, ["owners", "u_7"]);
  assert.equal(terms.expiresAtMs, 8000);
});
