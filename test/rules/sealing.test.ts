import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import type { JsonObject } from "../../src/rules/json.ts";
import { emptyHead, genesisHash, hashEntry, headAfter, sealEntries } from "../../src/rules/sealing.ts";

const entries: readonly JsonObject[] = [{ kind: "held", call: "c_1" }, { kind: "started", call: "c_1" }, {}];

test("the hash is SHA-256 over label, seq, prev and the canonical entry, one line each", () => {
  const text = `sallyport ledger entry v1\n7\n${genesisHash}\n{"a":1,"b":"ü"}`;
  assert.equal(hashEntry(genesisHash, 7, { b: "ü", a: 1.0 }), createHash("sha256").update(text).digest("hex"));
});

test("rows are numbered from 1 and each names the hash before it", () => {
  const sealed = sealEntries(emptyHead, entries);
  assert.deepEqual(
    sealed.map((row) => row.seq),
    [1, 2, 3],
  );
  assert.deepEqual(
    sealed.map((row) => row.prev),
    [genesisHash, sealed[0]?.hash, sealed[1]?.hash],
  );
  assert.deepEqual(headAfter(emptyHead, sealed), { size: 3, hash: sealed[2]?.hash });
  assert.deepEqual(headAfter(emptyHead, []), emptyHead);
});

test("sealing in any portions gives the same chain as sealing at once", () => {
  const entry = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()) as fc.Arbitrary<JsonObject>;
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), fc.nat(20), (rows, cut) => {
      const first = sealEntries(emptyHead, rows.slice(0, cut));
      const second = sealEntries(headAfter(emptyHead, first), rows.slice(cut));
      assert.deepEqual([...first, ...second], sealEntries(emptyHead, rows));
    }),
    { seed: 16, numRuns: 200 },
  );
});

test("the order of an entry's keys does not matter, anything else in a row does", () => {
  const hash = hashEntry(genesisHash, 1, { a: 1, b: 2 });
  assert.equal(hashEntry(genesisHash, 1, { b: 2, a: 1 }), hash);
  const others = [
    hashEntry(genesisHash, 2, { a: 1, b: 2 }),
    hashEntry(hash, 1, { a: 1, b: 2 }),
    hashEntry(genesisHash, 1, { a: 1, b: "2" }),
    hashEntry(genesisHash, 1, { a: 1 }),
    hashEntry(genesisHash, 1, { a: 1, b: 2, c: null }),
  ];
  assert.equal(new Set([hash, ...others]).size, 6);
});

test("what cannot be a head, and what has no canonical form, is refused as a whole", () => {
  const heads = [
    { size: -1, hash: genesisHash },
    { size: 0.5, hash: genesisHash },
    { size: Number.NaN, hash: genesisHash },
    { size: 2 ** 53, hash: "a".repeat(64) },
    { size: Number.MAX_SAFE_INTEGER, hash: "a".repeat(64) },
    { size: 1, hash: genesisHash },
    { size: 0, hash: "a".repeat(64) },
    { size: 1, hash: "A".repeat(64) },
    { size: 1, hash: "a".repeat(63) },
    { size: 1, hash: `${"a".repeat(64)}\n` },
  ];
  for (const head of heads) assert.throws(() => sealEntries(head, [{}]), RangeError, JSON.stringify(head));
  assert.equal(heads.length, 10);
  assert.throws(() => sealEntries(emptyHead, [{ ok: 1 }, { bad: "\ud800" }]));
  assert.throws(() => sealEntries(emptyHead, [{ bad: Number.POSITIVE_INFINITY }]));
});
