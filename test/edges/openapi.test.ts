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
const jsonHeaders = new Map([["content-type", ["application/json"]]]);
const requests = {
  Usage: (body: object) => !isDenial(readUsageReport(body as JsonObject)),
  Outcome: (body: object) => !isDenial(readOutcomeReport(body as JsonObject)),
  RunRequest: (body: object) => !isDenial(readRunRequest({ headers: jsonHeaders, body: bytes(body) }, "")),
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

type Asked = readonly [status: number, ask: () => Promise<{ readonly status: number; readonly text: string }>];

/** Makes each request and looks at its status; whether the answer is one of the document's is looked at by whoever made it. */
async function each(rows: readonly Asked[]): Promise<void> {
  for (const [status, ask] of rows) {
    const answer = await ask();
    assert.equal(answer.status, status, `${String(ask)} ${answer.text}`);
  }
}

const json = { "content-type": "application/json" };
let made = 0;
const newKey = (): string => `openapi-${(made += 1)}`;
const idOf = (answer: { readonly body: Record<string, unknown> }): string => String(answer.body["call_id"]);

test("what agents are answered is what their document says, well and badly", async () => {
  const { request, call } = world;
  const runless = await world.dev.mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", ttlMs: 60_000 });
  const id = idOf(await call("payments.refund", { charge: "ch_1006", amount: 20_000 }, { key: newKey() }));
  const report = (to: string, body: string) => () => request("POST", `/sallyport/v1/runs/${to}`, { headers: json, body });
  const get =
    (path: string, headers = {}) =>
    () =>
      request("GET", path, { headers });
  await each([
    [200, () => call("payments.lookup_charge", { charge: "ch_1001" })],
    [422, () => call("payments.lookup_charge", { charg: "ch_1001" })],
    [404, () => call("payments.nothing", {})],
    [200, () => call("payments.refund", { charge: "ch_1001", amount: 100 }, { key: newKey(), headers: { "sallyport-dry-run": "true" } })],
    [400, () => call("payments.refund", { charge: "ch_1001", amount: 100 }, { key: newKey(), headers: { "sallyport-dry-run": "yes" } })],
    [415, () => request("POST", "/sallyport/v1/tools/tickets.search", { headers: { "content-type": "text/plain" }, body: "x" })],
    ...["jsonschema", "openai", "anthropic", "mcp"].map((format): Asked => [200, get(`/sallyport/v1/tools?format=${format}`)]),
    ...["format=x", "format=mcp&=null", "format=mcp&x=1", "format=mcp&format=mcp", "token=x"].map(
      (query): Asked => [400, get(`/sallyport/v1/tools?${query}`)],
    ),
    [401, get("/sallyport/v1/calls/c_0", { authorization: "Basic x" })],
    [404, get("/sallyport/v1/calls/c_0")],
    [202, get(`/sallyport/v1/calls/${id}`)],
    [400, get(`/sallyport/v1/calls/${id}?wait=1`)],
    [200, () => request("DELETE", `/sallyport/v1/calls/${id}`)],
    [403, get(`/sallyport/v1/calls/${id}`)],
    [403, () => request("DELETE", `/sallyport/v1/calls/${id}`)],
    [201, () => request("POST", "/sallyport/v1/runs", { token: runless })],
    [403, () => request("POST", "/sallyport/v1/runs")],
    [200, report("r_test/outcome", '{"status":"done"}')],
    [200, report("r_test/usage", '{"prompt_tokens":1}')],
    [422, report("r_test/usage", '{"status":"done"}')],
    [404, report("r_other/outcome", '{"status":"done"}')],
    ...[
      "/sallyport/v1/errors/ERR_HELD",
      "/.well-known/oauth-protected-resource",
      "/.well-known/oauth-protected-resource/payments",
      documentPath,
    ].map((path): Asked => [200, get(path)]),
    ...["/sallyport/v1/errors/ERR_X", "/.well-known/oauth-protected-resource/x/y"].map((path): Asked => [404, get(path)]),
  ]);
});

test("what people are answered is what their document says, well and badly", async () => {
  const { people, call } = world;
  const id = idOf(await call("payments.refund", { charge: "ch_1002", amount: 20_000 }, { key: newKey() }));
  const base = "/sallyport/v1";
  const stop = await people("operator", "POST", `${base}/stops`, { scope: { agent: "nobody" }, reason: "drill", expires_in_s: 60 });
  const { id: stopId } = stop.body["stop"] as { id: string };
  const see = (status: number, person: string, paths: readonly string[]): readonly Asked[] =>
    paths.map((path) => [status, () => people(person, "GET", path.startsWith("/") ? path : `${base}/${path}`)]);
  const act = (status: number, person: string, path: string, body: object): Asked => [
    status,
    () => people(person, "POST", `${base}/${path}`, body),
  ];
  await each([
    ...see(200, "viewer", [
      "me",
      "calls",
      "calls?state=held&limit=5",
      `calls/${id}`,
      "holds",
      "runs",
      "runs/acme_co/billing-dispute-v3/r_test",
      "stops",
    ]),
    ...see(400, "viewer", [
      "calls?limit=0",
      "calls?limit=1&limit=2",
      "calls?states=held",
      "calls?agent=",
      "calls?limit=1e2",
      "stops?x=1",
      "me?token=x",
      "holds?refused=x",
    ]),
    ...see(404, "viewer", ["calls/c_0", "runs/acme_co/billing-dispute-v3/r_none"]),
    ...see(200, "auditor", ["ledger?from=1&limit=50"]),
    ...see(400, "auditor", ["ledger?from=0x1", "ledger?limit=1&x=1"]),
    ...see(403, "viewer", ["ledger"]),
    ...see(200, "viewer", ["/livez", "/readyz", "/metrics", documentPath]),
    [200, () => people("operator", "DELETE", `${base}/stops/${stopId}`)],
    [404, () => people("operator", "DELETE", `${base}/stops/${stopId}`)],
    act(400, "operator", "stops", { scope: {}, reason: " " }),
    act(403, "viewer", "stops", { scope: {}, reason: "x" }),
    act(409, "operator", `calls/${id}/reconcile`, { outcome: "failed", reason: "known" }),
    [200, () => world.approve("approver", id)],
  ]);
  await eventually(
    "the call has run",
    async () => ((await people("viewer", "GET", `${base}/calls/${id}`)).body["call"] as { state: string }).state === "succeeded",
  );
  await each([...see(200, "viewer", [`calls/${id}`]), act(409, "operator", `calls/${id}/cancel`, { reason: "too late" })]);
  const other = idOf(await call("payments.refund", { charge: "ch_1006", amount: 20_000 }, { key: newKey() }));
  await each([act(200, "operator", `calls/${other}/cancel`, { reason: "not wanted" }), ...see(200, "viewer", [`calls/${other}`])]);
});

test("every operation of both documents was answered, and every answer compared", (context) => {
  const answered = new Set([...compared.keys()].map((one) => one.split(" ")[0]));
  const ids = Object.values(documents).flatMap((document) =>
    Object.values(document["paths"] as Readonly<Record<string, JsonObject>>).flatMap((one) =>
      Object.values(one).map((operation) => String((operation as JsonObject)["operationId"])),
    ),
  );
  assert.deepEqual(
    ids.filter((one) => !answered.has(one)),
    [],
  );
  const sum = [...compared.values()].reduce((one, more) => one + more, 0);
  context.diagnostic(`${sum} answers compared, ${compared.size} of another operation or status`);
  assert.ok(compared.size > 45, `${compared.size}`);
});
