import assert from "node:assert/strict";
import { after, test } from "node:test";
import { agentRoutes } from "../../../src/edges/http/agent-routes.ts";
import { startGateway, type TestAnswer } from "../../support/gateway.ts";

const world = await startGateway();
after(() => world.close());

const secondsOf = (answer: TestAnswer): number => (Date.parse(String(answer.body["expires_at"])) - Date.now()) / 1000;

/** A token that names no run, as an issuer without runs gives it. */
function openerToken(changes: object = {}): Promise<string> {
  return world.dev.mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", ttlMs: 7_200_000, ...changes });
}

async function open(
  token: string,
  body?: string,
  headers: Readonly<Record<string, string>> = { "content-type": "application/json" },
): Promise<TestAnswer> {
  return world.request("POST", "/sallyport/v1/runs", { token, ...(body === undefined ? {} : { body, headers }) });
}

test("an opened run has a token with which the agent calls in this run", async () => {
  const answer = await open(await openerToken({ user: { id: "ada", groups: ["finance"] } }));
  assert.equal(answer.status, 201, answer.text);
  assert.deepEqual(Object.keys(answer.body).sort(), ["expires_at", "run", "token", "token_type"]);
  assert.match(String(answer.body["run"]), /^r_[0-9a-f]{32}$/);
  assert.equal(answer.body["token_type"], "Bearer");
  assert.equal(answer.headers.get("cache-control"), "no-store");
  assert.equal(answer.headers.get("ratelimit-policy"), '"runs";q=60;w=60');
  assert.ok(secondsOf(answer) > 3590 && secondsOf(answer) <= 3600, String(secondsOf(answer)));
  const token = String(answer.body["token"]);
  const called = await world.call("payments.lookup_charge", { charge: "ch_1001" }, { token });
  assert.equal(called.status, 200, called.text);
  const shown = await world.people("viewer", "GET", `/sallyport/v1/calls/${called.headers.get("sallyport-call-id")}`);
  const { run, agent, tenant, user, environment } = shown.body["call"] as Record<string, unknown>;
  assert.deepEqual(
    { run, agent, tenant, user, environment },
    { run: answer.body["run"], agent: "billing-dispute-v3", tenant: "acme_co", user: "ada", environment: "production" },
  );
});

test("a run is on record before its first call, and its token is not", async () => {
  const opener = await openerToken();
  const answer = await open(opener);
  const run = String(answer.body["run"]);
  const listed = await world.people("viewer", "GET", "/sallyport/v1/runs");
  const rows = listed.body["runs"] as readonly Record<string, unknown>[];
  assert.equal(rows.find((row) => row["run"] === run)?.["calls"], 0);
  const shown = await world.people("viewer", "GET", `/sallyport/v1/runs/acme_co/billing-dispute-v3/${run}`);
  assert.equal(shown.status, 200, shown.text);
  const ledger = await world.people("auditor", "GET", "/sallyport/v1/ledger");
  const entries = (ledger.body["entries"] as readonly { entry: Record<string, unknown> }[]).map(({ entry }) => entry);
  const [entry, ...more] = entries.filter((one) => one["type"] === "run.opened" && one["run"] === run);
  assert.equal(more.length, 0);
  assert.equal(entry?.["workflow"], "billing-dispute");
  assert.equal((entry?.["opened_by"] as { issuer?: string } | undefined)?.issuer, "https://dev.sallyport.local/agents");
  for (const secret of [String(answer.body["token"]), opener]) assert.ok(!ledger.text.includes(secret.slice(-40)));
});

test("usage and outcome of an opened run are its own agent's to tell", async () => {
  const answer = await open(await openerToken());
  const token = String(answer.body["token"]);
  const tell = (run: string) =>
    world.request("POST", `/sallyport/v1/runs/${run}/outcome`, {
      token,
      headers: { "content-type": "application/json" },
      body: '{"status":"done"}',
    });
  assert.equal((await tell(String(answer.body["run"]))).status, 200);
  assert.equal((await tell("r_test")).status, 404);
});

const lives: readonly (readonly [string, string | undefined, number])[] = [
  ["no body", undefined, 3600],
  ["an empty object", "{}", 3600],
  ["one second", '{"ttl":1}', 1],
  ["ten minutes", '{"ttl":600}', 600],
  ["an hour", '{"ttl":3600}', 3600],
];
for (const [title, body, seconds] of lives) {
  test(`${title}: the token lives ${seconds} s`, async () => {
    const lived = secondsOf(await open(await openerToken(), body));
    assert.ok(lived > seconds - 2 && lived <= seconds, String(lived));
  });
}

test("a run token ends with the token that opened it", async () => {
  const lived = secondsOf(await open(await openerToken({ ttlMs: 90_000 })));
  assert.ok(lived > 85 && lived <= 90, String(lived));
});

const badBodies: readonly (readonly [string, string, number, string])[] = [
  ["zero seconds", '{"ttl":0}', 422, "ERR_ARGUMENTS_INVALID"],
  ["a negative time", '{"ttl":-1}', 422, "ERR_ARGUMENTS_INVALID"],
  ["more than an hour", '{"ttl":3601}', 422, "ERR_ARGUMENTS_INVALID"],
  ["a fraction", '{"ttl":1.5}', 422, "ERR_ARGUMENTS_INVALID"],
  ["a text", '{"ttl":"60"}', 422, "ERR_ARGUMENTS_INVALID"],
  ["null", '{"ttl":null}', 422, "ERR_ARGUMENTS_INVALID"],
  ["a number beyond all", '{"ttl":1e400}', 400, "ERR_JSON_NUMBER"],
  ["two times", '{"ttl":60,"ttl":3600}', 400, "ERR_JSON_DUPLICATE_KEY"],
  ["a list", "[60]", 400, "ERR_JSON_MALFORMED"],
  ["no JSON", "ttl=60", 400, "ERR_JSON_MALFORMED"],
];
test("a body that is not understood opens nothing", async (t) => {
  const token = await openerToken({ tenant: "globex" });
  for (const [title, body, status, code] of badBodies) {
    await t.test(title, async () => {
      const answer = await open(token, body);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.body["code"], code);
    });
  }
  assert.equal((await open(token, '{"ttl":60}', { "content-type": "text/plain" })).status, 415);
  assert.equal((await world.request("POST", "/sallyport/v1/runs?ttl=60", { token })).body["code"], "ERR_QUERY_INVALID");
  const listed = await world.people("viewer", "GET", "/sallyport/v1/runs");
  assert.ok((listed.body["runs"] as readonly { tenant: string }[]).every(({ tenant }) => tenant !== "globex"));
});

test("no contract, no run", async (t) => {
  const rows: readonly (readonly [string, object])[] = [
    ["an unknown agent", { agent: "nobody-v1" }],
    ["another tenant", { tenant: "initech" }],
    ["another environment", { environment: "staging" }],
    ["another workflow", { workflow: "deploys" }],
  ];
  for (const [title, changes] of rows) {
    await t.test(title, async () => assert.equal((await open(await openerToken(changes))).body["code"], "ERR_CONTRACT_NONE"));
  }
});

test("opening the same twice opens two runs: it is not idempotent", async () => {
  const token = await openerToken();
  const headers = { "idempotency-key": "one" };
  const [first, second] = await Promise.all([open(token, undefined, headers), open(token, undefined, headers)]);
  assert.equal(first?.status, 201);
  assert.notEqual(first?.body["run"], second?.body["run"]);
});

test("a run token is good after a restart", async () => {
  const answer = await open(await openerToken());
  await world.restart();
  assert.equal((await world.request("GET", "/sallyport/v1/tools", { token: String(answer.body["token"]) })).status, 200);
});

test("a process that is shutting down opens no run", () => {
  const route = agentRoutes.find(({ method, url }) => method === "POST" && url === "/sallyport/v1/runs");
  assert.equal(route?.begins, true);
});
