import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compileErrors, validate } from "@readme/openapi-parser";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { isRefusal } from "../../src/control/refusal.ts";
import { openRoutes } from "../../src/edges/admin/openapi.ts";
import { peopleSchemas } from "../../src/edges/admin/openapi-schemas.ts";
import { peopleRoutes } from "../../src/edges/admin/people-routes.ts";
import { readReason, readReconcile, readStop, readVote } from "../../src/edges/admin/read-body.ts";
import { createPeopleServer } from "../../src/edges/admin/server.ts";
import { agentRoutes } from "../../src/edges/http/agent-routes.ts";
import { agentSchemas } from "../../src/edges/http/openapi-schemas.ts";
import { readOutcomeReport, readUsageReport } from "../../src/edges/http/read-report.ts";
import { readRunRequest } from "../../src/edges/http/read-run.ts";
import { allowedMethods } from "../../src/edges/listener/allowed-methods.ts";
import { isDenial } from "../../src/rules/denial.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { propertyRuns } from "../rules/property-runs.ts";
import { eventually, startGateway, type TestGateway } from "../support/gateway.ts";
import { assertDescribed, compared, documents } from "../support/openapi-answers.ts";
import { routesOf } from "../support/registered-routes.ts";

let world: TestGateway;
before(async () => {
  world = await startGateway();
});
after(() => world.close());

const documentPath = "/sallyport/v1/openapi.json";

/** `GET /calls/{id}` of every operation in a document. */
function operationsOf(document: JsonObject): readonly string[] {
  const paths = document["paths"] as Readonly<Record<string, JsonObject>>;
  return Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
}

function named({ method, url }: { readonly method: string | readonly string[]; readonly url: string }): readonly string[] {
  const path = url.replaceAll(/:([a-z]+)/g, "{$1}").replace(/\*$/, "{resource}");
  return [method].flat().map((one) => `${one} ${path}`);
}

test("both documents are valid OpenAPI 3.1, without a warning", async () => {
  for (const document of Object.values(documents)) {
    const result = await validate(structuredClone(document) as never);
    assert.ok(result.valid, result.valid ? "" : compileErrors(result));
    assert.deepEqual(result.warnings, []);
    assert.equal(document["openapi"], "3.1.0");
  }
});

test("every route of the agents' listener is in its document, and nothing else is", () => {
  const ours = agentRoutes.filter(({ url }) => url !== "*");
  assert.deepEqual(
    ours.filter(({ operation }) => operation === undefined).map(({ url }) => url),
    [],
  );
  assert.deepEqual(operationsOf(documents.agents).toSorted(), ours.flatMap(named).toSorted());
  assert.ok(ours.length >= 11);
});

test("every route that the framework has for people is in their document, and nothing else is", () => {
  const server = createPeopleServer(world.gateway.ports, {
    readiness: () => ({ ready: true, details: {} }),
    metrics: () => Promise.resolve(""),
    live: () => true,
    hosts: [],
  });
  const registered = routesOf(server).flatMap(named);
  assert.deepEqual(operationsOf(documents.people).toSorted(), [...registered].toSorted());
  assert.equal(registered.length, openRoutes.length + peopleRoutes.length);
});

test("every operation of a document has a name of its own, a summary and a refusal", () => {
  for (const document of Object.values(documents)) {
    const operations = Object.values(document["paths"] as Readonly<Record<string, Readonly<Record<string, JsonObject>>>>).flatMap((one) =>
      Object.values(one),
    );
    const ids = operations.map((one) => one["operationId"]);
    assert.equal(new Set(ids).size, ids.length);
    for (const one of operations) {
      assert.match(String(one["summary"]), /^[A-Z][^.]+$/);
      assert.ok(Object.hasOwn(one["responses"] as object, "503"), String(one["operationId"]));
    }
  }
});

test("the public routes are those that a document names without security, and no other", () => {
  const paths = documents.agents["paths"] as Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;
  const open = Object.entries(paths).flatMap(([path, one]) =>
    Object.values(one).flatMap(({ security }) => (security === undefined ? [] : [path])),
  );
  const inTable = agentRoutes
    .filter((route) => route.public === true)
    .flatMap((route) => named(route).map((name) => name.replace(/^\w+ /, "")));
  assert.deepEqual(open.toSorted(), inTable.toSorted());
});

test("both listeners tell their document to strangers, and it holds no token, tool or agent", async () => {
  for (const [listener, base] of [
    ["agents", world.gateway.agentsUrl],
    ["people", world.gateway.peopleUrl],
  ] as const) {
    const response = await fetch(base + documentPath);
    const text = await response.text();
    assert.equal(response.status, 200);
    assertDescribed(listener, "GET", documentPath, { status: 200, headers: response.headers, text });
    const told = JSON.parse(text) as JsonObject;
    assert.deepEqual({ ...told, servers: [] }, { ...documents[listener], servers: [] });
    if (listener === "agents") assert.deepEqual(told["servers"], [{ url: base }]);
    for (const secret of ["payments", "billing-dispute", "acme", "finance"]) assert.equal(text.includes(secret), false, secret);
  }
});

test("a method that one of our resources does not know is 405, and names those that it does", async () => {
  const rows = [
    ["PUT", "/sallyport/v1/tools", "GET"],
    ["GET", "/sallyport/v1/tools/payments.refund", "POST"],
    ["POST", "/sallyport/v1/calls/c_1", "DELETE, GET"],
    ["PROPFIND", "/sallyport/v1/runs", "POST"],
    ["DELETE", "/sallyport/v1/errors/ERR_HELD", "GET"],
    ["PUT", "/.well-known/oauth-protected-resource/payments/v1", "GET"],
    ["QUERY", documentPath, "GET"],
  ] as const;
  for (const [method, path, allow] of rows) {
    const answer = await world.request(method, path);
    assert.deepEqual(
      [answer.status, answer.headers.get("allow"), answer.body["code"]],
      [405, allow, "ERR_METHOD_UNKNOWN"],
      `${method} ${path}`,
    );
    assert.equal((await fetch(world.gateway.agentsUrl + path, { method })).status, 401, "a stranger is asked who it is first");
  }
  for (const [method, path, allow] of [
    ["PUT", "/sallyport/v1/stops", "GET, POST"],
    ["POST", "/livez", "GET"],
    ["QUERY", "/sallyport/v1/me", "GET"],
  ] as const) {
    const answer = await world.people("admin", method, path);
    assert.deepEqual([answer.status, answer.headers.get("allow")], [405, allow], `${method} ${path}`);
  }
});

test("the methods of an address are those of whole segments alone", () => {
  const routes = [
    { method: "GET", url: "/a/:id" },
    { method: ["PUT", "GET"], url: "/a/:id" },
    { method: "POST", url: "/b/*" },
    { method: "GET", url: "*" },
  ];
  const at = (path: string): readonly string[] => allowedMethods(routes, path);
  assert.deepEqual([at("/a/1"), at("/b/x/y")], [["GET", "PUT"], ["POST"]]);
  for (const path of ["/a", "/a/", "/a/1/2", "/A/1", "/b", "//a/1", "", "*", "/a/1?x"].filter((one) => one !== "/a/1?x"))
    assert.deepEqual(at(path), [], path);
});

/** The values at which readers differ from schemas, if anywhere. */
const scalars = [
  null,
  true,
  false,
  "",
  " ",
  "x",
  "\u3000",
  "x".repeat(500),
  "x".repeat(501),
  "😀".repeat(500),
  "😀".repeat(501),
  0,
  -0,
  1,
  -1,
  0.5,
  1e3,
  3600,
  3601,
] as const;
const odd = [
  [],
  {},
  { a: 1 },
  ["x"],
  Number.MAX_SAFE_INTEGER,
  3_155_760_000,
  3_155_760_001,
  "succeeded",
  "not_sent",
  "unknown",
  { tool: "t" },
  { tool: "" },
  { tol: "t" },
] as const;

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const json = new Map([["content-type", ["application/json"]]]);
const requests = {
  Usage: (body: object) => !isDenial(readUsageReport(body as JsonObject)),
  Outcome: (body: object) => !isDenial(readOutcomeReport(body as JsonObject)),
  RunRequest: (body: object) => !isDenial(readRunRequest({ headers: json, body: bytes(body) }, "")),
  ReasonRequest: (body: object) => !isRefusal(readReason(bytes(body))),
  VoteRequest: (body: object) => !isRefusal(readVote(bytes(body))),
  ReconcileRequest: (body: object) => !isRefusal(readReconcile(bytes(body))),
  StopRequest: (body: object) => !isRefusal(readStop(bytes(body))),
} as const;

for (const [name, accepts] of Object.entries(requests)) {
  test(`the reader takes a ${name} exactly when the document does`, (context) => {
    const schema = { ...agentSchemas, ...peopleSchemas }[name] as JsonObject & { readonly properties: JsonObject };
    const fits = new Ajv2020({ strict: false }).compile(schema);
    const good: Record<string, unknown> = {
      approve: true,
      binding: "b",
      reason: "r",
      outcome: "failed",
      scope: {},
      status: "done",
      ttl: 60,
      model: "m",
    };
    const members = [...Object.keys(schema.properties), "other"];
    const value = fc.oneof(fc.constantFrom(...scalars, ...odd), fc.jsonValue());
    const body = fc
      .tuple(
        ...members.map((member) =>
          fc.oneof(
            { weight: 6, arbitrary: fc.constant(good[member]) },
            { weight: 2, arbitrary: value },
            { weight: 1, arbitrary: fc.constant(undefined) },
          ),
        ),
      )
      .map((values) => Object.fromEntries(values.flatMap((one, at) => (one === undefined ? [] : [[members[at] as string, one]]))));
    let taken = 0;
    fc.assert(
      fc.property(body, (asked) => {
        const told = accepts(asked);
        taken += told ? 1 : 0;
        assert.equal(told, fits(asked), JSON.stringify(asked));
      }),
      propertyRuns(context, 600),
    );
    context.diagnostic(`${taken} taken`);
    assert.ok(taken > 20);
  });
}

test("every operation answers what the document says, well and badly", async (context) => {
  const { request, people, call } = world;
  const key = (): string => `k-${Math.random()}`;
  const held = await call("payments.refund", { charge: "ch_1002", amount: 20_000 }, { key: key() });
  assert.equal(held.status, 202, held.text);
  const id = String(held.body["call_id"]);
  assert.equal((await call("payments.lookup_charge", { charge: "ch_1001" })).status, 200);
  assert.equal((await call("payments.lookup_charge", { charg: "ch_1001" })).status, 422);
  assert.equal((await call("payments.nothing", {})).status, 404);
  assert.equal(
    (await call("payments.refund", { charge: "ch_1001", amount: 100 }, { key: key(), headers: { "sallyport-dry-run": "true" } })).status,
    200,
  );
  assert.equal(
    (await request("POST", "/sallyport/v1/tools/tickets.search", { headers: { "content-type": "text/plain" }, body: "x" })).status,
    415,
  );
  for (const format of ["jsonschema", "openai", "anthropic", "mcp"])
    assert.equal((await request("GET", `/sallyport/v1/tools?format=${format}`)).status, 200);
  for (const query of ["format=x", "format=mcp&=null", "format=mcp&x=1", "format=mcp&format=mcp", "token=x"])
    assert.equal((await request("GET", `/sallyport/v1/tools?${query}`)).status, 400, query);
  assert.equal((await request("GET", `/sallyport/v1/calls/${id}?wait=1`)).status, 400);
  assert.equal((await request("GET", `/sallyport/v1/calls/${id}`)).status, 202);
  assert.equal((await request("GET", "/sallyport/v1/calls/c_0", { headers: { authorization: "Basic x" } })).status, 401);
  const runless = await world.dev.mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", ttlMs: 60_000 });
  assert.equal((await request("POST", "/sallyport/v1/runs", { token: runless })).status, 201);
  assert.equal((await request("POST", "/sallyport/v1/runs")).status, 403);
  const report = { headers: { "content-type": "application/json" }, body: '{"status":"done"}' };
  assert.equal((await request("POST", "/sallyport/v1/runs/r_test/outcome", report)).status, 200);
  assert.equal((await request("POST", "/sallyport/v1/runs/r_test/usage", { ...report, body: '{"prompt_tokens":1}' })).status, 200);
  assert.equal((await request("POST", "/sallyport/v1/runs/r_test/usage", report)).status, 422);
  assert.equal((await request("POST", "/sallyport/v1/runs/r_other/usage", report)).status, 422);
  for (const path of ["/sallyport/v1/errors/ERR_HELD", "/.well-known/oauth-protected-resource", documentPath])
    assert.equal((await request("GET", path)).status, 200);
  for (const path of ["/sallyport/v1/errors/ERR_X", "/.well-known/oauth-protected-resource/x/y"])
    assert.equal((await request("GET", path)).status, 404);

  for (const path of [
    "me",
    "calls",
    "calls?state=held&limit=5",
    `calls/${id}`,
    "holds",
    "runs",
    "runs/acme_co/billing-dispute-v3/r_test",
    "stops",
  ])
    assert.equal((await people("viewer", "GET", `/sallyport/v1/${path}`)).status, 200, path);
  for (const path of [
    "calls?limit=0",
    "calls?limit=1&limit=2",
    "calls?states=held",
    "calls?agent=",
    "calls?limit=1e2",
    "stops?x=1",
    "me?token=x",
    "holds?refused=x",
  ])
    assert.equal((await people("viewer", "GET", `/sallyport/v1/${path}`)).status, 400, path);
  assert.equal((await people("viewer", "GET", "/sallyport/v1/calls/c_0")).status, 404);
  assert.equal((await people("auditor", "GET", "/sallyport/v1/ledger?from=1&limit=50")).status, 200);
  assert.equal((await people("auditor", "GET", "/sallyport/v1/ledger?from=0x1")).status, 400);
  for (const path of ["/livez", "/readyz", "/metrics", documentPath]) assert.equal((await people("viewer", "GET", path)).status, 200);
  const stop = await people("operator", "POST", "/sallyport/v1/stops", { scope: { agent: "nobody" }, reason: "drill", expires_in_s: 60 });
  const { id: stopId } = stop.body["stop"] as { id: string };
  assert.equal((await people("operator", "DELETE", `/sallyport/v1/stops/${stopId}`)).status, 200);
  assert.equal((await people("operator", "DELETE", `/sallyport/v1/stops/${stopId}`)).status, 404);
  assert.equal((await people("operator", "POST", "/sallyport/v1/stops", { scope: {}, reason: " " })).status, 400);
  assert.equal((await people("viewer", "POST", "/sallyport/v1/stops", { scope: {}, reason: "x" })).status, 403);
  assert.equal((await world.approve("approver", id)).status, 200);
  const second = (await world.approve("approver2", id)).status;
  assert.ok([200, 409].includes(second));
  await eventually(
    "the call has run",
    async () =>
      (await request("GET", `/sallyport/v1/calls/${id}`)).status === 201 ||
      (await request("GET", `/sallyport/v1/calls/${id}`)).status === 200,
  );
  assert.equal((await people("operator", "POST", `/sallyport/v1/calls/${id}/cancel`, { reason: "too late" })).status, 409);
  assert.equal(
    (await people("operator", "POST", `/sallyport/v1/calls/${id}/reconcile`, { outcome: "failed", reason: "known" })).status,
    409,
  );
  assert.equal((await people("viewer", "GET", `/sallyport/v1/calls/${id}`)).status, 200);
  const other = await call("payments.refund", { charge: "ch_1006", amount: 20_000 }, { key: key() });
  assert.equal((await request("DELETE", `/sallyport/v1/calls/${String(other.body["call_id"])}`)).status, 200);
  assert.equal((await request("GET", `/sallyport/v1/calls/${String(other.body["call_id"])}`)).status, 403);

  const answered = new Set([...compared.keys()].map((one) => one.split(" ")[0]));
  const ids = Object.values(documents).flatMap((document) =>
    Object.values(document["paths"] as Readonly<Record<string, Readonly<Record<string, JsonObject>>>>).flatMap((one) =>
      Object.values(one).map(({ operationId }) => String(operationId)),
    ),
  );
  assert.deepEqual(
    ids.filter((one) => !answered.has(one)),
    [],
  );
  const sum = [...compared.values()].reduce((one, more) => one + more, 0);
  context.diagnostic(`${sum} answers compared, ${compared.size} of another operation or status`);
  assert.ok(compared.size > 40, `${compared.size}`);
});
