import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import fc from "fast-check";
import type { AdmitRequest, CallFacts, StandingRequest } from "../../src/ports/calls.ts";
import type { SqliteStore } from "../../src/stores/sqlite/index.ts";
import { readWholeLedger, rebuildAccounts } from "./books.ts";
import { admitOf, endedAs, payloadOf, reservationOf, settleOf, startOf, stopOf, t0, termsOf, voteOf } from "./requests.ts";
import { memoryFolder, openFile } from "./sqlite-files.ts";

const folder = mkdtempSync(join(memoryFolder, "view-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const runs = ["r_1", "r_2", null] as const;
const mine = { tenant: "acme", environment: "production", agent: "billing" };
const accounts = ["a", "b"].map((key) => reservationOf(key, 1, 40, 20));

/** What policy is told of a call that the store does not know, from the main thread's view, and what the writer itself would say. */
async function bothStandings(store: SqliteStore, run: string | null): Promise<readonly [unknown, unknown]> {
  const ask: Omit<StandingRequest, "callId"> = { reservations: accounts, run, ...mine, callDigest: "d1" };
  return Promise.all([store.calls.standing({ ...ask, callId: null }), store.calls.standing({ ...ask, callId: "c_nobody" })]);
}

const step = fc.record({
  act: fc.constantFrom(
    "admit",
    "admit",
    "hold",
    "settle",
    "settle",
    "approve",
    "start",
    "cancel",
    "interrupt",
    "stop",
    "fault",
    "deny",
    "usage",
  ),
  run: fc.constantFrom(...runs),
  digest: fc.constantFrom("d1", "d2", "d3"),
  at: fc.nat({ max: 30 }),
  units: fc.nat({ max: 9 }),
  outcome: fc.constantFrom("succeeded", "failed", "not_sent", "unknown"),
});
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

async function takeStep(store: SqliteStore, made: CallFacts[], { act, run, digest, at, units, outcome }: Step): Promise<void> {
  const request: AdmitRequest = admitOf({
    call: { run, callDigest: digest, effect: "read" },
    hold: act === "hold" ? termsOf() : null,
    reservations: accounts.map((one) => ({ ...one, units })),
  });
  const call = made[at % Math.max(1, made.length)] ?? request.call;
  const id = call.id;
  const acts: Readonly<Record<Step["act"], () => Promise<unknown>>> = {
    admit: () => store.calls.admit(request),
    hold: () => store.calls.admit(request),
    settle: () => store.calls.settle(settleOf(id, outcome, { actual: { "budget of a": units } })),
    approve: () => store.calls.vote(id, voteOf(call, `p${at}`, { approve: units < 7 }), ["finance-people"]),
    start: () => store.calls.start(startOf(id, { reservations: request.reservations })),
    cancel: () => store.calls.end(id, "cancelled", endedAs("cancelled"), t0),
    interrupt: () => store.calls.interrupt(id, t0),
    stop: () => store.stops.set(stopOf({ run: "r_none" })),
    // The same id again: the row is refused by its table, and with it all that the operation did before.
    fault: () => store.calls.admit({ ...request, call, alone: true }),
    deny: () => store.calls.recordDenied({ call: request.call, code: "ERR_POLICY_DENIED", reasons: [], atMs: t0 }),
    usage: () => store.runs.addUsage(usageOf(run), [{ ...(accounts[0] as (typeof accounts)[0]), units }], t0),
  };
  if (act === "admit" || act === "hold") made.push(request.call);
  await acts[act]().catch(() => undefined);
}

function usageOf(run: string | null) {
  return { run: run ?? "r_1", tenant: "acme", agent: "billing", model: null, promptTokens: 0, completionTokens: 0, usdMicros: 1 };
}

test("the view of the main thread tells policy what the writer would tell it, after every batch and every fault", async (context) => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  let compared = 0;
  let files = 0;
  let told = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 12 }), async (batches) => {
      const store = await openFile(join(folder, `view-${(files += 1)}.db`));
      const made: CallFacts[] = [];
      try {
        for (const batch of batches) {
          // Side by side: some of them share a commit, and a look may stand between two of one batch.
          const looks = batch.map((one, at): readonly Promise<unknown>[] => [
            takeStep(store, made, one),
            at % 3 === 0 ? bothStandings(store, one.run) : Promise.resolve(),
          ]);
          await Promise.all(looks.flat());
          for (const run of runs) {
            const [view, writer] = await bothStandings(store, run);
            assert.deepEqual(view, writer);
            compared += 1;
            told += (view as { readonly runCalls: readonly unknown[] }).runCalls.length;
          }
        }
        const { accounts: rebuilt } = rebuildAccounts(await readWholeLedger(store));
        const left = accounts.map(({ key, limit }) => {
          const { taken = 0, settled = 0 } = rebuilt.get(key) ?? {};
          return Math.max(0, limit - taken - settled);
        });
        assert.deepEqual((await store.calls.standing({ ...nobody, reservations: accounts })).left, left);
      } finally {
        await store.close();
      }
    }),
    { seed, numRuns: 15 },
  );
  context.diagnostic(`seed ${seed}, ${compared} comparisons, ${told} calls told`);
  assert.ok(compared >= 45 && told > 20);
});

const nobody = { callId: null, run: null, ...mine, callDigest: "" };

test("a run's last hundred calls are told, whether the view saw them come or asked for them", async () => {
  const file = join(folder, "long.db");
  const seen = await openFile(file);
  const ask = { ...nobody, run: "r_long", callDigest: "d", reservations: [] };
  await seen.calls.standing(ask);
  const admit = (at: number) => seen.calls.admit(admitOf({ call: { run: "r_long", callDigest: "d", effect: "read", tool: `t${at}` } }));
  for (let at = 0; at < 130; at += 1) await admit(at);
  const fromView = await seen.calls.standing(ask);
  await seen.close();
  const again = await openFile(file);
  assert.deepEqual(await again.calls.standing(ask), fromView);
  assert.equal(fromView.repeats, 100);
  assert.deepEqual([fromView.runCalls[0]?.tool, fromView.runCalls.at(-1)?.tool], ["t30", "t129"]);
  await again.close();
});

test("calls on their way are found again after the file was opened again: twins, outcomes, deadlines", async () => {
  const file = join(folder, "again.db");
  const first = await openFile(file);
  const request = admitOf({ call: { callDigest: "twin" }, reservations: [reservationOf("a", 5, 10)], settleByMs: t0 + 10 });
  await first.calls.admit(request);
  await first.close();
  const store = await openFile(file);
  const twin = await store.calls.admit(admitOf({ key: "other", call: { callDigest: "twin" } }));
  assert.ok(twin.kind === "same" && twin.attached && twin.call.id === request.call.id);
  assert.deepEqual((await store.calls.due(t0 + 10)).overdue, [request.call.id]);
  assert.deepEqual(await store.calls.settle(settleOf(request.call.id, "not_sent")), { kind: "settled" });
  assert.deepEqual((await store.calls.due(t0 + 10)).overdue, []);
  assert.deepEqual((await store.calls.standing({ ...nobody, reservations: [reservationOf("a", 0, 10)] })).left, [10]);
  assert.equal((await store.calls.admit(admitOf({ key: "other", call: { callDigest: "twin" } }))).kind, "started");
  await store.close();
});

test("one operation that fails in a commit takes nothing of its neighbours with it, and leaves nothing behind", async () => {
  const store = await openFile(join(folder, "neighbours.db"));
  const budget = reservationOf("a", 1, 1000);
  const first = admitOf({ reservations: [budget] });
  await store.calls.admit(first);
  const good = Array.from({ length: 50 }, () => admitOf({ reservations: [budget] }));
  const bad = { ...admitOf({ reservations: [budget] }), call: first.call, alone: true };
  const results = await Promise.allSettled(good.flatMap((one) => [store.calls.admit(one), store.calls.admit(bad)]));
  assert.deepEqual(
    results.map(({ status }) => status),
    good.flatMap(() => ["fulfilled", "rejected"]),
  );
  assert.deepEqual((await store.calls.standing({ ...nobody, reservations: [budget] })).left, [949]);
  const settled = await Promise.all(good.map(({ call }) => store.calls.settle(settleOf(call.id, "failed"))));
  assert.ok(settled.every(({ kind }) => kind === "settled"));
  assert.deepEqual((await store.calls.standing({ ...nobody, reservations: [budget] })).left, [999]);
  assert.equal((await readWholeLedger(store)).length, 101);
  await store.close();
});

test("old documents are erased, a thousand at a time, but for those of open calls", async () => {
  const store = await openFile(join(folder, "old.db"));
  const admitted = Array.from({ length: 1300 }, (_, at) => admitOf({ nowMs: at < 1250 ? t0 : t0 + 100 }));
  await Promise.all(admitted.map((request) => store.calls.admit(request)));
  const over = admitted.slice(10);
  await Promise.all(
    over.map(({ call }) =>
      store.calls.settle(settleOf(call.id, "succeeded", { answer: payloadOf(`answer to ${call.id}`), nowMs: t0 + 100 })),
    ),
  );
  const kept = async (request: AdmitRequest) => (await store.calls.payload(request.call.id, request.payload.digest)) !== null;
  assert.deepEqual(
    [await store.calls.erasePayloads(t0 + 1), await store.calls.erasePayloads(t0 + 1), await store.calls.erasePayloads(t0 + 1)],
    [990, 250, 0],
  );
  assert.ok((await Promise.all(admitted.slice(0, 10).map(kept))).every(Boolean), "open");
  assert.ok(!(await Promise.all(admitted.slice(10, 1250).map(kept))).some(Boolean), "old");
  assert.ok((await Promise.all(admitted.slice(1250).map(kept))).every(Boolean), "young");
  assert.notEqual(await store.calls.payload(over[0]?.call.id ?? "", `answer to ${over[0]?.call.id}`), null);
  assert.equal(await store.calls.erasePayloads(t0 + 101), 990);
  await store.close();
});

test("a file that an earlier layout made is refused and not touched", async () => {
  const file = join(folder, "older.db");
  const raw = new DatabaseSync(file);
  raw.exec("CREATE TABLE calls (id TEXT); PRAGMA user_version=1");
  raw.close();
  await assert.rejects(openFile(file), /version 1/);
  const again = new DatabaseSync(file);
  assert.equal(again.prepare("PRAGMA user_version").get()?.["user_version"], 1);
  again.close();
});
