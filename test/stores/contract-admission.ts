import assert from "node:assert/strict";
import type { AdmitResult, CallFacts } from "../../src/ports/calls.ts";
import { StoreUnavailable } from "../../src/ports/calls.ts";
import { readWholeLedger, unitsLeftOf } from "./books.ts";
import type { Rules, Store } from "./contract.ts";
import { type AdmitChanges, admitOf, payloadOf, reservationOf, settleOf, startOf, stopOf, t0, termsOf, voteOf } from "./requests.ts";

/** Nothing in the store says that these calls were ever asked for. */
async function assertNothingOf(store: Store, ...ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    assert.equal(await store.calls.find(id), null);
    assert.equal(await store.calls.payload(id, `payload of ${id}`), null);
  }
  const told = (await readWholeLedger(store)).map(({ entry }) => entry["call"]);
  for (const id of ids) assert.ok(!told.includes(id), `the ledger tells of ${id}`);
}

async function admitKind(store: Store, changes: AdmitChanges): Promise<AdmitResult["kind"]> {
  return (await store.calls.admit(admitOf(changes))).kind;
}

/** How an earlier call without a key came to the state named. */
async function bringTo(store: Store, state: string, call: Partial<CallFacts>): Promise<string> {
  const hold = ["held", "approved", "cancelled", "started after approval", "succeeded after approval"].includes(state) ? termsOf() : null;
  const request = admitOf({ call, hold });
  await store.calls.admit(request);
  const { id } = request.call;
  if (state === "cancelled") await store.calls.end(id, "cancelled", settleOf(id, "cancelled").settled, t0 + 2);
  if (state === "approved" || state.endsWith("approval")) await store.calls.vote(id, voteOf(request.call, "ada"), ["finance-people"]);
  if (state.endsWith("approval")) assert.equal((await store.calls.start(startOf(id))).kind, "started");
  if (state.startsWith("succeeded")) await store.calls.settle(settleOf(id, "succeeded"));
  if (state === "failed" || state === "not_sent" || state === "unknown") await store.calls.settle(settleOf(id, state));
  return id;
}

const identities: readonly (readonly [string, Partial<CallFacts>])[] = [
  ["tenant", { tenant: "other" }],
  ["agent", { agent: "other" }],
  ["user", { user: "other" }],
  ["no user", { user: null }],
];

export const admissionRules: Rules = {
  "an admission writes call, key, money, payload and ledger row together": async (store) => {
    const request = admitOf({ key: "k", reservations: [reservationOf("a", 3, 10), reservationOf("b", 1, 1)] });
    assert.deepEqual(await store.calls.admit(request), { kind: "started" });
    const call = await store.calls.find(request.call.id);
    assert.equal(call?.state, "started");
    assert.equal(call?.key, "k");
    assert.equal(call?.settleByMs, request.settleByMs);
    assert.equal(call?.startedAtMs, t0);
    assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 10), reservationOf("b", 0, 1)), [7, 0]);
    assert.deepEqual(
      Buffer.from((await store.calls.payload(request.call.id, request.payload.digest))?.sealed ?? []),
      Buffer.from(request.payload.sealed),
    );
    const [row, ...more] = await readWholeLedger(store);
    assert.equal(more.length, 0);
    assert.equal(row?.entry["type"], "call.started");
    assert.equal(row?.entry["key"], "k");
  },
  "a call that does not fit the second budget takes nothing of the first, no key, no row": async (store) => {
    const request = admitOf({ key: "k", reservations: [reservationOf("a", 3, 10), reservationOf("b", 2, 1)] });
    const refused = await store.calls.admit(request);
    assert.ok(refused.kind === "beyond" && refused.reservation.key === "b" && refused.left === 1 && !refused.heldShare);
    assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 10)), [10]);
    await assertNothingOf(store, request.call.id);
    assert.equal(await admitKind(store, { key: "k" }), "started");
  },
  "amounts that are no counts never fit": async (store) => {
    const bad = [-1, -(2 ** 53), 0.5, 1e-9, 2 ** 53, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
    for (const units of bad) {
      assert.equal(await admitKind(store, { reservations: [reservationOf("a", units, Number.MAX_SAFE_INTEGER)] }), "beyond", String(units));
    }
    assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 100)), [100]);
    assert.equal(bad.length, 8);
  },
  "one call's refusal does not touch its neighbours in the same commit": async (store) => {
    const requests = Array.from({ length: 60 }, (_, at) => admitOf({ reservations: [reservationOf("a", at % 3 === 0 ? 1000 : 1, 100)] }));
    const results = await Promise.all(requests.map((request) => store.calls.admit(request)));
    assert.deepEqual(
      results.map(({ kind }) => kind),
      requests.map((_, at) => (at % 3 === 0 ? "beyond" : "started")),
    );
    assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 100)), [60]);
    assert.equal((await readWholeLedger(store)).length, 40);
  },
  "one call's fault does not touch its neighbours in the same commit": async (store) => {
    const twice = admitOf();
    const faulty = { ...admitOf(), call: twice.call, alone: true };
    const requests = [twice, faulty, admitOf({ reservations: [reservationOf("a", 1, 1)] })];
    const results = await Promise.allSettled(requests.map((request) => store.calls.admit(request)));
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.ok(results[1]?.status === "rejected" && results[1].reason instanceof StoreUnavailable);
    assert.equal((await readWholeLedger(store)).length, 2);
    assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 1)), [0]);
  },
  "the same key with the same digest is the same call, with another digest a mismatch": async (store) => {
    const first = admitOf({ key: "k", call: { callDigest: "d" } });
    await store.calls.admit(first);
    const again = admitOf({ key: "k", call: { callDigest: "d", run: "r_2" }, reservations: [reservationOf("a", 5, 1)] });
    const same = await store.calls.admit(again);
    assert.ok(same.kind === "same" && same.call.id === first.call.id && !same.attached);
    const other = admitOf({ key: "k", call: { callDigest: "e" } });
    assert.deepEqual(await store.calls.admit(other), { kind: "mismatch", callId: first.call.id });
    await assertNothingOf(store, again.call.id, other.call.id);
  },
  "the same key is the same call in every state that keeps it": async (store) => {
    for (const [at, outcome] of (["succeeded", "failed", "unknown"] as const).entries()) {
      const first = admitOf({ key: `k${at}`, call: { callDigest: `d${at}` } });
      await store.calls.admit(first);
      await store.calls.settle(settleOf(first.call.id, outcome));
      const same = await store.calls.admit(admitOf({ key: `k${at}`, call: { callDigest: `d${at}` } }));
      assert.ok(same.kind === "same" && same.call.id === first.call.id && same.call.state === outcome, outcome);
    }
  },
  "a key belongs to tenant, agent and user": async (store) => {
    assert.equal(await admitKind(store, { key: "k", call: { callDigest: "d0" } }), "started");
    for (const [name, call] of identities) {
      assert.equal(await admitKind(store, { key: "k", call: { ...call, callDigest: `d ${name}` } }), "started", name);
      assert.equal(await admitKind(store, { key: "k", call: { ...call, callDigest: "else" } }), "mismatch", name);
    }
  },
  "identities that only look alike never share a key": async (store) => {
    const pairs = [
      ["a:b", "c"],
      ["a", "b:c"],
      ["a\u0000b", "c"],
      ["a", "b\u0000c"],
      ["A", "c"],
      ["a", "C"],
      ["a ", "c"],
      ["é", "c"],
      ["e\u0301", "c"],
      ["__proto__", "%"],
      ["", "'; --"],
    ];
    for (const [tenant = "", agent = ""] of pairs)
      assert.equal(await admitKind(store, { key: "k", call: { tenant, agent, user: "u" } }), "started");
    assert.equal((await readWholeLedger(store)).length, pairs.length);
  },
  "a call that was not sent gives its key and its money back": async (store) => {
    const first = admitOf({ key: "k", call: { callDigest: "d" }, reservations: [reservationOf("a", 1, 1)] });
    await store.calls.admit(first);
    await store.calls.settle(settleOf(first.call.id, "not_sent"));
    assert.equal(await admitKind(store, { key: "k", call: { callDigest: "e" }, reservations: [reservationOf("a", 1, 1)] }), "started");
  },
  "without a key, a call attaches to one of its run and digest that may still act or was held": async (store) => {
    const states = ["started", "unknown", "held", "approved", "started after approval", "succeeded after approval"];
    for (const state of states) {
      const id = await bringTo(store, state, { callDigest: state });
      const again = await store.calls.admit(admitOf({ call: { callDigest: state } }));
      assert.ok(again.kind === "same" && again.attached && again.call.id === id, state);
    }
    assert.equal(states.length, 6);
  },
  "without a key, a call never attaches to one that is over and was never held, or that was cancelled": async (store) => {
    for (const state of ["succeeded", "failed", "not_sent", "cancelled"]) {
      await bringTo(store, state, { callDigest: state });
      assert.equal(await admitKind(store, { call: { callDigest: state } }), "started", state);
    }
  },
  "a read never attaches to a read that was not held": async (store) => {
    for (const state of ["started", "succeeded"]) {
      await bringTo(store, state, { callDigest: state, effect: "read" });
      assert.equal(await admitKind(store, { call: { callDigest: state, effect: "read" } }), "started", state);
    }
  },
  "without a key, a call of another run does not attach: it is a twin": async (store) => {
    const id = await bringTo(store, "started", { callDigest: "d" });
    const other = admitOf({ call: { callDigest: "d", run: "r_2" }, holdIfTwin: termsOf() });
    assert.equal((await store.calls.admit(other)).kind, "held");
    assert.equal((await store.calls.find(other.call.id))?.twin, id);
  },
  "a twin write under another key is held, in every state in which the first may act": async (store) => {
    for (const state of ["started", "unknown", "held", "approved"]) {
      const id = await bringTo(store, state, { callDigest: state });
      const twin = admitOf({ key: `k ${state}`, call: { callDigest: state }, holdIfTwin: termsOf() });
      assert.equal((await store.calls.admit(twin)).kind, "held", state);
      assert.equal((await store.calls.find(twin.call.id))?.twin, id);
    }
  },
  "a twin write that nobody can sign is the first call": async (store) => {
    const id = await bringTo(store, "started", { callDigest: "d" });
    const twin = admitOf({ key: "k", call: { callDigest: "d" } });
    const same = await store.calls.admit(twin);
    assert.ok(same.kind === "same" && same.attached && same.call.id === id);
    await assertNothingOf(store, twin.call.id);
  },
  "a write has no twin when the first is over, a read, or of another tenant": async (store) => {
    await bringTo(store, "succeeded", { callDigest: "over" });
    assert.equal(await admitKind(store, { key: "k1", call: { callDigest: "over" }, holdIfTwin: termsOf() }), "started");
    await bringTo(store, "started", { callDigest: "read", effect: "read" });
    assert.equal(await admitKind(store, { key: "k2", call: { callDigest: "read", effect: "read" }, holdIfTwin: termsOf() }), "started");
    await bringTo(store, "started", { callDigest: "far", tenant: "other" });
    assert.equal(await admitKind(store, { key: "k3", call: { callDigest: "far" }, holdIfTwin: termsOf() }), "started");
  },
  "a call that stands alone is its own, whatever else looks like it": async (store) => {
    await bringTo(store, "started", { callDigest: "d" });
    assert.equal(await admitKind(store, { alone: true, call: { callDigest: "d" }, holdIfTwin: termsOf() }), "started");
  },
  "a stop refuses the call in the transaction and leaves nothing": async (store) => {
    const stop = stopOf({ agent: "billing", tool: "payments.refund" });
    await store.stops.set(stop);
    const request = admitOf({ key: "k", reservations: [reservationOf("a", 1, 1)] });
    assert.deepEqual(await store.calls.admit(request), { kind: "stopped", stop });
    await assertNothingOf(store, request.call.id);
    assert.equal(await admitKind(store, { call: { tool: "tickets.reply" } }), "started");
    assert.equal(await store.stops.clear(stop.id, "ada", t0 + 1), true);
    assert.equal(await admitKind(store, { key: "k", reservations: [reservationOf("a", 1, 1)] }), "started");
  },
  "a stop that is queued first refuses the call that is queued behind it": async (store) => {
    const calls = [1, 2, 3].map(() => admitOf());
    const [, ...results] = await Promise.all([store.stops.set(stopOf({})), ...calls.map((call) => store.calls.admit(call))]);
    assert.deepEqual(
      results.map((result) => result.kind),
      ["stopped", "stopped", "stopped"],
    );
  },
  "a stop is told before a key is looked up": async (store) => {
    const changes = { key: "k", call: { callDigest: "d" } };
    await store.calls.admit(admitOf(changes));
    await store.stops.set(stopOf({}));
    assert.equal(await admitKind(store, changes), "stopped");
  },
  "open holds are limited for each agent and each run, and none is none": async (store) => {
    const held = (call: Partial<CallFacts>, agent: number, run: number) =>
      admitKind(store, { hold: termsOf(), call, openHoldsMax: { agent, run } });
    assert.equal(await held({ run: "r_1" }, 2, 1), "held");
    assert.equal(await held({ run: "r_1" }, 2, 1), "holds_too_many");
    assert.equal(await held({ run: "r_2" }, 2, 1), "held");
    assert.equal(await held({ run: "r_3" }, 2, 1), "holds_too_many");
    assert.equal(await held({ run: null }, 2, 1), "holds_too_many");
    assert.equal(await held({ run: "r_3", agent: "other" }, 2, 1), "held");
    assert.equal(await held({ run: "r_1", tenant: "other" }, 2, 1), "held");
    assert.equal(await held({ run: "r_9", agent: "nobody" }, 0, 0), "holds_too_many");
    assert.equal(await admitKind(store, { openHoldsMax: { agent: 2, run: 1 } }), "started");
  },
  "a hold may bind only its share of a budget": async (store) => {
    const money = (units: number) => [reservationOf("a", units, 100, 50)];
    assert.equal(await admitKind(store, { hold: termsOf(), reservations: money(30) }), "held");
    const refused = await store.calls.admit(admitOf({ hold: termsOf(), reservations: money(21) }));
    assert.ok(refused.kind === "beyond" && refused.heldShare && refused.left === 20);
    assert.equal(await admitKind(store, { hold: termsOf(), reservations: money(20) }), "held");
    assert.equal(await admitKind(store, { reservations: money(50) }), "started");
    const full = await store.calls.admit(admitOf({ reservations: money(1) }));
    assert.ok(full.kind === "beyond" && !full.heldShare && full.left === 0);
  },
  "a payload is handed out with its tenant, for its own call and by its own digest": async (store) => {
    const [one, other] = [
      admitOf({ payload: payloadOf("the same") }),
      admitOf({ call: { tenant: "other" }, payload: payloadOf("the same", "other") }),
    ];
    for (const request of [one, other]) await store.calls.admit(request);
    for (const { call, payload } of [one, other]) {
      const kept = await store.calls.payload(call.id, payload.digest);
      assert.deepEqual({ ...kept, sealed: [...(kept?.sealed ?? [])] }, { ...payload, sealed: [...payload.sealed] });
    }
    assert.equal(await store.calls.payload(one.call.id, "another"), null);
    assert.equal(await store.calls.payload("c_none", "the same"), null);
  },
};
