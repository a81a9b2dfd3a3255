import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";
import { eventually, type TestAnswer, type TestGateway } from "../support/gateway.ts";
import { startWide, storedCall } from "./wide-gateway.ts";

const disk = mkdtempSync(join(tmpdir(), "sallyport-disk-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", disk]).status === 0;
const skip: string | false = mounted ? false : "SKIPPED: a small disk cannot be mounted here (needs root); this test proves nothing here";

// A gateway for each test: SQLite uses the space of its log again after a checkpoint, and a log that is already long needs no room on a full disk.
let world: TestGateway;
beforeEach(async () => {
  if (mounted) world = await startWide({ dataDir: mkdtempSync(join(disk, "data-")) });
});
afterEach(async () => {
  freeDisk();
  if (mounted) await world.close();
});
after(() => {
  spawnSync("umount", ["-l", disk]);
  rmSync(disk, { recursive: true, force: true });
});

const ballast = join(disk, "ballast");
/** Writes until nothing more fits. */
function fillDisk(): void {
  const file = openSync(ballast, "w");
  for (const size of [65_536, 1]) {
    const piece = Buffer.alloc(size, "x");
    try {
      for (;;) if (writeSync(file, piece) === 0) break;
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
    }
  }
  closeSync(file);
}
const freeDisk = (): void => rmSync(ballast, { force: true });

let turn = 0;
async function fresh(): Promise<{ reason: string; send: () => Promise<TestAnswer> }> {
  turn += 1;
  const [reason, key, token] = [`disk ${turn}`, `disk-${turn}`, await world.agentToken({ run: `r_disk_${turn}` })];
  return { reason, send: () => world.call("payments.refund", { charge: "ch_1006", amount: 100, reason }, { key, token }) };
}
const refundsOf = (reason: string): number =>
  world.sandbox.requests().filter(({ url, body }) => url === "/v1/refunds" && body.includes(`"${reason}"`)).length;
async function timed(call: () => Promise<TestAnswer>): Promise<TestAnswer> {
  const startedMs = performance.now();
  const answer = await call();
  assert.ok(performance.now() - startedMs < 5000, `${performance.now() - startedMs} ms`);
  return answer;
}

test("with a full disk nothing is executed, every call is answered within 5 s, and what needs no record still answers", {
  skip,
}, async () => {
  const first = await fresh();
  assert.equal((await first.send()).status, 200);
  const waiting = await Promise.all(Array.from({ length: 30 }, fresh));
  const before = world.sandbox.requests().length;
  fillDisk();
  const token = await world.agentToken();
  const answers = await Promise.all(waiting.map(({ send }) => timed(send)));
  const reads = await Promise.all(
    Array.from({ length: 10 }, () => timed(() => world.call("tickets.lookup", { ticket: "tk_3001" }, { token }))),
  );
  const writes = await Promise.all(
    Array.from({ length: 10 }, (_, index) => timed(() => world.call("tickets.create", { subject: `full ${index}`, text: "x" }, { token }))),
  );
  for (const answer of [...answers, ...reads, ...writes]) {
    assert.deepEqual([answer.status, answer.body["code"], answer.body["executed"]], [503, "ERR_STORE_UNAVAILABLE", false], answer.text);
    assert.match(answer.headers.get("retry-after") ?? "", /^[1-9][0-9]*$/);
    assert.equal(answer.headers.get("location"), null);
  }
  assert.equal(world.sandbox.requests().length, before);
  const denied = await timed(() => world.call("deploys.list", {}, { token }));
  assert.deepEqual(
    [denied.status, denied.body["code"], denied.headers.get("location")],
    [403, "ERR_TOOL_NOT_IN_CONTRACT", null],
    "denied all the same, without a record",
  );
  assert.equal(
    (
      await timed(() =>
        world.request("POST", "/sallyport/v1/tools/tickets.lookup", { body: "{", headers: { "content-type": "application/json" } }),
      )
    ).status,
    400,
  );
  assert.equal((await timed(() => world.request("GET", "/sallyport/v1/tools"))).status, 200);
  assert.equal((await timed(() => world.people("viewer", "GET", "/sallyport/v1/calls"))).status, 200);
  const stop = await timed(() => world.people("operator", "POST", "/sallyport/v1/stops", { scope: {}, reason: "full" }));
  assert.equal(stop.status, 503, "a stop that is not durable is not said to be in force");
  freeDisk();
  for (const { reason, send } of waiting) {
    const answer = await send();
    assert.deepEqual([answer.status, answer.headers.get("sallyport-replayed")], [200, null], answer.text);
    assert.equal(refundsOf(reason), 1);
  }
});

test("an outcome that finds the disk full is unknown to its caller, and written once there is room again", { skip }, async () => {
  const { reason, send } = await fresh();
  await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "slow", delay_ms: 300 });
  const sent = send();
  await world.sandbox.waitForRequest(({ url, body }) => url === "/v1/refunds" && body.includes(`"${reason}"`));
  fillDisk();
  const answer = await sent;
  const id = answer.headers.get("sallyport-call-id") ?? "";
  assert.deepEqual([answer.status, answer.body["code"], answer.body["executed"]], [502, "ERR_OUTCOME_UNKNOWN", "unknown"], answer.text);
  assert.equal((await storedCall(world, id))?.state, "started");
  const again = await timed(send);
  assert.ok([409, 503].includes(again.status), again.text);
  freeDisk();
  await eventually("the outcome is written", async () => (await storedCall(world, id))?.state === "succeeded");
  const stored = await send();
  assert.deepEqual([stored.status, stored.headers.get("sallyport-replayed")], [200, "true"]);
  assert.equal(refundsOf(reason), 1);
});

test("an approved call does not run while the disk is full, and runs once there is room again", { skip }, async () => {
  turn += 1;
  const reason = `disk ${turn}`;
  const token = await world.agentToken({ run: `r_disk_${turn}` });
  const held = await world.call("payments.refund", { charge: "ch_1006", amount: 20_000, reason }, { key: reason.replace(" ", "-"), token });
  const id = held.body["call_id"] as string;
  fillDisk();
  const vote = await timed(() => world.approve("approver", id));
  assert.equal(vote.status, 503, vote.text);
  assert.equal((await storedCall(world, id))?.state, "held");
  assert.equal(refundsOf(reason), 0);
  freeDisk();
  assert.equal((await world.approve("approver", id)).status, 200);
  await eventually("it ran", async () => (await storedCall(world, id))?.state === "succeeded");
  assert.equal(refundsOf(reason), 1);
});

test("the first call of a tenant, whose key would be made now, is refused like any other", { skip }, async () => {
  const { reason, send } = await fresh();
  fillDisk();
  const answer = await timed(send);
  assert.deepEqual([answer.status, answer.body["code"]], [503, "ERR_STORE_UNAVAILABLE"], answer.text);
  freeDisk();
  assert.equal((await send()).status, 200);
  assert.equal(refundsOf(reason), 1);
});

test("the ledger goes on after a full disk: every call of it is sealed", { skip }, async () => {
  assert.equal((await (await fresh()).send()).status, 200);
  const { send } = await fresh();
  fillDisk();
  assert.equal((await timed(send)).status, 503);
  freeDisk();
  const answer = await send();
  assert.equal(answer.status, 200, answer.text);
  const id = answer.headers.get("sallyport-call-id") ?? "";
  await eventually("it is sealed", async () => {
    const { size } = await world.gateway.ports.ledger.head();
    const entries = await world.gateway.ports.ledger.read(Math.max(1, size - 20), 100);
    return entries.some((row) => JSON.stringify(row).includes(id) && JSON.stringify(row).includes("call.succeeded"));
  });
});
