import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { type FaultPoint, faultPoints } from "../../src/ports/faults.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { type Referee, startSandbox } from "../support/referee.ts";

// INV-5: kill -9 at each named point, then a new process on the same folder. What ran, ran once; what is not known is called unknown; nothing vanishes.

const soak = process.env["SOAK"] !== undefined;
const settleMsMax = 60_000;
const hourMs = 3_600_000;

let sandbox: Referee;
before(async () => {
  sandbox = await startSandbox();
});
after(() => sandbox.stop());

interface Row {
  readonly point: FaultPoint;
  /** How often the point is passed before it kills: previews pass it too. */
  readonly passed: number;
  /** The state that the next process ends up with, null when the call must not be known at all. */
  readonly state: string | null;
  /** Requests of this very call that the referee saw, once the next process is done. */
  readonly seen: 0 | 1;
  /** Rounds in `npm test`; the soak runs 40 of each. */
  readonly rounds: 1 | 5;
  /** The same call with the same key, sent to the next process. */
  readonly again: { readonly status: number; readonly code?: string };
}

/** A write that nobody has to approve: ticket creation has no preview, so each point is reached first by the call itself. */
const direct: readonly Row[] = [
  { point: "before_admit_commit", passed: 0, rounds: 1, state: null, seen: 0, again: { status: 200 } },
  { point: "after_admit_commit", passed: 0, rounds: 5, state: "unknown", seen: 0, again: { status: 502, code: "ERR_OUTCOME_UNKNOWN" } },
  { point: "before_socket_write", passed: 0, rounds: 1, state: "unknown", seen: 0, again: { status: 502, code: "ERR_OUTCOME_UNKNOWN" } },
  { point: "after_upstream_answer", passed: 0, rounds: 5, state: "unknown", seen: 1, again: { status: 502, code: "ERR_OUTCOME_UNKNOWN" } },
  { point: "before_settle_commit", passed: 0, rounds: 5, state: "unknown", seen: 1, again: { status: 502, code: "ERR_OUTCOME_UNKNOWN" } },
  { point: "after_settle_commit", passed: 0, rounds: 1, state: "succeeded", seen: 1, again: { status: 200 } },
];

/** A held refund, killed while it is approved and executed. Two previews pass the points before the refund does. */
const held: readonly Row[] = [
  { point: "before_vote_commit", passed: 0, rounds: 1, state: "held", seen: 0, again: { status: 202 } },
  { point: "after_vote_commit", passed: 0, rounds: 5, state: "succeeded", seen: 1, again: { status: 200 } },
  { point: "before_start_commit", passed: 0, rounds: 1, state: "succeeded", seen: 1, again: { status: 200 } },
  { point: "after_start_commit", passed: 0, rounds: 5, state: "unknown", seen: 0, again: { status: 502, code: "ERR_OUTCOME_UNKNOWN" } },
  { point: "before_socket_write", passed: 2, rounds: 5, state: "unknown", seen: 0, again: { status: 502, code: "ERR_OUTCOME_UNKNOWN" } },
  { point: "after_upstream_answer", passed: 2, rounds: 1, state: "unknown", seen: 1, again: { status: 502, code: "ERR_OUTCOME_UNKNOWN" } },
  { point: "before_settle_commit", passed: 2, rounds: 1, state: "unknown", seen: 1, again: { status: 502, code: "ERR_OUTCOME_UNKNOWN" } },
  { point: "after_settle_commit", passed: 2, rounds: 1, state: "succeeded", seen: 1, again: { status: 200 } },
];

const roundsOf = (row: Row): number => (soak ? 40 : row.rounds);

let kills = 0;
let turn = 0;

test("every named point is in the tables", () => {
  const named = new Set([...direct, ...held].map((row) => row.point));
  assert.deepEqual([...named].sort(), [...faultPoints].sort());
});

describe("kill -9", { concurrency: 2 }, () => {
  for (const row of direct) {
    test(`killed at ${row.point}, an unheld write ends ${row.state ?? "unrecorded"} and was sent ${row.seen === 1 ? "once" : "never"}, ${roundsOf(row)} times`, async () => {
      for (let round = 0; round < roundsOf(row); round += 1) {
        const call = nextCall("tickets.create", "/v1/tickets", (mark) => ({ subject: mark, text: "killed" }));
        await dieAt(row, call, (gateway) => send(gateway, call));
        await judge(row, call);
      }
    });
  }

  for (const row of held) {
    test(`killed at ${row.point}, a held refund ends ${row.state} and was sent ${row.seen === 1 ? "once" : "never"}, ${roundsOf(row)} times`, async () => {
      for (let round = 0; round < roundsOf(row); round += 1) {
        const call = nextCall("payments.refund", "/v1/refunds", (mark) => ({ charge: "ch_1006", amount: 10_001, reason: mark }));
        await dieAt(row, call, async (gateway) => {
          const answer = await send(gateway, call);
          assert.equal(answer.status, 202, JSON.stringify(answer.body));
          await approve(gateway, answer.body["call_id"] as string);
        });
        await judge(row, call);
      }
    });
  }
});

after(() => {
  console.log(`kills: ${kills}`);
  assert.equal(
    kills,
    [...direct, ...held].reduce((sum, row) => sum + roundsOf(row), 0),
  );
});

interface KilledCall {
  readonly tool: string;
  readonly url: string;
  readonly mark: string;
  readonly args: object;
  dataDir: string;
}

function nextCall(tool: string, url: string, argsOf: (mark: string) => object): KilledCall {
  turn += 1;
  const mark = `kill ${turn}.`;
  return { tool, url, mark, args: argsOf(mark), dataDir: "" };
}

const upstreams = () => ({ payments: sandbox.url, tickets: sandbox.url, deploys: sandbox.url });

/** Runs the work on a gateway that dies at the row's point; the work's own connection breaks with it. */
async function dieAt(row: Row, call: KilledCall, work: (gateway: GatewayProcess) => Promise<unknown>): Promise<void> {
  const gateway = await startGatewayProcess({ upstreams: upstreams(), killAt: `${row.point}:${row.passed}` });
  call.dataDir = gateway.dataDir;
  await work(gateway).catch(() => undefined);
  const { signal } = await gateway.ended;
  assert.equal(signal, "SIGKILL", gateway.stderr());
  kills += 1;
}

/** A new process on the same folder: what became of the call, what the referee saw, and what the same call gets now. */
async function judge(row: Row, call: KilledCall): Promise<void> {
  const gateway = await startGatewayProcess({ dataDir: call.dataDir, upstreams: upstreams() });
  try {
    const state = await settledState(gateway, call, row.state);
    assert.equal(state, row.state);
    assert.equal(await seenOf(call), row.seen);
    const again = await send(gateway, call);
    assert.deepEqual([again.status, again.body["code"]], [row.again.status, row.again.code]);
    const sentNow = row.state === null ? 1 : row.seen;
    assert.equal(await seenOf(call), sentNow);
  } finally {
    await gateway.kill();
  }
}

async function seenOf(call: KilledCall): Promise<number> {
  return sandbox.requests().filter((one) => one.method === "POST" && one.url === call.url && one.body.includes(call.mark)).length;
}

/** Waits until the call has the expected state, at most a minute; answers the state it had last. */
async function settledState(gateway: GatewayProcess, call: KilledCall, expected: string | null): Promise<string | null> {
  const deadline = performance.now() + settleMsMax;
  for (;;) {
    const calls = ((await askPeople(gateway, "GET", "/sallyport/v1/calls?limit=100")).body["calls"] ?? []) as {
      tool: string;
      state: string;
      parent: string | null;
    }[];
    const state = calls.find((one) => one.tool === call.tool && one.parent === null)?.state ?? null;
    if (state === expected || performance.now() > deadline) return state;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function send(gateway: GatewayProcess, call: KilledCall): Promise<Answer> {
  const token = await openDevIssuer(gateway.dataDir).mintAgentToken({
    agent: "billing-dispute-v3",
    tenant: "acme_co",
    run: "r_kill",
    ttlMs: hourMs,
  });
  const response = await fetch(`${gateway.agentsUrl}/sallyport/v1/tools/${call.tool}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": "kill-key" },
    body: JSON.stringify(call.args),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function approve(gateway: GatewayProcess, callId: string): Promise<void> {
  const shown = await askPeople(gateway, "GET", `/sallyport/v1/calls/${callId}`);
  const { binding } = shown.body["call"] as { binding: string };
  await askPeople(gateway, "POST", `/sallyport/v1/holds/${callId}/votes`, { approve: true, reason: "yes", binding });
}

async function askPeople(gateway: GatewayProcess, method: string, path: string, body?: object): Promise<Answer> {
  const token = await openDevIssuer(gateway.dataDir).mintPersonToken({
    person: "admin",
    name: "Amal",
    roles: ["admin", "approver"],
    groups: ["finance"],
    ttlMs: hourMs,
  });
  const response = await fetch(`${gateway.peopleUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
