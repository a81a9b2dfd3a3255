import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "../../src/rules/canonical.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { readForm } from "../../src/rules/form-reader.ts";
import { shapeForm } from "../../src/rules/form-schema.ts";
import { writeForm } from "../../src/rules/form-writer.ts";
import type { JsonObject, JsonValue } from "../../src/rules/json.ts";
import { compileSchema } from "../../src/rules/schema.ts";
import { asTexts, readFormAsStranger } from "../support/form-referee.ts";
import { formSamples } from "../support/form-samples.ts";
import { formInput } from "./form-cases.ts";
import { propertyRuns } from "./property-runs.ts";

const { shape } = shapeForm(formInput, Object.keys(formInput["properties"] as JsonObject));

const written: readonly (readonly [JsonObject, string])[] = [
  [{}, ""],
  [{ note: "x", amount: 1 }, "amount=1&note=x"],
  [{ note: "" }, "note="],
  [{ note: "a b+c&d=e[f]%" }, "note=a%20b%2Bc%26d%3De%5Bf%5D%25"],
  [{ note: "it's(1)*~!" }, "note=it%27s%281%29%2A~%21"],
  [{ live: true, rate: 1e-7, when: 5 }, "live=true&rate=1e-7&when=5"],
  [{ metadata: { b: "2", C: "", a: "1" } }, "metadata[C]=&metadata[a]=1&metadata[b]=2"],
  [{ metadata: { 10_000: "x", 9_000: "y" } }, "metadata[10000]=x&metadata[9000]=y"],
  [{ metadata: { "order id": "é" } }, "metadata[order%20id]=%C3%A9"],
  [{ metadata: { "a=b&c": "" } }, "metadata[a%3Db%26c]="],
  [{ expand: ["b", "a"] }, "expand[0]=b&expand[1]=a"],
  [{ items: [{ quantity: 2, price: "p" }, { price: "q" }] }, "items[0][price]=p&items[0][quantity]=2&items[1][price]=q"],
  [{ matrix: [[1, 2], [3]] }, "matrix[0][0]=1&matrix[0][1]=2&matrix[1][0]=3"],
  [{ é: "1", amount: 1 }, "amount=1&%C3%A9=1"],
];

test("the same arguments are the same bytes: names sorted, lists numbered, brackets raw in a body and encoded in a query", () => {
  for (const [args, form] of written) {
    assert.deepEqual(writeForm(args, shape, "body"), { text: form }, JSON.stringify(args));
    const query = form.replaceAll("[", "%5B").replaceAll("]", "%5D");
    assert.deepEqual(writeForm(args, shape, "query"), { text: query }, JSON.stringify(args));
    assert.deepEqual(writeForm(turned(args) as JsonObject, shape, "body"), { text: form }, "the order of the keys does not matter");
  }
  assert.equal(written.length, 14);
  const twelve = writeForm({ counts: Array.from({ length: 12 }, (_item, index) => index) }, shape, "body");
  assert.ok("text" in twelve);
  assert.match(twelve.text, /counts\[9\]=9&counts\[10\]=10&counts\[11\]=11$/);
});

/** The same value with its keys in reverse order. */
function turned(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, held]): [string, JsonValue] => [key, turned(held)])
      .reverse(),
  );
}

const deep = (levels: number): JsonValue => (levels === 0 ? { name: "x" } : { in: deep(levels - 1) });

/** By the argument that the message speaks of; null where it speaks of the whole. */
const unwritable: readonly (readonly [string | null, JsonObject])[] = [
  ["note", { note: null }],
  ["metadata", { metadata: {} }],
  ["expand", { expand: [] }],
  ["expand", { amount: 1, expand: ["a", null] }],
  ["matrix", { matrix: [[1], []] }],
  ["items", { items: [{}] }],
  ["items", { items: [{ price: "p", tags: [] }] }],
  ["tree", { tree: deep(5) }],
  ["expand", { expand: Array(1001).fill("x") }],
  [null, { metadata: { "": "x" } }],
  [null, { metadata: { "a[b]": "x" } }],
  [null, { metadata: { "a]": "x" } }],
  [null, { metadata: { "[": "x" } }],
  [null, { metadata: { 0: "x" } }],
  [null, { metadata: { 999: "x" } }],
  [null, { metadata: { " a": "x" } }],
  [null, { metadata: { "a ": "x" } }],
  [null, { metadata: { "\u0000": "x" } }],
  [null, { metadata: { "a\n": "x" } }],
  [null, { metadata: { "%5B": "x" } }],
  [null, { metadata: { "\ufeffa": "x" } }],
  [null, { metadata: { a: "x", A: "y" } }],
  [null, { metadata: { constructor: "x" } }],
  [null, { metadata: { a: 1 } }],
  [null, { amount: "1" }],
  [null, { note: 1 }],
  [null, { when: "later" }],
  [null, { live: "true" }],
  [null, { rate: Number.NaN }],
  [null, { other: "x" }],
];

test("what a form cannot say is refused and never dropped", () => {
  for (const [argument, args] of unwritable) {
    const result = writeForm(args, shape, "body");
    assert.ok("message" in result, JSON.stringify(args));
    assert.equal(result.argument, argument, JSON.stringify(args));
    assert.match(result.message, argument === null ? /cannot be written/ : /null|empty|deeper|more than/);
  }
  assert.equal(unwritable.length, 30);
  assert.ok("text" in writeForm({ tree: deep(4) }, shape, "body"));
});

test("for every schema, arguments come back from body and query as they were, and a stranger reads the same", (context) => {
  let pairs = 0;
  fc.assert(
    fc.property(formSamples, ({ input, args }) => {
      const { shape: sampled, faults } = shapeForm(input, Object.keys(input["properties"] as JsonObject));
      assert.deepEqual(faults, []);
      assert.deepEqual(compileSchema(input)(args), []);
      for (const wire of ["body", "query"] as const) {
        const form = writeForm(args, sampled, wire);
        if (tooMany(args)) return assert.ok("message" in form);
        assert.ok("text" in form, JSON.stringify({ input, args }));
        const back = readForm(form.text, sampled, wire);
        assert.ok(!isDenial(back), form.text);
        assert.equal(canonicalJson(back), canonicalJson(args));
        assert.deepEqual(readFormAsStranger(form.text), asTexts(args));
        assert.match(form.text, wire === "body" ? /^[A-Za-z0-9\-._~&=%[\]]*$/ : /^[A-Za-z0-9\-._~&=%]*$/);
        pairs += form.text.split("&").length;
      }
      return undefined;
    }),
    propertyRuns(context, 400),
  );
  context.diagnostic(`${pairs} pairs`);
  assert.ok(pairs > 5_000, String(pairs));
});

function tooMany(value: JsonValue): boolean {
  const leaves = (held: JsonValue): number =>
    typeof held === "object" && held !== null ? Object.values(held).reduce((sum: number, one: JsonValue) => sum + leaves(one), 0) : 1;
  return leaves(value) > 1000;
}
