import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { answering, rawTo, withAnswerOf } from "../support/pass-raw.ts";
import { type Answerer, type PassWorld, type PassWorldOptions, startPassWorld, startUpstream } from "../support/pass-world.ts";

let world: PassWorld;
let certificates: Certificates;
before(async () => {
  certificates = await makeCertificates();
  world = await startPassWorld({
    route: "headers: { Range: {} }\nlimits: { response_bytes: 64KiB, request_bytes: 4KiB }",
    budgets: "  - { meter: cost, scope: agent, window: day, limit: 1000.00 USD }",
  });
});
after(() => world.close());

const raw = (line: string, headers: readonly string[] = [], body = "", authorized = true) => rawTo(world, line, headers, body, authorized);
const withAnswer = <T>(answer: Answerer, act: () => Promise<T>): Promise<T> => withAnswerOf(world, answer, act);

/** Another world for one test, closed after it. */
async function inWorld(options: PassWorldOptions, act: (other: PassWorld) => Promise<void>): Promise<void> {
  const other = await startPassWorld(options);
  try {
    await act(other);
  } finally {
    await other.close();
  }
}

test("trap 1 and INV-13: an upstream whose certificate is not the right one gets not a byte of a request", async () => {
  const rows = [
    ["selfsigned", certificates.selfSigned, 502],
    ["wrongname", certificates.wrongName, 502],
    ["expired", certificates.expired, 502],
    ["notyet", certificates.notYetValid, 502],
    ["otherca", certificates.otherCa, 502],
    ["good", certificates.good, 200],
  ] as const;
  const upstreams = await Promise.all(rows.map(([, certificate]) => startUpstream(certificate)));
  const routes = Object.fromEntries(
    rows.map(([name], index) => {
      const head = `upstream: ${upstreams[index]?.url ?? ""}\nmount: { path: /${name} }\npassthrough: true\nca: ca.pem`;
      const tools = ["GET", "POST"].map(
        (method) =>
          `  ${name}.${method.toLowerCase()}: { match: ${method} /it, describe: It., traits: { effect: ${method === "GET" ? "read" : "write"} } }`,
      );
      return [name, () => `${head}\ncredentials: { header: X-Key, value: "\${file:secrets/{tenant}}" }\ntools:\n${tools.join("\n")}\n`];
    }),
  );
  await inWorld({ routes, edit: { "routes/ca.pem": () => certificates.ca, "routes/secrets/acme_co": () => "sk" } }, async (other) => {
    for (const [index, [name, , status]] of rows.entries()) {
      for (const method of ["GET", "POST"]) {
        const answer = await fetch(`${other.gateway.agentsUrl}/${name}/it`, {
          method,
          headers: { authorization: `Bearer ${other.token}` },
          body: method === "POST" ? "secret" : null,
        });
        const text = await answer.text();
        assert.equal(answer.status, status, `${name} ${method} ${text}`);
        if (status === 502) assert.match(text, /"code":"ERR_UPSTREAM_TLS"/, name);
        assert.equal((await other.newest()).state, status === 200 ? "succeeded" : "not_sent", name);
      }
      assert.equal(upstreams[index]?.seen.length, status === 200 ? 2 : 0, name);
    }
  });
  await Promise.all(upstreams.map((one) => one.close()));
  assert.equal(rows.length, 6);
});

test("trap 2 and INV-12: whatever the upstream does, it gets a request once", async () => {
  const rows: readonly (readonly [string, Answerer])[] = [
    ["503", answering(503, {})],
    ["503 with Retry-After", answering(503, { "retry-after": "0" })],
    ["502", answering(502, {})],
    ["429", answering(429, { "retry-after": "0" })],
    ["reset before the head", (_request, response) => response.socket?.resetAndDestroy()],
    ["closed before the head", (_request, response) => response.destroy()],
    ["redirect", answering(307, { location: "/base/files/elsewhere" })],
  ];
  for (const [title, answer] of rows) {
    for (const [method, path] of [
      ["GET", "/llm/files/a"],
      ["HEAD", "/llm/files/a"],
      ["POST", "/llm/ask"],
      ["POST", "/llm/act"],
      ["DELETE", "/llm/act/1"],
    ] as const) {
      const got = await withAnswer(answer, () => raw(`${method} ${path}`));
      assert.equal(got.seen.length, 1, `${title} ${method} ${path}`);
      if (title === "503" && path === "/llm/files/a") assert.equal(got.status, 503, "the upstream's own answer comes through");
      if (path.startsWith("/llm/act") && title !== "429") assert.equal(got.code, "ERR_OUTCOME_UNKNOWN", `${title} ${method} ${path}`);
      assert.ok(
        !(got.response?.headers ?? []).some(([name, value]) => name === "location" && value.includes("elsewhere")),
        "no redirect is handed on",
      );
    }
  }
  assert.equal(rows.length, 7);
});

const suffixes = [
  "a%2Fb",
  "a%2fb",
  "%2e%2e/x",
  "%2E%2E/x",
  "../x",
  "a/../../x",
  "a/./b",
  "a//b",
  "/a",
  "a/",
  "a;x=1",
  "a%3Bx",
  "a#x",
  "a%23x",
  "a\\b",
  "a%5Cb",
  "a%5cb",
  "%252e%252e/x",
  "a%252Fb",
  "a%00",
  "a%0d%0aX",
  "%c0%ae%c0%ae/x",
  "%C0%AE",
  "a%",
  "a%zz",
  "%61",
  "a%3Fx",
  "..%2Fadmin",
  "..%5cadmin",
  "\u00ff",
  "..;/x",
  "%2e/x",
  "a%09",
  "a%20%2F",
  "%uff0e",
  "a%EF%BC%8Fb",
  "%EF%BC%8E%EF%BC%8E/x",
  "%2e",
  "a/..",
];

const prefixes = [
  "//llm/files/a",
  "/./llm/files/a",
  "/LLM/files/a",
  "/llm/../llm/files/a",
  "/ll%6d/files/a",
  "/llm%2Ffiles/a",
  "/llmx/files/a",
  "/llm",
  "/llm/",
  "/x/llm/files/a",
  "http://gw.test/llm/files/a",
  "*",
];

const queries = [
  "a?x=%0d%0a",
  "a?x=1;y=2",
  "a?x=%2541",
  "a?_method=DELETE",
  "a?access_token=x",
  "a?x=\\",
  "a?__proto__=1",
  "a?x=%c3",
  "a?&",
];

test("trap 3 and INV-10: a path is what the route says it is, or it is refused and nothing is sent", async () => {
  for (const suffix of suffixes) {
    const got = await raw(`GET /llm/files/${suffix}`);
    assert.ok(got.status >= 400 && got.status < 500, `${suffix} got ${got.status}`);
    assert.equal(got.seen.length, 0, suffix);
  }
  for (const target of prefixes) {
    const got = await raw(`GET ${target}`);
    assert.ok(got.status >= 400 && got.status < 500, `${target} got ${got.status}`);
    assert.equal(got.seen.length, 0, target);
  }
  const same = [
    ["a%20b", "/base/files/a%20b"],
    ["models/x:generate", "/base/files/models/x:generate"],
    ["models/x%3Agenerate", "/base/files/models/x:generate"],
    ["..a/...", "/base/files/..a/..."],
    ["%C3%A4", "/base/files/%C3%A4"],
    ["a?x=1&y=%2F", "/base/files/a?x=1&y=%2F"],
  ] as const;
  for (const [suffix, url] of same) assert.equal((await raw(`GET /llm/files/${suffix}`)).seen[0]?.url, url, suffix);
  for (const suffix of queries) {
    const got = await raw(`GET /llm/files/${suffix}`);
    assert.deepEqual([got.status, got.seen.length], [400, 0], suffix);
  }
  assert.deepEqual([suffixes.length, prefixes.length, same.length, queries.length], [39, 12, 6, 9]);
});

test("writes go only where they are listed, by that method, and reads only as reads", async () => {
  const rows: readonly (readonly [string, number])[] = [
    ["POST /llm/files/a", 404],
    ["PUT /llm/act", 404],
    ["DELETE /llm/act", 404],
    ["DELETE /llm/act/1/2", 404],
    ["POST /llm/act/x", 404],
    ["PATCH /llm/ask", 404],
    ["GET /llm/act", 404],
    ["GET /llm/one/1/content/2", 404],
    ["GET /llm/one/1", 404],
    ["OPTIONS /llm/files/a", 404],
    ["TRACE /llm/files/a", 404],
    ["PROPFIND /llm/files/a", 404],
    ["HEAD /llm/act", 404],
    ["POST /sallyport/v1/tools/llm.ask", 404],
    ["POST /sallyport/v1/tools/llm_files", 404],
  ];
  for (const [line, status] of rows) {
    const got = await raw(
      line,
      line.includes("tools/") ? ["Content-Type: application/json", "Content-Length: 2"] : [],
      line.includes("tools/") ? "{}" : "",
    );
    assert.ok(got.status === status || (got.status >= 400 && got.status < 500), `${line} got ${got.status}`);
    assert.equal(got.seen.length, 0, line);
  }
  const listed = await raw("GET /sallyport/v1/tools");
  assert.deepEqual(JSON.parse(listed.response?.body ?? ""), { tools: [] });
  const overridden = await raw("POST /llm/act", ["X-HTTP-Method-Override: DELETE"]);
  assert.deepEqual([overridden.status, overridden.seen.length], [400, 0]);
  assert.equal(rows.length, 15);
});

test("no route of the plug-in is reachable without a token, a contract and a record", async () => {
  for (const line of ["GET /llm/files/a", "HEAD /llm/files/a", "POST /llm/ask", "POST /llm/act", "DELETE /llm/act/1"]) {
    const got = await raw(line, [], "", false);
    assert.deepEqual([got.status, got.seen.length], [401, 0], line);
  }
  const stranger = await world.agentToken({ agent: "billing-dispute-v3" });
  const denied = await world.fetch("/files/a", { token: stranger });
  assert.equal(denied.status, 403);
  const before = world.upstream.seen.length;
  const { calls } = world.gateway.ports;
  const { admit } = calls;
  calls.admit = () => Promise.reject(Object.assign(new Error("down"), { name: "StoreUnavailable" }));
  try {
    assert.ok((await world.fetch("/files/a")).status >= 500);
  } finally {
    calls.admit = admit;
  }
  assert.equal(world.upstream.seen.length, before, "no intent, no request");
});

test("INV-8: neither the token nor a part of it goes on, and of the agent's headers only what was declared", async () => {
  const parts = world.token.split(".");
  const before = world.upstream.seen.length;
  const noise = [
    "User-Agent: x",
    "Accept: text/plain",
    "X-Forwarded-For: 1.2.3.4",
    "Traceparent: 00-1",
    "Referer: http://x",
    "Range: bytes=0-1",
    "Idempotency-Key: mine",
    "Cache-Control: no-cache",
    "Te: trailers",
  ];
  assert.equal((await raw("GET /llm/files/a", noise)).status, 200);
  const [seen] = world.upstream.seen.slice(before);
  const names = (seen?.rawHeaders ?? []).filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  assert.deepEqual(names.sort(), ["accept", "accept-encoding", "authorization", "connection", "host", "range"]);
  assert.equal(seen?.headers.authorization, "Bearer sk_up_acme_co");
  assert.equal(seen?.headers["accept-encoding"], "identity");
  const leaks = [`/llm/files/${world.token}`, `/llm/files/${parts[2]}`, `/llm/files/a?x=${parts[0]}`, `/llm/files/a?x=${parts[1]}.`];
  for (const target of leaks) {
    const got = await raw(`GET ${target}`);
    assert.deepEqual([got.status, got.code, got.seen.length], [422, "ERR_TOKEN_IN_ARGUMENTS", 0], target);
  }
  for (const header of [`Range: ${parts[2]}`, `Accept: ${parts[2]}`, `Content-Type: text/${parts[2]}`]) {
    const got = await raw("GET /llm/files/a", [header]);
    assert.equal(got.seen.length, 0, header.slice(0, 12));
  }
  const elsewhere = ["X-Api-Key: x", "Cookie: a=b", "Proxy-Authorization: Bearer x", `Authorization: Bearer ${world.token}`];
  for (const header of elsewhere) assert.equal((await raw("GET /llm/files/a", [header])).status, 401, header.slice(0, 14));
  const refused = [
    "X-Tenant: other",
    "X_Tenant: other",
    "Sandbox-Account: x",
    "Forwarded-Host: x",
    "Upgrade: websocket",
    "X-Original-Url: /x",
  ];
  for (const header of refused) {
    const got = await raw("GET /llm/files/a", [header]);
    assert.deepEqual([got.status, got.seen.length], [400, 0], header);
  }
  const stripped = await raw("GET /llm/files/a", ["Connection: authorization, range, x", "Range: bytes=0-1"]);
  assert.equal(stripped.seen[0]?.headers.authorization, "Bearer sk_up_acme_co", "a client cannot strip our headers by naming them");
  assert.equal(stripped.seen[0]?.headers.range, "bytes=0-1");
});

test("people's hold, a dry run of a write, a draft and an amount budget refuse before anything is sent", async () => {
  const before = world.upstream.seen.length;
  const dry = await raw("POST /llm/act", ["Sallyport-Dry-Run: true"]);
  assert.deepEqual([dry.status, dry.code], [400, "ERR_DRY_RUN_PASSTHROUGH"]);
  const read = await raw("GET /llm/files/a", ["Sallyport-Dry-Run: true"]);
  assert.equal(read.status, 200);
  assert.equal((JSON.parse(read.response?.body ?? "{}") as { dry_run?: boolean }).dry_run, true);
  assert.equal(world.upstream.seen.length, before);
  const act = async (other: PassWorld, code: string): Promise<void> => {
    const answer = await other.fetch("/act", { method: "POST", body: "x" });
    assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code, other.upstream.seen.length], [403, code, 0]);
  };
  await inWorld({ stage: "suggest" }, (other) => act(other, "ERR_HOLD_PASSTHROUGH"));
  await inWorld({ stage: "draft" }, (other) => act(other, "ERR_STAGE_DRAFT"));
});

test("a tenant without a credential gets nothing of another's", async () => {
  const options = { credentials: '"Bearer ${file:secrets/{tenant}}"', edit: { "routes/secrets/acme_co": () => "sk_file_acme" } };
  await inWorld(options, async (other) => {
    assert.equal((await other.fetch("/files/a")).status, 200);
    assert.equal(other.upstream.seen[0]?.headers.authorization, "Bearer sk_file_acme");
    const answer = await other.fetch("/files/a", { token: await other.agentToken({ agent: "reader", tenant: "globex" }) });
    assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [403, "ERR_CREDENTIAL_NONE"]);
    assert.equal(other.upstream.seen.length, 1);
  });
});
