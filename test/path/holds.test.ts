import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually, startGateway, type TestGateway } from "../support/gateway.ts";

let world: TestGateway;
before(async () => {
  world = await startGateway();
});
after(() => world.close());

let turn = 0;
const held = async (amount = 20_000, charge = "ch_1006") => {
  turn += 1;
  const key = `hold-${turn}`;
  const token = await world.agentToken({ run: `r_hold_${turn}` });
  const answer = await world.call("payments.refund", { charge, amount, reason: `case ${turn}` }, { key, token });
  assert.equal(answer.status, 202, answer.text);
  return { key, token, args: { charge, amount, reason: `case ${turn}` }, id: answer.body["call_id"] as string, answer };
};
const state = async (id: string) =>
  ((await world.people("viewer", "GET", `/sallyport/v1/calls/${id}`)).body["call"] as { state: string }).state;
const refundsOf = async (reason: string) =>
  world.sandbox.requests().filter((one) => one.url === "/v1/refunds" && one.body.includes(`"${reason}"`)).length;

test("a refund above the gate is held: nothing is sent, and the answer says so with a Location", async () => {
  const { answer, args } = await held();
  assert.equal(answer.body["executed"], false);
  assert.match(answer.headers.get("location") ?? "", /\/sallyport\/v1\/calls\/c_/);
  assert.match(String(answer.body["message"]), /^NOT executed\. Waiting for finance/);
  assert.equal(await refundsOf(args.reason), 0);
});

test("a client that cannot wait gets 403 ERR_HELD on the tool's own path, and 202 when it says Prefer", async () => {
  const body = JSON.stringify({ charge: "ch_1006", amount: 30_001 });
  const headers = { "content-type": "application/json" };
  const plain = await world.request("POST", "/payments/v1/refunds", { headers, body, key: "mount-1" });
  assert.deepEqual([plain.status, plain.body["code"], plain.body["executed"]], [403, "ERR_HELD", false]);
  const waiting = await world.request("POST", "/payments/v1/refunds", {
    headers: { ...headers, prefer: "respond-async" },
    body,
    key: "mount-1",
  });
  assert.deepEqual([waiting.status, waiting.body["call_id"]], [202, plain.body["call_id"]]);
});

test("an approved call runs once, and its Location and the same call again give the real answer", async () => {
  const { id, key, token, args } = await held();
  const vote = await world.approve("approver", id);
  assert.deepEqual([vote.status, vote.body["state"]], [200, "approved"]);
  const collected = await world.request("GET", `/sallyport/v1/calls/${id}`, { token, headers: { prefer: "wait=10" } });
  assert.equal(collected.status, 200, collected.text);
  assert.match(String(collected.body["id"]), /^re_/);
  const again = await world.call("payments.refund", args, { key, token });
  assert.deepEqual([again.status, again.headers.get("sallyport-replayed"), again.body["id"]], [200, "true", collected.body["id"]]);
  assert.equal(await refundsOf(args.reason), 1);
});

test("200 concurrent approvals of one hold execute it once", async () => {
  const { id, args, token } = await held();
  const shown = await world.people("approver", "GET", `/sallyport/v1/calls/${id}`);
  const { binding } = shown.body["call"] as { binding: string };
  const votes = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      world.people(index % 2 === 0 ? "approver" : "approver2", "POST", `/sallyport/v1/holds/${id}/votes`, {
        approve: true,
        reason: "yes",
        binding,
      }),
    ),
  );
  assert.equal(votes.filter((vote) => vote.status === 200).length, 1);
  await eventually("the call has run", async () => (await state(id)) === "succeeded");
  assert.equal((await world.request("GET", `/sallyport/v1/calls/${id}`, { token })).status, 200);
  assert.equal(await refundsOf(args.reason), 1);
});

test("a rejected call never runs, and its agent reads why", async () => {
  const { id, args, key, token } = await held();
  const shown = await world.people("approver", "GET", `/sallyport/v1/calls/${id}`);
  const { binding } = shown.body["call"] as { binding: string };
  await world.people("approver", "POST", `/sallyport/v1/holds/${id}/votes`, {
    approve: false,
    reason: "customer was paid in cash",
    binding,
  });
  const again = await world.call("payments.refund", args, { key, token });
  assert.deepEqual([again.status, again.body["code"]], [403, "ERR_HOLD_REJECTED"]);
  assert.match(String(again.body["message"]), /customer was paid in cash/);
  assert.equal(await refundsOf(args.reason), 0);
});

test("nobody votes without the role, outside the tier's group, on another binding, or for the agent they own", async () => {
  const { id, args } = await held();
  const shown = await world.people("approver", "GET", `/sallyport/v1/calls/${id}`);
  const { binding } = shown.body["call"] as { binding: string };
  const voteAs = async (token: string, changes: object = {}) => {
    const response = await fetch(`${world.gateway.peopleUrl}/sallyport/v1/holds/${id}/votes`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ approve: true, reason: "yes", binding, ...changes }),
    });
    return response.status;
  };
  const rows: readonly [string, Promise<string>, object, number][] = [
    ["a viewer", world.personToken("viewer", ["finance"]), {}, 403],
    ["an operator", world.personToken("operator", ["finance"]), {}, 403],
    ["an approver of another group", world.personToken("approver", ["release"]), {}, 409],
    ["an approver of the owner's group", world.personToken("approver", ["finance", "payments-team"]), {}, 409],
    ["an approver who saw another binding", world.personToken("approver"), { binding: "0".repeat(64) }, 409],
    ["an approver without a reason", world.personToken("approver"), { reason: " " }, 400],
    ["an agent", world.agentToken(), {}, 401],
  ];
  for (const [who, token, changes, status] of rows) assert.equal(await voteAs(await token, changes), status, who);
  assert.equal(await state(id), "held");
  assert.equal(await refundsOf(args.reason), 0);
});

test("a tier of two people needs two different ones", async () => {
  const token = await world.agentToken({ agent: "release-bot", run: "r_two" });
  const args = { service: "web", version: "2.1.0" };
  const answer = await world.call("deploys.create", args, { key: "two", token });
  assert.deepEqual([answer.status, answer.body["tiers"]], [202, ["release"]], answer.text);
  const id = answer.body["call_id"] as string;
  const first = await world.approve("approver", id);
  assert.deepEqual([first.status, first.body["state"]], [200, "held"]);
  assert.equal((await world.approve("approver", id)).status, 409);
  assert.equal(await state(id), "held");
  const second = await world.approve("approver2", id);
  assert.deepEqual([second.status, second.body["state"]], [200, "approved"]);
  await eventually("the deploy has run", async () => (await state(id)) === "succeeded");
  assert.equal(world.sandbox.effects("deploy").length, 1);
});

test("the user that an agent acts for does not approve the agent's call", async () => {
  const token = await world.agentToken({ run: "r_user", user: "approver" });
  const answer = await world.call("payments.refund", { charge: "ch_1006", amount: 20_000, reason: "own" }, { key: "own", token });
  const vote = await world.approve("approver", answer.body["call_id"] as string);
  assert.equal(vote.status, 409, vote.text);
  assert.equal((await world.approve("approver2", answer.body["call_id"] as string)).status, 200);
});

test("a held call is denied after a stop, and an approved one is refused", async () => {
  const { id, args } = await held();
  const stop = await world.people("operator", "POST", "/sallyport/v1/stops", { scope: { run: `r_hold_${turn}` }, reason: "looks odd" });
  assert.equal(stop.status, 200, stop.text);
  await world.approve("approver", id);
  await eventually("the approved call is refused", async () => (await state(id)) === "refused");
  assert.equal(await refundsOf(args.reason), 0);
  const { id: stopId } = stop.body["stop"] as { id: string };
  assert.equal((await world.people("operator", "DELETE", `/sallyport/v1/stops/${stopId}`)).status, 200);
});

test("a cancelled hold never runs, and its money is back", async () => {
  const { id, token, args } = await held();
  const cancelled = await world.request("DELETE", `/sallyport/v1/calls/${id}`, { token });
  assert.deepEqual([cancelled.status, cancelled.body["status"]], [200, "cancelled"]);
  assert.equal((await world.approve("approver", id)).status, 409);
  assert.equal(await refundsOf(args.reason), 0);
});

test("another agent, tenant or user sees nothing of a hold", async () => {
  const { id } = await held();
  const strangers = [world.agentToken({ tenant: "globex" }), world.agentToken({ agent: "release-bot" }), world.agentToken({ user: "u_9" })];
  for (const token of strangers) {
    const answer = await world.request("GET", `/sallyport/v1/calls/${id}`, { token: await token });
    assert.deepEqual([answer.status, answer.body["code"]], [404, "ERR_CALL_NOT_FOUND"]);
  }
});

test("the same arguments under another key, while the first is unknown, are held and show the twin", async () => {
  const token = await world.agentToken({ run: "r_twin" });
  const args = { charge: "ch_1006", amount: 700, reason: "twin" };
  await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "reset_mid_body", act: true, times: 1 });
  const first = await world.call("payments.refund", args, { key: "twin-1", token });
  assert.deepEqual([first.status, first.body["code"], first.body["executed"]], [502, "ERR_OUTCOME_UNKNOWN", "unknown"]);
  const second = await world.call("payments.refund", args, { key: "twin-2", token });
  assert.deepEqual([second.status, second.body["status"]], [202, "held"]);
  const shown = await world.people("viewer", "GET", `/sallyport/v1/calls/${String(second.body["call_id"])}`);
  assert.equal((shown.body["call"] as { twin: string }).twin, first.body["call_id"]);
  assert.equal(await refundsOf("twin"), 1);
});

test("a held call survives a restart, and runs after it", async () => {
  const { id, args } = await held();
  await world.restart();
  assert.equal(await state(id), "held");
  await world.approve("approver", id);
  await eventually("the call has run", async () => (await state(id)) === "succeeded");
  assert.equal(await refundsOf(args.reason), 1);
});
