import assert from "node:assert/strict";
import { test } from "node:test";
import { isDenial } from "../../src/rules/denial.ts";
import { headerValue, type RequestHeaders, readDryRun, readHeaders, readIdempotencyKey, readPrefer } from "../../src/rules/headers.ts";

const headers = (given: Readonly<Record<string, string | readonly string[]>>): RequestHeaders =>
  new Map(Object.entries(given).map(([name, value]) => [name, typeof value === "string" ? [value] : value]));

const refused: readonly (readonly [string, Readonly<Record<string, string | readonly string[]>>])[] = [
  ["an override of the method", { "x-http-method-override": "DELETE" }],
  ["another override", { "x-method-override": "DELETE" }],
  ["an identity", { "x-tenant": "other" }],
  ["an identity with an underscore", { x_tenant: "other" }],
  ["a run by header", { "sallyport-run": "r_2" }],
  ["a header of ours that does not exist", { "sallyport-dryrun": "true" }],
  ["a vendor's account", { "stripe-account": "acct_2" }],
  ["a vendor's version", { "stripe-version": "2020" }],
  ["a cookie", { cookie: "a=b" }],
  ["a proxy's authorization", { "proxy-authorization": "Basic x" }],
  ["an api key", { "x-api-key": "k" }],
  ["a rewritten url", { "x-original-url": "/admin" }],
  ["a forwarded prefix", { "x-forwarded-prefix": "/x" }],
  ["an upgrade", { upgrade: "websocket" }],
  ["a trailer", { trailer: "x" }],
  ["a range", { range: "bytes=0-1" }],
  ["a condition", { "if-match": "1" }],
  ["a content encoding", { "content-encoding": "gzip" }],
  ["a name that begins like a harmless one", { "accept-x": "1" }],
  ["a name with a space", { "accept ": "1" }],
  ["a name of nothing", { "": "1" }],
  ["a name with a line end", { "a\r\nb": "1" }],
  ["two tokens", { authorization: ["Bearer a", "Bearer b"] }],
  ["two content types", { "content-type": ["application/json", "text/plain"] }],
  ["two lengths", { "content-length": ["1", "2"] }],
  ["two hosts", { host: ["a", "b"] }],
  ["two keys", { "idempotency-key": ["a", "b"] }],
  ["two equal keys", { "idempotency-key": ["a", "a"] }],
  ["two wishes for a dry run", { "sallyport-dry-run": ["true", "false"] }],
  ["two preferences", { prefer: ["wait=1", "respond-async"] }],
  ["a declared header twice", { "x-reason": ["a", "b"] }],
  ["a declared header without a value", { "x-reason": [] }],
];

test("a header that is neither declared nor harmless, or stands twice, is refused", () => {
  for (const [title, given] of refused) {
    const read = readHeaders(headers(given), ["x-reason"]);
    assert.ok(isDenial(read) && read.denied === "ERR_HEADER_REFUSED", title);
    assert.ok(isDenial(read) && /^[ -~]+$/.test(read.detail ?? ""), title);
  }
  assert.equal(refused.length, 32);
});

test("only declared headers mean something, also one that is else harmless", () => {
  const given = {
    accept: ["a", "b"],
    "user-agent": "x",
    "x-stainless-os": "Linux",
    "sec-fetch-mode": "cors",
    "x-forwarded-for": "1",
    authorization: "Bearer a",
    "x-reason": "r",
  };
  assert.deepEqual(readHeaders(headers(given), ["x-reason"]), { "x-reason": "r" });
  assert.deepEqual(readHeaders(headers({ accept: "text/csv" }), ["accept"]), { accept: "text/csv" });
  assert.ok(isDenial(readHeaders(headers({ accept: ["a", "b"] }), ["accept"])));
  assert.deepEqual(readHeaders(headers({}), ["x-reason"]), {});
});

test("a wish for a dry run is `true` or refused", () => {
  for (const value of ["", "false", "True", "TRUE", "1", "yes", " true", "true ", "true,true", "?1"]) {
    const read = readDryRun(headers({ "sallyport-dry-run": value }));
    assert.ok(isDenial(read) && read.denied === "ERR_DRY_RUN_HEADER", value);
  }
  assert.equal(readDryRun(headers({ "sallyport-dry-run": "true" })), true);
  assert.equal(readDryRun(headers({})), false);
});

const badKeys = [
  "",
  '"',
  '""',
  " ",
  "a b",
  " a",
  "a ",
  "a\tb",
  "é",
  "\u0000",
  "a\n",
  "a\r\nx: y",
  'a"b',
  '"a',
  'a"',
  '"a"b"',
  '"a b"',
  "x".repeat(256),
  `"${"x".repeat(256)}"`,
  "\u202e",
];

test("an idempotency key is 1 to 255 visible ASCII characters, bare or quoted", () => {
  for (const value of badKeys) {
    const read = readIdempotencyKey(headers({ "idempotency-key": value }));
    assert.ok(isDenial(read) && read.denied === "ERR_KEY_MALFORMED", JSON.stringify(value));
  }
  for (const key of ["a", "!", "~", "\\", "toolu_01A", "x".repeat(255)]) {
    assert.equal(readIdempotencyKey(headers({ "idempotency-key": key })), key);
    assert.equal(readIdempotencyKey(headers({ "idempotency-key": `"${key}"` })), key);
  }
  assert.equal(readIdempotencyKey(headers({})), null);
  assert.equal(badKeys.length, 20);
});

const preferences: readonly (readonly [string, boolean, number])[] = [
  ["", false, 0],
  ["wait", false, 0],
  ["wait=", false, 0],
  ["wait=-1", false, 0],
  ["wait=1.5", false, 0],
  ["wait=12345", false, 0],
  ["wait=1s", false, 0],
  ["await=5", false, 0],
  ["return=minimal", false, 0],
  ["respond-async2", false, 0],
  ["wait=0x10", false, 0],
  ['wait="5"', false, 0],
  ["wait=0", true, 0],
  ["wait=5", true, 5],
  ["WAIT=5", true, 5],
  ["wait=9999", true, 9999],
  ["respond-async", true, 0],
  ["respond-async, wait=7", true, 7],
  ["return=minimal , wait=3", true, 3],
  ["wait=3, wait=9", true, 3],
];

test("a client can wait when it says so, and for so long", () => {
  for (const [value, canWait, waitSeconds] of preferences)
    assert.deepEqual(readPrefer(headers({ prefer: value })), { canWait, waitSeconds }, value);
  assert.deepEqual(readPrefer(headers({})), { canWait: false, waitSeconds: 0 });
  assert.equal(preferences.length, 20);
});

test("the first value of a header is told, undefined when there is none", () => {
  assert.equal(headerValue(headers({ host: "a" }), "host"), "a");
  assert.equal(headerValue(headers({ host: [] }), "host"), undefined);
  assert.equal(headerValue(headers({}), "host"), undefined);
});
