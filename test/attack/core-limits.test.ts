import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inject } from "../path/wide-gateway.ts";
import { eventually, type TestAnswer, type TestGateway } from "../support/gateway.ts";
import { type Attacked, openAttacked } from "./attacked.ts";

let attacked: Attacked;
let world: TestGateway;
before(async () => {
  attacked = await openAttacked();
  world = attacked.world;
});
after(() => world.close());

const flood = async (times: number, send: () => Promise<TestAnswer>): Promise<number> => {
  const size = await attacked.ledgerSize();
  await Promise.all(Array.from({ length: times }, send));
  return (await attacked.ledgerSize()) - size;
};

test("an agent with 5 calls a minute does not write 60 refusals to the ledger in one", async () => {
  const token = await world.agentToken({ agent: "flood-bot", run: "r_flood" });
  const written = await flood(60, () => world.call("tickets.create", { subject: 7 }, { token }));
  assert.ok(written <= 30, `${written} rows`);
});

test("a token that no contract names does not write 60 refusals to the ledger in one minute", async () => {
  const token = await world.agentToken({ agent: "nobody", run: "r_flood" });
  const written = await flood(60, () => world.call("tickets.create", { subject: "a", text: "b" }, { token }));
  assert.ok(written <= 30, `${written} rows`);
});

test("a token that no contract names writes nothing to the ledger by reporting", async () => {
  const token = await world.agentToken({ agent: "nobody", run: "r_flood" });
  const options = { token, headers: { "content-type": "application/json" }, body: JSON.stringify({ status: "done" }) };
  const written = await flood(20, () => world.request("POST", "/sallyport/v1/runs/r_flood/outcome", options));
  assert.equal(written, 0);
});

test("an agent with 5 calls a minute does not write 60 reports to the ledger in one", async () => {
  const token = await world.agentToken({ agent: "flood-bot", run: "r_flood2" });
  const options = { token, headers: { "content-type": "application/json" }, body: JSON.stringify({ prompt_tokens: 1 }) };
  const written = await flood(60, () => world.request("POST", "/sallyport/v1/runs/r_flood2/usage", options));
  assert.ok(written <= 30, `${written} rows`);
});

test("what a refused caller made up does not grow the record of the refusal", async () => {
  const size = await attacked.ledgerSize();
  const token = await world.agentToken({ agent: "narrow-bot", run: "r_long" });
  const args = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${"k".repeat(1000)}${index}`, index]));
  const answer = await world.call("payments.refund", args, { token, key: "long" });
  assert.equal(answer.status, 422, answer.text);
  await attacked.ledgerSize();
  const rows = (await world.gateway.ports.ledger.read(size + 1, 100)).filter(({ entry }) => entry["agent"] === "narrow-bot");
  assert.equal(rows.length, 1);
  assert.ok(JSON.stringify(rows).length < 15_000, `${JSON.stringify(rows).length} characters`);
});

const report = (token: string, run: string, usage: object): Promise<TestAnswer> =>
  world.request("POST", `/sallyport/v1/runs/${run}/usage`, {
    token,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(usage),
  });

test("after reports of any size the next call is refused by its budget, not by a store that cannot read it", async () => {
  const token = await world.agentToken({ agent: "poison-bot", run: "r_poison" });
  for (let times = 0; times < 2; times += 1)
    assert.equal((await report(token, "r_poison", { usd_micros: Number.MAX_SAFE_INTEGER })).status, 200);
  const answer = await world.call("payments.lookup_charge", { charge: "ch_1006" }, { token });
  assert.match(String(answer.body["code"]), /^ERR_BUDGET_/, answer.text);
});

test("past the limit of its run by what it reported, an agent calls nothing more, not even tools without a price", async () => {
  const token = await world.agentToken({ agent: "report-bot", run: "r_spent" });
  assert.equal((await report(token, "r_spent", { usd_micros: 1_000_000 })).status, 200);
  const priced = await world.call("payments.lookup_charge", { charge: "ch_1006" }, { token });
  assert.equal(priced.body["code"], "ERR_BUDGET_EXHAUSTED", priced.text);
  const unpriced = await world.call("tickets.create", { subject: attacked.turn(), text: "b" }, { token });
  assert.equal(unpriced.body["code"], "ERR_BUDGET_EXHAUSTED", unpriced.text);
});

test("what one tenant's run reports does not stop the agent for another tenant", async () => {
  const token = await world.agentToken({ agent: "report-bot", run: "r_liar" });
  await report(token, "r_liar", { usd_micros: 1_000_000_000 });
  const other = await world.agentToken({ agent: "report-bot", tenant: "globex", run: "r_honest" });
  const answer = await world.call("payments.lookup_charge", { charge: "ch_2001" }, { token: other });
  assert.equal(answer.status, 200, answer.text);
});

test("an amount of zero, below it, in words or in fractions moves nothing", async () => {
  const token = await world.agentToken();
  const rows = ["0", "-1", "-0", "0.5", '"100"', "1e400", "9007199254740993", "[100]", "null", "true"];
  const before = world.sandbox.effects("refund").length;
  for (const amount of rows) {
    const body = `{"charge":"ch_1006","amount":${amount}}`;
    const headers = { "content-type": "application/json" };
    const answer = await world.request("POST", "/sallyport/v1/tools/payments.refund", {
      token,
      key: `odd-${amount.replaceAll('"', "")}`,
      headers,
      body,
    });
    assert.equal(answer.body["executed"], false, `${amount}: ${answer.text}`);
  }
  assert.equal(world.sandbox.effects("refund").length, before);
  assert.equal(rows.length, 10);
});

test("a charge of another tenant, or in a currency that the contract does not count, moves nothing", async () => {
  for (const charge of ["ch_2001", "ch_1003", "ch_9999"]) {
    const answer = await world.call("payments.refund", { charge, amount: 10 }, { key: `foreign-${charge}` });
    assert.deepEqual([answer.status, answer.body["executed"]], [403, false], `${charge}: ${answer.text}`);
  }
});

const stagingToken = (run: string): Promise<string> =>
  world.dev.mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", run, environment: "staging", ttlMs: 3_600_000 });

test("a key of one environment is no key of another", async () => {
  const key = attacked.turn();
  const first = await world.call("deploys.list", { service: "billing-api" }, { key, token: await stagingToken("r_env") });
  assert.equal(first.status, 200, first.text);
  const answer = await world.call("deploys.list", { service: "billing-api" }, { key, token: await world.agentToken({ run: "r_env" }) });
  assert.equal(
    answer.headers.get("sallyport-replayed"),
    null,
    "production was answered from staging's record, and nothing was executed for it",
  );
});

test("a token of one environment neither sees nor cancels the calls of another", async () => {
  const call = await attacked.held();
  const token = await stagingToken(`r_${call.reason}`);
  const seen = await world.request("GET", `/sallyport/v1/calls/${call.id}`, { token });
  await world.request("DELETE", `/sallyport/v1/calls/${call.id}`, { token });
  assert.deepEqual([seen.status, await attacked.stateOf(call.id)], [404, "held"]);
});

test("the same key of another user is another call, and shows nothing of the first", async () => {
  const first = await attacked.refund();
  const done = await first.send();
  const token = await world.agentToken({ run: `r_${first.reason}`, user: "u_other" });
  const other = await world.call("payments.refund", { ...first.args, amount: 20_001 }, { key: first.reason, token });
  assert.equal(other.status, 202, other.text);
  assert.ok(!other.text.includes(String(done.body["id"])));
});

test("a dry run shows the object of a preview only to an agent that may read it", async () => {
  const token = await world.agentToken({ agent: "narrow-bot", run: "r_dry" });
  const direct = await world.call("payments.lookup_charge", { charge: "ch_1002" }, { token });
  assert.equal(direct.body["code"], "ERR_TOOL_NOT_IN_CONTRACT");
  const dry = await world.call("payments.refund", { charge: "ch_1002", amount: 1 }, { token, headers: { "sallyport-dry-run": "true" } });
  assert.equal(dry.status, 200, dry.text);
  assert.ok(!dry.text.includes("Invoice 2026-118"), dry.text);
});

test("a dry run sends no write, takes no key and no money, and leaves no call behind", async () => {
  const call = await attacked.refund(20_000);
  for (let times = 0; times < 3; times += 1) assert.equal((await call.send({ "sallyport-dry-run": "true" })).body["dry_run"], true);
  const calls = await world.gateway.ports.calls.list({ run: `r_${call.reason}`, limit: 100 });
  assert.deepEqual([attacked.refunds(call.reason), calls.filter(({ parent }) => parent === null).length], [0, 0]);
  assert.equal((await call.send()).status, 202);
});

test("policy sees the same findings when it judges an approved call again", async () => {
  const { ports } = world.gateway;
  const policy = ports.policy();
  const seen: number[] = [];
  const evaluate: typeof policy.evaluate = (input) => {
    seen.push((input["tool"] as unknown as { findings: readonly unknown[] }).findings.length);
    return policy.evaluate(input);
  };
  const restore = inject(ports, "policy" as never, (() => ({ digest: policy.digest, evaluate })) as never);
  try {
    const token = await world.agentToken({ run: "r_findings" });
    const args = { charge: "ch_1006", amount: 20_000, reason: "asked by ada@customer.example" };
    const answer = await world.call("payments.refund", args, { token, key: attacked.turn() });
    await attacked.approveInStore(answer.body["call_id"] as string);
    await eventually("the call has run", async () => (await attacked.stateOf(answer.body["call_id"] as string)) === "succeeded");
  } finally {
    restore();
  }
  assert.deepEqual(seen, [1, 1]);
});

test("the user that an agent acts for does not approve its call by spelling the same name in other case", async () => {
  const call = await attacked.held({ user: "APPROVER" });
  assert.equal((await world.approve("approver", call.id)).status, 409);
});

test("one person under two spellings of case does not count as two people", async () => {
  const { unmetDemands } = await import("../../src/rules/holds.ts");
  const { factsOf, voteOf } = await import("../stores/requests.ts");
  const demands = [{ tier: "finance", group: "finance", people: 2 }];
  const votes = ["ada@acme.example", "Ada@Acme.example"].map((person) => voteOf(factsOf(), person));
  assert.equal(unmetDemands(demands, votes).length, 1);
});

test("approve and cancel at once: what was cancelled is never sent, what was sent is never told cancelled", async () => {
  for (let times = 0; times < 6; times += 1) {
    const call = await attacked.held();
    const cancel = () => world.request("DELETE", `/sallyport/v1/calls/${call.id}`, { token: call.token });
    const race = times % 2 === 0 ? [world.approve("approver", call.id), cancel()] : [cancel(), world.approve("approver", call.id)];
    const answers = await Promise.all(race);
    const state = await eventually("it has ended", async () => {
      const now = await attacked.stateOf(call.id);
      return now === "succeeded" || now === "cancelled" ? now : null;
    });
    assert.equal(attacked.refunds(call.reason), state === "succeeded" ? 1 : 0);
    assert.equal(
      answers.some(({ body }) => body["status"] === "cancelled"),
      state === "cancelled",
    );
  }
});

test("30 equal calls under one key at once have one effect", async () => {
  const call = await attacked.refund();
  const answers = await Promise.all(Array.from({ length: 30 }, () => call.send()));
  assert.equal(attacked.refunds(call.reason), 1);
  for (const answer of answers) assert.notEqual(answer.body["executed"], false, answer.text);
});

test("an approved call is refused, and its money comes back, when a stop comes before its turn", async () => {
  const call = await attacked.held();
  const stop = await world.people("operator", "POST", "/sallyport/v1/stops", { scope: { run: `r_${call.reason}` }, reason: "odd" });
  await attacked.approveInStore(call.id);
  await eventually("it is refused", async () => (await attacked.stateOf(call.id)) === "refused");
  assert.equal(attacked.refunds(call.reason), 0);
  await world.people("operator", "DELETE", `/sallyport/v1/stops/${(stop.body["stop"] as { id: string }).id}`);
});

test("a stop that comes after the admission and before the socket keeps the write from being sent", async () => {
  const call = await attacked.refund();
  const { calls } = world.gateway.ports;
  const admit = calls.admit.bind(calls);
  let stopId = "";
  const restore = inject(calls, "admit", async (request) => {
    const result = await admit(request);
    if (request.call.effect === "write") {
      const stop = await world.people("operator", "POST", "/sallyport/v1/stops", { scope: { run: `r_${call.reason}` }, reason: "odd" });
      stopId = (stop.body["stop"] as { id: string }).id;
    }
    return result;
  });
  try {
    const answer = await call.send();
    assert.deepEqual([answer.body["code"], answer.body["executed"], attacked.refunds(call.reason)], ["ERR_STOPPED", false, 0]);
  } finally {
    restore();
    await world.people("operator", "DELETE", `/sallyport/v1/stops/${stopId}`);
  }
});

test("a preview that hangs denies its write and holds nothing else up", async () => {
  const call = await attacked.refund();
  await world.sandbox.setFault({ method: "GET", path_prefix: "/v1/charges/ch_1006", mode: "reset_after_headers", times: 1 });
  const answer = await call.send();
  assert.deepEqual([answer.body["code"], attacked.refunds(call.reason)], ["ERR_PREVIEW_UNAVAILABLE", 0]);
  assert.equal((await call.send()).status, 200);
});
