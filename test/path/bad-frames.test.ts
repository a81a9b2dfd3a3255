import assert from "node:assert/strict";
import { METHODS } from "node:http";
import { test } from "node:test";
import { rawRequest } from "../support/raw-http.ts";
import { allRefused, bearer, good, jsonType, lengthOf, named, rawAsked, send, sendBytes, world } from "./raw-calls.ts";

test("a path in any spelling but the canonical one reaches no tool", async () => {
  const spellings = [
    ...["//tickets/v1/tickets/tk_3001", "/tickets//v1/tickets/tk_3001", "/tickets/v1/tickets/tk_3001/", "/tickets/v1/tickets//tk_3001"],
    ...["/tickets/./v1/tickets/tk_3001", "/./tickets/v1/tickets/tk_3001", "/tickets/v1/tickets/tk_3001/.", "/tickets/v1/tickets/."],
    ...[
      "/tickets/v1/../v1/tickets/tk_3001",
      "/payments/../tickets/v1/tickets/tk_3001",
      "/../tickets/v1/tickets/tk_3001",
      "/tickets/v1/tickets/..",
    ],
    ...[
      "/tickets/v1/tickets/%2e",
      "/tickets/v1/tickets/%2E%2E",
      "/tickets/%2e%2e/tickets/v1/tickets/tk_3001",
      "/tickets/v1/tickets/%2e%2e%2ftk_3001",
    ],
    ...["/tickets/v1/tickets%2ftk_3001", "/tickets/v1/tickets%2Ftk_3001", "/tickets%2fv1/tickets/tk_3001", "/tickets/v1/tickets/tk%2F3001"],
    ...["/tickets/v1/tickets/tk%5c3001", "/tickets/v1/tickets/tk%5C3001", "/tickets\\v1\\tickets\\tk_3001", "/tickets/v1/tickets\\tk_3001"],
    ...["/tickets/v1/tickets/%74k_3001", "/%74ickets/v1/tickets/tk_3001", "/tickets/v1/tickets/tk%5f3001", "/tickets/v1/tickets/tk%5F3001"],
    ...["/tickets/v1/tickets/%2574k_3001", "/tickets/v1/tickets/%252e%252e", "/tickets/v1/tickets/tk_3001%252f", "/tickets/v1/tickets/%25"],
    ...[
      "/tickets/v1/tickets/tk_3001;v=1",
      "/tickets;x/v1/tickets/tk_3001",
      "/tickets/v1/tickets;/tk_3001",
      "/tickets/v1/tickets/tk_3001%3b",
    ],
    ...[
      "/tickets/v1/tickets/tk_3001%00",
      "/tickets/v1/tickets/%00",
      "/tickets/v1/tickets/tk_3001%0a",
      "/tickets/v1/tickets/tk_3001%0d%0aX:y",
    ],
    ...[
      "/tickets/v1/tickets/tk_3001%23",
      "/tickets/v1/tickets/tk_3001%3f",
      "/tickets/v1/tickets/tk_3001%3Fx=y",
      "/tickets/v1/tickets/tk_3001#x",
    ],
    ...["/tickets/v1/tickets/%c0%ae%c0%ae", "/tickets/v1/tickets/%c0%af", "/tickets/v1/tickets/%e0%80%af", "/tickets/v1/tickets/%ff"],
    ...["/tickets/v1/tickets/%", "/tickets/v1/tickets/%7", "/tickets/v1/tickets/%zz", "/tickets/v1/tickets/%u0074k_3001"],
    ...[
      "/Tickets/v1/tickets/tk_3001",
      "/tickets/V1/tickets/tk_3001",
      "/tickets/v1/TICKETS/tk_3001",
      "/tickets/v1/tickets/tk_3001/replies/x",
    ],
    ...[
      "/tickets/v1/tickets/%EF%BC%8Ftk_3001",
      "/tickets/v1/tickets/%E2%80%A4%E2%80%A4",
      "/tickets/v1/tickets/tk_3001%20",
      "/tickets/v1/tickets/+tk_3001",
    ],
    ...["http://gw/tickets/v1/tickets/tk_3001", "http://127.0.0.1:9900/v1/tickets/tk_3001", "tickets/v1/tickets/tk_3001", "*"],
  ];
  assert.equal(new Set(spellings).size, 64);
  await allRefused(
    spellings.map((path) => [path, () => send(`GET ${path} HTTP/1.1`, [bearer()])] as const),
    64,
  );
});

test("a call by name in any spelling but the tool's reaches no tool", async () => {
  const names = [
    ...[
      "tickets.Create",
      "tickets%2ecreate",
      "tickets%2Fcreate",
      "tickets.create/",
      "tickets.create;x",
      "./tickets.create",
      "../v1/tools/tickets.create",
    ],
    ...[
      "tickets..create",
      "tickets",
      "",
      "%00",
      "%",
      "__proto__",
      "constructor",
      "toString",
      "tickets.create%00",
      "x".repeat(300),
      "tickets.create%20",
    ],
  ];
  const targets = [
    ...names.map((name) => `/sallyport/v1/tools/${name}`),
    ...[
      "/sallyport/v1/%74ools/tickets.create",
      "/Sallyport/v1/tools/tickets.create",
      "/sallyport//v1/tools/tickets.create",
      "/sallyport/v1/tools/tickets.create#x",
    ],
    ...["http://gw/sallyport/v1/tools/tickets.create", "/sallyport/v1/tools?name=tickets.create", "/sallyport/v1/tools%2ftickets.create"],
  ];
  await allRefused(
    targets.map((target) => [target, () => send(`POST ${target} HTTP/1.1`, [bearer(), jsonType, lengthOf(good)], good)] as const),
    25,
  );
});

test("a request whose frame could be read in two ways is refused, and the bytes behind it are no second request", async () => {
  const inner = rawRequest("POST /tickets/v1/tickets HTTP/1.1", ["Host: gw", bearer(), jsonType, lengthOf(good)], good);
  const frame = (headers: readonly string[], body: string, version = "HTTP/1.1"): string =>
    rawRequest(named.replace("HTTP/1.1", version), ["Host: gw", bearer(), jsonType, ...headers], body);
  const frames: readonly (readonly [string, string])[] = [
    ["length and chunked", frame([lengthOf(good), "Transfer-Encoding: chunked"], `0\r\n\r\n${inner}`)],
    ["chunked and length", frame(["Transfer-Encoding: chunked", lengthOf(good)], `0\r\n\r\n${inner}`)],
    ["two lengths", frame(["Content-Length: 2", lengthOf(good)], good)],
    ["two equal lengths", frame([lengthOf(good), lengthOf(good)], good)],
    ["a list of lengths", frame(["Content-Length: 26, 26"], good)],
    ["a signed length", frame(["Content-Length: +26"], good)],
    ["a negative length", frame(["Content-Length: -1"], good)],
    ["a hexadecimal length", frame(["Content-Length: 0x1a"], good)],
    ["a length beyond all numbers", frame([`Content-Length: ${"9".repeat(30)}`], good)],
    ["chunked twice", frame(["Transfer-Encoding: chunked, chunked"], `0\r\n\r\n${inner}`)],
    ["chunked not last", frame(["Transfer-Encoding: chunked, identity"], `0\r\n\r\n${inner}`)],
    ["an unknown coding", frame(["Transfer-Encoding: xchunked"], `0\r\n\r\n${inner}`)],
    ["identity", frame(["Transfer-Encoding: identity"], good)],
    ["a space before the colon", frame(["Transfer-Encoding : chunked"], `0\r\n\r\n${inner}`)],
    ["a folded header", frame(["X-A: b\r\n c", lengthOf(good)], good)],
    ["a bare line feed", `${named}\nHost: gw\n${bearer()}\n${jsonType}\n${lengthOf(good)}\n\n${good}`],
    ["a bare carriage return", frame([`X-A: b\rTransfer-Encoding: chunked`, lengthOf(good)], good)],
    ["a null in a header", frame(["X-A: b\0c", lengthOf(good)], good)],
    ["a null in a header's name", frame(["X\0A: b", lengthOf(good)], good)],
    ["a chunk size with a sign", frame(["Transfer-Encoding: chunked"], `+1a\r\n${good}\r\n0\r\n\r\n`)],
    ["a chunk size with a prefix", frame(["Transfer-Encoding: chunked"], `0x1a\r\n${good}\r\n0\r\n\r\n`)],
    ["a chunk that is longer than it says", frame(["Transfer-Encoding: chunked"], `5\r\n${good}\r\n0\r\n\r\n`)],
    ["two hosts", frame(["Host: other", lengthOf(good)], good)],
    ["no host", rawRequest(named, [bearer(), jsonType, lengthOf(good)], good)],
    ["another version", frame([lengthOf(good)], good, "HTTP/3.7")],
    ["no version", `POST /tickets/v1/tickets\r\nHost: gw\r\n${bearer()}\r\n\r\n`],
    ["a method that is none", frame([lengthOf(good)], good).replace("POST", "PO ST")],
    ["a method in lower case", frame([lengthOf(good)], good).replace("POST", "post")],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ];
  await allRefused(
    frames.map(([what, bytes]) => [what, () => sendBytes(bytes)] as const),
    30,
  );
});

test("a chunked body is one body, and a trailer gives it nothing", async () => {
  const chunked = (trailer: string): string => `5\r\n${good.slice(0, 5)}\r\n15\r\n${good.slice(5)}\r\n0\r\n${trailer}\r\n`;
  for (const trailer of ["", "X-Tenant: globex\r\n", "Idempotency-Key: t\r\n"]) {
    const { responses } = await send(named, [bearer(), jsonType, "Transfer-Encoding: chunked"], chunked(trailer));
    assert.equal(responses[0]?.status, 200, responses[0]?.body);
    const sent = world().sandbox.requests().at(-1);
    assert.deepEqual([sent?.body, sent?.trailers], [good, undefined]);
    assert.ok(!sent?.headers.some(([name]) => ["x-tenant", "idempotency-key", "transfer-encoding"].includes(name)));
  }
});

test("a request in a method that no tool has is refused, and an upgrade is no way around", async () => {
  // All that the parser knows, but GET and POST.
  const methods = METHODS.filter((method) => !["GET", "POST"].includes(method));
  assert.ok(methods.length > 30);
  const before = world().sandbox.requests().length;
  for (const method of methods) {
    for (const target of ["/tickets/v1/tickets/tk_3001", "/sallyport/v1/tools/tickets.lookup", "*", "gw:80"]) {
      const { responses, closed } = await send(`${method} ${target} HTTP/1.1`, [bearer()]);
      const status = responses[0]?.status;
      // Node ends a CONNECT without an answer, which refuses it as well.
      assert.ok(status === undefined ? closed : status >= 400 && status < 500, `${method} ${target}: ${status}`);
    }
  }
  const upgrade = ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eDEyMzQ1Njc4OTAxMjM0NQ=="];
  const request = rawRequest("GET /tickets/v1/tickets/tk_3001 HTTP/1.1", ["Host: gw", "Connection: Upgrade", bearer(), ...upgrade]);
  const { responses } = await sendBytes(request);
  assert.ok((responses[0]?.status ?? 400) >= 400, "an upgrade is not followed");
  assert.equal(world().sandbox.requests().length, before);
});

test("Expect: 100-continue is answered as HTTP says, and any other expectation is refused", async () => {
  const { responses, interim } = await send(named, [bearer(), jsonType, "Expect: 100-continue", lengthOf(good)], good);
  assert.deepEqual([responses[0]?.status, interim], [200, 1]);
  await allRefused([["Expect: x", () => send(named, [bearer(), jsonType, "Expect: x", lengthOf(good)], good)]], 1);
});

test("after all of it the gateway still answers, and the count of requests is known", async (context) => {
  const answer = await world().call("tickets.lookup", { ticket: "tk_3001" });
  assert.equal(answer.status, 200);
  context.diagnostic(`${rawAsked()} raw requests`);
  assert.ok(rawAsked() >= 250, `${rawAsked()}`);
});
