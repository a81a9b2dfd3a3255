import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, JsonValue } from "../../src/rules/json.ts";
import { compileSchema } from "../../src/rules/schema.ts";

const refund: JsonObject = {
  type: "object",
  required: ["charge", "amount"],
  additionalProperties: false,
  properties: {
    charge: { type: "string", pattern: "^ch_[A-Za-z0-9]+$" },
    amount: { type: "integer", minimum: 1 },
    reason: { enum: ["duplicate", "fraudulent"] },
    lines: { type: "array", maxItems: 3, items: { type: "object", properties: { sku: { type: "string" } } } },
  },
};

const misfits: readonly (readonly [JsonObject, string, RegExp])[] = [
  [{ charge: "ch_1" }, "", /required property 'amount'/],
  [{ charge: "ch_1", amount: "1" }, "/amount", /must be integer/],
  [{ charge: "ch_1", amount: 1.5 }, "/amount", /must be integer/],
  [{ charge: "ch_1", amount: 0 }, "/amount", />= 1/],
  [{ charge: "ch_1", amount: null }, "/amount", /must be integer/],
  [{ charge: "ch_1", amount: true }, "/amount", /must be integer/],
  [{ charge: "ch_1", amount: [1] }, "/amount", /must be integer/],
  [{ charge: "x", amount: 1 }, "/charge", /pattern/],
  [{ charge: 1, amount: 1 }, "/charge", /must be string/],
  [{ charge: "ch_1", amount: 1, reason: "because" }, "/reason", /one of \["duplicate","fraudulent"\]/],
  [{ charge: "ch_1", amount: 1, s3cret: 1 }, "", /declared are: charge, amount, reason, lines/],
  [{ charge: "ch_1", amount: 1, Amount: 2 }, "", /not declared/],
  [{ charge: "ch_1", amount: 1, lines: [{ sku: 1 }] }, "/lines/0/sku", /must be string/],
  [{ charge: "ch_1", amount: 1, lines: [{}, {}, {}, {}] }, "/lines", /more than 3/],
];

test("what does not fit is named by pointer and rule", () => {
  const validate = compileSchema(refund);
  for (const [value, pointer, message] of misfits) {
    const findings = validate(value);
    assert.equal(findings[0]?.pointer, pointer, JSON.stringify(value));
    assert.match(findings[0]?.message ?? "", message);
    assert.doesNotMatch(JSON.stringify(findings), /s3cret|because/);
  }
  assert.equal(misfits.length, 14);
  assert.deepEqual(validate({ charge: "ch_1", amount: 1, lines: [{ sku: "a" }] }), []);
});

test("a check never changes the value: no defaults, no coercion, nothing removed", () => {
  const validate = compileSchema({ type: "object", properties: { a: { type: "integer", default: 5 }, b: { type: "string" } } });
  const value = Object.freeze({ b: "1", c: 2 });
  assert.deepEqual(validate(value), []);
  assert.deepEqual(value, { b: "1", c: 2 });
  assert.equal(validate({ a: "1" }).length, 1);
});

test("properties of a prototype are no properties", () => {
  const validate = compileSchema({ type: "object", properties: { toString: { type: "string" } }, required: ["toString"] });
  assert.equal(validate({}).length, 1);
  assert.equal(validate({ toString: "x" }).length, 0);
});

test("at most twenty findings come back, and a pointer stops before a key that is not declared", () => {
  const validate = compileSchema({ type: "object", additionalProperties: { type: "object", properties: { n: { type: "integer" } } } });
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`s3cret${index}`, { n: "x" }]));
  const findings = validate(many);
  assert.equal(findings.length, 20);
  assert.ok(findings.every(({ pointer }) => pointer === ""));
});

const faulty: readonly (readonly [JsonObject, RegExp])[] = [
  [{ type: "objekt" }, /schema is not valid/],
  [{ type: "object", propertys: {} }, /propertys/],
  [{ type: "string", format: "email" }, /no format/],
  [{ properties: { a: { items: { format: "uri", type: "string" } } } }, /no format/],
  [{ type: "string", pattern: "(" }, /schema is not valid/],
  [{ minimum: 1 }, /schema is not valid/],
  [{ $async: true, type: "object" }, /\$async/],
  [{ $id: "https://x.example/s", type: "object" }, /\$id/],
  [{ $ref: "https://x.example/s" }, /names nothing/],
  [{ $ref: "#/$defs/none" }, /names nothing/],
  [{ $ref: "#/$defs/toString", $defs: {} }, /names nothing/],
  [{ type: "array", uniqueItems: true }, /maxItems/],
  [{ type: "array", uniqueItems: true, maxItems: 1000 }, /maxItems/],
  [{ type: "object", properties: { a: { type: "string" } }, required: ["b"] }, /b is required/],
  [{ type: "object", properties: JSON.parse('{"__proto__":{"type":"string"}}') as JsonObject }, /__proto__/],
  [{ type: "object", properties: { constructor: { type: "string" } } }, /constructor/],
  [{ type: "object", properties: { amount: { type: "integer" }, Amount: { type: "integer" } } }, /only by case/],
  [{ allOf: [{ type: "object", properties: { x: { type: "nope" } } }] }, /schema is not valid/],
];

test("a schema that cannot be held to does not compile", () => {
  for (const [schema, why] of faulty) assert.throws(() => compileSchema(schema), why, JSON.stringify(schema));
  assert.equal(faulty.length, 18);
});

const opened: readonly (readonly [JsonObject, JsonValue, number])[] = [
  [{ type: "object", properties: { amount: { type: "integer" } } }, { Amount: 1 }, 1],
  [{ type: "object", properties: { amount: { type: "integer" } } }, { AMOUNT: 1 }, 1],
  [{ type: "object", properties: { amount: { type: "integer" } } }, { "amount\u200b": 1 }, 1],
  [{ type: "object", properties: { amount: { type: "integer" } } }, { "\uff41mount": 1 }, 1],
  [{ type: "object", properties: { amount: { type: "integer" } } }, { amount: 1, other: 2 }, 0],
  [{ type: "object", properties: { meta: { type: "object", properties: { note: { type: "string" } } } } }, { meta: { Note: "x" } }, 1],
  [{ type: "object", properties: { meta: { type: "object", properties: { note: { type: "string" } } } } }, { Note: "x" }, 0],
  [{ type: "object", properties: { meta: { type: "object" } } }, { meta: { Meta: "x" } }, 0],
  [
    { type: "object", properties: { list: { type: "array", items: { type: "object", properties: { id: { type: "integer" } } } } } },
    { list: [{ ID: 1 }] },
    1,
  ],
  [{ type: "object", allOf: [{ properties: { amount: { type: "integer" } } }] }, { Amount: 1 }, 1],
  [
    { type: "object", anyOf: [{ $ref: "#/$defs/x" }], $defs: { x: { type: "object", properties: { amount: { type: "integer" } } } } },
    { Amount: 1 },
    1,
  ],
  [{ type: "object", additionalProperties: { type: "object", properties: { id: { type: "integer" } } } }, { any: { Id: 1 } }, 1],
  [{ type: "object", properties: { next: { $ref: "#" }, id: { type: "integer" } } }, { next: { next: { next: { ID: 1 } } } }, 1],
  [{ type: "object", dependentSchemas: { a: { properties: { amount: { type: "integer" } } } } }, { Amount: 1 }, 1],
];

test("a key that looks like a declared property is found wherever the schema is open", () => {
  for (const [schema, value, count] of opened) {
    const findings = compileSchema(schema)(value);
    assert.equal(findings.length, count, JSON.stringify([schema, value]));
    if (count > 0) assert.match(findings[0]?.message ?? "", /looks like (amount|note|id) and is not/);
    assert.equal(compileSchema(schema, "output")(value).length, 0);
  }
  assert.equal(opened.length, 14);
});

test("a value deeper than the stack does not fit, and nothing is thrown", () => {
  const validate = compileSchema({ type: "object", properties: { next: { $ref: "#" } } }, "output");
  let deep: JsonObject = {};
  for (let level = 0; level < 200_000; level += 1) deep = { next: deep };
  assert.deepEqual(validate(deep), [{ pointer: "", message: "cannot be checked" }]);
});
