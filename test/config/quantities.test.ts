import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatDuration,
  formatMinor,
  parseDuration,
  parseMicros,
  parseMoney,
  parseRate,
  parseSize,
  parseUsd,
} from "../../src/config/quantities.ts";

const parsers = { duration: parseDuration, size: parseSize, rate: parseRate, money: parseMoney, usd: parseUsd, micros: parseMicros };

const good: readonly [keyof typeof parsers, string, unknown][] = [
  ["duration", "500ms", 500],
  ["duration", "0s", 0],
  ["duration", "24h", 86_400_000],
  ["duration", "30d", 2_592_000_000],
  ["size", "256KiB", 262_144],
  ["size", "1MiB", 1_048_576],
  ["rate", "60/min", { limit: 60, windowMs: 60_000 }],
  ["rate", "1/day", { limit: 1, windowMs: 86_400_000 }],
  ["money", "5000.00 USD", { minor: 500_000, currency: "USD" }],
  ["money", "5 USD", { minor: 500, currency: "USD" }],
  ["money", "900 JPY", { minor: 900, currency: "JPY" }],
  ["money", "1.234 KWD", { minor: 1234, currency: "KWD" }],
  ["usd", "0.40 USD", 400_000],
  ["usd", "0.000001 USD", 1],
  ["micros", "0.15", 150_000],
  // 0.29 * 100 is 28.999999999999996 as a double.
  ["money", "0.29 USD", { minor: 29, currency: "USD" }],
  ["money", "90071992547409.91 USD", { minor: Number.MAX_SAFE_INTEGER, currency: "USD" }],
];
for (const [kind, text, value] of good) test(`${kind} ${text} is read exactly`, () => assert.deepEqual(parsers[kind](text), value));

const bad: readonly (readonly [keyof typeof parsers, string])[] = [
  ...["", "10", "s", "1.5s", "-1s", "01s", " 1s", "1s ", "1S", "1 s", "1m30s", "1e3s", "9007199254740993ms", "1constructor", "١s"].map(
    (text) => ["duration", text] as const,
  ),
  ...["", "1KB", "1kib", "1GiB", "1.5MiB"].map((text) => ["size", text] as const),
  ...["", "0/min", "60", "60/minute", "-1/s", "6.5/s", "60 / min", "1000000000/s"].map((text) => ["rate", text] as const),
  ...[
    "",
    "5",
    "5USD",
    "5  USD",
    "5.001 USD",
    "0.5 JPY",
    "-5 USD",
    "+5 USD",
    "5e2 USD",
    "05 USD",
    ".5 USD",
    "5. USD",
    "5,000 USD",
    "5 usd",
    "5 ZZZ",
    "90071992547409.92 USD",
    "0x5 USD",
  ].map((text) => ["money", text] as const),
  ...["0.40 EUR", "0.40", "0.0000001 USD"].map((text) => ["usd", text] as const),
  ...["", "NaN", "Infinity", "1_000"].map((text) => ["micros", text] as const),
];
test("what is not exactly a quantity is refused with what is wanted", () => {
  assert.equal(bad.length, 52);
  for (const [kind, text] of bad) {
    const value = parsers[kind](text);
    assert.ok(typeof value === "object" && "wanted" in value, `${kind} ${JSON.stringify(text)} was read as ${JSON.stringify(value)}`);
  }
});

test("money written by us reads back to the same units", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.constantFrom("USD", "EUR", "JPY", "KWD", "CLF"), (minor, currency) => {
      assert.deepEqual(parseMoney(formatMinor(minor, currency)), { minor, currency });
    }),
  );
});

test("a duration is shown in its largest whole unit", () => {
  assert.deepEqual([28_800_000, 90_000, 1500, 86_400_000].map(formatDuration), ["8 h", "90 s", "1500 ms", "1 d"]);
});
