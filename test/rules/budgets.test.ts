import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Account, emptyAccount, type Reservation, resolve, shortfall, take, unitsLeft } from "../../src/rules/budgets.ts";
import { propertyRuns } from "./property-runs.ts";

const reserve = (units: number, limit = 100, heldMax = 50): Reservation => ({
  key: "a",
  budget: "b",
  units,
  limit,
  heldMax,
  endsAtMs: null,
});
const most = Number.MAX_SAFE_INTEGER;

const fitting: readonly (readonly [Account, Reservation, boolean])[] = [
  [emptyAccount, reserve(0), false],
  [emptyAccount, reserve(100), false],
  [{ taken: 40, held: 0, settled: 59 }, reserve(1), false],
  [{ taken: 100, held: 0, settled: 0 }, reserve(0), false],
  [{ taken: 49, held: 49, settled: 0 }, reserve(1), true],
  [{ taken: 50, held: 50, settled: 0 }, reserve(50), false],
  [emptyAccount, reserve(most, most, most), true],
];

const short: readonly (readonly [string, Account, Reservation, boolean, number, boolean])[] = [
  ["one too many", emptyAccount, reserve(101), false, 100, false],
  ["taken by open calls", { taken: 100, held: 0, settled: 0 }, reserve(1), false, 0, false],
  ["settled for good", { taken: 0, held: 0, settled: 100 }, reserve(1), false, 0, false],
  ["both", { taken: 50, held: 0, settled: 50 }, reserve(1), false, 0, false],
  ["an overrun leaves nothing, not less", { taken: 10, held: 0, settled: 500 }, reserve(1), false, 0, false],
  ["past the limit not even nothing fits", { taken: 0, held: 0, settled: 101 }, reserve(0), false, 0, false],
  ["a limit of nothing", emptyAccount, reserve(1, 0, 0), false, 0, false],
  ["holds beyond their share", { taken: 50, held: 50, settled: 0 }, reserve(1), true, 0, true],
  ["a hold that would pass the share", { taken: 30, held: 30, settled: 0 }, reserve(21), true, 20, true],
  ["a hold of a lowered share", { taken: 60, held: 60, settled: 0 }, reserve(1), true, 0, true],
  ["the limit is told before the share", { taken: 100, held: 50, settled: 0 }, reserve(1), true, 0, false],
  ["less than nothing", emptyAccount, reserve(-1), false, 100, false],
  ["much less than nothing", { taken: 100, held: 0, settled: 0 }, reserve(-most), false, 0, false],
  ["half a unit", emptyAccount, reserve(0.5), false, 100, false],
  ["beyond exact integers", emptyAccount, reserve(2 ** 53, 2 ** 60), false, 2 ** 60, false],
  ["infinity", emptyAccount, reserve(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY), false, Number.POSITIVE_INFINITY, false],
  ["no number", emptyAccount, reserve(Number.NaN), true, 100, false],
];

test("what fits, fits to the last unit", () => {
  for (const [account, reservation, forHold] of fitting)
    assert.equal(shortfall(account, reservation, forHold), null, JSON.stringify(reservation));
  assert.equal(fitting.length, 7);
});

test("what does not fit is told with the units left", () => {
  for (const [title, account, reservation, forHold, left, heldShare] of short)
    assert.deepEqual(shortfall(account, reservation, forHold), { left, heldShare }, title);
  assert.equal(short.length, 17);
});

test("taking and giving back leaves the account as it was; settling moves the actual", (context) => {
  const units = fc.nat(1_000_000);
  const property = fc.property(units, units, units, fc.boolean(), units, (taken, held, settled, forHold, amount) => {
    const before: Account = { taken: taken + held, held, settled };
    const after = take(before, amount, forHold);
    assert.equal(unitsLeft(before, most) - unitsLeft(after, most), amount);
    assert.deepEqual(resolve(after, amount, forHold, 0), before);
    assert.deepEqual(resolve(after, amount, forHold, amount + 3), { ...before, settled: settled + amount + 3 });
  });
  fc.assert(property, propertyRuns(context, 500));
});
