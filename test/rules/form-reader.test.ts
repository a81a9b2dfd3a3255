import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Denial, isDenial } from "../../src/rules/denial.ts";
import { readForm, readFormBody } from "../../src/rules/form-reader.ts";
import { shapeForm } from "../../src/rules/form-schema.ts";
import { writeForm } from "../../src/rules/form-writer.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { compileSchema } from "../../src/rules/schema.ts";
import { asTexts, readFormAsStranger } from "../support/form-referee.ts";
import { formInput, refusedForms, refusedInBody, takenForms } from "./form-cases.ts";
import { propertyRuns } from "./property-runs.ts";

const { shape, faults } = shapeForm(formInput, Object.keys(formInput["properties"] as JsonObject));
const validate = compileSchema(formInput);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const outcome = (read: JsonObject | Denial): unknown => (isDenial(read) ? read.denied.replace(/^ERR_(?:FORM_)?|_INVALID$/g, "") : read);
const head = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}... (${text.length})` : text);

test("the schema of the rows says every type", () => assert.deepEqual(faults, []));

test("a form in bracket style is read as its schema types it, in body and query alike", (context) => {
  for (const [form, expected] of takenForms) {
    assert.deepStrictEqual(readFormBody(bytesOf(form), shape), expected, form);
    assert.deepStrictEqual(readForm(form, shape, "query"), expected, form);
    assert.deepEqual(validate(expected), [], form);
    assert.deepEqual(readFormAsStranger(form), asTexts(expected), form);
  }
  context.diagnostic(`${takenForms.length} forms read`);
  assert.ok(takenForms.length >= 45);
});

test("what two readers could take for two things is refused by name, in body and query alike", (context) => {
  for (const [why, form] of refusedForms) {
    assert.equal(outcome(readFormBody(bytesOf(form), shape)), why, head(JSON.stringify(form)));
    assert.equal(outcome(readForm(form, shape, "query")), why, `in a query: ${head(JSON.stringify(form))}`);
  }
  context.diagnostic(`${refusedForms.length} forms refused`);
  assert.ok(refusedForms.length >= 195, String(refusedForms.length));
});

test("a body holds no raw character that a form encoder would have encoded", () => {
  for (const form of refusedInBody) assert.equal(outcome(readFormBody(bytesOf(form), shape)), "MALFORMED", form);
  assert.equal(refusedInBody.length, 9);
});

const rawBytes: readonly string[] = [
  "\xff",
  "note=\xff",
  "\xef\xbb\xbfnote=x",
  "note=\xc3\xa9",
  "\xfe\xffnote=x",
  "note=\xed\xa0\x80",
  "n\0o\0t\0e\0",
  "\x00",
];

test("bytes that are not ASCII, and every byte order mark, are malformed", () => {
  for (const bytes of rawBytes)
    assert.equal(outcome(readFormBody(Buffer.from(bytes, "latin1"), shape)), "MALFORMED", JSON.stringify(bytes));
  assert.equal(rawBytes.length, 8);
});

test("a denial tells the pair and never the caller's text", () => {
  const read = readForm("note=x&metadata[s3cret]=s3cret&metadata[s3cret]=1", shape, "body");
  assert.ok(isDenial(read));
  assert.equal(read.detail, "pair 3: a name that stands twice, or both as text and with brackets");
  for (const [, form] of refusedForms) {
    const refused = readForm(`metadata[s3cret]=s3cret&${form}`.replaceAll("=x", "=s3cret"), shape, "body");
    if (isDenial(refused)) assert.doesNotMatch(JSON.stringify(refused), /s3cret/, form);
  }
});

test("a reason points at the declared argument only", () => {
  const read = readForm("items[0][s3cret]=1", shape, "body");
  assert.ok(isDenial(read));
  assert.deepEqual(read.reasons, [{ rule: "form", message: "holds a name that is not declared", pointer: "/items" }]);
});

test("a thousand pairs are read and one more is not; a list may have a thousand items", () => {
  const list = (count: number): string => Array.from({ length: count }, (_item, index) => `expand[${index}]=`).join("&");
  assert.deepEqual((readForm(list(1000), shape, "body") as JsonObject)["expand"], Array(1000).fill(""));
  assert.equal(outcome(readForm(list(1001), shape, "body")), "TOO_DEEP");
});

test("the time to read a megabyte is linear, whatever it holds", (context) => {
  const million = 1_000_000;
  const bodies = [
    `note=${"x".repeat(million)}`,
    `note=${"%41".repeat(million / 3)}`,
    `note=${"+".repeat(million)}`,
    `amount=${"1".repeat(million)}`,
    `rate=0.${"0".repeat(million)}1`,
    `${"a".repeat(million)}=1`,
    `metadata[${"a".repeat(million)}]=1`,
    `metadata${"[".repeat(million)}=1`,
    `metadata${"[a]".repeat(million / 3)}=1`,
    `metadata[${"%C3%9F".repeat(million / 6)}]=1`,
    `metadata[${"e%CC%81".repeat(million / 7)}]=1`,
    "&".repeat(million),
    "a=1&".repeat(million / 4),
    `note=${"=".repeat(million)}`,
    `note=x${"]".repeat(million)}`,
  ];
  const slowest = Math.max(
    ...bodies.map((body) => {
      const began = performance.now();
      readFormBody(bytesOf(body), shape);
      return performance.now() - began;
    }),
  );
  context.diagnostic(`slowest of ${bodies.length} bodies: ${slowest.toFixed(0)} ms`);
  assert.ok(slowest < 2_000, `${slowest} ms`);
});

/** Pieces of forms, thrown together: most of it is refused, and nothing may be read in two ways. */
const pieces = fc.array(
  fc.oneof(
    fc.constantFrom(
      "note",
      "amount",
      "metadata",
      "expand",
      "items",
      "tree",
      "when",
      "matrix",
      "name",
      "price",
      "kids",
      "a",
      "A",
      "0",
      "1",
      "2",
      "__proto__",
    ),
    fc.constantFrom(
      "[",
      "]",
      "[]",
      "[0]",
      "[1]",
      "[a]",
      "[A]",
      "[price]",
      "[name]",
      "[kids]",
      "=",
      "=",
      "=",
      "&",
      "&",
      "%5B",
      "%5D",
      "%",
      "+",
      "%00",
      "%C3%A9",
      ";",
    ),
    fc.string({ maxLength: 3 }),
  ),
  { maxLength: 24 },
);

test("whatever bytes come, a stranger reads the same arguments or they are refused with a 4xx", (context) => {
  let read = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        pieces.map((parts) => parts.join("")),
        fc.string({ unit: "binary", maxLength: 40 }),
        likely,
      ),
      (form) => {
        const args = readFormBody(bytesOf(form), shape);
        if (isDenial(args)) return;
        read += 1;
        assert.deepEqual(asTexts(args), readFormAsStranger(form));
        const again = writeForm(args, shape, "body");
        assert.ok("text" in again, JSON.stringify(args));
        assert.deepStrictEqual(readForm(again.text, shape, "body"), args);
        assert.deepEqual(readFormAsStranger(again.text), asTexts(args));
      },
    ),
    propertyRuns(context, 5_000),
  );
  context.diagnostic(`${read} forms were read`);
  assert.ok(read > 500, String(read));
});

/** Pairs that are good by themselves, in any number and order. */
const goodPairs = takenForms.flatMap(([form]) => form.split("&")).filter((pair) => pair !== "");
const likely = fc.shuffledSubarray(goodPairs, { minLength: 1, maxLength: 6 }).map((pairs) => pairs.join("&"));
