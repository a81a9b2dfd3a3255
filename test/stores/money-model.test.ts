import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import fc from "fast-check";
import type { Account, Reservation } from "../../src/rules/budgets.ts";
import { propertyRuns } from "../rules/property-runs.ts";
import { readWholeLedger, rebuildAccounts, unitsLeftOf } from "./books.ts";
import type { Store } from "./contract.ts";
import { accountIn, admitInModel, endInModel, type Model, type ModelCall, type Money, startInModel } from "./model.ts";
import { admitOf, endedAs, freshId, reservationOf, settleOf, startOf, stopOf, t0, termsOf, voteOf } from "./requests.ts";
import { memoryFolder, openFile } from "./sqlite-files.ts";

const windowMs = 1000;
const holdsMax = 3;
const limits = { agent: 30, tenant: 40 } as const;
const outcomes = ["succeeded", "failed", "not_sent", "unknown"] as const;
const ends = ["cancelled", "expired", "refused"] as const;

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("admit" as const),
      key: fc.option(fc.nat(5)),
      digest: fc.nat(6),
      read: fc.boolean(),
      hold: fc.boolean(),
      tier: fc.boolean(),
      units: fc.nat(8),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("vote" as const), at: fc.nat(), approve: fc.integer({ min: 0, max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("start" as const), at: fc.nat(), units: fc.nat(25) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("settle" as const),
      at: fc.nat(),
      outcome: fc.constantFrom(...outcomes),
      actual: fc.option(fc.nat(12)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("end" as const), at: fc.nat(), to: fc.constantFrom(...ends) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("interrupt" as const), at: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stop" as const), set: fc.constantFrom(true, false, false, false) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, 400, 999, 1000) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Run {
  readonly tenant: string;
  readonly model: Model;
  readonly stop: { id: string };
  readonly used: Map<string, Reservation>;
}

let store: Store;
let nextSeq = 1;
const folder = mkdtempSync(join(memoryFolder, "model-"));
const file = join(folder, "model.db");
const seen = new Map<string, number>();
before(async () => {
  store = await openFile(file);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** The reservations that a call asks of both budgets in the windows of now. */
function reservationsNow({ tenant, model, used }: Run, units: number): readonly Reservation[] {
  const window = Math.floor(model.nowMs / windowMs);
  const reservations = (["agent", "tenant"] as const).map((scope) => reservationOf(`${tenant}/${scope}/${window}`, units, limits[scope]));
  for (const one of reservations) used.set(one.key, { ...one, units: 0 });
  return reservations;
}

/** Takes one step in the store; answers what the store and what the model said of it. */
async function takeStep(run: Run, taken: Step): Promise<readonly [string, string]> {
  const { model, tenant } = run;
  if (taken.do === "admit") return admitBoth(run, taken);
  if (taken.do === "wait") {
    model.nowMs += taken.ms;
    return ["", ""];
  }
  if (taken.do === "stop") return stopBoth(run, taken.set);
  const call = pickCall(model, taken);
  if (call === undefined) return ["", ""];
  const { nowMs } = model;
  switch (taken.do) {
    case "vote": {
      const facts = admitOf({ call: { id: call.id, tenant } }).call;
      const vote = voteOf(facts, freshId("p"), { approve: taken.approve > 0, atMs: nowMs });
      const told = await store.calls.vote(call.id, vote, ["finance-people"]);
      const open = call.expiresAtMs > nowMs;
      const to = taken.approve > 0 ? "approved" : "rejected";
      const expected = !call.wasHeld ? "not_found" : open && endInModel(model, call, ["held"], to, null) ? to : "refused";
      return [told.kind === "recorded" ? told.state : told.kind, expected];
    }
    case "start": {
      const reservations = reservationsNow(run, taken.units);
      const told = await store.calls.start(startOf(call.id, { reservations, nowMs }));
      return [told.kind, startInModel(model, call, reservations)];
    }
    case "settle": {
      const actual =
        taken.actual === null ? {} : Object.fromEntries(call.money.map(({ key }) => [`budget of ${key}`, taken.actual as number]));
      const told = await store.calls.settle(settleOf(call.id, taken.outcome, { actual, nowMs }));
      const from = taken.outcome === "unknown" ? ["started"] : ["started", "unknown"];
      return [told.kind, endInModel(model, call, from, taken.outcome, taken.actual) ? "settled" : "already"];
    }
    case "end": {
      const told = await store.calls.end(call.id, taken.to, endedAs(taken.to), nowMs);
      const from = taken.to === "refused" ? ["approved"] : ["held", "approved"];
      return [told.kind, endInModel(model, call, from, taken.to, null) ? "settled" : "already"];
    }
    case "interrupt": {
      const to = call.effect === "write" ? "unknown" : "failed";
      const told = await store.calls.interrupt(call.id, nowMs);
      return [String(told), endInModel(model, call, ["started"], to, null) ? to : "null"];
    }
  }
}

/** A call of the run; three times in four one that the step can move, so that sequences get somewhere. */
function pickCall({ calls }: Model, { do: what, at }: Extract<Step, { at: number }>): ModelCall | undefined {
  const movable = {
    vote: ["held"],
    start: ["approved"],
    settle: ["started", "unknown"],
    end: ["held", "approved"],
    interrupt: ["started"],
  };
  const ready = calls.filter(({ state }) => movable[what].includes(state));
  const from = at % 4 > 0 && ready.length > 0 ? ready : calls;
  return from[Math.floor(at / 4) % Math.max(1, from.length)];
}

async function admitBoth(
  run: Run,
  { key, digest, read, hold, tier, units }: Extract<Step, { do: "admit" }>,
): Promise<readonly [string, string]> {
  const { model, tenant } = run;
  const terms = termsOf({ expiresAtMs: model.nowMs + 2500 });
  const callDigest = `${tenant} ${digest} ${read}`;
  const effect = read ? "read" : "write";
  const reservations = reservationsNow(run, units);
  const request = admitOf({
    key: key === null ? null : `k${key}`,
    call: { tenant, callDigest, effect },
    hold: hold ? terms : null,
    holdIfTwin: tier ? terms : null,
    reservations,
    openHoldsMax: { agent: holdsMax, run: 100 },
    nowMs: model.nowMs,
  });
  const call: ModelCall = {
    id: request.call.id,
    key: request.key,
    digest: callDigest,
    effect,
    wasHeld: false,
    expiresAtMs: terms.expiresAtMs,
    state: "new",
    money: reservations satisfies readonly Money[],
  };
  const told = await store.calls.admit(request);
  return [told.kind, admitInModel(model, call, { hold, tier, holdsMax })];
}

async function stopBoth({ model, tenant, stop }: Run, set: boolean): Promise<readonly [string, string]> {
  if (set === model.stopped) return ["", ""];
  model.stopped = set;
  if (!set) return [String(await store.stops.clear(stop.id, "ada", model.nowMs)), "true"];
  stop.id = freshId("s");
  await store.stops.set(stopOf({ tenant }, { id: stop.id }));
  return ["", ""];
}

/** After every step: the store's accounts are the model's, and none is above its limit unless an overrun was named. */
async function assertAccounts({ model, used }: Run): Promise<void> {
  const reservations = [...used.values()];
  const expected = reservations.map(({ key, limit }) => {
    const { taken, settled } = accountIn(model, key);
    assert.ok(taken + settled <= limit || model.overrun.has(key), `${key} is above its limit without an overrun`);
    return Math.max(0, limit - taken - settled);
  });
  assert.deepEqual(await unitsLeftOf(store, ...reservations), expected);
}

/** At the end: the ledger alone gives the same accounts and the same overruns. */
async function assertLedger({ model, used }: Run): Promise<void> {
  const entries = await readWholeLedger(store, nextSeq);
  nextSeq += entries.length;
  const { accounts, overrun } = rebuildAccounts(entries);
  for (const key of used.keys()) assert.deepEqual(accounts.get(key) ?? accountIn(model, "none"), accountIn(model, key), key);
  assert.deepEqual([...overrun].sort(), [...model.overrun].sort());
}

test("in any order of steps the store answers as the model, and accounts, calls and ledger agree", {
  timeout: 600_000,
}, async (context) => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: "max" }), async (steps) => {
    const tenant = freshId("t");
    const run: Run = {
      tenant,
      model: { calls: [], settled: new Map(), overrun: new Set(), stopped: false, nowMs: t0 },
      stop: { id: "" },
      used: new Map(),
    };
    for (const one of steps) {
      const [told, expected] = await takeStep(run, one);
      assert.equal(told, expected, JSON.stringify(one));
      seen.set(`${one.do} ${told}`, (seen.get(`${one.do} ${told}`) ?? 0) + 1);
      await assertAccounts(run);
    }
    await assertLedger(run);
    for (const { id, state } of run.model.calls) assert.equal((await store.calls.find(id))?.state, state);
  });
  await fc.assert(property, propertyRuns(context, 200));
  context.diagnostic(
    [...seen]
      .map(([what, times]) => `${what}: ${times}`)
      .sort()
      .join(", "),
  );
  for (const what of [
    "admit started",
    "admit held",
    "admit same",
    "admit mismatch",
    "admit beyond",
    "admit stopped",
    "admit holds_too_many",
    "start started",
    "start beyond",
    "settle settled",
    "settle already",
    "end settled",
    "interrupt unknown",
  ])
    assert.ok((seen.get(what) ?? 0) > 0, `no step came to: ${what}`);
});

test("the accounts in the file are what the ledger alone says, to the unit", async () => {
  const { accounts } = rebuildAccounts(await readWholeLedger(store));
  await store.close();
  const database = new DatabaseSync(file, { readOnly: true });
  const rows = database.prepare("SELECT key, taken, held, settled FROM accounts").all() as unknown as readonly (Account & {
    key: string;
  })[];
  database.close();
  for (const { key, ...account } of rows) assert.deepEqual(account, accounts.get(key), key);
  assert.equal(rows.length, accounts.size);
  assert.ok(rows.length > 200);
});
