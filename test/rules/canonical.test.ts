import assert from "node:assert/strict";
import { test } from "node:test";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { canonicalJson, sha256Hex } from "../../src/rules/canonical.ts";
import type { JsonValue } from "../../src/rules/json.ts";

/** IEEE 754 bits and what RFC 8785, appendix B, writes for them. */
const numbers: readonly (readonly [string, string])[] = [
  ["0000000000000000", "0"],
  ["8000000000000000", "0"],
  ["0000000000000001", "5e-324"],
  ["8000000000000001", "-5e-324"],
  ["7fefffffffffffff", "1.7976931348623157e+308"],
  ["ffefffffffffffff", "-1.7976931348623157e+308"],
  ["4340000000000000", "9007199254740992"],
  ["c340000000000000", "-9007199254740992"],
  ["4430000000000000", "295147905179352830000"],
  ["44b52d02c7e14af5", "9.999999999999997e+22"],
  ["44b52d02c7e14af6", "1e+23"],
  ["44b52d02c7e14af7", "1.0000000000000001e+23"],
  ["444b1ae4d6e2ef4e", "999999999999999700000"],
  ["444b1ae4d6e2ef4f", "999999999999999900000"],
  ["444b1ae4d6e2ef50", "1e+21"],
  ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
  ["3eb0c6f7a0b5ed8d", "0.000001"],
  ["41b3de4355555553", "333333333.3333332"],
  ["41b3de4355555554", "333333333.33333325"],
  ["41b3de4355555555", "333333333.3333333"],
  ["41b3de4355555556", "333333333.3333334"],
  ["41b3de4355555557", "333333333.33333343"],
  ["becbf647612f3696", "-0.0000033333333333333333"],
  ["43143ff3c1cb0959", "1424953923781206.2"],
];

const texts: readonly (readonly [JsonValue, string])[] = [
  [{}, "{}"],
  [[], "[]"],
  [{ b: 1, a: 2 }, '{"a":2,"b":1}'],
  [{ "10": 1, "9": 2, "1": 3 }, '{"1":3,"10":1,"9":2}'],
  [{ a: { z: [3, 1, 2], y: null } }, '{"a":{"y":null,"z":[3,1,2]}}'],
  [{ aa: 1, a: 2, A: 3, "": 4 }, '{"":4,"A":3,"a":2,"aa":1}'],
  // By UTF-16 units, so that an astral key sorts before U+FB33.
  [
    { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\u{1f600}": 5, "\u0080": 6, "\u00f6": 7 },
    '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\u{1f600}":5,"\ufb33":3}',
  ],
  ['\u20ac$\u000f\nA\'B"\\\\"/', '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'],
  ["\b\t\n\f\r\u0000\u001f\u007f\u2028", '"\\b\\t\\n\\f\\r\\u0000\\u001f\u007f\u2028"'],
  ["e\u0301", '"e\u0301"'],
  [[true, false, null, 1.5, -0.25, 1e21, 1e-7], "[true,false,null,1.5,-0.25,1e+21,1e-7]"],
  [{ toJSON: "x", toString: 1 }, '{"toJSON":"x","toString":1}'],
];

test("numbers are written as RFC 8785 writes them", () => {
  for (const [bits, expected] of numbers) {
    const value = Buffer.from(bits, "hex").readDoubleBE();
    assert.equal(canonicalJson(value), expected);
  }
  assert.equal(numbers.length, 24);
});

test("objects, strings and arrays are written as RFC 8785 writes them", () => {
  for (const [value, expected] of texts) assert.equal(canonicalJson(value), expected);
  assert.equal(texts.length, 12);
});

test("what no strict reader hands out is a fault", () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, "\ud800", { "\udc00": 1 }, [-Number.POSITIVE_INFINITY]]) {
    assert.throws(() => canonicalJson(value));
  }
  assert.throws(() => canonicalJson(undefined as never), TypeError);
});

test("the digest is SHA-256 of the UTF-8 bytes, in lower-case hex", () => {
  assert.equal(sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.equal(sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert.equal(sha256Hex("é"), sha256Hex(Buffer.from([0xc3, 0xa9])));
});

const strangers: readonly unknown[] = [
  { b: undefined, a: 1 },
  [undefined, 1],
  { a: { toJSON: () => [3, { z: 1, y: 2 }] } },
  new Date(0),
  Object.assign(Object.create({ inherited: 1 }) as object, { b: 1, a: 2 }),
  Object.assign(Object.create(null) as object, { b: 1, a: 2 }),
  { "1": 1, a: 2, _: 3, __proto__: null },
  JSON.parse('{"__proto__":{"b":1,"a":2},"a":1}'),
  { list: [{ b: 1, a: 2 }, 3] },
  Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`k${at}`, at])),
  Object.fromEntries(Array.from({ length: 64 }, (_, at) => [`k${64 - at}`, { b: at, a: [at] }])),
  JSON.parse(`${'{"b":0,"a":'.repeat(200)}1${"}".repeat(200)}`),
  JSON.parse(`${"[".repeat(3000)}${"]".repeat(3000)}`),
];

test("the fast way and the library write the same text, whatever the value", (context) => {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  let compared = 0;
  const compare = (value: unknown): void => {
    assert.equal(canonicalJson(value as JsonValue), canonicalize(value));
    compared += 1;
  };
  for (const value of strangers) compare(value);
  const keys = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.constantFrom("a", "b", "aa", "10", "9", "_", "__proto__x", "é", "\u{1f600}", "\ufb33"),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(
        fc.string({ unit: "grapheme" }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
      ),
      fc.array(tie("tree"), { maxLength: 5 }),
      fc.dictionary(keys, tie("tree"), { maxKeys: 12 }),
    ),
  }));
  fc.assert(fc.property(tree, compare), { seed, numRuns: 3000 });
  context.diagnostic(`seed ${seed}, ${compared} values`);
  assert.ok(compared > 3000);
});

test("what has no canonical text is refused, at any depth", () => {
  const bad: readonly unknown[] = [Number.NaN, Number.POSITIVE_INFINITY, "\ud800", { "\udc00": 1 }];
  for (const value of bad) {
    for (const wrapped of [value, [value], { a: { b: [1, value] } }]) assert.throws(() => canonicalJson(wrapped as JsonValue));
  }
});
