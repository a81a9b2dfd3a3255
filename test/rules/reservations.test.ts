import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Reservation } from "../../src/rules/budgets.ts";
import type { Budget } from "../../src/rules/catalogue.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { reservationsFor, type Usage, windowAt } from "../../src/rules/reservations.ts";
import { budgetOf } from "./catalogue-samples.ts";
import { propertyRuns } from "./property-runs.ts";

const at = (iso: string): number => Date.parse(iso);

/** Zone, window, a moment in it, its start and its end. All UTC. */
const windows: readonly (readonly [string, Budget["window"], string, string, string])[] = [
  ["Europe/Berlin", "day", "2026-11-22T22:59:59.999Z", "2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z"],
  ["Europe/Berlin", "day", "2026-11-22T23:00:00Z", "2026-11-22T23:00:00Z", "2026-11-23T23:00:00Z"],
  // Spring forward: the day has 23 hours, and the hour after 02:00 is 03:00.
  ["Europe/Berlin", "day", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"],
  ["Europe/Berlin", "hour", "2026-03-29T00:59:59Z", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"],
  ["Europe/Berlin", "hour", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"],
  ["Europe/Berlin", "week", "2026-03-29T12:00:00Z", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z"],
  ["Europe/Berlin", "month", "2026-03-29T12:00:00Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"],
  // Fall back: the day has 25 hours, and 02:00 to 03:00 comes twice, as two windows.
  ["Europe/Berlin", "day", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"],
  ["Europe/Berlin", "hour", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"],
  ["Europe/Berlin", "hour", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"],
  ["Europe/Berlin", "minute", "2026-10-25T01:30:59.999Z", "2026-10-25T01:30:00Z", "2026-10-25T01:31:00Z"],
  // Leap day.
  ["Europe/Berlin", "day", "2028-02-29T12:00:00Z", "2028-02-28T23:00:00Z", "2028-02-29T23:00:00Z"],
  ["Europe/Berlin", "month", "2028-02-29T12:00:00Z", "2028-01-31T23:00:00Z", "2028-02-29T23:00:00Z"],
  ["UTC", "month", "2028-02-29T23:59:59.999Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"],
  ["UTC", "day", "2100-02-28T23:59:59.999Z", "2100-02-28T00:00:00Z", "2100-03-01T00:00:00Z"],
  // Weeks begin on Monday, over the turn of the year too.
  ["UTC", "week", "2027-01-03T23:59:59.999Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"],
  ["UTC", "week", "2027-01-04T00:00:00Z", "2027-01-04T00:00:00Z", "2027-01-11T00:00:00Z"],
  // Zones off the full hour, and on the other side of the date line.
  ["Asia/Kathmandu", "day", "2026-11-22T18:14:59Z", "2026-11-21T18:15:00Z", "2026-11-22T18:15:00Z"],
  ["Asia/Kathmandu", "hour", "2026-11-22T18:14:59Z", "2026-11-22T17:15:00Z", "2026-11-22T18:15:00Z"],
  ["Pacific/Kiritimati", "day", "2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z", "2026-11-23T10:00:00Z"],
  // A day that begins at 01:00, for there is no midnight.
  ["Africa/Cairo", "day", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"],
  // Days whose midnight comes twice: one window, from the first midnight on.
  ["Atlantic/Azores", "day", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"],
  ["Atlantic/Azores", "day", "2026-10-25T01:30:00Z", "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"],
  ["Atlantic/Azores", "day", "2026-10-25T12:00:00Z", "2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"],
  ["Atlantic/Azores", "day", "2026-10-24T12:00:00Z", "2026-10-24T00:00:00Z", "2026-10-25T00:00:00Z"],
  ["America/Havana", "day", "2026-11-01T18:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"],
  ["America/Havana", "month", "2026-11-20T18:00:00Z", "2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"],
];

test("a window begins and ends where the zone's calendar says", () => {
  for (const [zone, window, now, start, end] of windows)
    assert.deepEqual(
      windowAt(budgetOf({ zone, window }), at(now)),
      { startMs: at(start), endMs: at(end) },
      `${window} in ${zone} at ${now}`,
    );
  assert.equal(windows.length, 27);
});

test("a run's window never turns", () => {
  for (const nowMs of [0, at("2026-03-29T01:00:00Z"), 8.64e15])
    assert.deepEqual(windowAt(budgetOf({ window: "run" }), nowMs), { startMs: 0, endMs: null });
});

// 2026's changes of clock in these zones, around which a window could open twice.
const changes = [
  "2026-03-08T07:00Z",
  "2026-03-29T01:00Z",
  "2026-04-04T15:00Z",
  "2026-04-23T22:00Z",
  "2026-10-03T15:30Z",
  "2026-10-25T01:00Z",
  "2026-10-29T21:00Z",
  "2026-11-01T05:00Z",
];
const zones = [
  "Europe/Berlin",
  "America/New_York",
  "America/Havana",
  "Atlantic/Azores",
  "Africa/Cairo",
  "Asia/Beirut",
  "Asia/Kathmandu",
  "Pacific/Chatham",
  "UTC",
];

test("windows lie end to end: none overlaps, none leaves a gap, and no moment opens one twice", (context) => {
  const window = fc.constantFrom<Budget["window"]>("minute", "hour", "day", "week", "month");
  const moment = fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -30 * 3_600_000, max: 30 * 3_600_000 }))
    .map(([iso, off]) => at(iso) + off);
  const property = fc.property(
    fc.constantFrom(...zones),
    window,
    moment,
    fc.double({ min: 0, max: 1, noNaN: true }),
    (zone, length, nowMs, share) => {
      const budget = budgetOf({ zone, window: length });
      const { startMs, endMs } = windowAt(budget, nowMs);
      assert.ok(endMs !== null && startMs <= nowMs && nowMs < endMs, `${startMs} <= ${nowMs} < ${endMs}`);
      const inside = startMs + Math.floor((endMs - 1 - startMs) * share);
      for (const other of [startMs, inside, endMs - 1]) assert.deepEqual(windowAt(budget, other), { startMs, endMs }, `at ${other}`);
      assert.equal(windowAt(budget, endMs).startMs, endMs);
    },
  );
  fc.assert(property, propertyRuns(context, 3000));
});

const usage: Usage = {
  tenant: "acme",
  environment: "production",
  agent: "billing",
  workflow: "dispute",
  run: "r_1",
  calls: 1,
  costMicros: 20,
  amount: { minor: 500, currency: "EUR" },
};
const noon = at("2026-11-22T12:00:00Z");

function reservationsOf(budgets: readonly Budget[], changed: Partial<Usage> = {}, nowMs = noon): readonly Reservation[] {
  const reservations = reservationsFor(budgets, { ...usage, ...changed }, nowMs);
  assert.ok(!isDenial(reservations));
  return reservations;
}

const eur = budgetOf({ name: "amount/eur", meter: "amount", currency: "EUR", limit: 999, heldShareMax: 33 });
const usd = budgetOf({ name: "amount/usd", meter: "amount", currency: "USD" });

test("each meter counts its own units", () => {
  const budgets = [budgetOf({ meter: "calls" }), budgetOf({ meter: "cost" }), eur, usd];
  assert.deepEqual(
    reservationsOf(budgets).map(({ units }) => units),
    [1, 20, 500],
  );
  assert.deepEqual(
    reservationsOf(budgets, { amount: null }).map(({ units }) => units),
    [1, 20],
  );
  assert.equal(reservationsOf([eur])[0]?.heldMax, 329);
});

test("an amount in a currency that no amount budget counts is denied, not uncapped", () => {
  for (const currency of ["USD", "eur", "EUR ", "", "XXX"]) {
    const denied = reservationsFor([eur, budgetOf()], { ...usage, amount: { minor: 1, currency } }, noon);
    assert.ok(isDenial(denied) && denied.denied === "ERR_AMOUNT_UNDETERMINED", currency);
  }
  assert.equal(reservationsOf([budgetOf()], { amount: { minor: 1, currency: "XXX" } }).length, 1);
});

/** What must be in the key of a scope's account, and what must not. */
const scopes: readonly (readonly [Budget["scope"], readonly (keyof Usage)[]])[] = [
  ["run", ["environment", "tenant", "agent", "run"]],
  ["agent", ["environment", "tenant", "agent"]],
  ["workflow", ["environment", "tenant", "workflow"]],
  ["tenant", ["environment", "tenant"]],
];

test("an account is of exactly the ids of its scope", () => {
  for (const [scope, ids] of scopes) {
    const keyOf = (changed: Partial<Usage> = {}): string => reservationsOf([budgetOf({ scope })], changed)[0]?.key ?? "";
    for (const id of ["environment", "tenant", "agent", "workflow", "run"] as const)
      assert.equal(keyOf({ [id]: "other" }) !== keyOf(), ids.includes(id), `${scope} ${id}`);
  }
  assert.equal(scopes.length, 4);
});

test("no two different ids, meters, scopes, windows or zones share an account", (context) => {
  const id = fc.oneof(
    fc.constantFrom("a", "a,b", '"', '","', "a:b", "{}", "*", "\n", "\u0000", "__proto__", "а", "a "),
    fc.string({ maxLength: 4 }),
  );
  const ids = fc.record({ environment: id, tenant: id, agent: id, workflow: id, run: id });
  const kind = fc.record({
    meter: fc.constantFrom<Budget["meter"]>("calls", "cost"),
    scope: fc.constantFrom<Budget["scope"]>("run", "agent", "workflow", "tenant"),
    window: fc.constantFrom<Budget["window"]>("run", "hour", "day"),
    zone: fc.constantFrom("UTC", "Europe/Berlin"),
  });
  const property = fc.property(ids, ids, kind, kind, (one, two, kindOne, kindTwo) => {
    const keyOf = (who: Partial<Usage>, what: Partial<Budget>): string => reservationsOf([budgetOf(what)], who)[0]?.key ?? "";
    const told = (who: typeof one, what: typeof kindOne): string => {
      const own = scopes.find(([scope]) => scope === what.scope)?.[1] ?? [];
      return JSON.stringify([what, own.map((name) => who[name as keyof typeof one])]);
    };
    assert.equal(keyOf(one, kindOne) === keyOf(two, kindTwo), told(one, kindOne) === told(two, kindTwo));
  });
  fc.assert(property, propertyRuns(context, 2000));
});
