import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { swap, writeDemoConfig } from "../../support/demo-config.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";
import { rawRequest, sendRaw } from "../../support/raw-http.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-mounts-"));
let world: TestGateway;
let port: number;
let token: string;

/** A port that was free a moment ago. */
async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

before(async () => {
  port = await findFreePort();
  const configFile = writeDemoConfig(folder, {
    edit: {
      "routes/payments.yaml": swap(
        "mount: { path: /payments }",
        `mount: { port: ${port} }\nagent_token: { header: X-Api-Key }\nclient_key_pattern: "^made-up-"`,
      ),
      "routes/tickets.yaml": swap(
        "mount: { path: /tickets }",
        'mount: { host: desk.gw.test }\nagent_token: { basic: password }\nclient_key_pattern: "^made-up-"\nlimits: { items: { pointer: /items, max: 1 } }',
      ),
      "config/contracts/billing-dispute.yaml": swap("  tickets.create: allow\n", "  tickets.create: { tier: finance }\n"),
    },
  });
  world = await startGateway({ configFile });
  token = await world.agentToken();
});
after(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Request {
  readonly target?: string;
  readonly to?: "agents" | "port";
  readonly host?: string;
  readonly headers?: readonly string[];
  readonly body?: unknown;
}

/** Sends one request on a socket of its own, so that every header is what the test says, and answers status and code. */
async function send(method: string, path: string, { to = "agents", host = "gw.test", headers = [], body }: Request) {
  const text = body === undefined ? "" : JSON.stringify(body);
  const content = body === undefined ? [] : ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(text)}`];
  const url = to === "port" ? `http://127.0.0.1:${port}` : world.gateway.agentsUrl;
  const bytes = rawRequest(`${method} ${path} HTTP/1.1`, [`Host: ${host}`, "Connection: close", ...headers, ...content], text);
  const { responses } = await sendRaw(url, bytes, { until: 1 });
  const [response] = responses;
  assert.ok(response !== undefined && responses.length === 1, `${method} ${path} got one answer`);
  const read = JSON.parse(response.body) as { code?: string; call_id?: string; id?: string; attached?: boolean };
  const header = (name: string) => response.headers.find(([one]) => one === name)?.[1];
  return {
    status: response.status,
    code: read.code,
    body: read,
    attached: header("sallyport-attached"),
    callId: header("sallyport-call-id"),
  };
}

const apiKey = () => [`X-Api-Key: ${token}`];
const basic = () => [`Authorization: Basic ${Buffer.from(`agent:${token}`).toString("base64")}`];
const bearer = () => [`Authorization: Bearer ${token}`];
const charge = "/v1/charges/ch_1001";
const desk = "desk.gw.test";

test("a mount answers on its own port and host alone, with the token in its own place alone", async () => {
  const rows: readonly (readonly [string, string, Request, number])[] = [
    ["its port and place", charge, { to: "port", headers: apiKey() }, 200],
    ["its port under any host", charge, { to: "port", host: "elsewhere.test", headers: apiKey() }, 200],
    ["a bearer token where an API key belongs", charge, { to: "port", headers: bearer() }, 401],
    ["both", charge, { to: "port", headers: [...apiKey(), ...bearer()] }, 401],
    ["another listener", charge, { headers: bearer() }, 404],
    ["another listener and its old path", `/payments${charge}`, { headers: bearer() }, 404],
    ["its old path on its port", `/payments${charge}`, { to: "port", headers: apiKey() }, 404],
    ["another mount's path on its port", "/deploys/v1/deploys", { to: "port", headers: apiKey() }, 404],
    ["another mount's host on its port", "/v1/tickets/tk_3001", { to: "port", host: desk, headers: basic() }, 401],
    ["its host and place", "/v1/tickets/tk_3001", { host: desk, headers: basic() }, 200],
    ["its host with a port", "/v1/tickets/tk_3001", { host: `${desk}:8080`, headers: basic() }, 200],
    ["its host in capitals", "/v1/tickets/tk_3001", { host: "DESK.gw.test", headers: basic() }, 200],
    ["a bearer token where a password belongs", "/v1/tickets/tk_3001", { host: desk, headers: bearer() }, 401],
    ["its host with a dot", "/v1/tickets/tk_3001", { host: `${desk}.`, headers: bearer() }, 404],
    ["a host above its own", "/v1/tickets/tk_3001", { host: `x.${desk}`, headers: bearer() }, 404],
    ["no host", "/v1/tickets/tk_3001", { host: "", headers: bearer() }, 404],
    ["a mount by path under another's host", "/deploys/v1/deploys", { host: desk, headers: basic() }, 404],
    ["what is ours, on every port", "/sallyport/v1/tools", { to: "port", headers: bearer() }, 200],
    ["what is ours, with a mount's token place", "/sallyport/v1/tools", { to: "port", headers: apiKey() }, 401],
    ["what is ours, under a mount's host", "/sallyport/v1/tools", { host: desk, headers: bearer() }, 200],
  ];
  const before = world.sandbox.requests().length;
  for (const [title, path, request, status] of rows) assert.equal((await send("GET", path, request)).status, status, title);
  assert.equal(rows.length, 20);
  assert.equal(
    world.sandbox.requests().length - before,
    rows.filter(([, path, , status]) => status === 200 && !path.startsWith("/sallyport")).length,
  );
});

test("an answer with more items than the route allows is withheld by name", async () => {
  const many = await send("GET", "/v1/tickets?query=a", { host: desk, headers: basic() });
  assert.deepEqual([many.status, many.code], [502, "ERR_ANSWER_WITHHELD"]);
});

test("a key that the SDK made up is no key where the tool requires one", async () => {
  const body = { charge: "ch_1001", amount: 100 };
  const keyed = (key: string) => send("POST", "/v1/refunds", { to: "port", headers: [...apiKey(), `Idempotency-Key: ${key}`], body });
  const madeUp = await keyed("made-up-1");
  assert.deepEqual([madeUp.status, madeUp.code], [400, "ERR_KEY_REQUIRED"]);
  assert.equal((await keyed("the-agent's-own-made-up-1")).status, 200);
  assert.equal(world.sandbox.effects("refund").length, 1);
});

test("a call that is held is joined by the same call with another key that the SDK made up, and not by one with a key of its own", async () => {
  const body = { subject: "Broken", text: "It is broken." };
  const create = (key: string) => send("POST", "/v1/tickets", { host: desk, headers: [...basic(), `Idempotency-Key: ${key}`], body });
  const first = await create("made-up-a");
  assert.deepEqual([first.status, first.code], [403, "ERR_HELD"]);
  const again = await create("made-up-a");
  assert.equal(again.body.call_id, first.body.call_id);
  const repeated = await create("made-up-b");
  assert.deepEqual([repeated.body.call_id, repeated.attached], [first.body.call_id, first.body.call_id]);
  const meant = await create("mine");
  assert.equal(meant.code, "ERR_HELD");
  assert.notEqual(meant.body.call_id, first.body.call_id);
  assert.equal(world.sandbox.effects("ticket").length, 0);
});
