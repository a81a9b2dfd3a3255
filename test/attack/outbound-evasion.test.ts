import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { all, startWide } from "../path/wide-gateway.ts";
import { swap } from "../support/demo-config.ts";
import type { TestGateway } from "../support/gateway.ts";
import { caught, through } from "./evasions.ts";

let world: TestGateway;
before(async () => {
  const tickets = all(
    swap(
      "      - { pointer: /subject, refuse: [pan, iban], mask: [email] }\n      - { pointer: /text, refuse: [pan, iban], mask: [email] }\n",
      "      []\n",
    ),
    swap("tools:\n", "outbound_default: { refuse: [pan, iban, email, ssn, phone, secret] }\ntools:\n"),
  );
  world = await startWide({ edit: { "routes/tickets.yaml": tickets } });
});
after(() => world.close());

const create = (text: string) => world.call("tickets.create", { subject: "x", text });

test("data in a disguise that is seen through is refused, never sent, and not repeated in the answer", async (context) => {
  for (const { how, text } of caught) {
    const answer = await create(text);
    assert.deepEqual([answer.status, answer.body["code"]], [422, "ERR_OUTBOUND_REFUSED"], `${how}: ${answer.text}`);
    assert.ok(!answer.text.includes(text), how);
  }
  assert.equal(world.sandbox.effects().length, 0);
  context.diagnostic(`${caught.length} disguises`);
  assert.ok(caught.length >= 90);
});

test("the disguises that get through are those that the page names", async (context) => {
  const page = readFileSync(new URL("../../docs/outbound.md", import.meta.url), "utf8");
  for (const { how, text } of through) {
    const answer = await create(text);
    assert.equal(answer.status, 200, `${how} is refused now: say so on the page. ${answer.text}`);
    assert.ok(page.includes(`- ${how}`), `docs/outbound.md does not say that ${how} gets through`);
  }
  context.diagnostic(`${through.length} disguises`);
  assert.equal(world.sandbox.effects().length, through.length);
});

test("the agent's own token, or a part of it, leaves in no argument, query or path", async (context) => {
  const token = await world.agentToken({ run: "r_own" });
  const parts = [token, ...token.split(".")];
  let refused = 0;
  const before = world.sandbox.requests().length;
  for (const part of parts) {
    const answers = [
      await world.call("tickets.create", { subject: "x", text: `see ${part}.` }, { token }),
      await world.call("payments.refund", { charge: "ch_1001", amount: 100, reason: part.slice(0, 200) }, { token, key: `own-${refused}` }),
      await world.request("GET", `/tickets/v1/tickets?query=${part.slice(0, 200)}`, { token }),
    ];
    for (const [index, answer] of answers.entries()) {
      const cut = index > 0 && part.length > 200;
      if (cut && answer.status === 200) continue;
      assert.equal(answer.status, 422, `${index} ${answer.text}`);
      assert.ok(["ERR_TOKEN_IN_ARGUMENTS", "ERR_OUTBOUND_REFUSED"].includes(String(answer.body["code"])), answer.text);
      refused += 1;
    }
  }
  for (const line of world.sandbox.requests().slice(before))
    assert.ok(!parts.some((part) => JSON.stringify(line).includes(part)), line.url);
  context.diagnostic(`${refused} refused`);
  assert.ok(refused >= 9);
});
