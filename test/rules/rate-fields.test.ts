import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseList } from "structured-headers";
import { type RateStanding, rateKey, rateLimitFields, retryAfterSeconds } from "../../src/rules/rate-fields.ts";

const agent: RateStanding = { name: "agent", quota: 60, windowMs: 60_000, remaining: 12, resetMs: 30_100 };
const tenant: RateStanding = { name: "tenant", quota: 1000, windowMs: 3_600_000, remaining: 0, resetMs: 1 };

const rows: readonly { readonly standings: readonly RateStanding[]; readonly policy: string; readonly limit: string }[] = [
  { standings: [agent], policy: '"agent";q=60;w=60', limit: '"agent";r=12;t=31' },
  { standings: [agent, tenant], policy: '"agent";q=60;w=60, "tenant";q=1000;w=3600', limit: '"agent";r=12;t=31, "tenant";r=0;t=1' },
  {
    standings: [agent, { ...agent, windowMs: 3_600_000, quota: 900 }],
    policy: '"agent";q=60;w=60, "agent-3600";q=900;w=3600',
    limit: '"agent";r=12;t=31, "agent-3600";r=12;t=31',
  },
  { standings: [{ ...agent, remaining: -3, resetMs: -5, windowMs: 1500 }], policy: '"agent";q=60;w=2', limit: '"agent";r=0;t=0' },
];

test("rate limits are told as draft 11 of the RateLimit fields says", () => {
  for (const { standings, policy, limit } of rows) {
    assert.deepEqual(rateLimitFields(standings), { "ratelimit-policy": policy, ratelimit: limit });
    for (const text of [policy, limit]) assert.equal(parseList(text).length, standings.length);
  }
  assert.equal(rows.length, 4);
});

test("no rate, no field", () => {
  assert.deepEqual(rateLimitFields([]), {});
});

test("Retry-After is rounded up, and at least a second", () => {
  const seconds: readonly [ms: number, seconds: number][] = [
    [-1, 1],
    [0, 1],
    [1, 1],
    [999, 1],
    [1000, 1],
    [1001, 2],
    [59_999, 60],
    [3_600_000, 3600],
  ];
  for (const [ms, expected] of seconds) assert.equal(retryAfterSeconds(ms), expected, `${ms} ms`);
});

test("keys of different parts never meet", () => {
  const parts = [
    ["a:b", "c"],
    ["a", "b:c"],
    ["a", "b", "c"],
    ["a:b:c"],
    ["abc"],
    ["", "abc"],
    ["abc", ""],
    ["1:a"],
    ["a", "1:a"],
    ["1:a1:a"],
    ["a", "a"],
    [],
    [""],
    ["", ""],
    ["0:"],
  ];
  assert.equal(new Set(parts.map(rateKey)).size, parts.length);
});

test("keys meet exactly when their parts are the same", (t) => {
  const part = fc.string({ unit: fc.constantFrom("a", ":", "1", "2", "{", "\n", "\0", "ü", "*"), maxLength: 4 });
  const seed = Date.now() | 0;
  t.diagnostic(`seed ${seed}`);
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), fc.array(part, { maxLength: 4 }), (left, right) => {
      const same = left.length === right.length && left.every((text, at) => text === right[at]);
      assert.equal(rateKey(left) === rateKey(right), same);
    }),
    { seed, numRuns: 2000 },
  );
});
