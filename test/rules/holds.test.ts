import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type HoldStanding,
  type HoldTerms,
  refuseVote,
  tallyVotes,
  unmetDemands,
  type Vote,
  type VoteRefusal,
} from "../../src/rules/holds.ts";
import { states } from "../../src/rules/states.ts";
import { propertyRuns } from "./property-runs.ts";

const finance = { tier: "finance", group: "finance-people", people: 1 };
const legal = { tier: "legal", group: "lawyers", people: 2 };
const terms: HoldTerms = { demands: [finance, legal], expiresAtMs: 100, reasons: [], excluded: ["owners", "u_1"] };
const vote = (changes: Partial<Vote> = {}): Vote => ({
  person: "ada",
  name: "Ada",
  tier: "finance",
  approve: true,
  reason: "ok",
  atMs: 99,
  binding: "b",
  policyDigest: "p",
  ...changes,
});
const standing = (changes: Partial<HoldStanding> = {}): HoldStanding => ({
  state: "held",
  binding: "b",
  hold: terms,
  votes: [],
  ...changes,
});
const all = ["finance-people", "lawyers"];

/** What is wrong first is told: the rows below break one rule more each. */
const refused: readonly (readonly [string, HoldStanding, Vote, readonly string[], VoteRefusal])[] = [
  ["second vote", standing({ votes: [vote()] }), vote(), all, "already_voted"],
  ["second vote for another tier", standing({ votes: [vote()] }), vote({ tier: "legal" }), all, "already_voted"],
  ["a change of mind", standing({ votes: [vote()] }), vote({ approve: false }), all, "already_voted"],
  ["not of the tier, for the second time", standing({ votes: [vote()] }), vote(), ["lawyers"], "not_in_tier"],
  ["a group that only begins alike", standing(), vote(), ["finance-people-2", "finance"], "not_in_tier"],
  ["a group in other letters", standing(), vote(), ["Finance-People"], "not_in_tier"],
  ["an unknown tier", standing(), vote({ tier: "board" }), [...all, "board"], "not_in_tier"],
  ["no group", standing(), vote(), [], "not_in_tier"],
  ["the user, who is of no tier either", standing(), vote({ person: "u_1" }), [], "excluded"],
  ["the user, for a rejection", standing(), vote({ person: "u_1", approve: false }), all, "excluded"],
  ["an owner", standing(), vote(), [...all, "owners"], "excluded"],
  ["an owner named as a person", standing(), vote({ person: "owners" }), all, "excluded"],
  ["the user on another binding", standing(), vote({ person: "u_1", binding: "c" }), all, "binding_changed"],
  ["a binding that begins alike", standing(), vote({ binding: "bb" }), all, "binding_changed"],
  ["an empty binding", standing(), vote({ binding: "" }), all, "binding_changed"],
  ["another binding, late", standing(), vote({ binding: "c", atMs: 100 }), all, "expired"],
  ["at the moment of expiry", standing(), vote({ atMs: 100 }), all, "expired"],
  ["late on a decided hold", standing({ state: "approved" }), vote({ atMs: 101 }), all, "not_held"],
];

test("a vote that may not count is refused with the first thing that is wrong", () => {
  for (const [title, on, given, groups, why] of refused) assert.equal(refuseVote(on, given, groups), why, title);
  assert.equal(refused.length, 18);
});

test("a vote counts on a held call only", () => {
  for (const state of states) assert.equal(refuseVote(standing({ state }), vote(), all), state === "held" ? null : "not_held", state);
});

test("a person of the tier, in time, on what they saw, counts", () => {
  assert.equal(refuseVote(standing(), vote(), all), null);
  assert.equal(refuseVote(standing({ votes: [vote({ person: "bob" })] }), vote({ tier: "legal", approve: false }), ["lawyers"]), null);
});

const approvals = (...people: readonly string[]): readonly Vote[] =>
  people.map((one) => vote({ person: one.split(" ")[0] ?? "", tier: one.split(" ")[1] ?? "" }));

const tallies: readonly (readonly [readonly Vote[], "held" | "approved" | "rejected"])[] = [
  [[], "held"],
  [approvals("ada finance"), "held"],
  [approvals("ada finance", "bob legal"), "held"],
  [approvals("ada finance", "bob legal", "bob legal"), "held"],
  [approvals("bob legal", "eve legal"), "held"],
  [approvals("ada finance", "dan finance", "eve finance"), "held"],
  [approvals("ada finance", "bob legal", "eve legal"), "approved"],
  [approvals("ada finance", "bob legal", "eve legal", "dan board"), "approved"],
  [[vote({ approve: false })], "rejected"],
  [[...approvals("ada finance", "bob legal", "eve legal"), vote({ person: "dan", approve: false })], "rejected"],
  [[vote({ approve: false, tier: "" }), ...approvals("ada finance", "bob legal", "eve legal")], "rejected"],
];

test("every tier needs its number of different people, and one rejection is enough", () => {
  for (const [votes, state] of tallies)
    assert.equal(tallyVotes(terms, votes), state, JSON.stringify(votes.map(({ person, tier }) => [person, tier])));
  assert.equal(tallies.length, 11);
});

test("no set of approvals by fewer people than the tiers ask for approves", (context) => {
  const person = fc.constantFrom("ada", "bob");
  const property = fc.property(fc.array(fc.record({ person, tier: fc.constantFrom("finance", "legal") })), (given) => {
    // Only votes that the rules let in, one after the other.
    const votes: Vote[] = [];
    for (const one of given) if (refuseVote(standing({ votes }), vote(one), all) === null) votes.push(vote(one));
    assert.notEqual(tallyVotes(terms, votes), "approved");
    assert.ok(votes.length <= 2);
  });
  fc.assert(property, propertyRuns(context, 300));
});

test("what later policy asks for more is unmet, rejections do not meet it", () => {
  const votes = [...approvals("ada finance", "bob legal"), vote({ person: "eve", tier: "legal", approve: false })];
  assert.deepEqual(unmetDemands([finance, legal], votes), [legal]);
  assert.deepEqual(unmetDemands([{ ...finance, people: 2 }], votes).length, 1);
  assert.deepEqual(unmetDemands([{ tier: "board", group: "b", people: 1 }], votes).length, 1);
  assert.deepEqual(unmetDemands([], votes), []);
});
