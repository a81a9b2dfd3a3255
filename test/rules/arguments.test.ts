import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkArguments, type MountParts, readMountArguments, readNamedArguments, scalarTypeOf } from "../../src/rules/arguments.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { encodeRequest } from "../../src/rules/encode-request.ts";
import { shapeForm } from "../../src/rules/form-schema.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { readPath, splitTarget } from "../../src/rules/paths.ts";
import { propertyRuns } from "./property-runs.ts";
import { sampleTool } from "./tool-samples.ts";

const post = sampleTool({
  template: ["v1", { parameter: "id" }],
  input: {
    type: "object",
    required: ["id", "amount"],
    additionalProperties: false,
    properties: {
      id: { type: "integer" },
      dry: { type: "boolean" },
      amount: { type: "integer", minimum: 1 },
      meta: { type: "object", properties: { note: { type: "string" } } },
    },
  },
  places: { id: "path", dry: "query" },
});
const get = sampleTool({
  method: "GET",
  body: "none",
  template: ["v1"],
  input: { type: "object", properties: { q: { type: "string" }, denied: { type: "string" } } },
  places: { q: "query", denied: "query" },
});

const json = ["application/json"];
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const outcome = (read: unknown): unknown => (isDenial(read) ? read.denied : read);
const mount = (parts: Partial<Omit<MountParts, "body">> & { body?: string | null }): MountParts => ({
  pathParameters: { id: "7" },
  rawQuery: "",
  contentTypes: json,
  ...parts,
  body: parts.body === undefined || parts.body === null ? null : bytesOf(parts.body),
});

const mountRows: readonly (readonly [Parameters<typeof mount>[0], unknown])[] = [
  [{ body: '{"amount":1}' }, { id: 7, amount: 1 }],
  [
    { body: '{"amount":1}', rawQuery: "dry=true" },
    { id: 7, dry: true, amount: 1 },
  ],
  [{ body: '{"amount":1,"meta":{"x":1}}' }, { id: 7, amount: 1, meta: { x: 1 } }],
  [{ body: '{"amount":0}' }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":"1"}' }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1,"Amount":2}' }, "ERR_JSON_DUPLICATE_KEY"],
  [{ body: '{"Amount":1}' }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1,"meta":{"Note":"x"}}' }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1,"id":8}' }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1,"dry":true}' }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1,"other":1}' }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1,"denied":"ERR_HELD"}' }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1}', rawQuery: "amount=2" }, "ERR_QUERY_INVALID"],
  [{ body: '{"amount":1}', rawQuery: "id=8" }, "ERR_QUERY_INVALID"],
  [{ body: '{"amount":1}', rawQuery: "dry=1" }, "ERR_QUERY_INVALID"],
  [{ body: '{"amount":1}', rawQuery: "dry=true&dry=true" }, "ERR_QUERY_INVALID"],
  [{ body: '{"amount":1}', pathParameters: { id: "07" } }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1}', pathParameters: { id: "x" } }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1}', pathParameters: { other: "7" } }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1}', pathParameters: {} }, "ERR_ARGUMENTS_INVALID"],
  [{ body: '{"amount":1}', contentTypes: [] }, "ERR_BODY_TYPE"],
  [{ body: '{"amount":1}', contentTypes: ["text/plain"] }, "ERR_BODY_TYPE"],
  [{ body: '{"amount":1}', contentTypes: [...json, ...json] }, "ERR_BODY_TYPE"],
  [{ body: '{"amount":1e400}' }, "ERR_JSON_NUMBER"],
  [{ body: '{"amount":9007199254740993}' }, "ERR_JSON_NUMBER"],
  [{ body: '{"amount":1,"__proto__":{}}' }, "ERR_JSON_KEY_FORBIDDEN"],
  [{ body: "[]" }, "ERR_JSON_MALFORMED"],
  [{ body: "amount=1" }, "ERR_JSON_MALFORMED"],
  [{ body: null }, "ERR_ARGUMENTS_INVALID"],
  [{ body: "" }, "ERR_ARGUMENTS_INVALID"],
];

test("a request on a mount is read from path, query and body, each property from its own place", () => {
  for (const [parts, expected] of mountRows)
    assert.deepEqual(outcome(readMountArguments(post, mount(parts))), expected, JSON.stringify(parts));
  assert.equal(mountRows.length, 30);
});

test("a tool without a body refuses one", () => {
  assert.equal(outcome(readMountArguments(get, mount({ pathParameters: {}, body: "{}" }))), "ERR_BODY_UNEXPECTED");
  assert.equal(
    outcome(readMountArguments(get, mount({ pathParameters: {}, body: "x", contentTypes: ["text/plain"] }))),
    "ERR_BODY_UNEXPECTED",
  );
  assert.deepEqual(readMountArguments(get, mount({ pathParameters: {}, body: "", rawQuery: "q=x" })), { q: "x" });
});

const namedRows: readonly (readonly [string | null, string, unknown])[] = [
  ['{"id":7,"amount":1,"dry":true}', "", { id: 7, amount: 1, dry: true }],
  ['{"id":"7","amount":1}', "", "ERR_ARGUMENTS_INVALID"],
  ['{"id":7,"amount":1}', "dry=true", "ERR_QUERY_INVALID"],
  ['{"id":7,"amount":1}', "x", "ERR_QUERY_INVALID"],
  ['{"id":7,"amount":1,"id":8}', "", "ERR_JSON_DUPLICATE_KEY"],
  ['{"ID":7,"amount":1}', "", "ERR_ARGUMENTS_INVALID"],
  [null, "", "ERR_ARGUMENTS_INVALID"],
];

test("a call by name takes all arguments from one JSON body and nothing from a query", () => {
  for (const [body, rawQuery, expected] of namedRows) {
    const read = readNamedArguments(post, { contentTypes: json, rawQuery, body: body === null ? null : bytesOf(body) });
    assert.deepEqual(outcome(read), expected, String(body));
  }
  assert.equal(namedRows.length, 7);
  assert.deepEqual(readNamedArguments(get, { contentTypes: [], rawQuery: "", body: null }), {});
  assert.deepEqual(outcome(readNamedArguments(get, { contentTypes: json, rawQuery: "", body: bytesOf('{"denied":"ERR_HELD"}') })), {
    denied: "ERR_HELD",
  });
});

test("what the schema lets pass but no part of the request can carry is refused, without its name", () => {
  const checked = checkArguments(get, { q: "x", s3cret: "y" });
  assert.equal(outcome(checked), "ERR_ARGUMENTS_INVALID");
  assert.doesNotMatch(JSON.stringify(checked), /s3cret/);
});

test("reasons name the rule and the pointer", () => {
  const read = readMountArguments(post, mount({ body: '{"amount":0}' }));
  assert.ok(isDenial(read));
  assert.deepEqual(read.reasons, [{ rule: "schema", pointer: "/amount", message: "must be >= 1" }]);
});

test("only scalars can travel in path and query", () => {
  const input: JsonObject = {
    properties: { s: { type: "string" }, e: { enum: ["a"] }, o: { type: "object" }, u: { type: ["string", "null"] } },
  };
  assert.deepEqual(
    ["s", "e", "o", "u", "toString"].map((name) => scalarTypeOf(input, name)),
    ["string", "string", null, null, "string"],
  );
});

test("on a mount or by name, the same arguments are the same, also after a round through the encoder", (context) => {
  const args = fc.record(
    {
      id: fc.maxSafeInteger().map((id) => id || 0),
      amount: fc.integer({ min: 1 }),
      dry: fc.boolean(),
      meta: fc.dictionary(fc.stringMatching(/^[a-m]{1,6}$/), fc.string(), { noNullPrototype: true }),
    },
    { requiredKeys: ["id", "amount"], noNullPrototype: true },
  );
  fc.assert(
    fc.property(args, (given) => {
      const named = readNamedArguments(post, { contentTypes: json, rawQuery: "", body: bytesOf(JSON.stringify(given)) });
      assert.deepStrictEqual(named, given);
      const encoded = encodeRequest(post, "https://api.example", named);
      assert.ok(!isDenial(encoded));
      const { path, query } = splitTarget(encoded.url.slice("https://api.example".length));
      const segments = readPath(path);
      assert.ok(!isDenial(segments));
      const parts = { pathParameters: { id: segments[1] ?? "" }, rawQuery: query, contentTypes: json, body: bytesOf(encoded.body ?? "") };
      assert.deepEqual(readMountArguments(post, parts), given);
    }),
    propertyRuns(context, 2_000),
  );
});

const formInput: JsonObject = {
  type: "object",
  required: ["id"],
  additionalProperties: false,
  properties: {
    id: { type: "integer" },
    created: { type: "object", additionalProperties: false, properties: { gte: { type: "integer" } } },
    amount: { type: "integer", minimum: 1 },
    metadata: { type: "object", additionalProperties: { type: "string" } },
  },
};
const { shape: bodyForm } = shapeForm(formInput, ["amount", "metadata"]);
const { shape: queryForm } = shapeForm(formInput, ["created"]);
const places = { id: "path", created: "query" } as const;
const formTool = sampleTool({ body: "form", bodyForm, queryForm, template: ["v1", { parameter: "id" }], input: formInput, places });
const formRows: readonly (readonly [Parameters<typeof mount>[0], unknown])[] = [
  [{ body: "amount=1" }, { id: 7, amount: 1 }],
  [
    { body: "amount=1&metadata[a]=x", rawQuery: "created[gte]=5" },
    { id: 7, amount: 1, metadata: { a: "x" }, created: { gte: 5 } },
  ],
  [{ body: "" }, { id: 7 }],
  [{ body: null }, { id: 7 }],
  [{ body: "amount=0" }, "ERR_ARGUMENTS_INVALID"],
  [{ body: "amount=1&amount=1" }, "ERR_FORM_DUPLICATE_KEY"],
  [{ body: "id=8" }, "ERR_ARGUMENTS_INVALID"],
  [{ body: "created[gte]=5" }, "ERR_ARGUMENTS_INVALID"],
  [{ body: "amount=1", rawQuery: "amount=2" }, "ERR_QUERY_INVALID"],
  [{ body: "amount=1", rawQuery: "created[gte]=05" }, "ERR_QUERY_INVALID"],
  [{ body: "amount=1", rawQuery: "id=8" }, "ERR_QUERY_INVALID"],
  [{ body: '{"amount":1}', contentTypes: json }, "ERR_BODY_TYPE"],
  [{ body: '{"amount":1}' }, "ERR_FORM_MALFORMED"],
  [{ body: "amount=1", contentTypes: [] }, "ERR_BODY_TYPE"],
];

test("a form tool takes a form, each argument from its own place", () => {
  const form = ["application/x-www-form-urlencoded"];
  for (const [parts, expected] of formRows) {
    const read = readMountArguments(formTool, mount({ contentTypes: form, ...parts }));
    assert.deepEqual(outcome(read), expected, JSON.stringify(parts));
  }
  assert.equal(formRows.length, 14);
  const named = readNamedArguments(formTool, { contentTypes: json, rawQuery: "", body: bytesOf('{"id":7,"amount":1}') });
  assert.deepEqual(named, { id: 7, amount: 1 });
});

test("a form whose types nobody read holds nothing", () => {
  const untyped = sampleTool({ body: "form", input: formInput, places });
  const form = ["application/x-www-form-urlencoded"];
  const read = readMountArguments(untyped, mount({ contentTypes: form, body: "amount=1" }));
  assert.equal(outcome(read), "ERR_ARGUMENTS_INVALID");
  const encoded = encodeRequest(untyped, "https://api.example", { amount: 1 });
  assert.equal(outcome(encoded), "ERR_ARGUMENTS_INVALID");
});
