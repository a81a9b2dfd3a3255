import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { openMemoryRates } from "../../../src/adapters/rates/memory-rates.ts";
import type { RateUse } from "../../../src/ports/rates.ts";
import { rateKey } from "../../../src/rules/rate-fields.ts";

const use = (name: "agent" | "tenant" | "tool", limit: number, parts: readonly string[] = ["x"], windowMs = 60_000): RateUse => ({
  name,
  key: rateKey([name, ...parts]),
  rate: { scope: name, limit, windowMs },
});

/** The library reads Date and sets timers by itself; both are the test's here. */
async function withTime(run: (passMs: (ms: number) => void) => Promise<void>): Promise<void> {
  mock.timers.enable({ apis: ["Date", "setTimeout"], now: 1_795_350_600_000 });
  try {
    await run((ms) => mock.timers.tick(ms));
  } finally {
    mock.timers.reset();
  }
}

test("1,000 calls at once against 100 points are granted exactly 100 times", async (t) => {
  for (const scopes of [1, 2, 3]) {
    const rates = openMemoryRates();
    const uses = [use("agent", 100), use("tenant", 150), use("tool", 1000)].slice(0, scopes);
    const results = await Promise.all(Array.from({ length: 1000 }, () => rates.consume(uses)));
    const granted = results.filter((result) => result.granted).length;
    assert.equal(granted, 100);
    t.diagnostic(`${scopes} scopes: ${granted} of ${results.length} granted`);
  }
});

test("calls that share one scope and not the others are granted its limit in sum", async () => {
  const rates = openMemoryRates();
  const results = await Promise.all(
    Array.from({ length: 1000 }, (_, at) => rates.consume([use("agent", 30, [`a${at % 10}`]), use("tenant", 100)])),
  );
  assert.equal(results.filter((result) => result.granted).length, 100);
  const left = await Promise.all(Array.from({ length: 10 }, (_, at) => rates.consume([use("agent", 30, [`a${at}`])])));
  // 300 points, 100 granted, 10 taken by this look; no refused call burned one.
  assert.equal(
    left.reduce((total, { standings }) => total + (standings[0]?.remaining ?? 0), 0),
    300 - 100 - 10,
  );
});

for (const refusing of [0, 1, 2]) {
  test(`a call refused in scope ${refusing + 1} of 3 burns no point anywhere`, async () => {
    const rates = openMemoryRates();
    const uses = [use("agent", 50), use("tenant", 50), use("tool", 50)].map((each, at) =>
      at === refusing ? { ...each, rate: { ...each.rate, limit: 2 } } : each,
    );
    for (let call = 0; call < 2; call += 1) assert.equal((await rates.consume(uses)).granted, true);
    for (let call = 0; call < 20; call += 1) {
      const { granted, standings } = await rates.consume(uses);
      assert.equal(granted, false);
      assert.equal(standings.length, refusing + 1);
      assert.equal(standings.at(-1)?.remaining, 0);
    }
    for (const [at, each] of uses.entries()) {
      if (at === refusing) continue;
      assert.equal((await rates.consume([each])).standings[0]?.remaining, 47, "two granted and this one");
    }
  });
}

test("a refused caller is granted as soon as the window turns, however often it knocked", async () => {
  await withTime(async (passMs) => {
    const rates = openMemoryRates();
    for (let call = 0; call < 10; call += 1) assert.equal((await rates.consume([use("agent", 10)])).granted, true);
    passMs(30_000);
    for (let call = 0; call < 50; call += 1) {
      const { granted, standings } = await rates.consume([use("agent", 10)]);
      assert.deepEqual([granted, standings[0]?.resetMs], [false, 30_000]);
    }
    passMs(29_999);
    assert.equal((await rates.consume([use("agent", 10)])).granted, false);
    passMs(1);
    const { granted, standings } = await rates.consume([use("agent", 10)]);
    assert.deepEqual([granted, standings], [true, [{ name: "agent", quota: 10, windowMs: 60_000, remaining: 9, resetMs: 60_000 }]]);
  });
});

test("windows that turn at different times never grant more than each allows", async () => {
  await withTime(async (passMs) => {
    const rates = openMemoryRates();
    const uses = [use("agent", 3, ["x"], 1000), use("agent", 20, ["x"], 10_000)];
    const grantedAt: number[] = [];
    for (let second = 0; second < 30; second += 1) {
      for (let call = 0; call < 9; call += 1) if ((await rates.consume(uses)).granted) grantedAt.push(second);
      passMs(1000);
    }
    assert.equal(grantedAt.length, 60);
    for (let window = 0; window < 3; window += 1) assert.equal(grantedAt.filter((at) => Math.floor(at / 10) === window).length, 20);
    for (let second = 0; second < 30; second += 1) assert.ok(grantedAt.filter((at) => at === second).length <= 3);
  });
});

test("the last millisecond of a window and the clock's step beyond it count as what they are", async () => {
  await withTime(async () => {
    const rates = openMemoryRates();
    await rates.consume([use("agent", 1, ["x"], 1000)]);
    assert.equal((await rates.consume([use("agent", 1, ["x"], 1000)])).granted, false);
    // The clock moves, the library's timer has not run yet: the entry is still there and no longer counts.
    mock.timers.setTime(1_795_350_601_000);
    assert.equal((await rates.consume([use("agent", 1, ["x"], 1000)])).granted, true);
  });
});

test("names with separators do not share a counter", async () => {
  const rates = openMemoryRates();
  const names = [
    ["a:b", "c"],
    ["a", "b:c"],
    ["a", "b", "c"],
    ["a:b:c"],
    ["__proto__"],
    ["constructor"],
    ["a\n"],
    ["a\0"],
    ["*"],
    ["{a}"],
    ["\u0430"],
    ["a".repeat(10_000)],
  ];
  let granted = 0;
  for (const parts of names) if ((await rates.consume([use("tenant", 1, parts)])).granted) granted += 1;
  assert.equal(granted, names.length);
  for (const parts of names) assert.equal((await rates.consume([use("tenant", 1, parts)])).granted, false);
});

test("one scope under two limits or windows has a counter for each", async () => {
  const rates = openMemoryRates();
  const results = await Promise.all(
    Array.from({ length: 10 }, () => rates.consume([use("agent", 5, ["x"], 1000), use("agent", 7, ["x"], 60_000)])),
  );
  assert.equal(results.filter((result) => result.granted).length, 5);
});

test("the same use twice in one call takes two points or none", async () => {
  const rates = openMemoryRates();
  const twice = [use("agent", 5), use("agent", 5)];
  const grants: boolean[] = [];
  for (let call = 0; call < 4; call += 1) grants.push((await rates.consume(twice)).granted);
  assert.deepEqual(grants, [true, true, false, false]);
  assert.equal((await rates.consume([use("agent", 5)])).granted, true);
});

test("a limit of none refuses, and no use is no limit", async () => {
  const rates = openMemoryRates();
  assert.equal((await rates.consume([use("agent", 0)])).granted, false);
  assert.deepEqual(await rates.consume([]), { granted: true, standings: [] });
});

test("a rate that cannot be counted rejects, so that the call is denied, and the next call is served", async () => {
  const rates = openMemoryRates();
  const bad = [
    [-1, 60_000],
    [1.5, 60_000],
    [Number.NaN, 60_000],
    [Number.POSITIVE_INFINITY, 60_000],
    [1, 999],
    [1, 0],
    [1, Number.NaN],
    [1, 2 ** 31],
  ] as const;
  for (const [limit, windowMs] of bad)
    await assert.rejects(rates.consume([use("agent", limit, ["x"], windowMs)]), RangeError, `${limit}/${windowMs}`);
  assert.equal(bad.length, 8);
  assert.equal((await rates.consume([use("agent", 1)])).granted, true);
});

test("the longest window is kept, not forgotten at once", async () => {
  const rates = openMemoryRates();
  const longest = use("agent", 1, ["x"], 2 ** 31 - 1);
  assert.equal((await rates.consume([longest])).granted, true);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await rates.consume([longest])).granted, false);
});

test("keys whose window has ended are let go", async () => {
  await withTime(async (passMs) => {
    const maps = new Set<Map<unknown, unknown>>();
    const set = Map.prototype.set;
    const spy = mock.method(Map.prototype, "set", function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
      if (typeof key === "string" && key.includes("6:bounds")) maps.add(this);
      return set.call(this, key, value);
    });
    const rates = openMemoryRates();
    for (let key = 0; key < 500; key += 1) await rates.consume([use("agent", 5, ["bounds", String(key)])]);
    spy.mock.restore();
    assert.deepEqual(
      [...maps].map((map) => map.size),
      [500],
    );
    passMs(60_000);
    assert.deepEqual(
      [...maps].map((map) => map.size),
      [0],
    );
  });
});
