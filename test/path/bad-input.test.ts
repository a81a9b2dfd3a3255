import assert from "node:assert/strict";
import { test } from "node:test";
import { textCases } from "../rules/json-cases.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";
import { allRefused, bearer, good, jsonType, lengthOf, mounted, named, ownToken, rawAsked, send, world } from "./raw-calls.ts";

test("the plain request is forwarded: what the other tests refuse is refused for its own reason", async () => {
  const before = world().sandbox.effects("ticket").length;
  for (const line of [named, mounted]) {
    const { responses } = await send(line, [bearer(), jsonType, lengthOf(good)], good);
    assert.equal(responses[0]?.status, 200, responses[0]?.body);
  }
  assert.equal(world().sandbox.effects("ticket").length, before + 2);
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
  const all: readonly (readonly [string, string])[] = [
    ...bad.filter(([, text]) => text !== "").map(([, text]) => [text, bytes(text)] as const),
    ...more,
  ];
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
    ['application/json; charset="utf-8"'],
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

test("a token that is missing, forged, expired, repeated or elsewhere than in one Authorization header is refused", async () => {
  const token = ownToken();
  const { dev } = world();
  const [head = "", claims = "", signature = ""] = token.split(".");
  const text = (part: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(part, "base64url").toString("utf8")) as Record<string, unknown>;
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
  // A name with an underscore is refused whoever sends it.
  assert.ok(
    statuses.every((status, index) => status === (tries[index % tries.length]?.[0]?.startsWith("Authorization_") === true ? 400 : 401)),
    String(statuses),
  );
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
    ["Content-Encoding: br"],
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
    ['Idempotency-Key: ""'],
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
    tricks.map(
      (headers) =>
        [`${line} ${headers.join(" ").slice(0, 80)}`, () => send(line, [bearer(), ...headers, jsonType, lengthOf(good)], good)] as const,
    ),
  );
  await allRefused(cases, 100);
});

test("harmless headers are dropped, and a Connection that names Authorization takes nothing away", async () => {
  const harmless = [
    ["User-Agent: x"],
    ["Accept: */*"],
    ["X-Forwarded-For: 10.0.0.1"],
    ["X-Request-Id: 1"],
    ["Traceparent: 00-1-2-03"],
    ["X-Stainless-Os: l"],
  ];
  for (const headers of harmless) {
    const { responses } = await send(named, [bearer(), ...headers, jsonType, lengthOf(good)], good);
    assert.equal(responses[0]?.status, 200, `${String(headers)}: ${responses[0]?.body}`);
    const sent =
      world()
        .sandbox.requests()
        .at(-1)
        ?.headers.map(([name]) => name) ?? [];
    const [own = ""] = (headers[0] ?? "").toLowerCase().split(":");
    assert.ok(["accept"].includes(own) || !sent.includes(own), own);
  }
  const request = rawRequest(
    named,
    ["Host: gw", "Connection: close, authorization, sandbox-account", bearer(), jsonType, lengthOf(good)],
    good,
  );
  const { responses } = await sendRaw(world().gateway.agentsUrl, request);
  assert.equal(responses[0]?.status, 200);
  const sent = new Map(world().sandbox.requests().at(-1)?.headers);
  assert.deepEqual([sent.get("authorization"), sent.get("sandbox-account")], ["Bearer sk_sandbox_acme_co", "acct_acme_co"]);
});

test("a query that is not declared, repeated or malformed is refused, and so is a body on a read", async () => {
  const queries = [
    ...[
      "query=a&query=b",
      "query=a&Query=b",
      "query=a&tenant=globex",
      "query=a&",
      "&query=a",
      "query=a&&query=b",
      "query",
      "=a",
      "query=a;b=c",
      "query[]=a",
    ],
    ...["query=%", "query=%ff", "query=%c0%af", "query=a%zz", "query=a#b", "query=a b", "query=a\\b", "query=a|b", "query={}", "query=<a>"],
    ...[
      "__proto__=a",
      "constructor=a",
      "query=a&__proto__[x]=y",
      "query=",
      "QUERY=a",
      "%71uery=a&query=b",
      "query=a?query=b&query=c",
      `query=${"x".repeat(201)}`,
    ],
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
    bodies.map(
      ([what, headers, body]) => [what, () => send("GET /tickets/v1/tickets?query=a HTTP/1.1", [bearer(), ...headers], body)] as const,
    ),
    5,
  );
  await allRefused(
    [["a query on a call by name", () => send(named.replace(" HTTP", "?subject=a HTTP"), [bearer(), jsonType, lengthOf(good)], good)]],
    1,
  );
});

test("after all of it the gateway still answers, and the count of requests is known", async (context) => {
  const answer = await world().call("tickets.lookup", { ticket: "tk_3001" });
  assert.equal(answer.status, 200);
  context.diagnostic(`${rawAsked()} raw requests`);
  assert.ok(rawAsked() >= 600, `${rawAsked()}`);
});
