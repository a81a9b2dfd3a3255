import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { bindingDigest, type CallBinding, type CallIdentity, callDigest } from "../../src/rules/digests.ts";
import { propertyRuns } from "./property-runs.ts";

const call: CallIdentity = {
  tenant: "acme",
  environment: "production",
  agent: "billing",
  user: "u_7",
  toolDigest: "ab".repeat(32),
  method: "POST",
  url: "https://api.example/v1/refunds",
  headers: { "stripe-version": "1" },
  args: { charge: "ch_1", amount: 5 },
};
const binding: CallBinding = { callDigest: callDigest(call), run: "r_1", upstream: "stripe", account: { "stripe-account": "acct_1" } };

test("the call digest is SHA-256 over the canonical text of one versioned object", () => {
  const text =
    '{"agent":"billing","args":{"amount":5,"charge":"ch_1"},"environment":"production","headers":{"stripe-version":"1"},"method":"POST","tenant":"acme",' +
    `"tool":"${"ab".repeat(32)}","url":"https://api.example/v1/refunds","user":"u_7","v":"sallyport-call-1"}`;
  assert.equal(callDigest(call), createHash("sha256").update(text).digest("hex"));
});

test("the binding digest is over call digest, run, upstream and account", () => {
  const text = `{"account":{"stripe-account":"acct_1"},"call":"${callDigest(call)}","run":"r_1","upstream":"stripe","v":"sallyport-binding-1"}`;
  assert.equal(bindingDigest(binding), createHash("sha256").update(text).digest("hex"));
});

const otherCalls: readonly Partial<CallIdentity>[] = [
  { tenant: "acmf" },
  { tenant: "" },
  { environment: "staging" },
  { agent: "billinh" },
  { user: null },
  { user: "" },
  { user: "null" },
  { toolDigest: "ac".repeat(32) },
  { method: "PUT" },
  { url: "https://api.example/v1/refunds?" },
  { headers: {} },
  { headers: { "stripe-version": "2" } },
  { headers: { "stripe-version": "1", x: "" } },
  { args: {} },
  { args: { charge: "ch_1", amount: "5" } },
  { args: { charge: "ch_1", amount: 5, extra: null } },
  { args: { charge: "ch_1", amount: [5] } },
  { tenant: "billing", agent: "acme" },
];
const otherBindings: readonly Partial<CallBinding>[] = [
  { callDigest: "0".repeat(64) },
  { run: null },
  { run: "" },
  { run: "r_2" },
  { upstream: "Stripe" },
  { account: {} },
  { account: { "stripe-account": "acct_2" } },
];

test("any other field is another digest", () => {
  const calls = new Set([call, ...otherCalls.map((change) => ({ ...call, ...change }))].map(callDigest));
  assert.equal(calls.size, 19);
  const bindings = new Set([binding, ...otherBindings.map((change) => ({ ...binding, ...change }))].map(bindingDigest));
  assert.equal(bindings.size, 8);
});

test("the order in which fields and arguments were written does not matter", (context) => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(Object.keys(call), { minLength: 9 }),
      fc.shuffledSubarray(["a", "b", "c", "d"], { minLength: 4 }),
      (fields, names) => {
        const args = Object.fromEntries(names.map((name) => [name, name]));
        const shuffled = Object.fromEntries(fields.map((field) => [field, field === "args" ? args : call[field as keyof CallIdentity]]));
        assert.equal(callDigest(shuffled as never), callDigest({ ...call, args: { a: "a", b: "b", c: "c", d: "d" } }));
      },
    ),
    propertyRuns(context, 500),
  );
});

test("one changed character anywhere is another digest", (context) => {
  const fields = ["tenant", "agent", "user", "toolDigest", "method", "url"] as const;
  fc.assert(
    fc.property(fc.constantFrom(...fields), fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (field, at, letter) => {
      const text = String(call[field]);
      const place = at % text.length;
      const changed = text.slice(0, place) + letter + text.slice(place + 1);
      assert.equal(callDigest({ ...call, [field]: changed }) === callDigest(call), changed === text);
    }),
    propertyRuns(context, 2_000),
  );
});
