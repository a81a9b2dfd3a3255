import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { swap } from "../support/demo-config.ts";
import type { TestAnswer, TestGateway } from "../support/gateway.ts";
import { ownClock, startWide, storedCall } from "./wide-gateway.ts";

const clock = ownClock();
let world: TestGateway;
before(async () => {
  world = await startWide({
    clock,
    lift: false,
    edit: {
      "config/contracts/billing-dispute.yaml": swap("limit: 60/min", "limit: 100000/min"),
      "routes/payments.yaml": (text) => text.replaceAll("timeout: 10s", "timeout: 300ms"),
      // A second budget of the same shape, small enough to see every cent of it.
      "config/contracts/small.yaml": () => `
agent: small-bot
workflow: small
owner: payments-team
tenants: [acme_co, globex]
stage: autonomous
tools:
  payments.lookup_charge: allow
  payments.refund: { up_to: { USD: 100000 }, beyond: hold, tier: finance }
budgets:
  - { meter: amount, scope: agent, window: day, limit: 10.00 USD }
`,
    },
  });
});
after(() => world.close());

let turn = 0;
const small = { agent: "small-bot", tenant: "acme_co" };
async function refund(amount: number, of: { agent?: string; charge?: string; run?: string } = {}): Promise<TestAnswer> {
  turn += 1;
  const token = await world.agentToken({ ...(of.agent === undefined ? {} : { agent: of.agent }), run: of.run ?? `r_money_${turn}` });
  return world.call("payments.refund", { charge: of.charge ?? "ch_1006", amount, reason: `money ${turn}` }, { key: `m-${turn}`, token });
}
/** What the small budget has left, as a dry run tells it: it takes nothing itself. */
async function smallLeft(): Promise<number> {
  turn += 1;
  const dry = await world.call(
    "payments.refund",
    { charge: "ch_1006", amount: 1 },
    { token: await world.agentToken({ ...small, run: `r_${turn}` }), key: `d-${turn}`, headers: { "sallyport-dry-run": "true" } },
  );
  const [budget] = dry.body["budgets"] as readonly { readonly left: number }[];
  assert.ok(budget !== undefined, dry.text);
  return budget.left;
}

test("a run's cost budget is used up by the third search of 0.15, and stays used up", async () => {
  const token = await world.agentToken({ run: "r_cost" });
  const search = (): Promise<TestAnswer> => world.call("tickets.search", { query: "twice" }, { token });
  const statuses = [(await search()).status, (await search()).status];
  const third = await search();
  assert.deepEqual([...statuses, third.status, third.body["code"], third.body["executed"]], [200, 200, 403, "ERR_BUDGET_EXHAUSTED", false]);
  assert.match(JSON.stringify(third.body["reasons"]), /needs 150000 and 100000 are left/);
  assert.equal((await search()).status, 403);
  assert.equal((await world.call("tickets.lookup", { ticket: "tk_3001" }, { token })).status, 200, "a tool without a price goes on");
  assert.equal(world.sandbox.requests().filter(({ url }) => url.startsWith("/v1/tickets?")).length, 2);
  const other = await world.call("tickets.search", { query: "twice" }, { token: await world.agentToken({ run: "r_cost_2" }) });
  assert.equal(other.status, 200, "another run has its own");
});

test("50 concurrent searches of one run execute twice", async () => {
  const token = await world.agentToken({ run: "r_race" });
  const before = world.sandbox.requests().length;
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => world.call("tickets.search", { query: `race ${index}` }, { token })),
  );
  assert.equal(answers.filter(({ status }) => status === 200).length, 2);
  assert.equal(answers.filter(({ body }) => body["code"] === "ERR_BUDGET_EXHAUSTED").length, 48);
  assert.equal(world.sandbox.requests().length - before, 2);
});

test("no money moves beyond a window's limit; a refusal says when the window turns", async () => {
  assert.equal(await smallLeft(), 1000);
  assert.equal((await refund(600, small)).status, 200);
  const beyond = await refund(401, small);
  assert.deepEqual([beyond.status, beyond.body["code"]], [429, "ERR_BUDGET_WINDOW"], beyond.text);
  const seconds = Number(beyond.headers.get("retry-after"));
  assert.ok(seconds >= 1 && seconds <= 90_000, `${seconds}`);
  assert.equal(await smallLeft(), 400);
});

test("a refund that had no effect gives its money back; one that is unknown keeps it until people have settled it", async () => {
  for (const status of [404, 422]) {
    await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "status", status });
    assert.equal((await refund(400, small)).status, status);
    assert.equal(await smallLeft(), 400);
  }
  for (const [outcome, left] of [
    ["failed", 400],
    ["not_sent", 400],
    ["succeeded", 100],
  ] as const) {
    await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "reset_before" });
    const unknown = await refund(300, small);
    assert.equal(unknown.body["executed"], "unknown");
    assert.equal(await smallLeft(), 100, "taken while unknown");
    assert.equal((await refund(101, small)).status, 429);
    clock.pass(10_000);
    const settled = await world.people("operator", "POST", `/sallyport/v1/calls/${String(unknown.body["call_id"])}/reconcile`, {
      outcome,
      reason: "looked",
    });
    assert.equal(settled.status, 200, settled.text);
    assert.equal(await smallLeft(), left, outcome);
  }
});

test("an answer that cannot be handed on costs all the same, and a dry run or a refused call costs nothing", async () => {
  const before = await smallLeft();
  assert.equal((await refund(1, { ...small, charge: "ch_2001" })).status, 403);
  assert.equal((await refund(0, small)).status, 422);
  assert.equal(await smallLeft(), before);
  await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "not_json", act: true });
  assert.equal((await refund(10, small)).body["code"], "ERR_OUTPUT_INVALID");
  assert.equal(await smallLeft(), before - 10);
});

test("a hold takes its money, and gives it back when it is rejected or cancelled", async () => {
  const held = async (): Promise<string> => {
    const answer = await refund(20_000);
    assert.equal(answer.status, 202, answer.text);
    return answer.body["call_id"] as string;
  };
  const dry = async (): Promise<number> => {
    turn += 1;
    const answer = await world.call(
      "payments.refund",
      { charge: "ch_1006", amount: 1 },
      { token: await world.agentToken({ run: `r_${turn}` }), key: `d-${turn}`, headers: { "sallyport-dry-run": "true" } },
    );
    return (
      (answer.body["budgets"] as readonly { readonly budget: string; readonly left: number }[]).find(({ budget }) =>
        budget.startsWith("amount"),
      )?.left ?? -1
    );
  };
  const before = await dry();
  const first = await held();
  assert.equal(await dry(), before - 20_000);
  await world.people("operator", "POST", `/sallyport/v1/calls/${first}/cancel`, { reason: "no" });
  assert.equal(await dry(), before);
  const second = await held();
  const binding = (await storedCall(world, second))?.binding;
  await world.people("approver", "POST", `/sallyport/v1/holds/${second}/votes`, { approve: false, reason: "no", binding });
  assert.equal(await dry(), before);
});

test("a tenant's day never passes its 5,000.00 under 120 concurrent refunds, whatever becomes of them", async (context) => {
  const limit = 500_000;
  const refunded = (): number =>
    world.sandbox
      .effects("refund")
      .filter(({ tenant, answer }) => tenant === "globex" && answer !== undefined)
      .reduce((sum, { answer }) => sum + Number(answer?.["amount"]), 0);
  await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "reset_before", act: true, times: 10 });
  await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "status", status: 422, times: 10 });
  const amounts = Array.from({ length: 120 }, (_, index) => 7000 + ((index * 7919) % 3000));
  const answers = await Promise.all(
    amounts.map(async (amount, index) =>
      world.call(
        "payments.refund",
        { charge: "ch_2004", amount, reason: `day ${index}` },
        { key: `day-${index}`, token: await world.agentToken({ tenant: "globex", run: `r_day_${index}` }) },
      ),
    ),
  );
  await world.sandbox.clearFaults();
  const counts = new Map<number, number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  assert.ok(refunded() <= limit, `${refunded()}`);
  // What the refused ones gave back came too late for the others, and is there for whoever comes next.
  for (let index = 0; refunded() <= limit - 7000 && index < 40; index++) {
    const key = `day-more-${index}`;
    const token = await world.agentToken({ tenant: "globex", run: `r_${key}` });
    await world.call("payments.refund", { charge: "ch_2004", amount: 7000, reason: key }, { key, token });
  }
  assert.ok(refunded() <= limit && refunded() > limit - 7000, `the limit was reached: ${refunded()}`);
  assert.deepEqual([counts.get(502), counts.get(422)], [10, 10]);
  assert.equal(
    [...counts.keys()].every((status) => [200, 422, 429, 502, 504].includes(status)),
    true,
    JSON.stringify([...counts]),
  );
  context.diagnostic(`${refunded()} of ${limit}; ${JSON.stringify([...counts])}`);
  const other = await world.call(
    "payments.refund",
    { charge: "ch_1006", amount: 100, reason: "other tenant" },
    { key: "other", token: await world.agentToken({ run: "r_other" }) },
  );
  assert.equal(other.status, 200, "another tenant has its own");
});

test("usage that an agent reports counts in its run's budget, only adds, and stops the run", async () => {
  const token = await world.agentToken({ run: "r_usage" });
  const report = (body: object, run = "r_usage"): Promise<TestAnswer> =>
    world.request("POST", `/sallyport/v1/runs/${run}/usage`, {
      token,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const search = (): Promise<TestAnswer> => world.call("tickets.search", { query: "usage" }, { token });
  assert.equal((await search()).status, 200);
  assert.equal((await report({ model: "m", prompt_tokens: 10, completion_tokens: 5, usd_micros: 100_000 })).status, 200);
  assert.equal((await search()).status, 200, "0.40 in all");
  assert.equal((await report({ usd_micros: 1 })).status, 200);
  const stopped = await world.call("payments.lookup_charge", { charge: "ch_1001" }, { token });
  assert.deepEqual([stopped.status, stopped.body["code"]], [403, "ERR_BUDGET_EXHAUSTED"]);
  const bad = [
    { usd_micros: -1 },
    { usd_micros: 1.5 },
    { usd_micros: "1" },
    { prompt_tokens: -5 },
    { cost: 1 },
    { model: 5 },
    { usd_micros: null },
  ];
  for (const body of bad) assert.equal((await report(body)).status, 422, JSON.stringify(body));
  assert.equal((await report({ usd_micros: 1 }, "r_somebody_else")).status, 404);
  const run = await world.people("viewer", "GET", "/sallyport/v1/runs/acme_co/billing-dispute-v3/r_usage");
  assert.deepEqual(run.body["cost"], { prompt_tokens: 10, completion_tokens: 5, usd: 0.400001 });
});

test("a run that its reports have overdrawn is refused at once", async () => {
  const token = await world.agentToken({ run: "r_over" });
  const headers = { "content-type": "application/json" };
  await world.request("POST", "/sallyport/v1/runs/r_over/usage", { token, headers, body: '{"usd_micros":900000}' });
  const answer = await world.call("tickets.search", { query: "x" }, { token });
  assert.equal(answer.body["code"], "ERR_BUDGET_EXHAUSTED", answer.text);
});
