import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import fc from "fast-check";
import Stripe from "stripe";
import { checkContentType } from "../../src/rules/content-type.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { readForm, readFormBody } from "../../src/rules/form-reader.ts";
import { shapeForm } from "../../src/rules/form-schema.ts";
import { writeForm } from "../../src/rules/form-writer.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { compileSchema } from "../../src/rules/schema.ts";
import { asTexts, readFormAsStranger } from "../support/form-referee.ts";
import { stripeInput, stripeParams } from "../support/stripe-params.ts";
import { propertyRuns } from "./property-runs.ts";

interface Sent {
  readonly method: string;
  readonly target: string;
  readonly contentType: string | null;
  readonly body: string;
}

const { shape, faults } = shapeForm(stripeInput, Object.keys(stripeInput["properties"] as JsonObject));
const validate = compileSchema(stripeInput);
let last: Sent | null = null;
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { method = "", url: target = "" } = request;
    last = { method, target, contentType: request.headers["content-type"] ?? null, body: Buffer.concat(chunks).toString("latin1") };
    response.setHeader("content-type", "application/json").end('{"id":"x_1","object":"x"}');
  });
});
let stripe: Stripe;

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  stripe = new Stripe("sk_test_x", { host: "127.0.0.1", port, protocol: "http", maxNetworkRetries: 0, telemetry: false });
});
after(() => {
  server.closeAllConnections();
  server.close();
});

/** What an SDK sent is the parameters that it was given; our own bytes say the same to a stranger, and are the same for the same arguments. */
function checkSent(sent: Sent, params: JsonObject): void {
  const inBody = sent.method !== "GET";
  const form = inBody ? sent.body : (sent.target.split("?")[1] ?? "");
  const args = inBody ? readFormBody(Buffer.from(form, "latin1"), shape) : readForm(form, shape, "query");
  if (inBody) assert.equal(checkContentType([sent.contentType ?? ""], "form"), null, String(sent.contentType));
  assert.ok(!isDenial(args), `${JSON.stringify(args)} ${form}`);
  assert.deepEqual(args, params, form);
  assert.deepEqual(validate(args), []);
  const ours = writeForm(args, shape, inBody ? "body" : "query");
  assert.ok("text" in ours, form);
  assert.deepEqual(readFormAsStranger(ours.text), asTexts(params));
  assert.deepEqual(readFormAsStranger(ours.text), readFormAsStranger(form));
}

test("the schema of the parameters says every type", () => assert.deepEqual(faults, []));

test("what the official Node SDK sends is read as the parameters it was given", async (context) => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(stripeParams, fc.boolean(), async (params, inQuery) => {
      last = null;
      if (inQuery) await stripe.charges.list(params);
      else await stripe.customers.create(params);
      assert.ok(last !== null, "nothing was sent");
      checkSent(last, params);
      count += 1;
    }),
    propertyRuns(context, 300),
  );
  assert.ok(count >= 300, String(count));
});

interface Fixture {
  readonly sdk: string;
  readonly cases: readonly (Sent & { readonly params: JsonObject })[];
}

test("what the official Python SDK sent is read as the parameters it was given", (context) => {
  const file = new URL("../support/stripe-python-forms.json", import.meta.url);
  const { sdk, cases } = JSON.parse(readFileSync(file, "utf8")) as Fixture;
  for (const sent of cases) checkSent(sent, sent.params);
  context.diagnostic(`${cases.length} requests of ${sdk}, ${cases.filter(({ method }) => method === "GET").length} of them with a query`);
  assert.equal(cases.length, 60);
});

/** What SDKs write for values that have no one spelling; their callers must give the canonical value, or the route must say `string`. */
const refused: readonly (readonly [string, string, string])[] = [
  ["a float with no fraction, in Python", "percent_off=5.0", "ERR_FORM_VALUE"],
  ["a small float, in Python", "percent_off=1e-05", "ERR_FORM_VALUE"],
  ["a boolean in a list, in Python", "expand[0]=a&confirm=True", "ERR_FORM_VALUE"],
  ["null where nothing may be unset, in Node", "amount=", "ERR_FORM_VALUE"],
  ["an undefined item, in Node", "expand[1]=a", "ERR_FORM_ARRAY"],
  ["a map of several list items in the old Ruby style", "line_items[][price]=a&line_items[][price]=b", "ERR_FORM_MALFORMED"],
];

test("what SDKs write and nobody can read in one way only is refused by name", () => {
  for (const [what, form, code] of refused) {
    const read = readForm(form, shape, "body");
    assert.equal(isDenial(read) ? read.denied : "read", code, what);
  }
  assert.equal(refused.length, 6);
});
