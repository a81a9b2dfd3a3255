import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Stripe } from "stripe";
import { findStripeMock } from "../../scripts/sdk-tools.ts";
import { type CountingRelay, findFreePort, openRelay } from "../support/counting-relay.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { type StripeMock, startStripeMock } from "../support/stripe-mock.ts";

const program = findStripeMock(process.env);
const skip = program === null ? "no stripe-mock: run `npm run sdks:install`" : false;

const contract = `agent: payer
workflow: sdk
owner: payments-team
tenants: [acme_co]
stage: autonomous
tools:
  stripe.lookup_charge: allow
  stripe.refund: { up_to: { USD: 10000 }, beyond: hold, tier: finance }
  stripe.create_customer: allow
`;

let mock: StripeMock;
let upstreamWire: CountingRelay;
let agentWire: CountingRelay;
let gateway: TestGateway;
let folder: string;
before(async () => {
  if (program === null) return;
  mock = await startStripeMock(program);
  upstreamWire = await openRelay(mock.port);
  folder = mkdtempSync(join(tmpdir(), "sallyport-stripe-mock-"));
  const port = await findFreePort();
  const routes = (): string => {
    const text = readFileSync(new URL("routes/stripe.yaml", import.meta.url), "utf8");
    const withPort = swap("port: 8081", `port: ${port}`)(text);
    return swap(
      "Bearer sk_sandbox_{tenant}",
      "Bearer sk_test_123",
    )(swap('set_headers: { Sandbox-Account: "{tenant.payments_account}" }\n', "")(withPort));
  };
  const configFile = writeDemoConfig(folder, { edit: { "config/contracts/payer.yaml": () => contract, "routes/stripe.yaml": routes } });
  gateway = await startGateway({ configFile, moreUpstreams: () => ({ stripe: upstreamWire.url }) });
  agentWire = await openRelay(port);
});
after(async () => {
  if (program === null) return;
  await Promise.all([agentWire.close(), upstreamWire.close()]);
  await gateway.close();
  await mock.stop();
  rmSync(folder, { recursive: true, force: true });
});

let runs = 0;
async function connectStripe(): Promise<Stripe> {
  runs += 1;
  const token = await gateway.agentToken({ agent: "payer", run: `r_mock_${runs}` });
  agentWire.reset();
  upstreamWire.reset();
  return new Stripe(token, { host: "127.0.0.1", port: agentWire.port, protocol: "http" });
}

test("Stripe's own API description takes what the gateway sends for the SDK, and the SDK gets Stripe's real objects", {
  skip,
}, async () => {
  const stripe = await connectStripe();
  const charge = await stripe.charges.retrieve("ch_123");
  assert.deepEqual([charge.object, charge.currency], ["charge", "usd"]);
  const refund = await stripe.refunds.create({ charge: "ch_123", amount: 100 });
  assert.equal(refund.object, "refund");
  const customer = await stripe.customers.create({ name: "Ada & Söhne" });
  assert.equal(customer.object, "customer");
  // The refund looks its charge up first.
  assert.deepEqual([agentWire.requests(), upstreamWire.requests()], [3, 4]);
});

test("a refund beyond the gate throws with the message, once, and Stripe does not hear of it", { skip }, async () => {
  const stripe = await connectStripe();
  await assert.rejects(stripe.refunds.create({ charge: "ch_123", amount: 10_001 }), (error: Stripe.errors.StripeError) => {
    assert.deepEqual([error.type, error.code, error.statusCode], ["StripePermissionError", "ERR_HELD", 403]);
    assert.match(error.message, /^NOT executed\. Waiting for finance/);
    return true;
  });
  // The one request upstream is the look-up of the charge.
  assert.deepEqual([agentWire.requests(), upstreamWire.requests()], [1, 1]);
});

test("Stripe's own refusal reaches the SDK as Stripe said it", { skip }, async () => {
  const stripe = await connectStripe();
  // The gateway's schema does not know how long a reason may be upstream; Stripe takes only three.
  await assert.rejects(
    stripe.refunds.create({ charge: "ch_123", amount: 5, reason: "none_of_the_three" as "duplicate" }),
    (error: Stripe.errors.StripeError) => {
      assert.equal(error.type, "StripeInvalidRequestError", error.message);
      assert.doesNotMatch(error.message, /executed/);
      return true;
    },
  );
});

test("a key that the SDK made up tells its own retry, so an answer that was lost on the way does not make a second customer", {
  skip,
}, async () => {
  const stripe = await connectStripe();
  agentWire.loseAnswers(1);
  const customer = await stripe.customers.create({ name: "Grace" });
  assert.equal(customer.object, "customer");
  assert.deepEqual([agentWire.requests(), upstreamWire.requests()], [2, 1]);
});
