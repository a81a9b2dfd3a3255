import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { swap } from "../support/demo-config.ts";
import { eventually, type TestGateway } from "../support/gateway.ts";
import { startWide } from "./wide-gateway.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-revoked-"));
const file = join(folder, "revocations.json");
const dev = "https://dev.sallyport.local/agents";

function publish(list: object | string): void {
  writeFileSync(`${file}.new`, typeof list === "string" ? list : JSON.stringify({ v: 1, ...list }));
  renameSync(`${file}.new`, file);
}

let world: TestGateway;
before(async () => {
  publish({});
  const revocations = `revocations: { list: ${file}, poll: 100ms, stale_after: 2s }\n`;
  world = await startWide({ edit: { "config/gateway.yaml": swap("policy_zone: UTC", `${revocations}policy_zone: UTC`) } });
});
after(async () => {
  await world.close();
  rmSync(folder, { recursive: true });
});

const jtiOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { jti: string }).jti;
const search = (token: string) => world.call("tickets.search", { query: "refund" }, { token });
const becomes = (token: string, status: number) => eventually(`status ${status}`, async () => (await search(token)).status === status);

let refunds = 0;
/** A refund that people must approve first, with its call's id. */
async function holdRefund(token: string): Promise<string> {
  refunds += 1;
  await world.call("payments.lookup_charge", { charge: "ch_1001" }, { token });
  const held = await world.call("payments.refund", { charge: "ch_1001", amount: 10_001 + refunds }, { token, key: `revoked-${refunds}` });
  assert.equal(held.status, 202, held.text);
  return String(held.body["call_id"]);
}

async function approve(callId: string): Promise<void> {
  assert.equal((await world.approve("approver", callId)).status, 200);
}

const stateOf = async (callId: string): Promise<string> => {
  const shown = await world.people("viewer", "GET", `/sallyport/v1/calls/${callId}`);
  return String((shown.body["call"] as { state?: string } | undefined)?.state);
};
const effects = () => world.sandbox.effects("refund").length;

test("a revocation is in force within the time between two readings, and its code says so", async () => {
  const token = await world.agentToken();
  await becomes(token, 200);
  const writtenMs = performance.now();
  publish({ tokens: [{ issuer: dev, jti: jtiOf(token) }] });
  await becomes(token, 401);
  assert.ok(performance.now() - writtenMs < 2_000);
  assert.equal((await search(token)).body["code"], "ERR_TOKEN_REVOKED");
  await becomes(await world.agentToken(), 200);
  publish({});
  await becomes(token, 200);
});

const named: readonly (readonly [title: string, (token: string) => object])[] = [
  ["the token", (token) => ({ tokens: [{ issuer: dev, jti: jtiOf(token) }] })],
  ["the agent", () => ({ agents: [{ agent: "billing-dispute-v3" }] })],
  [
    "the agent's older tokens",
    () => ({ agents: [{ agent: "billing-dispute-v3", issued_before: new Date(Date.now() + 60_000).toISOString() }] }),
  ],
  ["the user", () => ({ users: [{ user: "u_revoked" }] })],
];

for (const [title, list] of named) {
  test(`an approved call does not run once ${title} is revoked`, async () => {
    const token = await world.agentToken({ user: "u_revoked", run: `r_${refunds}` });
    const callId = await holdRefund(token);
    const madeBefore = effects();
    publish(list(token));
    await becomes(token, 401);
    await approve(callId);
    await eventually("the call is refused", async () => (await stateOf(callId)) === "refused");
    assert.equal(effects(), madeBefore);
    publish({});
    await becomes(token, 200);
  });
}

test("an unreadable list keeps an approved call waiting, and it runs when the list is back", async () => {
  const token = await world.agentToken({ run: "r_stale" });
  const callId = await holdRefund(token);
  const madeBefore = effects();
  publish("{");
  await becomes(token, 503);
  assert.equal((await search(token)).body["code"], "ERR_REVOCATIONS_STALE");
  publish({});
  await becomes(token, 200);
  assert.equal(await stateOf(callId), "held");
  await approve(callId);
  await eventually("the refund is made", async () => effects() === madeBefore + 1);
});

test("a gateway does not start on a list that says nothing", async () => {
  publish("not a list");
  await assert.rejects(world.restart());
  publish({});
  await world.restart();
});
