import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startGateway, type TestGateway } from "../support/gateway.ts";

let world: TestGateway;
before(async () => {
  world = await startGateway();
});
after(() => world.close());

const dry = { "sallyport-dry-run": "true" };
const writes = async () => world.sandbox.requests().filter((one) => one.method !== "GET").length;
const recorded = async () =>
  ((await world.people("viewer", "GET", "/sallyport/v1/calls?limit=1000")).body["calls"] as { tool: string }[]).filter(
    (call) => call.tool === "payments.refund",
  ).length;

test("a dry run answers the canonical arguments, the verdict, the money and the object as it is, and does nothing", async () => {
  const answer = await world.call("payments.refund", { amount: 20_000, charge: "ch_1002" }, { headers: dry });
  assert.equal(answer.status, 200, answer.text);
  const { body } = answer;
  assert.deepEqual(
    [body["dry_run"], body["executed"], body["tool"], body["verdict"], body["tiers"], body["amount"]],
    [true, false, "payments.refund", "hold", [{ tier: "finance", people: 1 }], { minor: 20_000, currency: "USD" }],
  );
  assert.deepEqual((body["diff"] as { before: { id: string; amount: number } }).before.id, "ch_1002");
  assert.ok((body["budgets"] as { fits: boolean }[]).every((budget) => budget.fits));
  assert.deepEqual([await writes(), await recorded()], [0, 0]);
});

test("a dry run of what would be denied is denied", async () => {
  const answer = await world.call("payments.refund", { amount: 100, charge: "ch_2001" }, { headers: dry });
  assert.deepEqual([answer.status, answer.body["code"]], [403, "ERR_PREVIEW_FAILED"]);
  assert.equal(await writes(), 0);
});

test("a dry run needs no key, and takes nothing from a budget", async () => {
  const leftOf = async () =>
    ((await world.call("payments.refund", { amount: 100, charge: "ch_1002" }, { headers: dry })).body["budgets"] as { left: number }[]).map(
      (budget) => budget.left,
    );
  assert.deepEqual(await leftOf(), await leftOf());
});

for (const value of ["True", "1", "yes", "", "false", "true, true"]) {
  test(`Sallyport-Dry-Run: ${JSON.stringify(value)} is refused, and does not execute`, async () => {
    const answer = await world.call(
      "payments.refund",
      { amount: 100, charge: "ch_1002" },
      { headers: { "sallyport-dry-run": value }, key: `dry-${value.length}` },
    );
    assert.deepEqual([answer.status, answer.body["code"]], [400, "ERR_DRY_RUN_HEADER"]);
    assert.equal(await writes(), 0);
  });
}

test("at stage draft a write is refused, and its dry run is answered", async () => {
  const token = await world.agentToken({ agent: "intern-bot" });
  const args = { ticket: "tk_3001", text: "hello" };
  const refused = await world.call("tickets.reply", args, { token, key: "draft" });
  assert.deepEqual([refused.status, refused.body["code"], refused.body["executed"]], [403, "ERR_STAGE_DRAFT", false]);
  const proposed = await world.call("tickets.reply", args, { token, headers: dry });
  assert.deepEqual([proposed.status, proposed.body["executed"]], [200, false], proposed.text);
  assert.equal(await writes(), 0);
});
