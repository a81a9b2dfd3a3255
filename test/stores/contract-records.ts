import assert from "node:assert/strict";
import { emptyHead, sealEntries } from "../../src/rules/sealing.ts";
import { readWholeLedger, unitsLeftOf } from "./books.ts";
import type { Rules } from "./contract.ts";
import { approveCall, holdCall } from "./contract-holds.ts";
import { admitOf, payloadOf, reservationOf, settleOf, stopOf, t0, termsOf, voteOf } from "./requests.ts";

export const recordRules: Rules = {
  "what was written is there after the store was closed and opened again": async (store, reopen) => {
    const first = admitOf({ key: "k", call: { callDigest: "d" }, reservations: [reservationOf("a", 5, 10)] });
    await store.calls.admit(first);
    await store.calls.settle(settleOf(first.call.id, "succeeded", { answer: payloadOf("answer") }));
    const { call } = await approveCall(store, { reservations: [reservationOf("a", 2, 10)] });
    const stop = stopOf({ tenant: "other" });
    await store.stops.set(stop);
    const before = [
      await store.calls.find(first.call.id),
      await store.calls.find(call.id),
      await readWholeLedger(store),
      await store.ledger.head(),
    ];
    const again = await reopen();
    const after = [
      await again.calls.find(first.call.id),
      await again.calls.find(call.id),
      await readWholeLedger(again),
      await again.ledger.head(),
    ];
    assert.deepEqual(after, before);
    assert.deepEqual(await again.stops.active(), [stop]);
    assert.deepEqual(await unitsLeftOf(again, reservationOf("a", 0, 10)), [3]);
    assert.deepEqual(Buffer.from((await again.calls.payload(first.call.id, "answer"))?.sealed ?? []).toString(), "sealed answer");
    const same = await again.calls.admit(admitOf({ key: "k", call: { callDigest: "d" } }));
    assert.ok(same.kind === "same" && same.call.id === first.call.id);
  },
  "a closed store refuses": async (store) => {
    await store.close();
    await assert.rejects(store.calls.admit(admitOf()), { name: "StoreUnavailable" });
    await store.close();
  },
  "what is queued when the store closes is still written": async (store, reopen) => {
    const requests = Array.from({ length: 600 }, () => admitOf());
    const admitted = Promise.all(requests.map((request) => store.calls.admit(request)));
    const again = await reopen();
    assert.ok((await admitted).every(({ kind }) => kind === "started"));
    assert.equal((await readWholeLedger(again)).length, 600);
  },
  "the ledger's numbers have no gap after refused and faulty operations": async (store) => {
    for (let round = 0; round < 20; round += 1) {
      const one = admitOf({ reservations: [reservationOf("a", 1, 100)] });
      await Promise.allSettled([
        store.calls.admit(one),
        store.calls.admit({ ...admitOf(), call: one.call, alone: true }),
        store.calls.admit(admitOf({ reservations: [reservationOf("b", 2, 1)] })),
        store.calls.start({ ...admitOf(), callId: "c_none", verdict: one.call.verdict, policyDigest: "", settleByMs: 0 }),
        store.stops.clear("s_none", "ada", t0),
      ]);
    }
    assert.equal((await readWholeLedger(store)).length, 20);
  },
  "rows are numbered and chained in the order in which they happened": async (store) => {
    for (let at = 0; at < 25; at += 1) await store.calls.admit(admitOf());
    const rows = await store.ledger.read(1, 1000);
    assert.deepEqual(
      rows,
      sealEntries(
        emptyHead,
        rows.map(({ entry }) => entry),
      ),
    );
    assert.deepEqual(await store.ledger.head(), { size: 25, hash: rows.at(-1)?.hash });
    await store.calls.admit(admitOf());
    assert.deepEqual((await store.ledger.read(1, 1000)).slice(0, 25), rows);
    assert.deepEqual(
      (await store.ledger.read(25, 1)).map(({ seq }) => seq),
      [25],
    );
  },
  "a text that cannot be sealed is refused, and the ledger goes on": async (store) => {
    const { call } = await holdCall(store);
    await store.calls.vote(call.id, voteOf(call, "ada", { reason: "lone \ud800 surrogate" }), ["finance-people"]).catch(() => undefined);
    await store.runs
      .setOutcome({ run: "r_1", tenant: "acme", agent: "billing" }, { status: "\udc00", reason: "" }, t0)
      .catch(() => undefined);
    await store.calls.admit(admitOf());
    assert.ok((await readWholeLedger(store)).length >= 2);
  },
  "a denied call is recorded with its reasons, takes no key and is nobody's twin": async (store) => {
    const { call } = admitOf({ call: { callDigest: "d" } });
    const reasons = [{ rule: "policies.gate", message: "no", pointer: "/amount" }];
    await store.calls.recordDenied({ call, code: "ERR_POLICY_DENIED", reasons, atMs: t0 });
    const stored = await store.calls.find(call.id);
    assert.equal(stored?.state, "denied");
    assert.equal(stored?.settled?.code, "ERR_POLICY_DENIED");
    assert.deepEqual(stored?.settled?.reasons, reasons);
    assert.equal((await store.calls.admit(admitOf({ call: { callDigest: "d" }, holdIfTwin: termsOf() }))).kind, "started");
    assert.deepEqual(
      (await readWholeLedger(store)).map(({ entry }) => entry["type"]),
      ["call.denied", "call.started"],
    );
  },
  "lists filter by every field, newest first, and by no more than asked": async (store) => {
    await store.calls.admit(admitOf({ call: { id: "c_old", run: "r_9" }, nowMs: t0 }));
    await store.calls.admit(admitOf({ call: { id: "c_new", run: "r_9", agent: "other" }, nowMs: t0 + 1 }));
    await store.calls.admit(admitOf({ call: { id: "c_far", tenant: "far" }, hold: termsOf(), nowMs: t0 + 2 }));
    const ids = async (filter: object) => (await store.calls.list({ limit: 10, ...filter })).map(({ id }) => id);
    assert.deepEqual(await ids({}), ["c_far", "c_new", "c_old"]);
    assert.deepEqual(await ids({ limit: 1 }), ["c_far"]);
    assert.deepEqual(await ids({ run: "r_9" }), ["c_new", "c_old"]);
    assert.deepEqual(await ids({ agent: "other" }), ["c_new"]);
    assert.deepEqual(await ids({ tenant: "far" }), ["c_far"]);
    assert.deepEqual(await ids({ states: ["held"] }), ["c_far"]);
    assert.deepEqual(await ids({ states: [] }), []);
    assert.deepEqual(await ids({ tenant: "acme' OR '1' = '1" }), []);
    assert.deepEqual(
      (await store.calls.runCalls("r_9", "acme")).map(({ id }) => id),
      ["c_new", "c_old"],
    );
    assert.deepEqual(await store.calls.runCalls("r_9", "far"), []);
  },
  "stops are told until they are cleared, once": async (store) => {
    const [one, two] = [stopOf({}, { setAtMs: t0 + 1 }), stopOf({ agent: "x" }, { setAtMs: t0, expiresAtMs: t0 + 5 })];
    await store.stops.set(one);
    await store.stops.set(two);
    assert.deepEqual(await store.stops.active(), [two, one]);
    assert.equal(await store.stops.clear(one.id, "ada", t0 + 2), true);
    assert.equal(await store.stops.clear(one.id, "ada", t0 + 2), false);
    assert.equal(await store.stops.clear("s_none", "ada", t0 + 2), false);
    assert.deepEqual(await store.stops.active(), [two]);
    assert.deepEqual(
      (await readWholeLedger(store)).map(({ entry }) => entry["type"]),
      ["stop.set", "stop.set", "stop.cleared"],
    );
  },
  "an opened run is on record before its first call, unless a stop forbids it": async (store) => {
    const key = { run: "r_1", tenant: "acme", agent: "billing" };
    const facts = { environment: "production", workflow: "disputes", user: "ada", openedBy: { issuer: "https://id", tokenId: "t-1" } };
    const opening = { ...key, ...facts, expiresAtMs: t0 + 60_000 };
    for (const scope of [{}, { agent: "billing" }, { tenant: "acme" }, { workflow: "disputes" }, { run: "r_1" }]) {
      const stop = stopOf(scope);
      await store.stops.set(stop);
      assert.deepEqual(await store.runs.open(opening, t0), stop, JSON.stringify(scope));
      await store.stops.clear(stop.id, "ada", t0);
    }
    assert.equal(await store.runs.find(key), null);
    for (const scope of [{ tool: "payments.refund", agent: "billing" }, { agent: "other" }, { run: "r_2" }])
      await store.stops.set(stopOf(scope));
    assert.equal(await store.runs.open(opening, t0), null);
    assert.deepEqual(await store.runs.find(key), {
      ...key,
      model: null,
      promptTokens: 0,
      completionTokens: 0,
      usdMicros: 0,
      outcome: null,
    });
    assert.deepEqual(await store.runs.list(5), [{ ...key, calls: 0, lastMs: t0 }]);
    const entries = (await readWholeLedger(store)).map(({ entry }) => entry).filter(({ type }) => type === "run.opened");
    assert.equal(entries.length, 1);
    const { opened_by: openedBy, expires_at_ms: expiresAtMs, user } = entries[0] ?? {};
    assert.deepEqual(
      { openedBy, expiresAtMs, user },
      { openedBy: { issuer: "https://id", token: "t-1" }, expiresAtMs: t0 + 60_000, user: "ada" },
    );
  },
  "reported usage adds up in the run and counts in its budgets, past the limit too": async (store) => {
    const key = { run: "r_1", tenant: "acme", agent: "billing" };
    const usage = { ...key, model: "m-1", promptTokens: 10, completionTokens: 2, usdMicros: 30 };
    for (const model of ["m-1", null]) await store.runs.addUsage({ ...usage, model }, [reservationOf("cost", 30, 50)], t0);
    assert.deepEqual(await store.runs.find(key), { ...usage, promptTokens: 20, completionTokens: 4, usdMicros: 60, outcome: null });
    assert.deepEqual(await unitsLeftOf(store, reservationOf("cost", 0, 50)), [0]);
    assert.equal((await store.calls.admit(admitOf({ reservations: [reservationOf("cost", 1, 50)] }))).kind, "beyond");
    await store.runs.setOutcome(key, { status: "done", reason: "refunded" }, t0);
    await store.runs.setOutcome(key, { status: "failed", reason: "again" }, t0 + 1);
    assert.deepEqual((await store.runs.find(key))?.outcome, { status: "failed", reason: "again" });
    assert.equal(await store.runs.find({ ...key, tenant: "other" }), null);
    assert.deepEqual(await store.runs.list(5), [{ ...key, calls: 0, lastMs: t0 + 1 }]);
  },
};
