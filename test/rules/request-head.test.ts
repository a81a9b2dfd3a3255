import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHead, isOwnHost, type RequestHead } from "../../src/rules/request-head.ts";

const limits = { headersMax: 6, bodyBytesMax: 100 };
const head = (lines: readonly string[], more: Partial<RequestHead> = {}): RequestHead => ({
  method: "POST",
  target: "/x",
  version: "1.1",
  rawHeaders: ["Host: gw", ...lines].flatMap((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  ...more,
});

const refused: readonly (readonly [string, RequestHead])[] = [
  ["ERR_REQUEST_MALFORMED", head([], { version: "0.9" })],
  ["ERR_REQUEST_MALFORMED", head([], { version: "2.0" })],
  ["ERR_PATH_NOT_CANONICAL", head([], { target: "*" })],
  ["ERR_PATH_NOT_CANONICAL", head([], { target: "http://gw/x" })],
  ["ERR_PATH_NOT_CANONICAL", head([], { target: "" })],
  ["ERR_HEAD_TOO_LARGE", head(["A: 1", "A: 2", "A: 3", "A: 4", "A: 5", "A: 6"])],
  ["ERR_HEADER_REFUSED", head(["X_Tenant: a"])],
  ["ERR_HEADER_REFUSED", head(["X.Tenant: a"])],
  ["ERR_HEADER_REFUSED", head(["X-HTTP-Method-Override: DELETE"])],
  ["ERR_HEADER_REFUSED", head(["Host: gw"])],
  ["ERR_HEADER_REFUSED", head(["Content-Type: a/b", "Content-Type: a/b"])],
  ["ERR_HEADER_REFUSED", head(["Upgrade: h2c"])],
  ["ERR_REQUEST_MALFORMED", head(["Content--Length: 1"])],
  ["ERR_REQUEST_MALFORMED", head(["Transfer-Encoding-: chunked"])],
  ["ERR_REQUEST_MALFORMED", head(["Transfer-Encoding: gzip, chunked"])],
  ["ERR_REQUEST_MALFORMED", head(["Transfer-Encoding: chunked"], { version: "1.0" })],
  ["ERR_REQUEST_MALFORMED", head(["Transfer-Encoding: chunked", "Content-Length: 1"])],
  ["ERR_REQUEST_MALFORMED", head(["Content-Length: 01"])],
  ["ERR_REQUEST_MALFORMED", head(["Content-Length: 1, 1"])],
  ["ERR_REQUEST_MALFORMED", head([], { rawHeaders: [] })],
  ["ERR_REQUEST_MALFORMED", head([], { rawHeaders: ["Host", "a/b"] })],
  ["ERR_EXPECTATION", head(["Expect: 200-ok"])],
  ["ERR_BODY_TYPE", head(["Content-Encoding: gzip"])],
  ["ERR_BODY_TYPE", head(["Content-Encoding:"])],
  ["ERR_BODY_TOO_LARGE", head(["Content-Length: 101"])],
  ["ERR_BODY_UNEXPECTED", head(["Content-Length: 1"], { method: "GET" })],
  ["ERR_BODY_UNEXPECTED", head(["Transfer-Encoding: chunked"], { method: "HEAD" })],
];

test("a head that two readers could read differently is refused by name", () => {
  for (const [code, given] of refused) assert.equal(checkHead(given, limits)?.denied, code, JSON.stringify(given));
  assert.equal(refused.length, 27);
});

test("a plain head is not", () => {
  const taken = [
    head([]),
    head([], { version: "1.0", rawHeaders: [] }),
    head(["Content-Length: 0"], { method: "GET" }),
    head(["Content-Length: 100", "Content-Type: application/json"]),
    head(["Transfer-Encoding: Chunked"]),
    head(["Content-Encoding: Identity", "Expect: 100-Continue"]),
    head(["A: 1", "A: 2", "A: 3", "A: 4", "A: 5"]),
    head([], { rawHeaders: ["HOST", "[::1]:80"] }),
    head(["Authorization: a", "Authorization: b"]),
  ];
  for (const given of taken) assert.equal(checkHead(given, limits), null, JSON.stringify(given));
});

test("a host is ours when it is an address, this machine, or a name that was configured", () => {
  const names = new Set(["people.example"]);
  for (const host of ["127.0.0.1", "10.0.0.1:80", "[::1]", "[fe80::1]:9090", "LocalHost:1", "People.Example:443"])
    assert.ok(isOwnHost(host, names), host);
  for (const host of [
    undefined,
    "",
    "evil.example",
    "127.0.0.1.evil.example",
    "people.example.evil",
    "::1",
    "0x7f.1",
    "[::1",
    "localhost.",
  ])
    assert.equal(isOwnHost(host, names), false, host);
});
