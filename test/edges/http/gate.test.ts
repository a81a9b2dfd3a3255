import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { FastifyInstance } from "fastify";
import { peopleRoutes } from "../../../src/edges/admin/people-routes.ts";
import { createPeopleServer, peopleListener } from "../../../src/edges/admin/server.ts";
import { agentRoutes } from "../../../src/edges/http/agent-routes.ts";
import { type AgentEdgeOptions, agentListenerFixed, createAgentServer } from "../../../src/edges/http/server.ts";
import { openStreams } from "../../../src/edges/http/streams.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { rawRequest, sendRaw } from "../../support/raw-http.ts";
import { routesOf } from "../../support/registered-routes.ts";

/** All that a stranger may read of the agents' listener. A route that is added to it needs a reason here. */
const openToStrangers: Readonly<Record<string, string>> = {
  "/sallyport/v1/errors/:code": "every problem's `type` points here, and it tells nothing of any call",
  "/.well-known/oauth-protected-resource": "how to get a token, for those who have none (RFC 9728)",
  "/.well-known/oauth-protected-resource/*": "the same for one mount",
  "/sallyport/v1/openapi.json": "how to call, without any tool",
};
const probes = ["/livez", "/readyz", "/metrics", "/sallyport/v1/openapi.json"];

let world: TestGateway;
let agents: FastifyInstance;
let people: FastifyInstance;
let agentsUrl: string;
let peopleUrl: string;
/** Every route that the framework has registered, not only those of our tables. */
const registered: { readonly listener: "agents" | "people"; readonly method: string; readonly url: string }[] = [];

before(async () => {
  world = await startGateway();
  const { ports } = world.gateway;
  const options: AgentEdgeOptions = {
    mountPort: null,
    publicUrl: () => "http://gw.example",
    limits: { ...peopleListener, ...agentListenerFixed, waitMsMax: 0 },
    resource: { authorizationServers: [], scopes: [], documentation: null },
    draining: () => false,
    running: { begin: () => undefined, end: () => undefined },
    streams: openStreams(),
    onAnswer: () => undefined,
  };
  agents = createAgentServer(ports, options);
  people = createPeopleServer(ports, {
    readiness: () => ({ ready: true, details: { secret: "digest" } }),
    metrics: () => Promise.resolve(""),
    live: () => true,
    hosts: ["people.example"],
  });
  for (const [listener, server] of [
    ["agents", agents],
    ["people", people],
  ] as const) {
    // What a plug-in adds later, in a context of its own.
    await server.register(async (plugin: FastifyInstance) => {
      plugin.get("/added/by/a/plug-in", async () => "open");
      plugin.post("/added/by/a/plug-in", async () => "open");
    });
    await server.ready();
    for (const { method, url } of routesOf(server)) registered.push({ listener, method, url });
  }
  agentsUrl = await agents.listen({ host: "127.0.0.1", port: 0 });
  peopleUrl = await people.listen({ host: "127.0.0.1", port: 0 });
});
after(async () => {
  await agents.close();
  await people.close();
  await world.close();
});

const pathOf = (url: string): string =>
  url
    .replaceAll(/:[a-z]+/g, "x1")
    .replace(/^\*$/, "/payments/v1/refunds")
    .replace("*", "x1");

async function statusOf(
  base: string,
  method: string,
  path: string,
  headers: readonly string[] = [],
  body = "",
): Promise<number | undefined> {
  const lines = body === "" ? headers : ["Content-Type: application/json", `Content-Length: ${body.length}`, ...headers];
  const { responses, rest } = await sendRaw(
    base,
    rawRequest(`${method} ${path} HTTP/1.1`, ["Host: 127.0.0.1", "Connection: close", ...lines], body),
    {
      timeoutMs: 2000,
    },
  );
  return responses[0]?.status ?? Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(rest)?.[1]);
}

test("the framework has the routes of the tables, and those that the plug-in added", (context) => {
  const count = (listener: string): number => registered.filter((one) => one.listener === listener).length;
  const inTable = agentRoutes.reduce((sum, { method }) => sum + [method].flat().length, 0);
  assert.ok(count("agents") >= inTable && inTable > 10, `${count("agents")} of ${inTable}`);
  assert.ok(count("people") >= peopleRoutes.length + probes.length);
  assert.ok(registered.filter(({ url }) => url.endsWith("plug-in")).length >= 4, JSON.stringify(registered));
  context.diagnostic(`${count("agents")} routes for agents, ${count("people")} for people`);
});

test("only the routes of the short list are open to strangers", () => {
  const open = agentRoutes.filter((route) => route.public === true).map(({ url }) => url);
  assert.ok(open.length > 1);
  assert.deepEqual(
    open.filter((url) => !Object.hasOwn(openToStrangers, url)),
    [],
  );
});

test("every other route of the agents' listener asks who it is, with a body and without, before anything else", async (context) => {
  let asked = 0;
  for (const { method, url } of registered.filter(({ listener }) => listener === "agents")) {
    if (Object.hasOwn(openToStrangers, url)) continue;
    for (const body of method === "GET" || method === "HEAD" ? [""] : ["", "{}"]) {
      assert.equal(await statusOf(agentsUrl, method, pathOf(url), [], body), 401, `${method} ${url} ${body}`);
      assert.equal(
        await statusOf(agentsUrl, method, pathOf(url), ["Authorization: Bearer e30.e30.e30"], body),
        401,
        `${method} ${url} ${body}`,
      );
      asked += 2;
    }
  }
  context.diagnostic(`${asked} requests of strangers`);
  assert.ok(asked > 40);
});

test("what is no route, in any method, asks who it is as well", async () => {
  const methods = ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "SEARCH", "MKCOL", "LOCK", "QUERY", "DELETE", "POST", "PUT", "PATCH"];
  for (const method of methods) {
    for (const path of ["/nothing", "/sallyport/v1/nothing", "/sallyport/v1/tools/x/y", "/added/by/a/plug-in/x"]) {
      assert.equal(await statusOf(agentsUrl, method, path), 401, `${method} ${path}`);
      assert.equal(await statusOf(peopleUrl, method, path), 401, `people: ${method} ${path}`);
    }
  }
});

test("a stranger who asks for another protocol is refused on every route", async () => {
  for (const { method, url, listener } of registered) {
    const base = listener === "agents" ? agentsUrl : peopleUrl;
    const status = await statusOf(base, method, pathOf(url), ["Upgrade: websocket", "Connection: Upgrade"]);
    assert.equal(status, 400, `${listener} ${method} ${url}`);
  }
});

test("every route of the people's listener but the probes asks for a person and a role", async (context) => {
  const agent = await world.agentToken();
  const stranger = await world.dev.mintPersonToken({ person: "p", name: "p", roles: [], groups: [], ttlMs: 60_000 });
  let asked = 0;
  for (const { method, url } of registered.filter(({ listener }) => listener === "people")) {
    if (probes.includes(url)) continue;
    for (const body of method === "GET" || method === "HEAD" ? [""] : ["", "{}"]) {
      assert.equal(await statusOf(peopleUrl, method, pathOf(url), [], body), 401, `${method} ${url}`);
      assert.equal(
        await statusOf(peopleUrl, method, pathOf(url), [`Authorization: Bearer ${agent}`], body),
        401,
        `${method} ${url}: an agent`,
      );
      assert.equal(
        await statusOf(peopleUrl, method, pathOf(url), [`Authorization: Bearer ${stranger}`], body),
        403,
        `${method} ${url}: no role`,
      );
      asked += 3;
    }
  }
  context.diagnostic(`${asked} requests`);
  assert.ok(asked > 40);
});

test("a route that a plug-in added without roles is for admins alone", async () => {
  const as = async (person: string): Promise<number | undefined> =>
    statusOf(peopleUrl, "GET", "/added/by/a/plug-in", [`Authorization: Bearer ${await world.personToken(person)}`]);
  assert.deepEqual([await as("viewer"), await as("operator"), await as("admin")], [403, 403, 200]);
});

test("a route in another spelling is not that route", async () => {
  const auth = `Authorization: Bearer ${await world.personToken("admin")}`;
  for (const path of ["/sallyport/v1/%6de", "/sallyport/v1//me", "/sallyport/v1/me/", "/sallyport/./v1/me", "/livez/", "/%6civez"]) {
    const status = await statusOf(peopleUrl, "GET", path, [auth]);
    assert.ok(status === 400 || status === 404, `${path}: ${status}`);
  }
  const agent = `Authorization: Bearer ${await world.agentToken()}`;
  for (const path of [
    "/sallyport/v1/t%6fols",
    "/sallyport/v1/tools/",
    "/sallyport/v1//tools",
    "/sallyport/v1/%63alls/c_1",
    "/sallyport/v1/errors/%45RR_HELD",
  ]) {
    const status = await statusOf(agentsUrl, "GET", path, [agent]);
    assert.ok(status === 400 || status === 404, `${path}: ${status}`);
  }
});

const hosts: readonly (readonly [string, boolean])[] = [
  ["127.0.0.1", true],
  ["127.0.0.1:9090", true],
  ["10.1.2.3:9090", true],
  ["localhost:9090", true],
  ["LOCALHOST", true],
  ["[::1]:9090", true],
  ["people.example", true],
  ["PEOPLE.example:443", true],
  ["evil.example", false],
  ["127.0.0.1.evil.example", false],
  ["localhost.evil.example", false],
  ["people.example.evil.example", false],
  ["xpeople.example", false],
  ["people.example.", false],
  ["localhost.", false],
  ["127.1", false],
  ["0x7f000001", false],
  ["2130706433", false],
];

test("the people's listener answers to addresses, localhost and its configured names alone", async () => {
  const auth = `Authorization: Bearer ${await world.personToken("viewer")}`;
  const ask = async (path: string, host: string): Promise<{ status: number | undefined; body: string }> => {
    const { responses } = await sendRaw(peopleUrl, rawRequest(`GET ${path} HTTP/1.1`, [`Host: ${host}`, "Connection: close", auth]));
    return { status: responses[0]?.status, body: responses[0]?.body ?? "" };
  };
  for (const [host, known] of hosts) {
    assert.equal((await ask("/sallyport/v1/me", host)).status, known ? 200 : 421, host);
    assert.equal((await ask("/metrics", host)).status, known ? 200 : 421, host);
    // Probes come under any name; a page that is not ours learns no more than up or down.
    assert.equal((await ask("/livez", host)).status, 200, host);
    const ready = await ask("/readyz", host);
    assert.deepEqual([ready.status, ready.body.includes("digest")], [200, known], host);
  }
  assert.equal(hosts.length, 18);
});
