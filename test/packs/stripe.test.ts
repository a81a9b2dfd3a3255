import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Stripe } from "stripe";
import { findStripeMock } from "../../scripts/sdk-tools.ts";
import { lookAtUnknown } from "../../src/control/look-at-unknown.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { ownClock } from "../path/wide-gateway.ts";
import { eventually } from "../support/gateway.ts";
import { openPackWorld, type PackWorld, readFromPage, secrets, stripeAccount } from "./pack-world.ts";
import { type StripeUpstream, startStripe } from "./stripe-upstream.ts";

const program = findStripeMock(process.env);
const skip = program === null ? "SKIPPED: the Stripe pack was NOT tested, for stripe-mock is not there: run `npm run sdks:install`" : false;

interface Row {
  readonly tool: string;
  readonly call: (stripe: Stripe) => Promise<{ readonly object: string }>;
  readonly object: string;
}

const paging = { limit: 100, created: { gt: 1, gte: 1, lt: 2_000_000_000, lte: 2_000_000_000 } };

const evidence = {
  access_activity_log: "12 Nov: signed in",
  billing_address: "1 Main St",
  cancellation_policy: "file_1",
  cancellation_policy_disclosure: "shown at checkout",
  cancellation_rebuttal: "not cancelled",
  customer_communication: "file_2",
  customer_email_address: "ada@example.com",
  customer_name: "Ada Ünal",
  customer_purchase_ip: "192.0.2.7",
  customer_signature: "file_3",
  duplicate_charge_documentation: "file_4",
  duplicate_charge_explanation: "two orders",
  duplicate_charge_id: "ch_2",
  product_description: "A lamp & a cable = 1 set",
  receipt: "file_5",
  refund_policy: "file_6",
  refund_policy_disclosure: "shown at checkout",
  refund_refusal_explanation: "past 30 days",
  service_date: "2026-11-01",
  service_documentation: "file_7",
  shipping_address: "1 Main St",
  shipping_carrier: "Post",
  shipping_date: "2026-11-02",
  shipping_documentation: "file_8",
  shipping_tracking_number: "1Z 999",
  uncategorized_file: "file_9",
  uncategorized_text: "[see above]",
};

/** Every tool of the pack, with every argument that it takes but for cursors, of which a request has one. */
const rows: readonly Row[] = [
  { tool: "get_charge", object: "charge", call: ({ charges }) => charges.retrieve("ch_1") },
  {
    tool: "list_charges",
    object: "list",
    call: ({ charges }) => charges.list({ ...paging, customer: "cus_1", payment_intent: "pi_1", starting_after: "ch_9" }),
  },
  { tool: "get_payment_intent", object: "payment_intent", call: ({ paymentIntents }) => paymentIntents.retrieve("pi_1") },
  { tool: "get_refund", object: "refund", call: ({ refunds }) => refunds.retrieve("re_1") },
  {
    tool: "list_refunds",
    object: "list",
    call: ({ refunds }) => refunds.list({ ...paging, charge: "ch_1", payment_intent: "pi_1", ending_before: "re_9" }),
  },
  {
    tool: "create_refund",
    object: "refund",
    call: ({ refunds }) =>
      refunds.create({ charge: "ch_1", amount: 700, reason: "requested_by_customer", metadata: { order: "17", note: "a + b & c" } }),
  },
  { tool: "get_dispute", object: "dispute", call: ({ disputes }) => disputes.retrieve("dp_1") },
  {
    tool: "list_disputes",
    object: "list",
    call: ({ disputes }) => disputes.list({ ...paging, charge: "ch_1", payment_intent: "pi_1", starting_after: "du_9" }),
  },
  { tool: "update_dispute", object: "dispute", call: ({ disputes }) => disputes.update("dp_1", { submit: false, evidence }) },
  { tool: "close_dispute", object: "dispute", call: ({ disputes }) => disputes.close("dp_1") },
];

const everything = `agent: everything
workflow: packs
owner: payments-team
tenants: [acme_co]
stage: autonomous
tools:
${rows.map(({ tool }) => `  stripe.${tool}: allow`).join("\n")}
`;

const clock = ownClock();
let upstream: StripeUpstream;
let world: PackWorld;
before(async () => {
  if (program === null) return;
  upstream = await startStripe(program);
  world = await openPackWorld({
    contracts: { everything, "refund-desk": readFromPage("contract refund-desk") },
    upstreams: { stripe: upstream.url },
    clock,
  });
});
after(async () => {
  if (program === null) return;
  await world.close();
  await upstream.close();
});

let runs = 0;
/** stripe-node as an agent's program has it: the pack's port, and its token as the key. */
async function connect(agent: string): Promise<Stripe> {
  runs += 1;
  const token = await world.gateway.agentToken({ agent, run: `r_stripe_${runs}` });
  return new Stripe(token, { host: "127.0.0.1", port: world.stripePort, protocol: "http" });
}

const writes = (): number => upstream.requests.filter(({ method }) => method === "POST").length;

async function thrownBy(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call;
  } catch (error) {
    return error as Stripe.errors.StripeError;
  }
  throw new Error("it did not throw");
}

test("stripe-node reaches every tool of the pack, and Stripe's own description takes every argument", { skip }, async (context) => {
  const stripe = await connect("everything");
  for (const { tool, call, object } of rows) {
    const from = upstream.requests.length;
    const answer = await call(stripe).catch((cause: unknown) => {
      throw new Error(`${tool}: ${JSON.stringify(upstream.requests.slice(from))}`, { cause });
    });
    assert.equal(answer.object, object, tool);
    const reached = upstream.requests.slice(from);
    assert.ok(reached.length >= 1 && reached.length <= 2, tool);
    for (const { headers, status } of reached) {
      assert.deepEqual([status, headers.authorization, headers["stripe-account"]], [200, `Bearer ${secrets.stripe}`, stripeAccount], tool);
    }
    // A preview is the gateway's own read, in the account's version.
    assert.equal(typeof reached.at(-1)?.headers["stripe-version"], "string", tool);
    const keys = reached.map(({ method, headers }) => [method, String(headers["idempotency-key"] ?? "").startsWith("sallyport-c_")]);
    assert.deepEqual(
      keys,
      reached.map(({ method }) => [method, method === "POST"]),
      tool,
    );
  }
  const shown = await world.gateway.request("GET", "/sallyport/v1/tools", {
    token: await world.gateway.agentToken({ agent: "everything" }),
  });
  const names = (shown.body["tools"] as readonly { readonly name: string }[]).map(({ name }) => name);
  assert.deepEqual(names.toSorted(), rows.map(({ tool }) => `stripe.${tool}`).toSorted());
  context.diagnostic(`${rows.length} tools, ${upstream.requests.length} requests`);
  assert.equal(rows.length, 10);
});

const badCalls: readonly (readonly [string, string, JsonObject])[] = [
  ["a refund of all that is left", "stripe.create_refund", { charge: "ch_1" }],
  ["a refund by payment intent", "stripe.create_refund", { payment_intent: "pi_1", amount: 5 }],
  ["a refund of both", "stripe.create_refund", { charge: "ch_1", payment_intent: "pi_1", amount: 5 }],
  ["a refund of nothing", "stripe.create_refund", { charge: "ch_1", amount: 0 }],
  ["a refund of less than nothing", "stripe.create_refund", { charge: "ch_1", amount: -5 }],
  ["a refund in parts of a cent", "stripe.create_refund", { charge: "ch_1", amount: 0.5 }],
  ["a refund that takes the fee back", "stripe.create_refund", { charge: "ch_1", amount: 5, refund_application_fee: true }],
  ["a refund in a currency of its own", "stripe.create_refund", { charge: "ch_1", amount: 5, currency: "usd" }],
  ["a refund of another path", "stripe.create_refund", { charge: "ch_1/../ch_2", amount: 5 }],
  ["a customer as a charge", "stripe.get_charge", { charge: "cus_1" }],
  ["an expanded charge", "stripe.get_charge", { charge: "ch_1", expand: ["customer"] }],
  ["a page of everything", "stripe.list_charges", { limit: 101 }],
  ["evidence that Stripe would submit", "stripe.update_dispute", { dispute: "dp_1", evidence: { customer_name: "Ada" } }],
  ["no evidence", "stripe.update_dispute", { dispute: "dp_1", evidence: {}, submit: false }],
  ["evidence that nobody knows", "stripe.update_dispute", { dispute: "dp_1", evidence: { mood: "sad" }, submit: false }],
];

test("what the pack leaves out is refused, and Stripe does not hear of it", { skip }, async () => {
  const from = upstream.requests.length;
  const token = await world.gateway.agentToken({ agent: "everything", run: "r_bad" });
  for (const [what, tool, args] of badCalls) {
    const answer = await world.gateway.call(tool, args, { token });
    assert.deepEqual([answer.status, answer.body["code"]], [422, "ERR_ARGUMENTS_INVALID"], what);
  }
  for (const text of ["pay with 4111 1111 1111 1111", `sk_live_${"a1B2".repeat(6)}`, "DE89 3704 0044 0532 0130 00"]) {
    const noted = await world.gateway.call("stripe.create_refund", { charge: "ch_1", amount: 5, metadata: { note: text } }, { token });
    assert.equal(noted.body["code"], "ERR_OUTBOUND_REFUSED", text);
  }
  const account = await world.gateway.call("stripe.get_charge", { charge: "ch_1" }, { token, headers: { "stripe-account": "acct_other" } });
  assert.equal(account.body["code"], "ERR_HEADER_REFUSED");
  assert.equal(upstream.requests.length, from);
  assert.equal(badCalls.length, 15);
});

test("the same refund twice in one run is one refund; a key of one's own means it twice", { skip }, async () => {
  const stripe = await connect("refund-desk");
  const [refunds, sent] = [upstream.refunds.length, writes()];
  const first = await stripe.refunds.create({ charge: "ch_same", amount: 300 });
  const again = await stripe.refunds.create({ charge: "ch_same", amount: 300 });
  assert.deepEqual([again.id, upstream.refunds.length - refunds, writes() - sent], [first.id, 1, 1]);
  const meant = await stripe.refunds.create({ charge: "ch_same", amount: 300 }, { idempotencyKey: "second-lamp" });
  assert.notEqual(meant.id, first.id);
  assert.equal(upstream.refunds.length - refunds, 2);
});

test("a refund beyond the gate waits for people, who see the charge, and runs once", { skip }, async () => {
  const stripe = await connect("refund-desk");
  const sent = writes();
  const refund = () => stripe.refunds.create({ charge: "ch_big", amount: 5001, reason: "duplicate" });
  for (const turn of [1, 2]) assert.equal((await thrownBy(refund())).code, "ERR_HELD", `turn ${turn}`);
  assert.equal(writes(), sent);
  const { body } = await world.gateway.people("approver", "GET", "/sallyport/v1/holds");
  const holds = body["holds"] as readonly { readonly id: string; readonly amount: JsonObject }[];
  assert.deepEqual(
    holds.map(({ amount }) => amount),
    [{ minor: 5001, currency: "USD" }],
  );
  const shown = await world.gateway.people("approver", "GET", `/sallyport/v1/calls/${holds[0]?.id}`);
  const { before: seen, body: form } = shown.body["request"] as { before: JsonObject; body: string };
  assert.deepEqual([seen["id"], seen["object"], form], ["ch_big", "charge", "amount=5001&charge=ch_big&reason=duplicate"]);
  assert.equal((await world.gateway.approve("approver", holds[0]?.id ?? "")).status, 200);
  await eventually("the refund was sent", async () => writes() === sent + 1);
  await eventually("the call has succeeded", async () => {
    const { body: now } = await world.gateway.people("viewer", "GET", `/sallyport/v1/calls/${holds[0]?.id}`);
    return (now["call"] as { state: string }).state === "succeeded";
  });
  assert.equal((await refund()).amount, 5001);
  assert.equal(writes(), sent + 1);
});

test("the day's budget of the contract counts refunds in the charge's currency", { skip }, async () => {
  const stripe = await connect("refund-desk");
  const sent = writes();
  const told: string[] = [];
  for (let turn = 0; turn < 25 && told.length === 0; turn += 1)
    await stripe.refunds.create({ charge: `ch_day${turn}`, amount: 5000 }).catch((error: unknown) => {
      told.push(String((error as Stripe.errors.StripeError).code));
    });
  assert.deepEqual(told, ["ERR_BUDGET_WINDOW"]);
  // 1000.00 USD a day, of which the tests before have moved 57.01.
  assert.equal(writes() - sent, 18);
});

test("a refund whose answer is lost is not sent again, and the gateway shows people the charge's refunds", { skip }, async () => {
  const stripe = await connect("everything");
  const sent = writes();
  const refund = () => stripe.refunds.create({ charge: "ch_lost", amount: 900 });
  upstream.breakNext();
  for (const turn of [1, 2]) assert.match((await thrownBy(refund())).message, /^It is NOT KNOWN/, `turn ${turn}`);
  assert.equal(writes() - sent, 1);
  const { body } = await world.gateway.people("viewer", "GET", "/sallyport/v1/calls?state=unknown");
  const [unknown, ...more] = body["calls"] as readonly { readonly id: string }[];
  assert.deepEqual(more, []);
  // 30 s of the tool's, 5 s in which it must start, 5 s more.
  clock.pass(40_000);
  const { ports } = world.gateway.gateway;
  await ports.stops.refresh();
  await lookAtUnknown(ports);
  await Promise.all(ports.executing.values());
  const { body: view } = await world.gateway.people("viewer", "GET", `/sallyport/v1/calls/${unknown?.id}`);
  const [look] = view["looks"] as readonly { readonly tool: string; readonly answer: { readonly data: readonly JsonObject[] } }[];
  assert.equal(look?.tool, "stripe.list_refunds");
  assert.deepEqual(
    look.answer.data.map(({ charge, amount }) => [charge, amount]),
    [["ch_lost", 900]],
  );
  assert.equal(upstream.requests.at(-1)?.url, "/v1/refunds?charge=ch_lost");
  assert.equal((view["call"] as { state: string }).state, "unknown");
});
