import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isDenial } from "../../src/rules/denial.ts";
import { encodeRequest } from "../../src/rules/encode-request.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { isPlainSegment, readPath, splitTarget } from "../../src/rules/paths.ts";
import { readQuery } from "../../src/rules/query.ts";
import { propertyRuns } from "./property-runs.ts";
import { sampleTool } from "./tool-samples.ts";

const base = "https://api.example/base";
const tool = sampleTool({
  template: ["v1", { parameter: "id" }, "notes"],
  input: { type: "object", properties: { id: {}, q: {}, n: {}, note: {}, list: {} } },
  places: { id: "path", q: "query", n: "query" },
});
const get = sampleTool({
  method: "GET",
  body: "none",
  template: ["v1", { parameter: "id" }],
  input: { type: "object", properties: { id: {}, q: {}, n: {} } },
  places: { id: "path", q: "query", n: "query" },
});

const rows: readonly (readonly [JsonObject, string, string])[] = [
  [{ id: "a" }, "/v1/a/notes", "{}"],
  [{ id: "a b" }, "/v1/a%20b/notes", "{}"],
  [{ id: "a:b@c+d" }, "/v1/a%3Ab%40c%2Bd/notes", "{}"],
  [{ id: "it's(1)!*" }, "/v1/it%27s%281%29%21%2A/notes", "{}"],
  [{ id: "é" }, "/v1/%C3%A9/notes", "{}"],
  [{ id: "100%" }, "/v1/100%25/notes", "{}"],
  [{ id: 7 }, "/v1/7/notes", "{}"],
  [{ id: true }, "/v1/true/notes", "{}"],
  [{ id: "a", q: "x y&z=1", n: 5 }, "/v1/a/notes?n=5&q=x%20y%26z%3D1", "{}"],
  [{ q: "", id: "a" }, "/v1/a/notes?q=", "{}"],
  [{ id: "a", q: "+" }, "/v1/a/notes?q=%2B", "{}"],
  [{ id: "a", note: "x", list: [2, 1] }, "/v1/a/notes", '{"list":[2,1],"note":"x"}'],
  [{ id: "a", zeta: 1, alpha: null }, "/v1/a/notes", '{"alpha":null,"zeta":1}'],
];

test("each argument travels once, in its place, in one spelling", () => {
  for (const [args, path, body] of rows)
    assert.deepEqual(encodeRequest(tool, base, args), { url: base + path, body }, JSON.stringify(args));
  assert.equal(rows.length, 13);
  assert.deepEqual(encodeRequest(get, base, { id: "a", n: 1 }), { url: `${base}/v1/a?n=1`, body: null });
  assert.deepEqual(encodeRequest(sampleTool({ template: [], input: {} }), base, {}), { url: base, body: "{}" });
  const literal = sampleTool({ template: ["a b", "x:run@1", "é", "50%"], input: {} });
  assert.deepEqual(encodeRequest(literal, base, {}), { url: `${base}/a%20b/x:run@1/%C3%A9/50%25`, body: "{}" });
});

const misplaced: readonly JsonObject[] = [
  {},
  { id: "" },
  { id: "." },
  { id: ".." },
  { id: "a/b" },
  { id: "../admin" },
  { id: "a\\b" },
  { id: "a?b" },
  { id: "a#b" },
  { id: "a;b" },
  { id: "%2e%2e" },
  { id: "a%2Fb" },
  { id: "a\n" },
  { id: "\u0000" },
  { id: "\uff0e\uff0e" },
  { id: "a\uff0fb" },
  { id: null },
  { id: ["a"] },
  { id: { a: 1 } },
  { id: "a", q: null },
  { id: "a", q: ["x"] },
  { id: "a", q: { x: 1 } },
];

test("what cannot travel safely is refused, and the reason names declared properties only", () => {
  for (const args of misplaced) {
    const encoded = encodeRequest(tool, base, args);
    assert.ok(isDenial(encoded) && encoded.denied === "ERR_ARGUMENTS_INVALID", JSON.stringify(args));
    assert.match(encoded.reasons?.[0]?.pointer ?? "", /^\/(id|q)$/);
  }
  assert.equal(misplaced.length, 22);
  const homeless = encodeRequest(get, base, { id: "a", s3cret: 1 });
  assert.ok(isDenial(homeless));
  assert.doesNotMatch(JSON.stringify(homeless), /s3cret/);
  const absent = sampleTool({ template: ["v1"], input: { type: "object", properties: { id: {} } }, places: { id: "path" } });
  assert.ok(isDenial(encodeRequest(absent, base, { id: "a" })), "a path parameter that the template lacks would vanish");
});

test("other readers get exactly the arguments back", (context) => {
  const text = fc.string({ unit: "binary" });
  const scalar = fc.oneof(
    text,
    fc.maxSafeInteger().map((value) => value || 0),
    fc.boolean(),
  );
  const json = fc.jsonValue({ stringUnit: "binary", maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes("__proto__"));
  let encodedCount = 0;
  fc.assert(
    fc.property(fc.record({ id: scalar, q: text, n: fc.integer(), note: json, list: fc.array(json) }, { requiredKeys: ["id"] }), (args) => {
      const encoded = encodeRequest(tool, base, args as JsonObject);
      if (isDenial(encoded)) return assert.equal(isPlainSegment(String(args.id)), false);
      encodedCount += 1;
      const url = new URL(encoded.url);
      assert.equal(url.href, encoded.url);
      const { id, q, n, ...body } = args;
      assert.deepEqual(url.pathname.split("/").map(decodeURIComponent), ["", "base", "v1", String(id), "notes"]);
      const inQuery = { ...(q === undefined ? {} : { q }), ...(n === undefined ? {} : { n: String(n) }) };
      assert.deepEqual(Object.fromEntries(url.searchParams), inQuery);
      assert.deepEqual(JSON.parse(encoded.body ?? ""), JSON.parse(JSON.stringify(body)));
      const { path, query } = splitTarget(encoded.url.slice("https://api.example".length));
      assert.deepEqual(readPath(path), ["base", "v1", String(id), "notes"]);
      assert.deepEqual(
        readQuery(
          query,
          new Map([
            ["q", "string"],
            ["n", "string"],
          ]),
        ),
        inQuery,
      );
      return undefined;
    }),
    propertyRuns(context, 5_000),
  );
  context.diagnostic(`${encodedCount} encoded`);
  assert.ok(encodedCount > 2_500);
});
