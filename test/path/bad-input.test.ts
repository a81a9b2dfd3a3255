import assert from "node:assert/strict";
import { METHODS } from "node:http";
import { after, before, test } from "node:test";
import { codes } from "../../src/rules/codes.ts";
import { textCases } from "../rules/json-cases.ts";
import type { TestGateway } from "../support/gateway.ts";
import { type RawExchange, rawRequest, sendRaw } from "../support/raw-http.ts";
import { startWide } from "./wide-gateway.ts";

let world: TestGateway;
let token: string;
let asked = 0;
before(async () => {
  world = await startWide({ lift: true });
  token = await world.agentToken();
});
after(() => world.close());

const named = "POST /sallyport/v1/tools/tickets.create HTTP/1.1";
const mounted = "POST /tickets/v1/tickets HTTP/1.1";
const good = '{"subject":"a","text":"b"}';
const jsonType = "Content-Type: application/json";
const lengthOf = (body: string): string => `Content-Length: ${Buffer.byteLength(body, "latin1")}`;
const bearer = (): string => `Authorization: Bearer ${token}`;

function send(startLine: string, headers: readonly string[], body = ""): Promise<RawExchange> {
  asked += 1;
  return sendRaw(world.gateway.agentsUrl, rawRequest(startLine, ["Host: gw", "Connection: close", ...headers], body));
}

/** Bytes as they are, with nothing added. */
function sendBytes(bytes: string, timeoutMs = 500): Promise<RawExchange> {
  asked += 1;
  return sendRaw(world.gateway.agentsUrl, bytes, { timeoutMs });
}

/** Sends all at once and asserts that each was refused with 4xx, in the problem form where the gateway itself spoke, and that nothing was forwarded. */
async function allRefused(cases: readonly (readonly [string, () => Promise<RawExchange>])[], count: number): Promise<readonly number[]> {
  assert.equal(cases.length, count);
  const before = world.sandbox.requests().length;
  const statuses: number[] = [];
  for (const [what, act] of cases) {
    const exchange = await act();
    const [response] = exchange.responses;
    assert.ok(response !== undefined, `${what}: no answer`);
    const told = `${what}: ${response.status} ${response.body}`;
    assert.ok(response.status >= 400 && response.status < 500, told);
    assert.ok(
      exchange.responses.every(({ status }) => status >= 400 && status < 500),
      `${what}: ${JSON.stringify(exchange.responses)}`,
    );
    if (response.body !== "" && response.body.startsWith('{"type"')) {
      const { code, executed } = JSON.parse(response.body) as { code: string; executed: unknown };
      assert.ok(Object.hasOwn(codes, code) && executed === false, told);
    }
    assert.ok(!response.body.includes(token), what);
    statuses.push(response.status);
    assert.equal(world.sandbox.requests().length, before, `${what}: was forwarded`);
  }
  return statuses;
}

test("the plain request is forwarded: what the other tests refuse is refused for its own reason", async () => {
  const before = world.sandbox.effects("ticket").length;
  for (const line of [named, mounted]) {
    const { responses } = await send(line, [bearer(), jsonType, lengthOf(good)], good);
    assert.equal(responses[0]?.status, 200, responses[0]?.body);
  }
  assert.equal(world.sandbox.effects("ticket").length, before + 2);
});

test("a body that is not one strict JSON object is refused, by name and on the mount", async () => {
  const bad = textCases.filter(([expected]) => expected !== "ok" && !["", " "].includes(expected));
  const bytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
  const more: readonly (readonly [string, string])[] = [
    ["invalid UTF-8", '{"subject":"\xff","text":"b"}'],
    ["overlong UTF-8", '{"subject":"\xc0\xaf","text":"b"}'],
    ["a byte order mark", `\xef\xbb\xbf${good}`],
    ["UTF-16", Buffer.from(good, "utf16le").toString("latin1")],
    ["a hundred thousand brackets", `{"subject":${"[".repeat(100_000)}`],
    ["twenty thousand values", `{"subject":[${"1,".repeat(20_000)}1]}`],
    ["two equal keys", '{"subject":"a","subject":"a","text":"b"}'],
    ["two keys that differ by case", '{"subject":"a","Subject":"a","text":"b"}'],
    ["two keys that differ by escapes", '{"subject":"a","sub\\u006aect":"c","text":"b"}'],
    ["an unknown key", '{"subject":"a","text":"b","tenant":"globex"}'],
    ["a wrong type", '{"subject":["a"],"text":"b"}'],
    ["a missing argument", '{"subject":"a"}'],
    ["an empty argument", '{"subject":"","text":"b"}'],
    ["an argument that is too long", `{"subject":"${"x".repeat(201)}","text":"b"}`],
    ["more bytes than the limit", `{"subject":"a","text":"${"x".repeat(256 * 1024)}"}`],
    ["an empty body", ""],
    ["a form", "subject=a&text=b"],
  ];
  const all: readonly (readonly [string, string])[] = [...bad.filter(([, text]) => text !== "").map(([, text]) => [text, bytes(text)] as const), ...more];
  const cases = [named, mounted].flatMap((line) =>
    all.map(([what, body]) => [`${line} ${what.slice(0, 80)}`, () => send(line, [bearer(), jsonType, lengthOf(body)], body)] as const),
  );
  assert.ok(all.length > 100, `${all.length}`);
  await allRefused(cases, all.length * 2);
});

test("only one Content-Type that is exactly JSON is read", async () => {
  const types: readonly (readonly string[])[] = [
    [],
    [""],
    [" "],
    ["\tapplication/json\tx"],
    ["application/json\t;charset=utf-8"],
    ["application/json ;x"],
    ["application/json;"],
    ["application/json;\tcharset=utf-8"],
    ["application/json;charset=utf-8;"],
    ["application/json; charset=utf-16"],
    ["application/json; charset=latin1"],
    ["application/json; charset=\"utf-8\""],
    ["application/json;  charset=utf-8"],
    ["application/json; charset=utf-8; x=y"],
    ["application/json, text/plain"],
    ["text/plain, application/json"],
    ["application/json,application/json"],
    ["application/json x"],
    ["application/jsonx"],
    ["application/json+x"],
    ["application/vnd.api+json"],
    ["application/problem+json"],
    ["application/ json"],
    ["application /json"],
    ["application\\json"],
    ["/json"],
    ["json"],
    ["*/*"],
    ["application/*"],
    ["text/json"],
    ["text/plain"],
    ["text/html"],
    ["application/x-www-form-urlencoded"],
    ["multipart/form-data; boundary=x"],
    ["application/octet-stream"],
    ["application/json\x80"],
    ["application/x-json"],
    ["application/json", "application/json"],
    ["application/json", "text/plain"],
    ["text/plain", "application/json"],
  ];
  assert.equal(types.length, 40);
  const cases = [named, mounted].flatMap((line) =>
    types.map((values) => {
      const lines = values.map((value) => `Content-Type: ${value}`);
      return [`${line} ${JSON.stringify(values)}`, () => send(line, [bearer(), ...lines, lengthOf(good)], good)] as const;
    }),
  );
  const statuses = await allRefused(cases, 80);
  assert.ok(statuses.every((status) => status === 415 || status === 400));
  // White space around a value is no part of it (RFC 9110 section 5.5), so these are the good one.
  for (const type of ["\tapplication/json", "   application/json \t", "APPLICATION/JSON", "application/json;charset=UTF-8"]) {
    const { responses } = await send(named, [bearer(), `Content-Type:${type}`, lengthOf(good)], good);
    assert.equal(responses[0]?.status, 200, type);
  }
});

test("a path in any spelling but the canonical one reaches no tool", async () => {
  const spellings = [
    ...["//tickets/v1/tickets/tk_3001", "/tickets//v1/tickets/tk_3001", "/tickets/v1/tickets/tk_3001/", "/tickets/v1/tickets//tk_3001"],
    ...["/tickets/./v1/tickets/tk_3001", "/./tickets/v1/tickets/tk_3001", "/tickets/v1/tickets/tk_3001/.", "/tickets/v1/tickets/."],
    ...["/tickets/v1/../v1/tickets/tk_3001", "/payments/../tickets/v1/tickets/tk_3001", "/../tickets/v1/tickets/tk_3001", "/tickets/v1/tickets/.."],
    ...["/tickets/v1/tickets/%2e", "/tickets/v1/tickets/%2E%2E", "/tickets/%2e%2e/tickets/v1/tickets/tk_3001", "/tickets/v1/tickets/%2e%2e%2ftk_3001"],
    ...["/tickets/v1/tickets%2ftk_3001", "/tickets/v1/tickets%2Ftk_3001", "/tickets%2fv1/tickets/tk_3001", "/tickets/v1/tickets/tk%2F3001"],
    ...["/tickets/v1/tickets/tk%5c3001", "/tickets/v1/tickets/tk%5C3001", "/tickets\\v1\\tickets\\tk_3001", "/tickets/v1/tickets\\tk_3001"],
    ...["/tickets/v1/tickets/%74k_3001", "/%74ickets/v1/tickets/tk_3001", "/tickets/v1/tickets/tk%5f3001", "/tickets/v1/tickets/tk%5F3001"],
    ...["/tickets/v1/tickets/%2574k_3001", "/tickets/v1/tickets/%252e%252e", "/tickets/v1/tickets/tk_3001%252f", "/tickets/v1/tickets/%25"],
    ...["/tickets/v1/tickets/tk_3001;v=1", "/tickets;x/v1/tickets/tk_3001", "/tickets/v1/tickets;/tk_3001", "/tickets/v1/tickets/tk_3001%3b"],
    ...["/tickets/v1/tickets/tk_3001%00", "/tickets/v1/tickets/%00", "/tickets/v1/tickets/tk_3001%0a", "/tickets/v1/tickets/tk_3001%0d%0aX:y"],
    ...["/tickets/v1/tickets/tk_3001%23", "/tickets/v1/tickets/tk_3001%3f", "/tickets/v1/tickets/tk_3001%3Fx=y", "/tickets/v1/tickets/tk_3001#x"],
    ...["/tickets/v1/tickets/%c0%ae%c0%ae", "/tickets/v1/tickets/%c0%af", "/tickets/v1/tickets/%e0%80%af", "/tickets/v1/tickets/%ff"],
    ...["/tickets/v1/tickets/%", "/tickets/v1/tickets/%7", "/tickets/v1/tickets/%zz", "/tickets/v1/tickets/%u0074k_3001"],
    ...["/Tickets/v1/tickets/tk_3001", "/tickets/V1/tickets/tk_3001", "/tickets/v1/TICKETS/tk_3001", "/tickets/v1/tickets/tk_3001/replies/x"],
    ...["/tickets/v1/tickets/%EF%BC%8Ftk_3001", "/tickets/v1/tickets/%E2%80%A4%E2%80%A4", "/tickets/v1/tickets/tk_3001%20", "/tickets/v1/tickets/+tk_3001"],
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
    ...["tickets.Create", "tickets%2ecreate", "tickets%2Fcreate", "tickets.create/", "tickets.create;x", "./tickets.create", "../v1/tools/tickets.create"],
    ...["tickets..create", "tickets", "", "%00", "%", "__proto__", "constructor", "toString", "tickets.create%00", "x".repeat(300), "tickets.create%20"],
  ];
  const targets = [
    ...names.map((name) => `/sallyport/v1/tools/${name}`),
    ...["/sallyport/v1/%74ools/tickets.create", "/Sallyport/v1/tools/tickets.create", "/sallyport//v1/tools/tickets.create", "/sallyport/v1/tools/tickets.create#x"],
    ...["http://gw/sallyport/v1/tools/tickets.create", "/sallyport/v1/tools?name=tickets.create", "/sallyport/v1/tools%2ftickets.create"],
  ];
  await allRefused(
    targets.map((target) => [target, () => send(`POST ${target} HTTP/1.1`, [bearer(), jsonType, lengthOf(good)], good)] as const),
    25,
  );
});

test("a token that is missing, forged, expired, repeated or elsewhere than in one Authorization header is refused", async () => {
  const { dev } = world;
  const [head = "", claims = "", signature = ""] = token.split(".");
  const text = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as Record<string, unknown>;
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const person = await dev.mintPersonToken({ person: "admin", name: "a", roles: ["admin"], groups: [], ttlMs: 60_000 });
  const auth = (value: string): readonly string[] => [`Authorization: ${value}`];
  const tries: readonly (readonly string[])[] = [
    [],
    auth(""),
    auth("Bearer"),
    auth("Bearer "),
    auth("Bearer null"),
    auth(token),
    auth(`Basic ${token}`),
    auth(`Bearer  ${token}x`),
    auth(`Bearer ${token} `.concat("x")),
    auth(`Bearer ${token},${token}`),
    auth(`Bearer ${token}, Bearer ${token}`),
    auth(`Bearer ${token}=`),
    auth(`Bearer ${token}.`),
    auth(`Bearer ${token}.x`),
    auth(`Bearer ${head}.${claims}`),
    auth(`Bearer ${head}.${claims}.`),
    auth(`Bearer ..${signature}`),
    auth(`Bearer ${part({ ...text(head), alg: "none" })}.${claims}.`),
    auth(`Bearer ${part({ ...text(head), alg: "HS256" })}.${claims}.${signature}`),
    auth(`Bearer ${part({ ...text(head), kid: "../../etc/passwd" })}.${claims}.${signature}`),
    auth(`Bearer ${part({ ...text(head), jku: "http://127.0.0.1:1/" })}.${claims}.${signature}`),
    auth(`Bearer ${head}.${part({ ...text(claims), tenant: "globex" })}.${signature}`),
    auth(`Bearer ${head}.${part({ ...text(claims), sub: "release-bot" })}.${signature}`),
    auth(`Bearer ${head}.${claims}.${signature.slice(0, -4)}AAAA`),
    auth(`Bearer ${person}`),
    auth(`Bearer ${"a".repeat(9000)}`),
    [bearer(), bearer()],
    [bearer(), "Authorization: Basic eDp5"],
    ["Authorization: Basic eDp5", bearer()],
    [`Cookie: Authorization=Bearer ${token}`],
    [`X-Authorization: Bearer ${token}`],
    [`Proxy-Authorization: Bearer ${token}`],
    [`Authorization_: Bearer ${token}`],
  ];
  const cases = [named, mounted].flatMap((line) =>
    tries.map((headers, index) => [`${line} ${index}`, () => send(line, [...headers, jsonType, lengthOf(good)], good)] as const),
  );
  const statuses = await allRefused(cases, 66);
  assert.ok(statuses.every((status) => status === 401), String(statuses));
  for (const name of ["access_token", "token", "authorization"]) {
    const [status] = await allRefused([[name, () => send(`GET /tickets/v1/tickets?query=a&${name}=${token} HTTP/1.1`, [])]], 1);
    assert.equal(status, 401);
  }
});

test("a header that could change whose call it is, what it does or how it is framed is refused", async () => {
  const tricks: readonly (readonly string[])[] = [
    ["X_Tenant: globex"],
    ["X-Tenant: globex"],
    ["X-Tenant-Id: globex"],
    ["Tenant: globex"],
    ["Sandbox-Account: acct_globex"],
    ["sandbox_account: acct_globex"],
    ["SANDBOX-ACCOUNT: acct_acme_co"],
    ["X-HTTP-Method-Override: DELETE"],
    ["X-HTTP-Method: DELETE"],
    ["X-Method-Override: DELETE"],
    ["X-Original-URL: /v1/refunds"],
    ["X-Rewrite-URL: /v1/refunds"],
    ["X-Forwarded-User: admin"],
    ["X-Remote-User: admin"],
    ["Cookie: a=b"],
    ["Content-Encoding: gzip"],
    ["Content-Encoding: identity"],
    ["Content-Location: /v1/refunds"],
    ["Content-Range: bytes 0-1/2"],
    ["Range: bytes=0-1"],
    ["If-Match: *"],
    ["Trailer: X-Tenant"],
    ["Idempotency-Key: a", "Idempotency-Key: a"],
    ["Idempotency-Key: a", "Idempotency-Key: b"],
    ["Idempotency_Key: a"],
    ["Idempotency-Key: a b"],
    ["Idempotency-Key: "],
    ["Idempotency-Key: \"\""],
    [`Idempotency-Key: ${"k".repeat(256)}`],
    ["Idempotency-Key: \xe9"],
    ["X-Idempotency-Key: a"],
    ["Sallyport-Dry-Run: 1"],
    ["Sallyport-Dry-Run: TRUE"],
    ["Sallyport-Dry-Run: false"],
    ["Sallyport-Dry-Run: "],
    ["Sallyport-Dry-Run: true, true"],
    ["Sallyport-Dry-Run: true", "Sallyport-Dry-Run: true"],
    ["Sallyport_Dry_Run: true"],
    ["Sallyport-Dryrun: true"],
    ["Sallyport-Run: r_2"],
    ["Sallyport-Call-Id: c_1"],
    ["Prefer: wait=1", "Prefer: respond-async"],
    ["Stripe-Account: acct_2"],
    ["X-Api-Key: sk_1"],
    ["X-Amz-Security-Token: t"],
    ["Upgrade: websocket"],
    ["HTTP2-Settings: AAMAAABkAAQAAP__"],
    ["__proto__: x"],
    ["constructor: x"],
    [`X-Big: ${"x".repeat(20_000)}`],
  ];
  const cases = [named, mounted].flatMap((line) =>
    tricks.map((headers) => [`${line} ${headers.join(" ").slice(0, 80)}`, () => send(line, [bearer(), ...headers, jsonType, lengthOf(good)], good)] as const),
  );
  await allRefused(cases, 100);
});

test("harmless headers are dropped, and a Connection that names Authorization takes nothing away", async () => {
  const harmless = [["User-Agent: x"], ["Accept: */*"], ["X-Forwarded-For: 10.0.0.1"], ["X-Request-Id: 1"], ["Traceparent: 00-1-2-03"], ["X-Stainless-Os: l"]];
  for (const headers of harmless) {
    const { responses } = await send(named, [bearer(), ...headers, jsonType, lengthOf(good)], good);
    assert.equal(responses[0]?.status, 200, `${headers}: ${responses[0]?.body}`);
    const sent = world.sandbox.requests().at(-1)?.headers.map(([name]) => name) ?? [];
    const [own = ""] = (headers[0] ?? "").toLowerCase().split(":");
    assert.ok(["accept"].includes(own) || !sent.includes(own), own);
  }
  asked += 1;
  const request = rawRequest(named, ["Host: gw", "Connection: close, authorization, sandbox-account", bearer(), jsonType, lengthOf(good)], good);
  const { responses } = await sendRaw(world.gateway.agentsUrl, request);
  assert.equal(responses[0]?.status, 200);
  const sent = new Map(world.sandbox.requests().at(-1)?.headers);
  assert.deepEqual([sent.get("authorization"), sent.get("sandbox-account")], ["Bearer sk_sandbox_acme_co", "acct_acme_co"]);
});

test("a query that is not declared, repeated or malformed is refused, and so is a body on a read", async () => {
  const queries = [
    ...["query=a&query=b", "query=a&Query=b", "query=a&tenant=globex", "query=a&", "&query=a", "query=a&&query=b", "query", "=a", "query=a;b=c", "query[]=a"],
    ...["query=%", "query=%ff", "query=%c0%af", "query=a%zz", "query=a#b", "query=a b", "query=a\\b", "query=a|b", "query={}", "query=<a>"],
    ...["__proto__=a", "constructor=a", "query=a&__proto__[x]=y", "query=", "QUERY=a", "%71uery=a&query=b", "query=a?query=b&query=c", `query=${"x".repeat(201)}`],
  ];
  await allRefused(
    queries.map((query) => [query, () => send(`GET /tickets/v1/tickets?${query} HTTP/1.1`, [bearer()])] as const),
    28,
  );
  const bodies: readonly (readonly [string, readonly string[], string])[] = [
    ["a body", [jsonType, "Content-Length: 2"], "{}"],
    ["a body without a type", ["Content-Length: 2"], "{}"],
    ["arguments in a body", [jsonType, "Content-Length: 13"], '{"query":"b"}'],
    ["a chunked body", [jsonType, "Transfer-Encoding: chunked"], "2\r\n{}\r\n0\r\n\r\n"],
    ["an empty chunked body", ["Transfer-Encoding: chunked"], "0\r\n\r\n"],
  ];
  await allRefused(
    bodies.map(([what, headers, body]) => [what, () => send("GET /tickets/v1/tickets?query=a HTTP/1.1", [bearer(), ...headers], body)] as const),
    5,
  );
  await allRefused([["a query on a call by name", () => send(named.replace(" HTTP", "?subject=a HTTP"), [bearer(), jsonType, lengthOf(good)], good)]], 1);
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
    const sent = world.sandbox.requests().at(-1);
    assert.deepEqual([sent?.body, sent?.trailers], [good, undefined]);
    assert.ok(!sent?.headers.some(([name]) => ["x-tenant", "idempotency-key", "transfer-encoding"].includes(name)));
  }
});

test("a request in a method that no tool has is refused, and an upgrade is no way around", async () => {
  // All that the parser knows, but GET and POST.
  const methods = METHODS.filter((method) => !["GET", "POST"].includes(method));
  assert.ok(methods.length > 30);
  const before = world.sandbox.requests().length;
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
  assert.equal(world.sandbox.requests().length, before);
});

test("Expect: 100-continue is answered as HTTP says, and any other expectation is refused", async () => {
  const { responses, interim } = await send(named, [bearer(), jsonType, "Expect: 100-continue", lengthOf(good)], good);
  assert.deepEqual([responses[0]?.status, interim], [200, 1]);
  await allRefused([["Expect: x", () => send(named, [bearer(), jsonType, "Expect: x", lengthOf(good)], good)]], 1);
});

test("after all of it the gateway still answers, and the count of requests is known", async (context) => {
  const answer = await world.call("tickets.lookup", { ticket: "tk_3001" });
  assert.equal(answer.status, 200);
  context.diagnostic(`${asked} raw requests`);
  assert.ok(asked >= 700, `${asked}`);
});
