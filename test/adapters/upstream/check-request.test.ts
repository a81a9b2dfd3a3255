import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRequest, type Site } from "../../../src/adapters/upstream/check-request.ts";
import { openUpstreams } from "../../../src/adapters/upstream/upstreams.ts";
import type { OutboundRequest } from "../../../src/ports/upstream.ts";
import { answer, request, startServer } from "./counting-server.ts";

const site: Site = { origin: "https://api.example", basePath: "/v1" };
const given = (change: Partial<OutboundRequest>) => request({ url: site.origin }, change);

const targets: readonly [url: string, target: string | null][] = [
  ["https://api.example/v1", "/v1"],
  ["https://api.example/v1/refunds", "/v1/refunds"],
  ["https://api.example/v1?a=b", "/v1?a=b"],
  ["https://api.example/v1/it's?q=it's/../x", "/v1/it's?q=it's/../x"],
  ["https://api.example/v1/a%2Fb%20c", "/v1/a%2Fb%20c"],
  ["https://api.example/v1/...", "/v1/..."],
  ["https://api.example/v1/.hidden", "/v1/.hidden"],
  ["https://api.example/v2", null],
  ["https://api.example/v1x", null],
  ["https://api.example/", null],
  ["https://api.example", null],
  ["https://api.example?x", null],
  ["https://api.example:444/v1", null],
  ["https://api.example.evil/v1", null],
  ["https://api.example@evil/v1", null],
  ["http://api.example/v1", null],
  ["https://API.example/v1", null],
  ["//api.example/v1", null],
  ["/v1", null],
  ["", null],
  ["https://api.example/v1/../admin", null],
  ["https://api.example/v1/..", null],
  ["https://api.example/v1/./x", null],
  ["https://api.example/v1/%2e%2E/admin", null],
  ["https://api.example/v1/.%2e/admin", null],
  ["https://api.example/v1/%2e", null],
  ["https://api.example/v1/..?x", null],
  ["https://api.example/v1\\..\\admin", null],
  ["https://api.example/v1/x#y", null],
  ["https://api.example/v1/a b", null],
  ["https://api.example/v1/a\r\nx: y", null],
  ["https://api.example/v1/\t", null],
  ["https://api.example/v1/\0", null],
  ["https://api.example/v1/ü", null],
  ["https://api.example/v1/\u{2028}", null],
  ["https://api.example/v1?x=a b", null],
  ["https://api.example/v1?x=\n", null],
];

test("a URL is written as it stands, or not at all", () => {
  for (const [url, target] of targets) {
    const checked = checkRequest(site, given({ url }));
    assert.equal("target" in checked ? checked.target : null, target, JSON.stringify(url));
  }
  assert.equal(targets.length, 37);
});

const refusedHeaders: readonly Record<string, string>[] = [
  ...["accept-encoding", "connection", "content-length", "expect", "host", "http2-settings", "keep-alive"].map((name) => ({ [name]: "1" })),
  ...["proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"].map((name) => ({ [name]: "1" })),
  ...["X-Upper", "", "a b", "a:", "a\r\nb", "ü", "a\0", ":path", "a,b", "(x)"].map((name) => ({ [name]: "1" })),
  ...["a\r\nb: c", "a\nb", "a\rb", "a\0b", "a\tb", "a\x7f", "\x1b[0m", " a", "a ", "é", "\u{1f600}", "\u0100"].map((value) => ({
    "x-a": value,
  })),
];
const acceptedHeaders: readonly Record<string, string>[] = [
  {},
  { "x-a": "" },
  { "x-a": "a" },
  { authorization: "Bearer a.b-c_d~e+f/g==" },
  { "x-a": 'a  b; c="d", e' },
  { "!#$%&'*+-.^_`|~09az": "!" },
];

test("headers that reframe, hide or need decoding are refused, others pass", () => {
  for (const headers of refusedHeaders)
    assert.ok("refused" in checkRequest(site, given({ url: "https://api.example/v1", headers })), JSON.stringify(headers));
  for (const headers of acceptedHeaders)
    assert.ok("target" in checkRequest(site, given({ url: "https://api.example/v1", headers })), JSON.stringify(headers));
  assert.deepEqual([refusedHeaders.length, acceptedHeaders.length], [34, 6]);
});

test("a refusal never quotes a header's value", () => {
  const checked = checkRequest(site, given({ url: "https://api.example/v1", headers: { authorization: "Bearer top\nsecret" } }));
  assert.ok("refused" in checked && !checked.refused.includes("secret") && checked.refused.includes("authorization"));
});

const others: readonly Partial<OutboundRequest>[] = [
  ...["HEAD", "CONNECT", "TRACE", "OPTIONS", "get", "", "GET /x HTTP/1.1\r\n"].map((method) => ({ method })),
  ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31].map((timeoutMs) => ({ timeoutMs })),
  { upstream: "nobody" },
  { url: "http://127.0.0.1:1/x" },
  { headers: { "x-a": "a\r\nb" } },
];

test("what must not be sent is refused without a throw, a connection or a question", async () => {
  const server = await startServer((socket) => socket.write(answer(200)));
  const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: null }] });
  for (const change of others) {
    const outcome = await upstreams.send(request(server, { maySend: () => assert.fail("must not be asked"), ...change }));
    assert.equal(outcome.kind === "not_sent" && outcome.cause, "malformed", JSON.stringify(change));
  }
  assert.equal(others.length, 15);
  assert.equal(server.connections(), 0);
  await upstreams.close();
  await server.close();
});
