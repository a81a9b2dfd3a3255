import assert from "node:assert/strict";
import { test } from "node:test";
import { plainMediaType } from "../../src/rules/media-types.ts";

const rows: readonly (readonly [string | null, string | null])[] = [
  [null, null],
  ["application/json", "application/json"],
  ["Application/JSON; charset=UTF-8", "application/json; charset=utf-8"],
  ["application/json;charset=utf-8", "application/json; charset=utf-8"],
  ['text/html; charset="utf-8"', "text/html; charset=utf-8"],
  ["text/html; charset=x-canary", "text/html"],
  ["application/json; note=canary", "application/json"],
  ["application/problem+json", "application/problem+json"],
  ["application/vnd.canary.v1+json", "application/json"],
  ["application/canary+xml", "application/xml"],
  ["text/canary", "text/plain"],
  ["application/canary", "application/octet-stream"],
  ["image/png", "image/png"],
  ["image/canary", "application/octet-stream"],
  ["canary", "application/octet-stream"],
  ["", "application/octet-stream"],
  ["text/html canary", "application/octet-stream"],
  ["a/b, canary/c", "application/octet-stream"],
];

test("a media type is kept in words of our own, and nothing else of the upstream's header", () => {
  for (const [given, expected] of rows) assert.equal(plainMediaType(given), expected, String(given));
  assert.equal(rows.length, 18);
});
