import assert from "node:assert/strict";
import type { AdmitRequest } from "../../src/ports/calls.ts";
import { readWholeLedger, rebuildAccounts, unitsLeftOf } from "./books.ts";
import type { Rules, Store } from "./contract.ts";
import { approveCall, holdCall } from "./contract-holds.ts";
import { type AdmitChanges, admitOf, endedAs, payloadOf, reservationOf, settleOf, startOf, t0 } from "./requests.ts";

async function startNow(store: Store, changes: AdmitChanges = {}): Promise<AdmitRequest> {
  const request = admitOf({ reservations: [reservationOf("a", 5, 10)], ...changes });
  assert.equal((await store.calls.admit(request)).kind, "started");
  return request;
}

const leftOfA = async (store: Store): Promise<number | undefined> => (await unitsLeftOf(store, reservationOf("a", 0, 10)))[0];

export const progressRules: Rules = {
  "a success settles the money, a failure and a call not sent give it back, an unknown keeps it": async (store) => {
    for (const [outcome, left] of [
      ["failed", 10],
      ["not_sent", 10],
      ["unknown", 5],
    ] as const) {
      const { call } = await startNow(store, { reservations: [reservationOf(outcome, 5, 10)] });
      await store.calls.settle(settleOf(call.id, outcome));
      assert.deepEqual(await unitsLeftOf(store, reservationOf(outcome, 0, 10)), [left], outcome);
    }
    const { call } = await startNow(store);
    await store.calls.settle(settleOf(call.id, "succeeded"));
    assert.equal(await leftOfA(store), 5);
  },
  "a call settles once: every later outcome is told which came first and changes nothing": async (store) => {
    const outcomes = ["succeeded", "failed", "not_sent", "unknown"] as const;
    for (const first of ["succeeded", "failed", "not_sent"] as const) {
      const { call } = await startNow(store, { reservations: [reservationOf(first, 5, 10)] });
      assert.deepEqual(await store.calls.settle(settleOf(call.id, first)), { kind: "settled" });
      const before = await store.calls.find(call.id);
      const left = await unitsLeftOf(store, reservationOf(first, 0, 10));
      for (const later of outcomes) {
        const answer = payloadOf(`late ${first} ${later}`);
        const late = settleOf(call.id, later, { actual: { [`budget of ${first}`]: 9 }, answer, nowMs: t0 + 9 });
        assert.deepEqual(await store.calls.settle(late), { kind: "already", state: first });
        assert.equal(await store.calls.payload(call.id, answer.digest), null);
      }
      assert.deepEqual(await store.calls.find(call.id), before);
      assert.deepEqual(await unitsLeftOf(store, reservationOf(first, 0, 10)), left);
    }
    assert.equal((await readWholeLedger(store)).length, 6);
  },
  "of 100 concurrent outcomes one counts": async (store) => {
    const { call } = await startNow(store);
    const outcomes = Array.from({ length: 100 }, (_, at) => (["succeeded", "failed", "not_sent"] as const)[at % 3] ?? "failed");
    const results = await Promise.all(outcomes.map((outcome) => store.calls.settle(settleOf(call.id, outcome))));
    assert.equal(results.filter(({ kind }) => kind === "settled").length, 1);
    const { accounts } = rebuildAccounts(await readWholeLedger(store));
    assert.equal(accounts.get("a")?.taken, 0);
  },
  "an unknown call settles later, once, and its money with it": async (store) => {
    for (const [outcome, left] of [
      ["succeeded", 7],
      ["failed", 10],
      ["not_sent", 10],
    ] as const) {
      const { call } = await startNow(store, { reservations: [reservationOf(outcome, 5, 10)] });
      await store.calls.settle(settleOf(call.id, "unknown"));
      assert.deepEqual(await store.calls.settle(settleOf(call.id, "unknown")), { kind: "already", state: "unknown" });
      const actual = { [`budget of ${outcome}`]: 3 };
      assert.deepEqual(await store.calls.settle(settleOf(call.id, outcome, { actual })), { kind: "settled" });
      assert.deepEqual(await unitsLeftOf(store, reservationOf(outcome, 0, 10)), [left], outcome);
      assert.equal((await store.calls.settle(settleOf(call.id, "failed"))).kind, "already");
    }
  },
  "only a call that is on its way settles": async (store) => {
    const { call: held } = await holdCall(store);
    const { call: approved } = await approveCall(store);
    for (const outcome of ["succeeded", "failed", "not_sent", "unknown"] as const) {
      assert.deepEqual(await store.calls.settle(settleOf(held.id, outcome)), { kind: "already", state: "held" });
      assert.deepEqual(await store.calls.settle(settleOf(approved.id, outcome)), { kind: "already", state: "approved" });
      assert.deepEqual(await store.calls.settle(settleOf("c_none", outcome)), { kind: "already", state: "received" });
    }
    for (const outcome of ["refused", "expired", "cancelled", "rejected"] as const)
      assert.equal((await store.calls.settle(settleOf(approved.id, outcome))).kind, "already", `${outcome} is no outcome of an execution`);
  },
  "money settles to what was really used, less or more; more than the limit is a named overrun": async (store) => {
    const { call: less } = await startNow(store);
    await store.calls.settle(settleOf(less.id, "succeeded", { actual: { "budget of a": 2 } }));
    assert.equal(await leftOfA(store), 8);
    const { call: more } = await startNow(store);
    await store.calls.settle(settleOf(more.id, "succeeded", { actual: { "budget of a": 50, "budget of b": 1000 } }));
    assert.equal(await leftOfA(store), 0);
    const { accounts, overrun } = rebuildAccounts(await readWholeLedger(store));
    assert.deepEqual(accounts.get("a"), { taken: 0, held: 0, settled: 52 });
    assert.deepEqual([...overrun], ["a"]);
    assert.equal((await store.calls.admit(admitOf({ reservations: [reservationOf("a", 1, 10)] }))).kind, "beyond");
  },
  "a settlement never gives more than was reserved, whatever it is told": async (store) => {
    const bad = [-1, -1000, 0.5, Number.NaN, 2 ** 53];
    const earlier = await startNow(store);
    await store.calls.settle(settleOf(earlier.call.id, "succeeded"));
    for (const actual of bad) {
      const { call } = await startNow(store, { reservations: [reservationOf("a", 1, 10)] });
      await store.calls.settle(settleOf(call.id, "succeeded", { actual: { "budget of a": actual } })).catch(() => undefined);
      const [left = -1] = await unitsLeftOf(store, reservationOf("a", 0, 10));
      assert.ok(Number.isSafeInteger(left) && left <= 5, `${actual} leaves ${left}`);
      await store.calls.settle(settleOf(call.id, "failed"));
    }
  },
  "reported usage never gives money back, whatever it is told": async (store) => {
    const usage = { run: "r_1", tenant: "acme", agent: "billing", model: null, promptTokens: 1, completionTokens: 1, usdMicros: 5 };
    await store.runs.addUsage(usage, [reservationOf("a", 5, 10)], t0);
    for (const units of [-1, -5, -1000, 0.5, Number.NaN]) {
      await store.runs.addUsage({ ...usage, usdMicros: units }, [reservationOf("a", units, 10)], t0).catch(() => undefined);
      assert.equal(await leftOfA(store), 5, String(units));
    }
  },
  "money given back after its window turned gives the new window nothing": async (store) => {
    const { call } = await startNow(store, { reservations: [reservationOf("day1", 5, 10)] });
    await startNow(store, { reservations: [reservationOf("day2", 10, 10)] });
    await store.calls.settle(settleOf(call.id, "failed", { nowMs: t0 + 86_400_000 }));
    assert.deepEqual(await unitsLeftOf(store, reservationOf("day1", 0, 10), reservationOf("day2", 0, 10)), [10, 0]);
    assert.equal((await store.calls.admit(admitOf({ reservations: [reservationOf("day2", 1, 10)] }))).kind, "beyond");
  },
  "an interrupted write is unknown, an interrupted read failed, and both only once": async (store) => {
    const { call: write } = await startNow(store, { reservations: [reservationOf("w", 5, 10)] });
    const { call: read } = await startNow(store, { call: { effect: "read" }, reservations: [reservationOf("r", 5, 10)] });
    const { call: held } = await holdCall(store);
    assert.equal(await store.calls.interrupt(write.id, t0 + 5), "unknown");
    assert.equal(await store.calls.interrupt(read.id, t0 + 5), "failed");
    assert.equal(await store.calls.interrupt(held.id, t0 + 5), null);
    assert.equal(await store.calls.interrupt("c_none", t0 + 5), null);
    const rows = (await readWholeLedger(store)).length;
    assert.equal(await store.calls.interrupt(write.id, t0 + 6), null);
    assert.equal(await store.calls.interrupt(read.id, t0 + 6), null);
    assert.deepEqual(await store.calls.recover(t0 + 7), { unknown: 0, failed: 0 });
    assert.equal((await readWholeLedger(store)).length, rows);
    assert.deepEqual(await unitsLeftOf(store, reservationOf("w", 0, 10), reservationOf("r", 0, 10)), [5, 10]);
  },
  "recovery ends what was on its way, leaves what waits, and finds nothing the second time": async (store, reopen) => {
    const [one, two] = [await startNow(store), await startNow(store)];
    const read = await startNow(store, { call: { effect: "read" }, reservations: [] });
    const { call: held } = await holdCall(store);
    const { call: approved } = await approveCall(store);
    const again = await reopen();
    assert.deepEqual(await again.calls.recover(t0 + 9), { unknown: 2, failed: 1 });
    assert.deepEqual(await again.calls.recover(t0 + 9), { unknown: 0, failed: 0 });
    const ids = [one.call.id, two.call.id, read.call.id, held.id, approved.id];
    const states = await Promise.all(ids.map(async (id) => (await again.calls.find(id))?.state));
    assert.deepEqual(states, ["unknown", "unknown", "failed", "held", "approved"]);
    assert.equal(await leftOfA(again), 0);
  },
  "the duties are told of expired, approved and overdue calls at the very moment": async (store) => {
    const expiresAtMs = t0 + 3_600_000;
    const { call: held } = await holdCall(store);
    const { call: approved } = await approveCall(store);
    const { call: started } = await startNow(store, { settleByMs: t0 + 100 });
    const { call: settled } = await startNow(store, { settleByMs: t0 + 100 });
    await store.calls.settle(settleOf(settled.id, "succeeded"));
    assert.deepEqual(await store.calls.due(t0 + 99), { expired: [], approved: [approved.id], overdue: [] });
    assert.deepEqual(await store.calls.due(t0 + 100), { expired: [], approved: [approved.id], overdue: [started.id] });
    const late = await store.calls.due(expiresAtMs);
    assert.deepEqual([...late.expired].sort(), [held.id, approved.id].sort());
    assert.deepEqual(late.approved, []);
  },
  "a call that is judged again is told the budgets without its own money": async (store) => {
    const { call } = await approveCall(store, { reservations: [reservationOf("a", 5, 10)] });
    await startNow(store, { reservations: [reservationOf("a", 2, 10)] });
    const mine = { agent: "billing", tenant: "acme", environment: "production" };
    const ask = { reservations: [reservationOf("a", 5, 10)], run: "r_1", ...mine, callDigest: call.callDigest };
    assert.deepEqual((await store.calls.standing({ ...ask, callId: call.id })).left, [8]);
    assert.deepEqual((await store.calls.standing({ ...ask, callId: "c_other" })).left, [3]);
  },
  "policy is told the run's calls, oldest first, without denied ones, itself and those of other tenants and environments": async (
    store,
  ) => {
    const call = { callDigest: "d", effect: "read" } as const;
    await startNow(store, { reservations: [], call: { ...call, tool: "one" }, nowMs: t0 });
    await startNow(store, { reservations: [], call: { ...call, tool: "two" }, nowMs: t0 + 1 });
    await startNow(store, { reservations: [], call: { ...call, tool: "far", tenant: "other" }, nowMs: t0 + 2 });
    await startNow(store, { reservations: [], call: { ...call, tool: "tried", environment: "staging" }, nowMs: t0 + 2 });
    const self = await startNow(store, { reservations: [], call: { ...call, tool: "self" }, nowMs: t0 + 3 });
    await store.calls.recordDenied({ call: admitOf({ call }).call, code: "ERR_POLICY_DENIED", reasons: [], atMs: t0 + 4 });
    const mine = { agent: "billing", tenant: "acme", environment: "production" };
    const ask = { ...mine, callId: self.call.id, reservations: [], callDigest: "d" };
    const standing = await store.calls.standing({ ...ask, run: "r_1" });
    assert.deepEqual(standing.runCalls, [
      { tool: "one", status: "started" },
      { tool: "two", status: "started" },
    ]);
    assert.equal(standing.repeats, 2);
    assert.deepEqual(await store.calls.standing({ ...ask, run: null }), { left: [], runCalls: [], repeats: 0 });
  },
  "every step of a call is a ledger row, and refused steps are none": async (store) => {
    const { call } = await approveCall(store, { reservations: [reservationOf("a", 5, 10)] });
    await store.calls.start(startOf(call.id, { reservations: [reservationOf("b", 99, 10)] }));
    await store.calls.start(startOf(call.id, { reservations: [reservationOf("b", 5, 10)] }));
    await store.calls.start(startOf(call.id));
    await store.calls.end(call.id, "cancelled", endedAs("cancelled"), t0);
    await store.calls.settle(settleOf(call.id, "unknown"));
    await store.calls.settle(settleOf(call.id, "succeeded"));
    await store.calls.settle(settleOf(call.id, "failed"));
    const rows = await readWholeLedger(store);
    const expected = ["call.held", "hold.vote", "call.approved", "call.started", "call.unknown", "call.succeeded"];
    assert.deepEqual(
      rows.map(({ entry }) => entry["type"]),
      expected,
    );
    assert.ok(rows.every(({ entry }) => entry["call"] === call.id && entry["v"] === 1));
  },
};
