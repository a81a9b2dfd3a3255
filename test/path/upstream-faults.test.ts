import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Fault } from "../../examples/sandbox/faults.ts";
import { swap } from "../support/demo-config.ts";
import { eventually, type TestAnswer, type TestGateway } from "../support/gateway.ts";
import { startSandbox } from "../support/referee.ts";
import { all, ownClock, startWide, storedCall } from "./wide-gateway.ts";

const clock = ownClock();
let world: TestGateway;
before(async () => {
  const quick = (text: string): string => text.replaceAll("key: from_arguments", "key: from_arguments\n    timeout: 300ms");
  world = await startWide({
    clock,
    edit: {
      "routes/payments.yaml": all(
        (text) => text.replaceAll("timeout: 10s", "timeout: 300ms"),
        swap('price: { usd: "0.01" }', 'price: { usd: "0.01" }\n    timeout: 300ms'),
      ),
      "routes/tickets.yaml": quick,
    },
  });
});
after(() => world.close());

type Way = Omit<Fault, "path_prefix" | "method">;
interface Row {
  readonly way: Way;
  /** For a write: status, code (null: the upstream's own answer) and the state the call ends in. */
  readonly write: readonly [status: number, code: string | null, state: string];
  readonly read: readonly [status: number, code: string | null, state: string];
}

const unknown = [502, "ERR_OUTCOME_UNKNOWN", "unknown"] as const;
const cut = [502, "ERR_UPSTREAM_FAILED", "failed"] as const;
const own = (status: number) => [status, null, "failed"] as const;

const rows: readonly Row[] = [
  { way: { mode: "hang" }, write: [504, "ERR_UPSTREAM_TIMEOUT", "unknown"], read: cut },
  { way: { mode: "reset_before" }, write: unknown, read: cut },
  { way: { mode: "reset_after_headers" }, write: unknown, read: cut },
  { way: { mode: "reset_mid_body" }, write: unknown, read: cut },
  { way: { mode: "redirect", location: "http://127.0.0.1:9/" }, write: unknown, read: own(307) },
  { way: { mode: "garbage" }, write: unknown, read: cut },
  ...[500, 503, 502, 504, 409, 418, 301].map((status) => ({ way: { mode: "status", status } as Way, write: unknown, read: own(status) })),
  ...[400, 401, 402, 403, 404, 422, 429].map((status) => ({
    way: { mode: "status", status } as Way,
    write: own(status),
    read: own(status),
  })),
  {
    way: { mode: "huge", bytes: 2_000_000 },
    write: [502, "ERR_ANSWER_WITHHELD", "succeeded"],
    read: [502, "ERR_ANSWER_WITHHELD", "succeeded"],
  },
  { way: { mode: "huge", bytes: 2_000_000, status: 503 }, write: unknown, read: cut },
  { way: { mode: "not_json" }, write: [502, "ERR_OUTPUT_INVALID", "succeeded"], read: [502, "ERR_OUTPUT_INVALID", "succeeded"] },
  { way: { mode: "not_json", status: 502 }, write: unknown, read: own(502) },
  { way: { mode: "slow", delay_ms: 50 }, write: [200, null, "succeeded"], read: [200, null, "succeeded"] },
  { way: { mode: "slow", delay_ms: 600 }, write: [504, "ERR_UPSTREAM_TIMEOUT", "unknown"], read: cut },
  { way: { mode: "slow", delay_ms: 100, bytes: 10 }, write: [504, "ERR_UPSTREAM_TIMEOUT", "unknown"], read: cut },
];

const executedOf = { unknown: "unknown", succeeded: true, failed: false } as const;
const requestsFor = (text: string): number =>
  world.sandbox.requests().filter(({ method, body }) => method === "POST" && body.includes(`"${text}"`)).length;
const moneyOf = async (id: string): Promise<number> => (await world.gateway.ports.calls.find(id))?.amount?.minor ?? 0;

let turn = 0;
for (const { way, write, read } of rows) {
  const said = Object.values(way).join(" ");
  for (const act of [false, true]) {
    test(`a refund answered with ${said}, ${act ? "after" : "without"} its effect, is ${write[2]} and never sent again`, async () => {
      turn += 1;
      const [key, reason] = [`f-${turn}`, `fault ${turn}`];
      const token = await world.agentToken({ run: `r_fault_${turn}` });
      const send = (): Promise<TestAnswer> => world.call("payments.refund", { charge: "ch_1006", amount: 100, reason }, { key, token });
      await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", act, ...way });
      const first = await send();
      await world.sandbox.clearFaults();
      const [status, code, state] = write;
      assert.equal(first.status, status, first.text);
      if (code !== null)
        assert.deepEqual([first.body["code"], first.body["executed"]], [code, executedOf[state as keyof typeof executedOf]]);
      const id = first.headers.get("sallyport-call-id") ?? "";
      assert.equal((await storedCall(world, id))?.state, state);
      assert.equal(await moneyOf(id), 100);
      const again = await send();
      assert.equal(again.headers.get("sallyport-call-id"), id);
      if (code !== null) assert.equal(again.body["code"], code);
      assert.equal(again.status, status);
      assert.equal(requestsFor(reason), 1);
      assert.ok(world.sandbox.effects("refund").filter(({ answer }) => answer?.["reason"] === reason).length <= 1);
    });
  }
  test(`a read answered with ${said} is ${read[2]}, and the next one is its own`, async () => {
    turn += 1;
    const token = await world.agentToken({ run: `r_fault_${turn}` });
    const look = (): Promise<TestAnswer> => world.call("payments.lookup_charge", { charge: "ch_1001" }, { token });
    await world.sandbox.setFault({ method: "GET", path_prefix: "/v1/charges/ch_1001", ...way });
    const seen = world.sandbox.requests().length;
    const first = await look();
    await world.sandbox.clearFaults();
    const [status, code, state] = read;
    assert.deepEqual([first.status, first.body["code"] ?? null], [status, code], first.text.slice(0, 200));
    assert.equal(world.sandbox.requests().length - seen, 1, "no retry");
    const id = first.headers.get("sallyport-call-id") ?? "";
    // A read is booked behind its answer.
    await eventually(`the read is ${state}`, async () => (await storedCall(world, id))?.state === state);
    assert.equal((await look()).status, 200);
  });
}

test("a call whose preview cannot be read is not sent", async () => {
  for (const way of [
    { mode: "hang" },
    { mode: "reset_before" },
    { mode: "status", status: 404 },
    { mode: "status", status: 500 },
    { mode: "not_json" },
    { mode: "huge" },
    { mode: "garbage" },
  ] as const) {
    turn += 1;
    const token = await world.agentToken({ run: `r_fault_${turn}` });
    await world.sandbox.setFault({ method: "GET", path_prefix: "/v1/charges/", ...way });
    const answer = await world.call(
      "payments.refund",
      { charge: "ch_1006", amount: 100, reason: `preview ${turn}` },
      { key: `p-${turn}`, token },
    );
    await world.sandbox.clearFaults();
    // What says something about the object denies; what says nothing may be tried again.
    const passing =
      ["hang", "reset_before", "reset_after_headers", "reset_mid_body", "garbage"].includes(way.mode) ||
      ("status" in way && way.status >= 500);
    const expected = passing ? [503, "ERR_PREVIEW_UNAVAILABLE", false] : [403, "ERR_PREVIEW_FAILED", false];
    assert.deepEqual([answer.status, answer.body["code"], answer.body["executed"]], expected, way.mode);
    assert.equal(requestsFor(`preview ${turn}`), 0);
  }
});

test("an upstream that is not there gets nothing; the key is free again, and the same call works when it is back", async () => {
  const first = await startSandbox();
  const port = Number(new URL(first.url).port);
  await first.stop();
  const upstreams = { payments: world.sandbox.url, tickets: `http://127.0.0.1:${port}`, deploys: world.sandbox.url };
  const other = await startWide({ upstreams });
  try {
    const token = await other.agentToken();
    const send = (): Promise<TestAnswer> => other.call("tickets.create", { subject: "later", text: "x" }, { key: "later", token });
    const ids = new Set<string>();
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const answer = await send();
      assert.deepEqual([answer.status, answer.body["code"], answer.body["executed"]], [502, "ERR_UPSTREAM_UNREACHABLE", false]);
      ids.add(answer.body["call_id"] as string);
      assert.equal((await storedCall(other, answer.body["call_id"] as string))?.state, "not_sent");
    }
    assert.equal(ids.size, 3);
    const back = await startSandbox({ port });
    const answer = await send();
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await send()).headers.get("sallyport-replayed"), "true");
    assert.equal(back.effects("ticket").length, 1);
    await back.stop();
  } finally {
    await other.close();
  }
});

test("people settle an unknown call once, not before its time, and the agent reads what they found", async () => {
  const outcomes = [
    ["succeeded", 409, "ERR_RECONCILED_EXECUTED", true],
    ["failed", 409, "ERR_RECONCILED_FAILED", false],
    ["not_sent", 409, "ERR_RECONCILED_FAILED", false],
  ] as const;
  for (const [outcome, status, code, executed] of outcomes) {
    turn += 1;
    const token = await world.agentToken({ run: `r_fault_${turn}` });
    const args = { charge: "ch_1006", amount: 100, reason: `settle ${turn}` };
    const send = (key: string): Promise<TestAnswer> => world.call("payments.refund", args, { key, token });
    await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "reset_before", act: outcome === "succeeded" });
    const id = (await send(`s-${turn}`)).body["call_id"] as string;
    const reconcile = (person: string, found: string): Promise<TestAnswer> =>
      world.people(person, "POST", `/sallyport/v1/calls/${id}/reconcile`, { outcome: found, reason: "asked the bank" });
    assert.deepEqual([(await reconcile("operator", outcome)).status, (await storedCall(world, id))?.state], [409, "unknown"], "too early");
    clock.pass(10_000);
    for (const person of ["viewer", "approver", "auditor"]) assert.equal((await reconcile(person, outcome)).status, 403, person);
    assert.equal((await reconcile("operator", "unknown")).status, 400);
    const both = await Promise.all([reconcile("operator", outcome), reconcile("admin", outcome), reconcile("operator", "succeeded")]);
    assert.equal(both.filter((answer) => answer.status === 200).length, 1);
    assert.equal(both.filter((answer) => answer.status === 409).length, 2);
    const state = (await storedCall(world, id))?.state;
    assert.ok(state === outcome || state === "succeeded");
    const shown = await world.request("GET", `/sallyport/v1/calls/${id}`, { token });
    if (state === outcome)
      assert.deepEqual([shown.status, shown.body["code"], shown.body["executed"]], [status, code, executed], shown.text);
    assert.match(String(shown.body["message"]), /asked the bank/);
    assert.equal(requestsFor(args.reason), 1);
  }
});
