import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { codes } from "../../../src/rules/codes.ts";
import { eventually, startGateway, type TestAnswer, type TestGateway } from "../../support/gateway.ts";
import { headerOf, rawRequest, sendRaw } from "../../support/raw-http.ts";

let world: TestGateway;
before(async () => {
  world = await startGateway();
});
after(() => world.close());

const json = { "content-type": "application/json" };
interface Listed {
  readonly name?: string;
  readonly function?: { readonly name: string; readonly parameters: { readonly type: string } };
  readonly input_schema?: { readonly type: string };
  readonly inputSchema?: { readonly type: string };
  readonly annotations?: { readonly readOnlyHint: boolean; readonly destructiveHint: boolean };
}
const tools = (answer: TestAnswer): readonly Listed[] => answer.body["tools"] as readonly Listed[];
const contractNames = [
  "payments.list_refunds",
  "payments.lookup_charge",
  "payments.refund",
  "tickets.create",
  "tickets.lookup",
  "tickets.reply",
  "tickets.search",
];

test("an agent is shown the tools of its contract and no others, in each vendor's form", async () => {
  const underscored = contractNames.map((name) => name.replace(".", "_"));
  const rows: readonly (readonly [string, (tool: Listed) => unknown, readonly string[], (tool: Listed) => unknown])[] = [
    ["", (tool) => tool.name, contractNames, (tool) => tool.input_schema?.type],
    ["?format=jsonschema", (tool) => tool.name, contractNames, (tool) => tool.input_schema?.type],
    ["?format=openai", (tool) => tool.function?.name, underscored, (tool) => tool.function?.parameters.type],
    ["?format=anthropic", (tool) => tool.name, underscored, (tool) => tool.input_schema?.type],
    ["?format=mcp", (tool) => tool.name, contractNames, (tool) => tool.inputSchema?.type],
  ];
  for (const [query, nameOf, names, typeOf] of rows) {
    const answer = await world.request("GET", `/sallyport/v1/tools${query}`);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(tools(answer).map(nameOf), names);
    assert.ok(tools(answer).every((tool) => typeOf(tool) === "object"));
    assert.ok(!/sk_sandbox|acct_|127\.0\.0\.1/.test(answer.text), "no upstream and no secret is shown");
  }
});

test("a name shown to a model calls the tool", async () => {
  for (const format of ["openai", "anthropic", "mcp"]) {
    const listed = tools(await world.request("GET", `/sallyport/v1/tools?format=${format}`));
    const name = listed.map((tool) => tool.name ?? tool.function?.name ?? "").find((one) => one.endsWith("lookup"));
    assert.equal((await world.call(name ?? "", { ticket: "tk_3001" })).status, 200, format);
  }
});

test("what can destroy is marked for MCP clients, and reads are marked as such", async () => {
  const listed = tools(await world.request("GET", "/sallyport/v1/tools?format=mcp"));
  const marks = new Map(listed.map(({ name, annotations }) => [name, [annotations?.readOnlyHint, annotations?.destructiveHint]]));
  assert.deepEqual(marks.get("payments.refund"), [false, true]);
  assert.deepEqual(marks.get("tickets.create"), [false, false]);
  assert.deepEqual(marks.get("tickets.search"), [true, false]);
});

test("another agent sees its own tools, and one without a contract sees none", async () => {
  const list = async (agent: string, tenant = "acme_co"): Promise<number> =>
    tools(await world.request("GET", "/sallyport/v1/tools", { token: await world.agentToken({ agent, tenant }) })).length;
  assert.deepEqual(
    [await list("release-bot"), await list("intern-bot"), await list("intern-bot", "globex"), await list("nobody")],
    [2, 5, 0, 0],
  );
});

test("a list without a token, or in a form nobody knows, is refused", async () => {
  assert.equal((await fetch(`${world.gateway.agentsUrl}/sallyport/v1/tools`)).status, 401);
  for (const query of ["format=yaml", "format=", "format=mcp&format=openai", "format=__proto__", "format=constructor"]) {
    const answer = await world.request("GET", `/sallyport/v1/tools?${query}`);
    assert.deepEqual([answer.status, answer.body["code"]], [400, "ERR_QUERY_INVALID"], query);
  }
});

test("every code is explained without a token, and nothing else is", async () => {
  for (const [code, row] of Object.entries(codes)) {
    const response = await fetch(`${world.gateway.agentsUrl}/sallyport/v1/errors/${code}`);
    assert.deepEqual([response.status, await response.json()], [200, { code, ...row }]);
  }
  assert.ok(Object.keys(codes).length > 60);
  for (const code of ["ERR_NOTHING", "__proto__", "constructor", "toString", "err_held", "%00", "x".repeat(200)]) {
    assert.ok([400, 401, 404].includes((await fetch(`${world.gateway.agentsUrl}/sallyport/v1/errors/${code}`)).status), code);
  }
});

let turn = 0;
async function held(
  headers: Record<string, string> = {},
  path = "/sallyport/v1/tools/payments.refund",
): Promise<{ answer: TestAnswer; ms: number; token: string }> {
  turn += 1;
  const token = await world.agentToken({ run: `r_wait_${turn}` });
  const startedMs = performance.now();
  const body = JSON.stringify({ charge: "ch_1006", amount: 20_000, reason: `wait ${turn}` });
  const answer = await world.request("POST", path, { headers: { ...json, ...headers }, body, key: `w-${turn}`, token });
  return { answer, ms: performance.now() - startedMs, token };
}

test("Prefer: wait keeps the connection until people have decided, and no longer", async () => {
  const waiting = held({ prefer: "wait=20" }, "/payments/v1/refunds");
  const id = await eventually("the call is held", async () => {
    const { holds } = (await world.people("viewer", "GET", "/sallyport/v1/holds")).body as {
      holds: readonly { id: string; run: string }[];
    };
    return holds.find(({ run }) => run === `r_wait_${turn}`)?.id;
  });
  assert.equal((await world.approve("approver", id)).status, 200);
  const { answer, ms } = await waiting;
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body["reason"], `wait ${turn}`);
  assert.equal(answer.headers.get("preference-applied"), "wait=20");
  assert.ok(ms < 10_000, `${ms}`);
});

test("a wait that nobody ends is answered with the hold, in the form that this client can read", async () => {
  const waited = await held({ prefer: "wait=1" }, "/payments/v1/refunds");
  assert.deepEqual([waited.answer.status, waited.answer.body["status"]], [202, "held"]);
  assert.ok(waited.ms >= 900 && waited.ms < 5000, `${waited.ms}`);
  const rows: readonly (readonly [Record<string, string>, string, number])[] = [
    [{}, "/payments/v1/refunds", 403],
    [{ prefer: "respond-async" }, "/payments/v1/refunds", 202],
    [{ prefer: "wait=0" }, "/payments/v1/refunds", 202],
    [{ prefer: "wait=abc" }, "/payments/v1/refunds", 403],
    [{ prefer: "wait=-1" }, "/payments/v1/refunds", 403],
    [{ prefer: "wait=99999" }, "/payments/v1/refunds", 403],
    [{ prefer: "return=minimal" }, "/payments/v1/refunds", 403],
    [{}, "/sallyport/v1/tools/payments.refund", 202],
  ];
  for (const [headers, path, status] of rows) {
    const { answer, ms } = await held(headers, path);
    assert.deepEqual([answer.status, answer.body["executed"]], [status, false], JSON.stringify(headers));
    assert.ok(ms < 3000);
    assert.match(answer.headers.get("location") ?? "", /^http:\/\/127\.0\.0\.1:[0-9]+\/sallyport\/v1\/calls\/c_[0-9a-f]{32}$/);
    assert.equal(answer.headers.get("retry-after"), "2");
  }
});

test("Preference-Applied says how long was waited at most, and not what was wished", async () => {
  const waiting = held({ prefer: "wait=9999" }, "/payments/v1/refunds");
  const id = await eventually("the call is held", async () => {
    const calls = await world.gateway.ports.calls.list({ states: ["held"], run: `r_wait_${turn}`, limit: 5 });
    return calls[0]?.id;
  });
  assert.equal((await world.approve("approver", id)).status, 200);
  // `limits.wait_max` of the demo.
  assert.equal((await waiting).answer.headers.get("preference-applied"), "wait=30");
});

test("a wait on a call's Location that is cancelled meanwhile ends with that", async () => {
  const { answer, token } = await held();
  const id = answer.body["call_id"] as string;
  const waiting = world.request("GET", `/sallyport/v1/calls/${id}`, { token, headers: { prefer: "wait=20" } });
  assert.equal((await world.request("DELETE", `/sallyport/v1/calls/${id}`, { token })).body["status"], "cancelled");
  assert.equal((await waiting).body["code"], "ERR_CALL_CANCELLED");
  assert.equal((await world.request("DELETE", `/sallyport/v1/calls/${id}`, { token })).body["code"], "ERR_CALL_CANCELLED");
});

test("a call that has run cannot be cancelled by its agent", async () => {
  const done = await world.call("tickets.create", { subject: "done", text: "x" });
  const id = done.headers.get("sallyport-call-id") ?? "";
  const answer = await world.request("DELETE", `/sallyport/v1/calls/${id}`);
  assert.deepEqual([answer.status, answer.headers.get("sallyport-replayed")], [200, "true"]);
  assert.equal((await world.gateway.ports.calls.find(id))?.state, "succeeded");
});

test("a preview's own call is nobody's: its id is not shown to the agent", async () => {
  await world.call(
    "payments.refund",
    { charge: "ch_1006", amount: 5, reason: "child" },
    { key: "child", token: await world.agentToken({ run: "r_child" }) },
  );
  const calls = await world.gateway.ports.calls.list({ run: "r_child", limit: 10 });
  const child = calls.find(({ parent }) => parent !== null);
  assert.ok(child !== undefined);
  assert.equal((await world.request("GET", `/sallyport/v1/calls/${child.id}`)).body["code"], "ERR_CALL_NOT_FOUND");
});

test("an agent says how its own run ended, and nobody else's", async () => {
  const token = await world.agentToken({ run: "r_end" });
  const say = (body: string, run = "r_end", headers: Record<string, string> = json): Promise<TestAnswer> =>
    world.request("POST", `/sallyport/v1/runs/${run}/outcome`, { token, headers, body });
  assert.deepEqual(
    [(await say('{"status":"resolved","reason":"refunded"}')).status, (await say('{"status":"escalated"}')).status],
    [200, 200],
  );
  const run = await world.people("viewer", "GET", "/sallyport/v1/runs/acme_co/billing-dispute-v3/r_end");
  assert.deepEqual(run.body["outcome"], { status: "escalated", reason: "" });
  const bad: readonly (readonly [string, number])[] = [
    ["{}", 422],
    ['{"status":""}', 422],
    ['{"status":5}', 422],
    ['{"status":"a","x":1}', 422],
    [`{"status":"${"x".repeat(501)}"}`, 422],
    ['{"status":"a","reason":5}', 422],
    ["", 400],
    ["[]", 400],
    ['{"status":"a","status":"b"}', 400],
  ];
  for (const [body, status] of bad) assert.equal((await say(body)).status, status, body);
  assert.equal((await say('{"status":"a"}', "r_end", { "content-type": "text/plain" })).status, 415);
  assert.equal((await say('{"status":"a"}', "r_other")).status, 404);
});

test("rates are told with every counted call, and a 401 says how to authenticate", async () => {
  const answer = await world.call("tickets.lookup", { ticket: "tk_3001" });
  assert.match(answer.headers.get("ratelimit-policy") ?? "", /^"agent";q=60;w=60$/);
  assert.match(answer.headers.get("ratelimit") ?? "", /^"agent";r=[0-9]+;t=[0-9]+$/);
  const { responses } = await sendRaw(
    world.gateway.agentsUrl,
    rawRequest("GET /tickets/v1/tickets/tk_3001 HTTP/1.1", ["Host: a", "Connection: close"]),
  );
  assert.match(headerOf(responses[0], "www-authenticate") ?? "", /^Bearer /);
});
