import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeForPeople } from "../../src/rules/escape-for-people.ts";
import { propertyRuns } from "./property-runs.ts";

/** What was sent, and what people see. */
const misleading: readonly (readonly [string, string])[] = [
  ["a\u0000b", "a\\u{0}b"],
  ["a\nb", "a\\u{a}b"],
  ["a\rb", "a\\u{d}b"],
  ["a\tb", "a\\u{9}b"],
  ["\u001b[2J", "\\u{1b}[2J"],
  ["\u0085", "\\u{85}"],
  ["100\u202e00.1", "100\\u{202e}00.1"],
  ["\u2066a\u2069", "\\u{2066}a\\u{2069}"],
  ["a\u200bb", "a\\u{200b}b"],
  ["a\u200db", "a\\u{200d}b"],
  ["a\u00adb", "a\\u{ad}b"],
  ["\ufeffa", "\\u{feff}a"],
  ["a\u2028b\u2029", "a\\u{2028}b\\u{2029}"],
  ["a\u00a0b", "a\\u{a0}b"],
  ["a\u3000b", "a\\u{3000}b"],
  ["a\u0301", "a\\u{301}"],
  ["a\u20dd", "a\\u{20dd}"],
  ["\ue000", "\\u{e000}"],
  ["a\u{e0041}", "a\\u{e0041}"],
  ["p\u0430ypal", "p\\u{430}ypal"],
  ["\u0391CME", "\\u{391}CME"],
  ["acme \uff41", "acme \\u{ff41}"],
  ["a\ufe0f", "a\\u{fe0f}"],
];

test("characters that could mislead who signs are written out", () => {
  for (const [sent, seen] of misleading) assert.equal(escapeForPeople(sent), seen, JSON.stringify(sent));
  assert.equal(misleading.length, 23);
});

test("honest text stays as it is, in any script", () => {
  for (const text of ["", "Refund of 9.00 EUR", "Grüße, señor", "Москва", "Αθήνα", "東京", "مرحبا", "שלום", "🙂", "a\\b", "{}"])
    assert.equal(escapeForPeople(text), text);
});

test("keys and values are written out at any depth; numbers, booleans and null stay", () => {
  const sent = { "a\u200b": ["\u202e", { b: "\u0000" }], n: 1, t: true, z: null };
  assert.deepEqual(escapeForPeople(sent), { "a\\u{200b}": ["\\u{202e}", { b: "\\u{0}" }], n: 1, t: true, z: null });
});

test("a key that means something to JavaScript is still shown", () => {
  assert.equal(JSON.stringify(escapeForPeople(JSON.parse('{"__proto__":1,"a":2}'))), '{"__proto__":1,"a":2}');
});

test("whatever was sent, nothing invisible or turned around is left", (context) => {
  const property = fc.property(fc.string({ unit: "binary" }), (text) => {
    const seen = escapeForPeople(text);
    assert.ok(typeof seen === "string" && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Mn}\p{Me}]/u.test(seen));
  });
  fc.assert(property, propertyRuns(context, 1000));
});
