import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TestAnswer, TestGateway } from "../support/gateway.ts";
import { startWide, storedCall } from "./wide-gateway.ts";

let world: TestGateway;
before(async () => {
  world = await startWide();
});
after(() => world.close());

let turn = 0;
/** A refund of its own and its run's token. */
async function fresh() {
  turn += 1;
  return {
    args: { charge: "ch_1006", amount: 100 + turn, reason: `keys ${turn}` },
    key: `key-${turn}`,
    token: await world.agentToken({ run: `r_keys_${turn}` }),
  };
}
type Fresh = Awaited<ReturnType<typeof fresh>>;
const send = ({ args, key, token }: Fresh): Promise<TestAnswer> => world.call("payments.refund", args, { key, token });
const executions = ({ args }: Fresh): number =>
  world.sandbox.requests().filter(({ url, body }) => url === "/v1/refunds" && body.includes(`"${args.reason}"`)).length;
const idOf = (answer: TestAnswer): string => answer.headers.get("sallyport-call-id") ?? "";

test("the same key and arguments get the stored answer, byte for byte, and say so", async () => {
  const one = await fresh();
  const first = await send(one);
  const again = await send(one);
  assert.deepEqual([first.status, first.headers.get("sallyport-replayed")], [200, null]);
  assert.deepEqual([again.status, again.text, again.headers.get("content-type")], [200, first.text, first.headers.get("content-type")]);
  assert.deepEqual([again.headers.get("sallyport-replayed"), idOf(again)], ["true", idOf(first)]);
  assert.equal(executions(one), 1);
});

test("the same call on the mount, in another spelling or with a quoted key is the same call", async () => {
  const one = await fresh();
  const first = await send(one);
  const { charge, amount, reason } = one.args;
  const spelling = `{ "reason" : "${reason.replace("k", "\\u006b")}", "amount": ${amount}, "charge":"${charge}" }`;
  const headers = { "content-type": "application/json; charset=utf-8" };
  const rows = [
    await world.request("POST", "/payments/v1/refunds", { headers, body: spelling, key: one.key, token: one.token }),
    await world.call("payments_refund", one.args, { key: `"${one.key}"`, token: one.token }),
  ];
  for (const row of rows) assert.deepEqual([row.status, row.headers.get("sallyport-replayed"), row.text], [200, "true", first.text]);
  assert.equal(executions(one), 1);
});

test("the same key with other arguments or another tool is refused, and the first call's answer stays", async () => {
  const one = await fresh();
  const first = await send(one);
  const others = [
    await send({ ...one, args: { ...one.args, amount: 999 } }),
    await send({ ...one, args: { ...one.args, reason: "other" } }),
    await world.call("tickets.create", { subject: "a", text: "b" }, { key: one.key, token: one.token }),
    await world.call("tickets.lookup", { ticket: "tk_3001" }, { key: one.key, token: one.token }),
  ];
  for (const other of others)
    assert.deepEqual([other.status, other.body["code"], other.body["executed"]], [422, "ERR_KEY_REUSED", false], other.text);
  assert.equal((await send(one)).text, first.text);
  assert.equal(executions(one), 1);
});

test("200 concurrent requests with one key execute once; each gets 409 or the one answer", async () => {
  const one = await fresh();
  const answers = await Promise.all(Array.from({ length: 200 }, () => send(one)));
  const done = answers.filter(({ status }) => status === 200);
  const waiting = answers.filter(({ status }) => status === 409);
  assert.equal(done.length + waiting.length, 200);
  assert.equal(done.filter(({ headers }) => headers.get("sallyport-replayed") === null).length, 1);
  assert.equal(new Set(done.map(({ text }) => text)).size, 1);
  assert.ok(waiting.every(({ body }) => body["code"] === "ERR_CALL_IN_FLIGHT"));
  assert.equal(new Set(answers.map(idOf)).size, 1);
  assert.equal(executions(one), 1);
});

test("200 concurrent requests with one key and other arguments each execute one of them", async () => {
  const one = await fresh();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => send({ ...one, args: { ...one.args, reason: `race ${turn} ${index % 20}` } })),
  );
  const counted = (status: number): number => answers.filter((answer) => answer.status === status).length;
  assert.equal(counted(200) + counted(409) + counted(422), 200, answers.map(({ status }) => status).join());
  assert.equal(answers.filter(({ status, headers }) => status === 200 && headers.get("sallyport-replayed") === null).length, 1);
  assert.equal(world.sandbox.requests().filter(({ url, body }) => url === "/v1/refunds" && body.includes(`"race ${turn} `)).length, 1);
});

test("a key belongs to its tenant, agent and user", async () => {
  const key = "shared-key";
  const own = [
    { charge: "ch_1006", token: await world.agentToken({ run: "k1" }) },
    { charge: "ch_2004", token: await world.agentToken({ run: "k2", tenant: "globex" }) },
    { charge: "ch_1006", token: await world.agentToken({ run: "k3", user: "u_1" }) },
    { charge: "ch_1006", token: await world.agentToken({ run: "k4", user: "u_2" }) },
  ];
  const before = world.sandbox.effects("refund").length;
  const ids = new Set<string>();
  for (const { charge, token } of own) {
    const answer = await world.call("payments.refund", { charge, amount: 11, reason: "scoped" }, { key, token });
    assert.deepEqual([answer.status, answer.headers.get("sallyport-replayed")], [200, null], answer.text);
    ids.add(idOf(answer));
  }
  const other = await world.call(
    "tickets.reply",
    { ticket: "tk_3001", text: "x" },
    { key, token: await world.agentToken({ agent: "intern-bot" }) },
  );
  assert.equal(other.body["code"], "ERR_STAGE_DRAFT");
  assert.deepEqual([ids.size, world.sandbox.effects("refund").length - before], [4, 4]);
});

test("what is refused before it runs stores nothing under its key", async () => {
  const rows: readonly (readonly [object, string])[] = [
    [{ charge: "ch_1006", amount: 0 }, "ERR_ARGUMENTS_INVALID"],
    [{ charge: "ch_1006", amount: 5, reason: "4111 1111 1111 1111" }, "ERR_OUTBOUND_REFUSED"],
    [{ charge: "ch_2001", amount: 5 }, "ERR_PREVIEW_FAILED"],
    [{ charge: "ch_1003", amount: 5 }, "ERR_AMOUNT_UNDETERMINED"],
    [{ charge: "ch_1006", amount: 999_999_999 }, "ERR_BUDGET_WINDOW"],
  ];
  for (const [args, code] of rows) {
    const one = await fresh();
    const refused = await world.call("payments.refund", args, { key: one.key, token: one.token });
    assert.equal(refused.body["code"], code, refused.text);
    const answer = await send(one);
    assert.deepEqual([answer.status, answer.headers.get("sallyport-replayed")], [200, null], `${code}: ${answer.text}`);
  }
  const one = await fresh();
  const dry = await world.call("payments.refund", one.args, { key: one.key, token: one.token, headers: { "sallyport-dry-run": "true" } });
  assert.deepEqual([dry.status, dry.body["dry_run"]], [200, true]);
  assert.equal((await send(one)).headers.get("sallyport-replayed"), null);
});

test("an upstream's refusal is stored: the same key never tries again", async () => {
  const one = await fresh();
  const declined = { ...one, args: { ...one.args, charge: "ch_1005" } };
  const first = await send(declined);
  const again = await send(declined);
  assert.deepEqual([first.status, again.status, again.headers.get("sallyport-replayed"), again.text], [422, 422, "true", first.text]);
  assert.equal(executions(declined), 1);
});

test("without a key, a write that is on its way or held is joined and named; plain reads are each their own", async () => {
  const token = await world.agentToken({ run: "attach" });
  await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/tickets", mode: "slow", delay_ms: 400 });
  const args = { subject: "attach", text: "x" };
  const first = world.call("tickets.create", args, { token });
  const { body } = await world.sandbox.waitForRequest((line) => line.body.includes("attach"));
  const second = await world.call("tickets.create", args, { token });
  assert.deepEqual([second.status, second.body["code"]], [409, "ERR_CALL_IN_FLIGHT"]);
  const done = await first;
  assert.equal(second.headers.get("sallyport-attached"), idOf(done));
  assert.equal(world.sandbox.requests().filter((line) => line.body === body).length, 1);
  const reads = [
    await world.call("tickets.lookup", { ticket: "tk_3001" }, { token }),
    await world.call("tickets.lookup", { ticket: "tk_3001" }, { token }),
  ];
  assert.notEqual(idOf(reads[0] as TestAnswer), idOf(reads[1] as TestAnswer));
  assert.ok(reads.every(({ headers }) => headers.get("sallyport-attached") === null && headers.get("sallyport-replayed") === null));
  const reply = { ticket: "tk_3001", text: "once" };
  const replies = [await world.call("tickets.reply", reply, { token }), await world.call("tickets.reply", reply, { token })];
  assert.deepEqual(
    replies.map(({ status, headers }) => [status, headers.get("sallyport-replayed")]),
    [
      [200, null],
      [200, "true"],
    ],
  );
  assert.equal(world.sandbox.effects("reply").length, 1);
});

test("the same write under another key, while the first is open, is held and names its twin; when the first is done it is meant twice", async () => {
  const one = await fresh();
  await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "slow", delay_ms: 400 });
  const first = send(one);
  await world.sandbox.waitForRequest(({ url, body }) => url === "/v1/refunds" && body.includes(`"${one.args.reason}"`));
  const second = await send({ ...one, key: `${one.key}-b` });
  assert.deepEqual([second.status, second.body["executed"]], [202, false], second.text);
  const done = await first;
  assert.equal((await storedCall(world, second.body["call_id"] as string))?.twin, idOf(done));
  await world.people("operator", "POST", `/sallyport/v1/calls/${String(second.body["call_id"])}/cancel`, { reason: "a twin" });
  assert.equal(executions(one), 1);
  const third = await send({ ...one, key: `${one.key}-c` });
  assert.equal(third.status, 200, third.text);
  assert.equal(executions(one), 2);
});
