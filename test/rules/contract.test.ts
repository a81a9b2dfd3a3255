import assert from "node:assert/strict";
import { test } from "node:test";
import type { Contract, Gate, Stage, Tool } from "../../src/rules/catalogue.ts";
import type { Code } from "../../src/rules/codes.ts";
import { contractFloor, findContract, stricterVerdict } from "../../src/rules/contract.ts";
import { isDenial } from "../../src/rules/denial.ts";
import type { Money } from "../../src/rules/money.ts";
import type { Principal } from "../../src/rules/principal.ts";
import type { Verdict } from "../../src/rules/verdict.ts";
import { budgetOf, catalogueOf, contractOf, gateOf, principalOf, toolOf } from "./catalogue-samples.ts";

const refund = toolOf({ name: "payments.refund" });
const read = toolOf({ traits: { ...refund.traits, effect: "read" } });

const noContract: readonly (readonly [string, Partial<Principal>, Partial<Contract>, Code])[] = [
  ["another agent", { agent: "other" }, {}, "ERR_CONTRACT_NONE"],
  ["an agent that begins alike", { agent: "billing-2" }, {}, "ERR_CONTRACT_NONE"],
  ["an agent in other letters", { agent: "Billing" }, {}, "ERR_CONTRACT_NONE"],
  ["another tenant", { tenant: "other" }, {}, "ERR_CONTRACT_NONE"],
  ["a contract without tenants", {}, { tenants: [] }, "ERR_CONTRACT_NONE"],
  ["a star is a name", {}, { tenants: ["*"] }, "ERR_CONTRACT_NONE"],
  ["another environment", { environment: "staging" }, {}, "ERR_CONTRACT_NONE"],
  ["another workflow", { workflow: "other" }, {}, "ERR_CONTRACT_NONE"],
  ["an empty workflow", { workflow: "" }, {}, "ERR_CONTRACT_NONE"],
  ["a tool that is not named", {}, { gates: new Map([["payments.lookup", gateOf()]]) }, "ERR_TOOL_NOT_IN_CONTRACT"],
  ["a contract without tools", {}, { gates: new Map() }, "ERR_TOOL_NOT_IN_CONTRACT"],
  ["no run under a run's budget", { run: null }, { budgets: [budgetOf({ scope: "run", window: "run" })] }, "ERR_RUN_REQUIRED"],
];

test("a call without a contract for all of agent, tenant, workflow, environment and tool is denied", () => {
  for (const [title, principal, contract, code] of noContract) {
    const found = findContract(catalogueOf({ contracts: [contractOf(contract)] }), principalOf(principal), refund);
    assert.ok(isDenial(found) && found.denied === code, title);
  }
  assert.equal(noContract.length, 12);
});

test("the contract is found among others, with the gate of the very tool", () => {
  const gate = gateOf({ allow: true });
  const mine = contractOf({ tenants: ["x", "acme"], gates: new Map([["payments.refund", gate]]) });
  const catalogue = catalogueOf({ contracts: [contractOf({ agent: "other" }), contractOf({ environment: "staging" }), mine] });
  for (const workflow of [null, "dispute"])
    assert.deepEqual(findContract(catalogue, principalOf({ workflow }), refund), { contract: mine, gate });
});

const eur = (minor: number, currency = "EUR"): Money => ({ minor, currency });
const upTo = { EUR: 10_000 };
type Floor = readonly [string, Stage, Partial<Gate>, Money | null, "allow" | "hold" | Code, Tool?];

const floors: readonly Floor[] = [
  ["a draft writes nothing, whatever the gate", "draft", { allow: true }, null, "ERR_STAGE_DRAFT"],
  ["a draft writes no small amount either", "draft", { upTo }, eur(0), "ERR_STAGE_DRAFT"],
  ["suggest holds every write", "suggest", { allow: true }, null, "hold"],
  ["suggest holds amounts under the gate", "suggest", { upTo }, eur(1), "hold"],
  ["suggest without a tier denies", "suggest", { allow: true, tier: null }, null, "ERR_POLICY_DENIED"],
  ["a write without a gate is held", "autonomous", {}, null, "hold"],
  ["a write without gate and tier is denied", "autonomous", { tier: null }, null, "ERR_POLICY_DENIED"],
  ["one unit above", "autonomous", { upTo }, eur(10_001), "hold"],
  ["far above", "autonomous", { upTo }, eur(Number.MAX_SAFE_INTEGER), "hold"],
  ["above, to be denied", "autonomous", { upTo, beyond: "deny" }, eur(10_001), "ERR_POLICY_DENIED"],
  ["above, without a tier", "autonomous", { upTo, tier: null }, eur(10_001), "ERR_POLICY_DENIED"],
  ["a currency without a gate", "autonomous", { upTo }, eur(1, "USD"), "hold"],
  ["a currency in other letters", "autonomous", { upTo }, eur(1, "eur"), "hold"],
  ["a gate for no currency", "autonomous", { upTo: {} }, eur(1), "hold"],
  ["no amount under a gate by amount", "autonomous", { upTo }, null, "ERR_AMOUNT_UNDETERMINED"],
  ["no amount, to be denied", "autonomous", { upTo, beyond: "deny" }, null, "ERR_AMOUNT_UNDETERMINED"],
  ["exactly at the gate", "autonomous", { upTo }, eur(10_000), "allow"],
  ["under the gate", "autonomous", { upTo }, eur(1), "allow"],
  ["the bare word allow", "autonomous", { allow: true }, null, "allow"],
  ["the bare word allow, any amount", "autonomous", { allow: true }, eur(Number.MAX_SAFE_INTEGER), "allow"],
  ["a draft reads", "draft", { tier: null }, null, "allow", read],
  ["a suggesting agent reads", "suggest", { tier: null }, null, "allow", read],
];

test("stage and gate say what the agent may do alone", () => {
  for (const [title, stage, gate, amount, expected, tool = refund] of floors) {
    const floor = contractFloor({ contract: contractOf({ stage }), gate: gateOf(gate) }, tool, amount);
    assert.equal(isDenial(floor) ? floor.denied : floor.verdict, expected, title);
    if (!isDenial(floor)) assert.deepEqual(floor.tiers, expected === "hold" ? ["finance"] : [], title);
    if (isDenial(floor) && floor.denied === "ERR_POLICY_DENIED") assert.equal(floor.reasons?.length, 1, title);
  }
  assert.equal(floors.length, 22);
});

test("a currency that is called like a part of every object has no gate", () => {
  for (const currency of ["constructor", "toString", "__proto__", "valueOf", "hasOwnProperty"]) {
    const floor = contractFloor({ contract: contractOf(), gate: gateOf({ upTo }) }, refund, eur(1, currency));
    assert.ok(isDenial(floor) || floor.verdict === "hold", currency);
  }
});

const say = (verdict: Verdict["verdict"], who: string, tiers: readonly string[] = [], obligations: readonly string[] = []): Verdict => ({
  verdict,
  reasons: [{ rule: who, message: who }],
  tiers,
  obligations,
});

test("of two verdicts the stricter holds, in every pair", () => {
  const rank = ["allow", "hold", "deny"] as const;
  for (const floor of rank) {
    for (const policy of rank) {
      const both = stricterVerdict(
        say(floor, "floor", floor === "hold" ? ["finance"] : []),
        say(policy, "policy", policy === "hold" ? ["legal"] : [], ["verify"]),
      );
      const stricter = rank[Math.max(rank.indexOf(floor), rank.indexOf(policy))];
      assert.equal(both.verdict, stricter, `${floor} ${policy}`);
      assert.equal(both.reasons[0]?.rule, rank.indexOf(floor) > rank.indexOf(policy) ? "floor" : "policy");
      assert.deepEqual(both.obligations, ["verify"], "what policy requires is required whoever is stricter");
      const tiers = [...(floor === "hold" ? ["finance"] : []), ...(policy === "hold" ? ["legal"] : [])];
      assert.deepEqual(both.tiers, stricter === "hold" ? tiers : [], `${floor} ${policy}`);
    }
  }
});

test("two holds ask every tier of both, each once", () => {
  assert.deepEqual(stricterVerdict(say("hold", "floor", ["b", "a"]), say("hold", "policy", ["c", "a"])).tiers, ["a", "b", "c"]);
});
