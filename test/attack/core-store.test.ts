import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Reservation } from "../../src/rules/budgets.ts";
import type { SqliteStore } from "../../src/stores/sqlite/index.ts";
import { admitOf, endedAs, factsOf, freshId, reservationOf, settleOf, startOf, stopOf, t0, termsOf, voteOf } from "../stores/requests.ts";
import { memoryFolder, openFile } from "../stores/sqlite-files.ts";

const folder = mkdtempSync(join(memoryFolder, "sallyport-attack-"));
let files = 0;
let store: SqliteStore;
before(async () => {
  store = await fresh();
});
after(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function fresh(): Promise<SqliteStore> {
  files += 1;
  return openFile(join(folder, `attack-${files}.db`));
}

const unitsMax = Number.MAX_SAFE_INTEGER;
const report = (run: string, usdMicros: number, promptTokens = 0) => ({
  run,
  tenant: "acme",
  agent: "billing",
  model: null,
  promptTokens,
  completionTokens: 0,
  usdMicros,
});
const cost = (key: string, units: number): Reservation => ({ ...reservationOf(key, units, 1_000_000), budget: "cost/agent/day" });
const ledgerTypes = async (call: string): Promise<readonly unknown[]> => {
  const types: unknown[] = [];
  for (let from = 1; ; from += 1000) {
    const rows = await store.ledger.read(from, 1000);
    types.push(...rows.filter(({ entry }) => entry["call"] === call).map(({ entry }) => entry["type"]));
    if (rows.length < 1000) return types;
  }
};

test("reported usage that adds up beyond 2^53-1 leaves its account readable", async () => {
  const key = freshId("account");
  const run = freshId("r");
  for (let turn = 0; turn < 2; turn += 1) await store.runs.addUsage(report(run, unitsMax), [cost(key, unitsMax)], t0);
  const standing = await store.calls.standing({
    callId: "c_x",
    agent: "billing",
    reservations: [cost(key, 1)],
    run,
    tenant: "acme",
    environment: "production",
    callDigest: "d",
  });
  assert.deepEqual(standing.left, [0]);
});

test("reported tokens that add up beyond 2^53-1 leave their run readable", async () => {
  const run = freshId("r");
  for (let turn = 0; turn < 3; turn += 1) await store.runs.addUsage(report(run, 0, unitsMax), [], t0);
  const found = await store.runs.find({ run, tenant: "acme", agent: "billing" });
  assert.ok((found?.promptTokens ?? 0) >= unitsMax);
});

test("no usage report keeps a call on its way from being settled", async () => {
  const key = freshId("account");
  const call = factsOf();
  assert.equal((await store.calls.admit(admitOf({ call, reservations: [cost(key, 10)] }))).kind, "started");
  for (let turn = 0; turn < 2; turn += 1) await store.runs.addUsage(report("r_1", unitsMax), [cost(key, unitsMax)], t0);
  assert.deepEqual(await store.calls.settle(settleOf(call.id, "succeeded")), { kind: "settled" });
});

test("no usage report keeps a hold from expiring", async () => {
  const key = freshId("account");
  const call = factsOf();
  assert.equal((await store.calls.admit(admitOf({ call, hold: termsOf(), reservations: [cost(key, 10)] }))).kind, "held");
  for (let turn = 0; turn < 2; turn += 1) await store.runs.addUsage(report("r_1", unitsMax), [cost(key, unitsMax)], t0);
  assert.deepEqual(await store.calls.end(call.id, "expired", endedAs("expired"), t0 + 4_000_000), { kind: "settled" });
});

test("no usage report keeps the store from recovering after a crash", async () => {
  const own = await fresh();
  try {
    const key = freshId("account");
    const read = factsOf({ effect: "read" });
    const write = factsOf();
    await own.calls.admit(admitOf({ call: read, reservations: [cost(key, 10)] }));
    await own.calls.admit(admitOf({ call: write }));
    for (let turn = 0; turn < 2; turn += 1) await own.runs.addUsage(report("r_1", unitsMax), [cost(key, unitsMax)], t0);
    assert.deepEqual(await own.calls.recover(t0 + 10), { unknown: 1, failed: 1 });
  } finally {
    await own.close();
  }
});

test("an amount that is no count of units never takes or gives money", async () => {
  const key = freshId("account");
  const rows: readonly number[] = [-1, -(2 ** 53), 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 1e308];
  for (const units of rows) {
    const result = await store.calls.admit(admitOf({ reservations: [reservationOf(key, units, unitsMax)] }));
    assert.equal(result.kind, "beyond", String(units));
  }
  const { left } = await store.calls.standing({
    callId: "",
    agent: "billing",
    reservations: [reservationOf(key, 1, 100)],
    run: null,
    tenant: "acme",
    environment: "production",
    callDigest: "",
  });
  assert.deepEqual(left, [100]);
  assert.equal(rows.length, 7);
});

test("an outcome told in odd units is booked as reserved, and never raises a budget", async () => {
  for (const odd of [-5, 0.1, Number.NaN, 2 ** 53]) {
    const key = freshId("account");
    const reservation = reservationOf(key, 40, 100);
    const { id } = (await admitted([reservation])).call;
    await store.calls.settle(settleOf(id, "succeeded", { actual: { [reservation.budget]: odd } }));
    const { left } = await store.calls.standing({
      callId: "",
      agent: "billing",
      reservations: [reservation],
      run: null,
      tenant: "acme",
      environment: "production",
      callDigest: "",
    });
    assert.deepEqual(left, [60], String(odd));
  }
});

async function admitted(reservations: readonly Reservation[]) {
  const request = admitOf({ reservations });
  assert.equal((await store.calls.admit(request)).kind, "started");
  return request;
}

test("two contracts with different limits on one account: the small one's callers never pass the small limit", async () => {
  const key = freshId("account");
  assert.equal((await store.calls.admit(admitOf({ reservations: [reservationOf(key, 90, 1000)] }))).kind, "started");
  assert.equal((await store.calls.admit(admitOf({ reservations: [reservationOf(key, 11, 100)] }))).kind, "beyond");
  assert.equal((await store.calls.admit(admitOf({ reservations: [reservationOf(key, 10, 100)] }))).kind, "started");
});

test("a voided reservation gives back its own units once, whatever ends it twice", async () => {
  const key = freshId("account");
  const { call } = await admitted([reservationOf(key, 30, 100)]);
  await store.calls.settle(settleOf(call.id, "not_sent"));
  for (const outcome of ["not_sent", "failed", "succeeded", "unknown"] as const) {
    assert.equal((await store.calls.settle(settleOf(call.id, outcome))).kind, "already", outcome);
  }
  assert.equal((await store.calls.end(call.id, "cancelled", endedAs("cancelled"), t0)).kind, "already");
  const { left } = await store.calls.standing({
    callId: "",
    agent: "billing",
    reservations: [reservationOf(key, 1, 100)],
    run: null,
    tenant: "acme",
    environment: "production",
    callDigest: "",
  });
  assert.deepEqual(left, [100]);
});

test("an outcome that comes after people settled the call by hand is on record", async () => {
  const key = freshId("account");
  const { call } = await admitted([reservationOf(key, 30, 100)]);
  await store.calls.settle(settleOf(call.id, "unknown"));
  await store.calls.settle(settleOf(call.id, "not_sent", { settled: endedAs("not_sent", { by: "ada" }) }));
  const before = (await ledgerTypes(call.id)).length;
  await store.calls.settle(settleOf(call.id, "succeeded", { settled: endedAs("succeeded", { status: 200 }) }));
  assert.ok((await ledgerTypes(call.id)).length > before, "the upstream acted, people wrote down that it did not, and nothing says so");
});

const approved = async (changes: Parameters<typeof termsOf>[0] = {}) => {
  const call = factsOf();
  const admission = await store.calls.admit(admitOf({ call, hold: termsOf(changes) }));
  assert.equal(admission.kind, "held");
  assert.deepEqual(await store.calls.vote(call.id, voteOf(call, "ada"), ["finance-people"]), { kind: "recorded", state: "approved" });
  return call;
};

test("a hold whose time is over is not held again with a new time", async () => {
  const call = await approved({ expiresAtMs: t0 + 10 });
  const again = termsOf({ expiresAtMs: t0 + 9_000_000 }, { tier: "release", group: "release", people: 2 });
  await store.calls.holdAgain(call.id, again, call.verdict, "p2", t0 + 11);
  assert.notEqual((await store.calls.find(call.id))?.hold?.expiresAtMs, t0 + 9_000_000);
});

test("holds of another agent do not use up a run's share, even when both name the run alike", async () => {
  const run = freshId("r");
  const openHoldsMax = { agent: 1000, run: 3 };
  for (let turn = 0; turn < 3; turn += 1)
    assert.equal((await store.calls.admit(admitOf({ call: { run, agent: "stranger" }, hold: termsOf(), openHoldsMax }))).kind, "held");
  assert.equal((await store.calls.admit(admitOf({ call: { run, agent: "billing" }, hold: termsOf(), openHoldsMax }))).kind, "held");
});

test("policy is told of this agent's calls of a run, not of another agent's that names its run alike", async () => {
  const run = freshId("r");
  await store.calls.admit(admitOf({ call: { run, agent: "stranger", tool: "stranger.tool" } }));
  const call = factsOf({ run, agent: "billing" });
  await store.calls.admit(admitOf({ call }));
  const standing = await store.calls.standing({
    callId: "",
    reservations: [],
    run,
    tenant: "acme",
    environment: "production",
    callDigest: "",
    ...{ agent: "billing" },
  });
  assert.deepEqual(
    standing.runCalls.map(({ tool }) => tool),
    [call.tool],
  );
});

test("a hold is not approved late, twice by one person, by the excluded, or for another binding", async () => {
  const call = factsOf();
  const two = { tier: "finance", group: "finance-people", people: 2 };
  await store.calls.admit(admitOf({ call, hold: termsOf({ expiresAtMs: t0 + 100, excluded: ["owner-team", "u_1"] }, two) }));
  const vote = async (person: string, changes: Parameters<typeof voteOf>[2] = {}, groups: readonly string[] = ["finance-people"]) => {
    const result = await store.calls.vote(call.id, voteOf(call, person, changes), groups);
    return result.kind === "refused" ? result.why : result.kind;
  };
  assert.equal(await vote("u_1"), "excluded");
  assert.equal(await vote("eve", {}, ["finance-people", "owner-team"]), "excluded");
  assert.equal(await vote("eve", { tier: "release" }), "not_in_tier");
  assert.equal(await vote("eve", { binding: "" }), "binding_changed");
  assert.equal(await vote("eve", { atMs: t0 + 100 }), "expired");
  assert.equal(await vote("eve"), "recorded");
  assert.equal(await vote("eve"), "already_voted");
  assert.equal((await store.calls.find(call.id))?.state, "held");
});

test("an approval in the very millisecond of the expiry starts nothing", async () => {
  const call = await approved({ expiresAtMs: t0 + 50 });
  assert.equal((await store.calls.start(startOf(call.id, { nowMs: t0 + 50 }))).kind, "not_approved");
  assert.equal((await store.calls.start(startOf(call.id, { nowMs: t0 + 49 }))).kind, "started");
});

test("cancel, expire, refuse and start at once: exactly one of them happens", async () => {
  for (let turn = 0; turn < 12; turn += 1) {
    const call = await approved();
    const racers = [
      () => store.calls.end(call.id, "cancelled", endedAs("cancelled"), t0 + 5),
      () => store.calls.start(startOf(call.id)),
      () => store.calls.end(call.id, "expired", endedAs("expired"), t0 + 5),
      () => store.calls.end(call.id, "refused", endedAs("refused"), t0 + 5),
      () => store.calls.start(startOf(call.id)),
    ];
    const order = [...racers.slice(turn % 5), ...racers.slice(0, turn % 5)];
    const results = await Promise.all(order.map((race) => race()));
    assert.equal(results.filter(({ kind }) => kind === "settled" || kind === "started").length, 1, JSON.stringify(results));
  }
});

test("a stop that lands between approval and start refuses the start, and the hold's money stays its own until it ends", async () => {
  const key = freshId("account");
  const call = factsOf({ run: freshId("r") });
  await store.calls.admit(admitOf({ call, hold: termsOf(), reservations: [reservationOf(key, 10, 100)] }));
  await store.calls.vote(call.id, voteOf(call, "ada"), ["finance-people"]);
  await store.stops.set(stopOf({ run: call.run as string }));
  const started = await store.calls.start(startOf(call.id, { reservations: [reservationOf(key, 10, 100)] }));
  assert.equal(started.kind, "stopped");
  const { left } = await store.calls.standing({
    callId: "",
    agent: "billing",
    reservations: [reservationOf(key, 1, 100)],
    run: null,
    tenant: "acme",
    environment: "production",
    callDigest: "",
  });
  assert.deepEqual(left, [90]);
});

test("starting moves a hold's money all or none: a second window without room leaves the first untouched", async () => {
  const [day1, day2, cap] = [freshId("day"), freshId("day"), freshId("cap")];
  const call = factsOf();
  await store.calls.admit(admitOf({ call, hold: termsOf(), reservations: [reservationOf(day1, 10, 100), reservationOf(cap, 10, 100)] }));
  await store.calls.vote(call.id, voteOf(call, "ada"), ["finance-people"]);
  await admitted([reservationOf(day2, 95, 100)]);
  const moved = [reservationOf(cap, 10, 100), reservationOf(day2, 10, 100)];
  assert.equal((await store.calls.start(startOf(call.id, { reservations: moved }))).kind, "beyond");
  const asked = [day1, cap, day2].map((key) => reservationOf(key, 1, 100));
  const { left } = await store.calls.standing({
    callId: "",
    agent: "billing",
    reservations: asked,
    run: null,
    tenant: "acme",
    environment: "production",
    callDigest: "",
  });
  assert.deepEqual(left, [90, 90, 5]);
});

test("holds bind no more than their share, so that the rest of the budget stays for calls that need nobody", async () => {
  const key = freshId("account");
  const take = (units: number, hold: boolean) =>
    store.calls.admit(admitOf({ reservations: [reservationOf(key, units, 100)], ...(hold ? { hold: termsOf() } : {}) }));
  assert.equal((await take(50, true)).kind, "held");
  assert.equal((await take(1, true)).kind, "beyond");
  assert.equal((await take(50, false)).kind, "started");
  assert.equal((await take(1, false)).kind, "beyond");
});
