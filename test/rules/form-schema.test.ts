import assert from "node:assert/strict";
import { test } from "node:test";
import { isDenial } from "../../src/rules/denial.ts";
import { readForm } from "../../src/rules/form-reader.ts";
import { shapeForm } from "../../src/rules/form-schema.ts";
import type { JsonObject, JsonValue } from "../../src/rules/json.ts";

const text = { type: "string" };
const closed = (properties: JsonObject): JsonObject => ({ type: "object", additionalProperties: false, properties });
const defs: JsonObject = {
  text,
  loop: { $ref: "#/$defs/loop" },
  one: { allOf: [{ $ref: "#/$defs/two" }] },
  two: { anyOf: [{ $ref: "#/$defs/one" }] },
  node: closed({ x: { $ref: "#/$defs/node" }, n: { type: "integer" } }),
};
const shaped = (schema: JsonValue): ReturnType<typeof shapeForm> =>
  shapeForm({ type: "object", properties: { p: schema }, $defs: defs }, ["p"]);

/** A schema of `p`, a form, and what is read. */
const understood: readonly (readonly [JsonValue, string, JsonValue])[] = [
  [text, "p=1", "1"],
  [{ type: "integer" }, "p=1", 1],
  [{ type: ["integer", "null"] }, "p=1", 1],
  [{ type: ["integer", "number"] }, "p=1.5", 1.5],
  [{ type: ["boolean", "integer"] }, "p=true", true],
  [{ type: ["boolean", "integer"] }, "p=7", 7],
  [{ enum: ["a", "b"] }, "p=1", "1"],
  [{ enum: [1, 2] }, "p=2", 2],
  [{ enum: [1, 2.5] }, "p=2.5", 2.5],
  [{ enum: [true] }, "p=true", true],
  [{ enum: ["a", null] }, "p=a", "a"],
  [{ const: "x" }, "p=x", "x"],
  [{ const: 0 }, "p=0", 0],
  [{ type: "string", enum: ["1", "2"] }, "p=1", "1"],
  [{ type: "string", pattern: "^[0-9]+$" }, "p=1", "1"],
  [{ anyOf: [{ type: "integer" }, { enum: ["now"] }] }, "p=now", "now"],
  [{ oneOf: [{ type: "boolean" }, { const: "auto" }] }, "p=auto", "auto"],
  [{ anyOf: [text, { enum: ["a"] }] }, "p=b", "b"],
  [{ $ref: "#/$defs/text" }, "p=1", "1"],
  [{ $ref: "#/$defs/text", description: "said again" }, "p=1", "1"],
  [{ allOf: [{ $ref: "#/$defs/text" }, { maxLength: 3 }] }, "p=1", "1"],
  [{ type: "integer", not: { const: 3 } }, "p=1", 1],
  [{ type: "integer", if: { const: 3 }, else: { type: "string" } }, "p=1", 1],
  [{ type: "integer", anyOf: [{ minimum: 3 }, { maximum: 1 }] }, "p=1", 1],
  [{ anyOf: [closed({ a: text }), closed({ b: { type: "integer" } })] }, "p[b]=1", { b: 1 }],
  [{ anyOf: [closed({ a: text }), closed({ a: text, b: text })] }, "p[a]=1", { a: "1" }],
  [{ type: "object", additionalProperties: { type: "integer" }, properties: { s: text } }, "p[s]=1&p[t]=1", { s: "1", t: 1 }],
  [{ type: "object", unevaluatedProperties: false, properties: { s: text } }, "p[s]=1", { s: "1" }],
  [{ anyOf: [closed({ a: text }), { enum: [""] }] }, "p=", ""],
  [{ type: "array", items: { anyOf: [{ type: "integer" }, { enum: ["x"] }] } }, "p[]=1&p[]=x", [1, "x"]],
  [
    {
      anyOf: [
        { type: "array", items: text },
        { type: "array", items: text, maxItems: 3 },
      ],
    },
    "p[]=1",
    ["1"],
  ],
  [{ $ref: "#/$defs/node" }, "p[x][x][x][n]=1", { x: { x: { x: { n: 1 } } } }],
];

test("a schema that says one type for every place is understood", () => {
  for (const [schema, form, expected] of understood) {
    const { shape, faults } = shaped(schema);
    assert.deepEqual(faults, [], JSON.stringify(schema));
    assert.deepEqual(readForm(form, shape, "body"), { p: expected }, `${JSON.stringify(schema)} ${form}`);
  }
  assert.equal(understood.length, 32);
});

const ambiguous: readonly (readonly [JsonValue, RegExp, readonly (string | number)[]])[] = [
  [{}, /must say a type/, []],
  [true, /must say a type/, []],
  [null, /must say a type/, []],
  [{ minimum: 1 }, /must say a type/, []],
  [{ properties: { a: text } }, /must say a type/, []],
  [{ anyOf: [{ minimum: 1 }, { maxLength: 1 }] }, /must say a type/, []],
  [{ type: ["string", "integer"] }, /string or integer/, []],
  [{ type: ["string", "number", "boolean"] }, /string or number or boolean/, []],
  [{ anyOf: [text, { type: "boolean" }] }, /string or boolean/, []],
  [{ oneOf: [text, { enum: [1] }] }, /string or integer/, []],
  [{ anyOf: [{ type: "integer" }, { type: "string", pattern: "^x" }] }, /string or integer/, []],
  [{ anyOf: [{ type: "integer" }, { enum: ["now", "0"] }] }, /the text "0"/, []],
  [{ anyOf: [{ type: "boolean" }, { enum: ["true"] }] }, /the text "true"/, []],
  [{ enum: ["1", 1] }, /the text "1"/, []],
  [{ enum: [{}, "a"] }, /lists a map or list/, []],
  [{ $ref: "#/$defs/loop" }, /refers to itself/, ["$defs", "loop"]],
  [{ $ref: "#/$defs/one" }, /refers to itself/, ["$defs", "one"]],
  [{ $ref: "#/%zz" }, /must say a type/, []],
  [{ $ref: "https://example.com/x" }, /must say a type/, []],
  [{ type: "string", $ref: "#/$defs/text" }, /more than one place/, []],
  [{ allOf: [text, { type: "string" }] }, /more than one place/, []],
  [{ type: "object" }, /undeclared keys/, []],
  [{ type: "object", additionalProperties: true }, /undeclared keys/, []],
  [{ type: "object", additionalProperties: {} }, /must say a type/, ["additionalProperties"]],
  [{ type: "object", additionalProperties: false, patternProperties: { a: text } }, /not supported/, ["patternProperties"]],
  [{ type: "array" }, /must say a type/, ["items"]],
  [{ type: "array", items: false, prefixItems: [text] }, /not supported/, ["prefixItems"]],
  [{ type: ["array", "object"], items: text, additionalProperties: text }, /a map or a list/, []],
  [
    {
      anyOf: [
        { type: "array", items: text },
        { type: "array", items: { type: "integer" } },
      ],
    },
    /other items/,
    ["anyOf", 1],
  ],
  [{ anyOf: [closed({ a: text }), closed({ a: { type: "integer" } })] }, /in another way/, ["anyOf", 1, "properties", "a"]],
  [{ anyOf: [closed({ a: text }), { type: "object", additionalProperties: { type: "integer" } }] }, /one of several maps/, ["anyOf", 0]],
  [closed({ "a]": text }), /a name that a form cannot carry/, ["properties", "a]"]],
  [closed({ "": text }), /a name that a form cannot carry/, ["properties", ""]],
  [closed({ "7": text }), /a name that a form cannot carry/, ["properties", "7"]],
  [closed({ "%41": text }), /a name that a form cannot carry/, ["properties", "%41"]],
  [closed({ deep: closed({ x: {} }) }), /must say a type/, ["properties", "deep", "properties", "x"]],
];

test("a schema that leaves a text open is a fault at its place", () => {
  for (const [schema, message, below] of ambiguous) {
    const { faults } = shaped(schema);
    assert.equal(faults.length > 0, true, JSON.stringify(schema));
    const path = below[0] === "$defs" ? below : ["properties", "p", ...below];
    assert.ok(
      faults.some((fault) => message.test(fault.message) && JSON.stringify(fault.path) === JSON.stringify(path)),
      `${JSON.stringify(schema)} ${JSON.stringify(faults)}`,
    );
  }
  assert.equal(ambiguous.length, 36);
});

test("a place where nothing may stand takes nothing", () => {
  const { shape, faults } = shaped(false);
  assert.deepEqual(faults, []);
  for (const form of ["p=", "p[a]=1", "p[]=1"]) assert.ok(isDenial(readForm(form, shape, "body")), form);
});

test("only the named arguments belong to the form", () => {
  const { shape, faults } = shapeForm({ type: "object", properties: { a: text, b: {} } }, ["a"]);
  assert.deepEqual(faults, [], "what travels elsewhere needs no form type");
  assert.ok(isDenial(readForm("b=1", shape, "body")));
});

test("definitions that refer to one another in a wide circle are shaped at once", () => {
  const names = Array.from({ length: 40 }, (_name, index) => `d${index}`);
  const all = Object.fromEntries(names.map((name) => [name, { $ref: `#/$defs/${name}` }]));
  const $defs = Object.fromEntries(names.map((name) => [name, closed(all)]));
  const began = performance.now();
  const { faults } = shapeForm({ type: "object", properties: { p: { $ref: "#/$defs/d0" } }, $defs }, ["p"]);
  assert.deepEqual(faults, []);
  assert.ok(performance.now() - began < 2_000);
});
