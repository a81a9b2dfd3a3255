import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { openMemoryRates } from "../../src/adapters/rates/memory-rates.ts";
import { cancelCall } from "../../src/control/cancel-call.ts";
import { findOwnCall } from "../../src/control/collect-call.ts";
import { duties } from "../../src/control/duties.ts";
import type { ControlPorts } from "../../src/control/ports.ts";
import { reconcileCall } from "../../src/control/reconcile-call.ts";
import { isRefusal } from "../../src/control/refusal.ts";
import { reportOutcome, reportUsage } from "../../src/control/report-run.ts";
import { clearStop, listStops, setStop } from "../../src/control/set-stop.ts";
import { voteOnHold } from "../../src/control/vote-on-hold.ts";
import type { StoredCall } from "../../src/ports/calls.ts";
import { isDenial } from "../../src/rules/denial.ts";
import type { Person, Principal } from "../../src/rules/principal.ts";
import { budgetOf, catalogueOf, contractOf, principalOf } from "../rules/catalogue-samples.ts";
import { readWholeLedger } from "../stores/books.ts";
import { admitOf, reservationOf, settleOf, t0, termsOf } from "../stores/requests.ts";
import { memoryFolder, openFile } from "../stores/sqlite-files.ts";

const folder = mkdtempSync(join(memoryFolder, "control-"));
const store = await openFile(join(folder, "control.db"));
const changed: string[] = [];
const clock = { now: t0 };
let stopIds = 0;
const budgets = [budgetOf({ name: "cost/run", meter: "cost", scope: "run", window: "run", limit: 100 })];

/** What the verbs below use of the ports: the real store, a clock that stands, and nothing else. */
const ports = {
  calls: store.calls,
  runs: store.runs,
  stopStore: store.stops,
  ledger: store.ledger,
  clock: { nowMs: () => clock.now, monotonicMs: () => clock.now },
  ids: { stopId: () => `stop_${++stopIds}` },
  notices: { changed: (id: string) => changed.push(id), wait: async () => {} },
  rates: openMemoryRates(),
  policy: () => ({ digest: "p9" }),
  stops: { refresh: async () => {}, blocking: () => null },
  catalogue: () => catalogueOf({ contracts: [contractOf({ budgets })] }),
} as unknown as ControlPorts;

after(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const person = (name: string, ...groups: readonly string[]): Person => ({
  person: name,
  name,
  roles: ["approver"],
  groups,
  expiresAtMs: 0,
});
const two = [
  { tier: "finance", group: "finance-people", people: 1 },
  { tier: "legal", group: "lawyers", people: 1 },
];

async function hold(terms = termsOf()): Promise<StoredCall> {
  const request = admitOf({ hold: terms, reservations: [reservationOf("held", 1, 1000)] });
  await store.calls.admit(request);
  return (await store.calls.find(request.call.id)) as StoredCall;
}

const voteBy = (call: StoredCall, who: Person, changes = {}) =>
  voteOnHold(ports, who, { callId: call.id, approve: true, reason: "seen", binding: call.binding, ...changes });

test("a person in two tiers signs for the one that still needs people", async () => {
  const call = await hold(termsOf({}, ...two));
  assert.deepEqual(await voteBy(call, person("ada", "finance-people", "lawyers")), { state: "held" });
  assert.deepEqual(await voteBy(call, person("bob", "finance-people", "lawyers")), { state: "approved" });
  assert.deepEqual(
    (await store.calls.find(call.id))?.votes.map(({ tier, policyDigest }) => [tier, policyDigest]),
    [
      ["finance", "p9"],
      ["legal", "p9"],
    ],
  );
  assert.equal(changed.filter((id) => id === call.id).length, 2);
});

test("a vote by somebody who may not, on another call than they saw, or too late is a conflict", async () => {
  const call = await hold(termsOf({ excluded: ["owners", "u_1"], expiresAtMs: t0 + 10 }));
  const refused = [
    await voteBy(call, person("u_1", "finance-people")),
    await voteBy(call, person("ada", "finance-people", "owners")),
    await voteBy(call, person("ada")),
    await voteBy(call, person("ada", "finance-people"), { binding: `${call.binding} ` }),
  ];
  clock.now = t0 + 10;
  refused.push(await voteBy(call, person("ada", "finance-people")));
  clock.now = t0;
  for (const one of refused) assert.ok(isRefusal(one) && one.refused === "ERR_CONFLICT");
  assert.equal(new Set(refused.map((one) => isRefusal(one) && one.message)).size, 4);
  assert.equal((await store.calls.find(call.id))?.votes.length, 0);
  for (const callId of ["c_none", ""]) {
    const missing = await voteBy(call, person("ada", "finance-people"), { callId });
    assert.ok(isRefusal(missing) && missing.refused === "ERR_NOT_FOUND");
  }
});

test("a call is taken back once, before it runs, by name and reason", async () => {
  const call = await hold();
  assert.equal(await cancelCall(ports, call, "ada", "typed wrong"), true);
  assert.equal(await cancelCall(ports, call, "ada", "again"), false);
  const stored = await store.calls.find(call.id);
  assert.deepEqual([stored?.state, stored?.settled?.by, stored?.settled?.detail], ["cancelled", "ada", "typed wrong"]);
  const started = admitOf();
  await store.calls.admit(started);
  assert.equal(await cancelCall(ports, (await store.calls.find(started.call.id)) as StoredCall, "ada", "late"), false);
});

test("only an unknown call is settled by hand, once, and not while it may be on its way", async () => {
  const request = admitOf({ settleByMs: t0 + 100 });
  const callId = request.call.id;
  await store.calls.admit(request);
  const settle = (outcome: "succeeded" | "failed" | "not_sent") =>
    reconcileCall(ports, person("ada"), { callId, outcome, reason: "looked it up" });
  const refused = [await settle("succeeded")];
  await store.calls.settle(settleOf(callId, "unknown"));
  clock.now = t0 + 99;
  refused.push(await settle("succeeded"));
  clock.now = t0 + 100;
  assert.deepEqual(await settle("succeeded"), { state: "succeeded" });
  refused.push(await settle("failed"), await settle("succeeded"));
  clock.now = t0;
  for (const one of refused) assert.ok(isRefusal(one) && one.refused === "ERR_CONFLICT");
  const stored = await store.calls.find(callId);
  assert.deepEqual([stored?.state, stored?.settled?.by, stored?.settled?.code], ["succeeded", "ada", "ERR_RECONCILED_EXECUTED"]);
});

test("of 50 people who settle a call by hand at once one does", async () => {
  const request = admitOf({ settleByMs: t0 - 1 });
  await store.calls.admit(request);
  await store.calls.settle(settleOf(request.call.id, "unknown"));
  const outcomes = Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? "succeeded" : "failed"));
  const all = await Promise.all(
    outcomes.map((outcome) => reconcileCall(ports, person("ada"), { callId: request.call.id, outcome, reason: "x" })),
  );
  assert.equal(all.filter((one) => !isRefusal(one)).length, 1);
});

test("a stop is set from the fields it knows, told while it holds, and cleared once", async () => {
  const scope = { agent: "stopped", surprise: "x" } as { agent: string };
  const stop = await setStop(ports, person("ada"), { scope, reason: "halt", expiresInMs: 50 });
  assert.deepEqual(stop, { id: stop.id, scope: { agent: "stopped" }, reason: "halt", setBy: "ada", setAtMs: t0, expiresAtMs: t0 + 50 });
  assert.deepEqual(
    (await listStops(ports)).map(({ id }) => id),
    [stop.id],
  );
  clock.now = t0 + 50;
  assert.deepEqual(await listStops(ports), []);
  clock.now = t0;
  assert.deepEqual(await clearStop(ports, person("bob"), stop.id), { cleared: stop.id });
  const again = await clearStop(ports, person("bob"), stop.id);
  assert.ok(isRefusal(again) && again.refused === "ERR_NOT_FOUND");
});

const strangers: readonly (readonly [string, Partial<Principal>])[] = [
  ["another agent", { agent: "other" }],
  ["another tenant", { tenant: "other" }],
  ["another user", { user: { id: "u_2", groups: [] } }],
  ["no user", { user: null }],
];

test("a call is found by its own agent, tenant and user; to others it does not exist", async () => {
  const mine = principalOf({ user: { id: "u_1", groups: [] } });
  const request = admitOf();
  await store.calls.admit(request);
  const found = await findOwnCall(ports, { ...mine, run: null }, request.call.id);
  assert.ok(!isDenial(found) && found.id === request.call.id);
  const none = await findOwnCall(ports, mine, "c_none");
  for (const [title, changes] of strangers)
    assert.deepEqual(await findOwnCall(ports, { ...mine, ...changes }, request.call.id), none, title);
  const child = admitOf({ call: { parent: request.call.id } });
  await store.calls.admit(child);
  assert.deepEqual(await findOwnCall(ports, mine, child.call.id), none);
  assert.ok(isDenial(none) && none.denied === "ERR_CALL_NOT_FOUND");
});

test("usage and outcome are taken of the token's own run, and cost counts in the run's budget", async () => {
  const report = { model: null, promptTokens: 1, completionTokens: 1, usdMicros: 60 };
  const mine = principalOf({ run: "r_cost" });
  assert.ok(isDenial(await reportUsage(ports, mine, "r_other", report)));
  assert.ok(isDenial(await reportUsage(ports, principalOf({ run: null }), "r_cost", report)));
  assert.ok(isDenial(await reportOutcome(ports, mine, "r_other", { status: "done", reason: "" })));
  assert.ok(isDenial(await reportUsage(ports, { ...mine, agent: "other" }, "r_cost", report)));
  assert.equal(await store.runs.find({ run: "r_cost", tenant: "acme", agent: "billing" }), null);
  assert.equal(await reportUsage(ports, mine, "r_cost", report), null);
  assert.equal(await reportUsage(ports, mine, "r_cost", report), null);
  const rows = (await readWholeLedger(store)).filter(({ entry }) => entry["type"] === "run.usage");
  assert.equal(rows.length, 2);
  assert.equal((await store.runs.find({ run: "r_cost", tenant: "acme", agent: "billing" }))?.usdMicros, 120);
});

test("the duties end what is due, and find nothing the second time", async () => {
  const held = await hold(termsOf({ expiresAtMs: t0 + 1000 }));
  const write = admitOf({ settleByMs: t0 + 1000 });
  const read = admitOf({ settleByMs: t0 + 1000, call: { effect: "read" } });
  await store.calls.admit(write);
  await store.calls.admit(read);
  const run = async (): Promise<void> => {
    const asked = duties.filter(({ name }) => ["expire holds", "settle overdue calls"].includes(name));
    assert.equal(asked.length, 2);
    for (const duty of asked) await duty.run(ports);
  };
  const stateOf = async (id: string): Promise<string | undefined> => (await store.calls.find(id))?.state;
  clock.now = t0 + 999;
  await run();
  assert.deepEqual([await stateOf(held.id), await stateOf(write.call.id), await stateOf(read.call.id)], ["held", "started", "started"]);
  clock.now = t0 + 1000;
  await run();
  assert.deepEqual([await stateOf(held.id), await stateOf(write.call.id), await stateOf(read.call.id)], ["expired", "unknown", "failed"]);
  const { size } = await store.ledger.head();
  await run();
  clock.now = t0;
  assert.equal((await store.ledger.head()).size, size);
  assert.equal((await store.ledger.read(1, 1000)).length, size);
});
