import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { TestGateway } from "../support/gateway.ts";
import { oddPolicies } from "./odd-policies.ts";
import { inject, sentTo, startWide, storedCall } from "./wide-gateway.ts";

let world: TestGateway;
before(async () => {
  world = await startWide();
});
after(() => world.close());

const inputs: readonly (readonly [tool: string, args: object])[] = [
  ["tickets.lookup", { ticket: "tk_3001" }],
  ["tickets.search", { query: "twice" }],
  ["payments.lookup_charge", { charge: "ch_1001" }],
  ["payments.list_refunds", {}],
  ["tickets.create", { subject: "a", text: "b" }],
  ["tickets.reply", { ticket: "tk_3001", text: "c" }],
  ...Array.from({ length: 14 }, (_, index) => ["payments.refund", { charge: "ch_1006", amount: 1 + index * 3000 }] as const),
];

let turn = 0;
for (const { title, code, open } of oddPolicies) {
  test(`when ${title}, no call is executed, and each denial is on record`, async () => {
    const policy = open();
    const restore = inject(world.gateway.ports, "policy", () => policy);
    const before = sentTo(world).length;
    let denied = 0;
    for (const [tool, args] of inputs) {
      turn += 1;
      const token = await world.agentToken({ run: `r_${turn}` });
      const answer = await world.call(tool, args, { token, key: `k_${turn}` });
      assert.equal(answer.body["executed"], false, answer.text);
      assert.deepEqual([answer.status, answer.body["code"]], [code === "ERR_INTERNAL" ? 500 : 403, code], answer.text);
      if (code !== "ERR_INTERNAL") assert.equal((await storedCall(world, answer.body["call_id"] as string))?.state, "denied");
      denied += 1;
    }
    restore();
    assert.equal(denied, 20);
    assert.equal(sentTo(world).length, before);
  });
}

test("there are twelve ways in which a policy misbehaves", () => assert.ok(oddPolicies.length >= 12, `${oddPolicies.length}`));

test("a policy that is whole again allows", async () => {
  assert.equal((await world.call("tickets.lookup", { ticket: "tk_3001" })).status, 200);
});

test("an approved call is not executed by a policy that fails meanwhile, and waits for one that is not loaded", async () => {
  const rows = [
    ["a policy that faults", "refused"],
    ["no policy", "approved"],
  ] as const;
  for (const [title, state] of rows) {
    turn += 1;
    const token = await world.agentToken({ run: `r_${turn}` });
    const held = await world.call("payments.refund", { charge: "ch_1006", amount: 20_000 }, { token, key: `k_${turn}` });
    const id = held.body["call_id"] as string;
    const row = oddPolicies.find((one) => one.code === (state === "approved" ? "ERR_POLICY_UNLOADED" : "ERR_POLICY_FAULT"));
    const policy = row?.open();
    assert.ok(policy !== undefined);
    const restore = inject(world.gateway.ports, "policy", () => policy);
    const before = sentTo(world).length;
    assert.equal((await world.approve("approver", id)).status, 200);
    const { runApproved } = await import("../../src/control/duties.ts");
    for (let look = 0; look < 5; look += 1) {
      await runApproved(world.gateway.ports);
      await Promise.all(world.gateway.ports.executing.values());
    }
    assert.equal((await storedCall(world, id))?.state, state, title);
    assert.equal(sentTo(world).length, before);
    restore();
    await runApproved(world.gateway.ports);
  }
});
