import assert from "node:assert/strict";
import type { AdmitRequest, VoteResult } from "../../src/ports/calls.ts";
import type { HoldTerms, Vote } from "../../src/rules/holds.ts";
import { readWholeLedger, unitsLeftOf } from "./books.ts";
import type { Rules, Store } from "./contract.ts";
import { type AdmitChanges, admitOf, endedAs, reservationOf, settleOf, startOf, stopOf, t0, termsOf, voteOf } from "./requests.ts";

const finance = ["finance-people"];

export async function holdCall(store: Store, terms: HoldTerms = termsOf(), changes: AdmitChanges = {}): Promise<AdmitRequest> {
  const request = admitOf({ ...changes, hold: terms });
  assert.equal((await store.calls.admit(request)).kind, "held");
  return request;
}

export async function approveCall(store: Store, changes: AdmitChanges = {}): Promise<AdmitRequest> {
  const request = await holdCall(store, termsOf(), changes);
  const voted = await store.calls.vote(request.call.id, voteOf(request.call, "ada"), finance);
  assert.deepEqual(voted, { kind: "recorded", state: "approved" });
  return request;
}

const refusedVotes: readonly (readonly [string, Partial<Vote>, readonly string[], string])[] = [
  ["the user themselves", { person: "u_1" }, finance, "excluded"],
  ["somebody of the owner's group", {}, [...finance, "owners"], "excluded"],
  ["somebody of no group", {}, [], "not_in_tier"],
  ["somebody of a group by the tier's name", {}, ["finance"], "not_in_tier"],
  ["a tier that was not asked", { tier: "legal" }, [...finance, "legal"], "not_in_tier"],
  ["no tier", { tier: "" }, finance, "not_in_tier"],
  ["another binding", { binding: "another" }, finance, "binding_changed"],
  ["no binding", { binding: "" }, finance, "binding_changed"],
  ["the very moment of expiry", { atMs: t0 + 100 }, finance, "expired"],
  ["after expiry", { atMs: t0 + 101 }, finance, "expired"],
  ["a rejection by the user themselves", { person: "u_1", approve: false }, finance, "excluded"],
  ["a rejection from outside the tier", { approve: false }, ["others"], "not_in_tier"],
];

export const holdRules: Rules = {
  "a vote that may not count is refused and leaves nothing": async (store) => {
    const terms = termsOf({ expiresAtMs: t0 + 100, excluded: ["owners", "u_1"] });
    const { call } = await holdCall(store, terms);
    for (const [title, vote, groups, why] of refusedVotes) {
      assert.deepEqual(await store.calls.vote(call.id, voteOf(call, "bob", vote), groups), { kind: "refused", why, state: "held" }, title);
    }
    assert.equal((await store.calls.find(call.id))?.votes.length, 0);
    assert.equal((await readWholeLedger(store)).length, 1);
    assert.equal(refusedVotes.length, 12);
  },
  "a vote on nothing, on a call that was never held, and on a decided hold is refused": async (store) => {
    const plain = admitOf();
    await store.calls.admit(plain);
    assert.deepEqual(await store.calls.vote("c_none", voteOf(plain.call, "ada"), finance), { kind: "not_found" });
    assert.deepEqual(await store.calls.vote(plain.call.id, voteOf(plain.call, "ada"), finance), { kind: "not_found" });
    const { call } = await approveCall(store);
    assert.deepEqual(await store.calls.vote(call.id, voteOf(call, "bob", { approve: false }), finance), {
      kind: "refused",
      why: "not_held",
      state: "approved",
    });
  },
  "two people means two different people, however often one votes": async (store) => {
    const { call } = await holdCall(store, termsOf({}, { tier: "finance", group: "finance-people", people: 2 }));
    const votes = await Promise.all(Array.from({ length: 50 }, () => store.calls.vote(call.id, voteOf(call, "ada"), finance)));
    assert.equal(votes.filter(({ kind }) => kind === "recorded").length, 1);
    assert.ok(votes.slice(1).every((one) => one.kind === "refused" && one.why === "already_voted"));
    assert.equal((await store.calls.find(call.id))?.state, "held");
    assert.deepEqual(await store.calls.vote(call.id, voteOf(call, "bob"), finance), { kind: "recorded", state: "approved" });
    assert.equal((await store.calls.find(call.id))?.votes.length, 2);
  },
  "every tier must sign, and one person signs for one": async (store) => {
    const demands = [
      { tier: "finance", group: "finance-people", people: 1 },
      { tier: "legal", group: "lawyers", people: 1 },
    ];
    const { call } = await holdCall(store, termsOf({}, ...demands));
    const both = [...finance, "lawyers"];
    const vote = (person: string, tier: string): Promise<VoteResult> => store.calls.vote(call.id, voteOf(call, person, { tier }), both);
    assert.deepEqual(await vote("ada", "finance"), { kind: "recorded", state: "held" });
    assert.deepEqual(await vote("ada", "legal"), { kind: "refused", why: "already_voted", state: "held" });
    assert.deepEqual(await vote("bob", "finance"), { kind: "recorded", state: "held" });
    assert.deepEqual(await vote("eve", "legal"), { kind: "recorded", state: "approved" });
  },
  "one rejection rejects for good, tells its reason and gives the money back": async (store) => {
    const terms = termsOf({}, { tier: "finance", group: "finance-people", people: 2 });
    const { call } = await holdCall(store, terms, { reservations: [reservationOf("a", 5, 10)] });
    await store.calls.vote(call.id, voteOf(call, "ada"), finance);
    const rejected = await store.calls.vote(call.id, voteOf(call, "bob", { approve: false, reason: "not ours" }), finance);
    assert.deepEqual(rejected, { kind: "recorded", state: "rejected" });
    const stored = await store.calls.find(call.id);
    assert.equal(stored?.state, "rejected");
    assert.equal(stored?.settled?.code, "ERR_HOLD_REJECTED");
    assert.equal(stored?.settled?.detail, "not ours");
    assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 10)), [10]);
    assert.equal((await store.calls.start(startOf(call.id))).kind, "not_approved");
  },
  "of 200 concurrent starts one wins": async (store) => {
    const { call } = await approveCall(store, { reservations: [reservationOf("a", 5, 10)] });
    const asked = { reservations: [reservationOf("a", 5, 10)] };
    const starts = await Promise.all(Array.from({ length: 200 }, () => store.calls.start(startOf(call.id, asked))));
    assert.equal(starts.filter(({ kind }) => kind === "started").length, 1);
    assert.equal(starts.filter((one) => one.kind === "not_approved" && one.state === "started").length, 199);
    assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 10)), [5]);
    const told = (await readWholeLedger(store)).filter(({ entry }) => entry["type"] === "call.started");
    assert.equal(told.length, 1);
  },
  "a call that is not approved, or whose hold has expired, does not start": async (store) => {
    assert.deepEqual(await store.calls.start(startOf("c_none")), { kind: "not_approved", state: "received" });
    const { call: held } = await holdCall(store);
    assert.deepEqual(await store.calls.start(startOf(held.id)), { kind: "not_approved", state: "held" });
    const { call: late } = await approveCall(store);
    const expiresAtMs = termsOf().expiresAtMs;
    assert.equal((await store.calls.start(startOf(late.id, { nowMs: expiresAtMs }))).kind, "not_approved");
    assert.equal((await store.calls.find(late.id))?.state, "approved");
    assert.equal((await store.calls.start(startOf(late.id, { nowMs: expiresAtMs - 1 }))).kind, "started");
  },
  "an approved call that a stop covers does not start, and keeps approval and money": async (store) => {
    const { call } = await approveCall(store, { reservations: [reservationOf("a", 5, 10)] });
    const stop = stopOf({ run: "r_1" });
    await store.stops.set(stop);
    assert.deepEqual(await store.calls.start(startOf(call.id)), { kind: "stopped", stop });
    assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 10)), [5]);
    await store.stops.clear(stop.id, "ada", t0 + 5);
    assert.equal((await store.calls.start(startOf(call.id, { reservations: [reservationOf("a", 5, 10)] }))).kind, "started");
  },
  "a start moves the money into the windows now current": async (store) => {
    const { call } = await approveCall(store, { reservations: [reservationOf("day1", 5, 10), reservationOf("month", 5, 10)] });
    const now = [reservationOf("day2", 5, 5), reservationOf("month", 5, 5)];
    assert.equal((await store.calls.start(startOf(call.id, { reservations: now }))).kind, "started");
    const accounts = ["day1", "day2", "month"].map((key) => reservationOf(key, 0, 10));
    assert.deepEqual(await unitsLeftOf(store, ...accounts), [10, 5, 5]);
    await store.calls.settle(settleOf(call.id, "failed"));
    assert.deepEqual(await unitsLeftOf(store, ...accounts), [10, 10, 10]);
  },
  "a start that does not fit moves nothing and keeps the hold's money": async (store) => {
    const { call } = await approveCall(store, { reservations: [reservationOf("day1", 5, 10), reservationOf("month", 5, 10)] });
    await store.calls.admit(admitOf({ reservations: [reservationOf("day2", 6, 10)] }));
    const now = [reservationOf("month", 5, 10), reservationOf("day2", 5, 10)];
    const refused = await store.calls.start(startOf(call.id, { reservations: now }));
    assert.ok(refused.kind === "beyond" && refused.reservation.key === "day2" && refused.left === 4);
    assert.equal((await store.calls.find(call.id))?.state, "approved");
    const accounts = ["day1", "day2", "month"].map((key) => reservationOf(key, 0, 10));
    assert.deepEqual(await unitsLeftOf(store, ...accounts), [5, 4, 5]);
    await store.calls.end(call.id, "refused", endedAs("refused"), t0 + 5);
    assert.deepEqual(await unitsLeftOf(store, ...accounts), [10, 4, 10]);
  },
  "a started call no longer binds the share of holds": async (store) => {
    const share = (units: number) => [reservationOf("a", units, 100, 50)];
    const { call } = await approveCall(store, { reservations: share(50) });
    assert.equal((await store.calls.admit(admitOf({ hold: termsOf(), reservations: share(1) }))).kind, "beyond");
    await store.calls.start(startOf(call.id, { reservations: share(50) }));
    assert.equal((await store.calls.admit(admitOf({ hold: termsOf(), reservations: share(50) }))).kind, "held");
  },
  "a hold ends once, and its money with it; later votes, starts and ends change nothing": async (store) => {
    for (const to of ["cancelled", "expired"] as const) {
      const { call } = await holdCall(store, termsOf(), { reservations: [reservationOf(to, 5, 10)] });
      assert.deepEqual(await store.calls.end(call.id, to, endedAs(to), t0 + 5), { kind: "settled" });
      assert.deepEqual(await store.calls.end(call.id, "cancelled", endedAs("cancelled"), t0 + 6), { kind: "already", state: to });
      assert.equal((await store.calls.vote(call.id, voteOf(call, "ada"), finance)).kind, "refused");
      assert.equal((await store.calls.start(startOf(call.id))).kind, "not_approved");
      assert.deepEqual(await unitsLeftOf(store, reservationOf(to, 0, 10)), [10]);
    }
    assert.deepEqual(await store.calls.end("c_none", "cancelled", endedAs("cancelled"), t0), { kind: "already", state: "received" });
  },
  "a held call is not refused by judgement and a started one is not cancelled": async (store) => {
    const { call: held } = await holdCall(store);
    assert.deepEqual(await store.calls.end(held.id, "refused", endedAs("refused"), t0), { kind: "already", state: "held" });
    const started = admitOf();
    await store.calls.admit(started);
    for (const to of ["cancelled", "expired", "refused"] as const)
      assert.deepEqual(await store.calls.end(started.call.id, to, endedAs(to), t0), { kind: "already", state: "started" });
  },
  "an approved call that policy holds again keeps votes and money and waits for the rest": async (store) => {
    const { call } = await approveCall(store, { reservations: [reservationOf("a", 5, 10)] });
    const terms = termsOf({ expiresAtMs: t0 + 50 }, { tier: "finance", group: "finance-people", people: 2 });
    assert.deepEqual(await store.calls.holdAgain(call.id, terms, call.verdict, "p3", t0 + 3), { kind: "settled" });
    assert.equal((await store.calls.holdAgain(call.id, terms, call.verdict, "p3", t0 + 3)).kind, "already");
    assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 10)), [5]);
    assert.equal((await store.calls.start(startOf(call.id))).kind, "not_approved");
    assert.deepEqual(await store.calls.vote(call.id, voteOf(call, "ada"), finance), {
      kind: "refused",
      why: "already_voted",
      state: "held",
    });
    assert.deepEqual(await store.calls.vote(call.id, voteOf(call, "bob"), finance), { kind: "recorded", state: "approved" });
    assert.deepEqual((await store.calls.due(t0 + 50)).expired, [call.id]);
  },
};
