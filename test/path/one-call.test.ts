import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { sha256Hex } from "../../examples/sandbox/effects-log.ts";
import { propertyRuns } from "../rules/property-runs.ts";
import type { TestAnswer, TestGateway } from "../support/gateway.ts";
import { startWide } from "./wide-gateway.ts";

let world: TestGateway;
before(async () => {
  world = await startWide();
});
after(() => world.close());

const longest = 200;
/** Texts that readers like to disagree about: controls, quotes, look-alikes of syntax, every plane, surrogates. */
const hostileText = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 60 }),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
  fc.string({
    unit: fc.constantFrom(
      '"',
      "\\",
      "/",
      "\b",
      "\0",
      "\u2028",
      "\ufeff",
      "\u007f",
      "é",
      "\ud800",
      "\udfff",
      "\u{1f600}",
      "{",
      "}",
      "%",
      "&",
      "=",
      "\r",
      "\n",
    ),
    minLength: 1,
    maxLength: 40,
  }),
  fc.constantFrom("__proto__", "null", "1e400", "\u202eabc", "ﬀ", "Å", "a@b.example", "4111 1111 1111 1111", "x".repeat(longest + 1), " "),
);
/** Almost always a valid call; else something that must be refused. */
const argumentsOf = fc.oneof(
  { weight: 12, arbitrary: fc.record({ subject: hostileText, text: hostileText }) },
  { weight: 1, arbitrary: fc.record({ subject: hostileText, text: fc.anything() }) },
  { weight: 1, arbitrary: fc.record({ subject: hostileText, text: hostileText, [`Text`]: hostileText }) },
  { weight: 1, arbitrary: fc.dictionary(fc.oneof(fc.string(), fc.constantFrom("subject", "text", "__proto__", "ticket")), hostileText) },
);
/** The same value in another spelling: every character escaped, white space, keys turned round. */
const spellings: readonly ((value: unknown) => string | undefined)[] = [
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value, null, "\t"),
  (value) => JSON.stringify(value)?.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  (value) =>
    typeof value === "object" && value !== null ? JSON.stringify(Object.fromEntries(Object.entries(value).reverse())) : undefined,
];

/** No two calls alike: two equal writes at the same time are twins, and the second is held. */
function numbered(args: object, index: number): Tried["args"] {
  const { text, ...others } = args as Tried["args"];
  return typeof text === "string" ? { ...others, text: `${index}:${text}` } : (args as Tried["args"]);
}

interface Tried {
  readonly args: Readonly<Record<string, unknown>>;
  readonly named: TestAnswer;
  readonly mounted: TestAnswer;
}

async function callBothWays(args: Readonly<Record<string, unknown>>, spelling: number, run: string): Promise<Tried> {
  const body = Buffer.from(spellings[spelling]?.(args) ?? "{}", "utf8");
  const headers = { "content-type": "application/json" };
  // One run each, or the second would be the first once more.
  const tokens = await Promise.all([world.agentToken({ run: `${run}n` }), world.agentToken({ run: `${run}m` })]);
  const named = await world.request("POST", "/sallyport/v1/tools/tickets.create", { headers, body, token: tokens[0] });
  const mounted = await world.request("POST", "/tickets/v1/tickets", { headers, body, token: tokens[1] });
  return { args, named, mounted };
}

test("what is judged is what is sent and recorded, by name and on the mount, or it is refused and nothing is sent", async (context) => {
  const { seed, numRuns } = propertyRuns(context, 2000);
  const samples = fc.sample(fc.tuple(argumentsOf, fc.nat(spellings.length - 1)), { seed, numRuns });
  const tried: Tried[] = [];
  const queue = samples.entries();
  await Promise.all(
    Array.from({ length: 64 }, async () => {
      for (const [index, [args, spelling]] of queue) tried.push(await callBothWays(numbered(args, index), spelling, `r_${index}`));
    }),
  );
  assert.equal(tried.length, numRuns);
  const done = new Map(world.sandbox.effects("ticket").map((line) => [line.effect.id, line.seq]));
  const sent = new Map(world.sandbox.requests().map((line) => [line.seq, line]));
  let executed = 0;
  let refused = 0;
  let masked = 0;
  for (const { args, named, mounted } of tried) {
    assert.equal(named.status, mounted.status, `${named.text} ${mounted.text}`);
    if (named.status !== 200) {
      assert.ok(named.status >= 400 && named.status < 500, named.text);
      assert.equal(named.body["code"], mounted.body["code"]);
      assert.equal(named.body["executed"], false);
      refused += 1;
      continue;
    }
    const bodies = [named, mounted].map((answer) => {
      const line = sent.get(done.get(answer.body["id"] as string) ?? -1);
      assert.ok(line !== undefined, "the answer is of a request that reached the upstream");
      return line;
    });
    const calls = await Promise.all(
      [named, mounted].map((answer) => world.gateway.ports.calls.find(answer.headers.get("sallyport-call-id") ?? "")),
    );
    for (const [index, line] of bodies.entries()) {
      assert.equal(calls[index]?.bodyDigest, line.body_sha256);
      assert.equal(sha256Hex(Buffer.from(line.body, "utf8")), line.body_sha256);
      const received = JSON.parse(line.body) as Record<string, unknown>;
      // An address is masked before the call is judged; then the mask is what was judged, sent and recorded.
      if (JSON.stringify(args).includes("@") && line.body.includes("[email]")) masked += index;
      else assert.deepEqual(received, { ...args });
    }
    assert.equal(calls[0]?.callDigest, calls[1]?.callDigest);
    assert.equal(bodies[0]?.body_sha256, bodies[1]?.body_sha256);
    executed += 1;
  }
  assert.equal(world.sandbox.requests().length, executed * 2, "nothing else reached the upstream");
  context.diagnostic(`${executed} executed both ways, ${masked} of them masked, ${refused} refused both ways`);
  assert.ok(executed > numRuns / 4 && refused > numRuns / 20, `${executed} ${refused}`);
});

test("numbers arrive as they were judged, or are refused", async (context) => {
  const { seed, numRuns } = propertyRuns(context, 100);
  const amounts = fc.oneof(
    fc.integer({ min: -5, max: 9000 }).map(String),
    fc.maxSafeInteger().map(String),
    fc.constantFrom(
      "1e2",
      "1E2",
      "100.0",
      "1.5",
      "0",
      "-0",
      "1e400",
      "9007199254740993",
      "0100",
      "+1",
      ".5",
      "1.",
      "NaN",
      '"100"',
      "1e-2",
      "true",
      "[1]",
    ),
  );
  const samples = fc.sample(amounts, { seed, numRuns });
  const answers = await Promise.all(
    samples.map(async (amount, index) =>
      world.request("POST", "/payments/v1/refunds", {
        headers: { "content-type": "application/json" },
        body: `{"charge":"ch_1006","amount":${amount},"reason":"n${index}"}`,
        key: `n${index}`,
        token: await world.agentToken({ run: `n${index}` }),
      }),
    ),
  );
  const refunded = new Map(world.sandbox.effects("refund").map(({ answer }) => [answer?.["reason"], answer?.["amount"]]));
  let executed = 0;
  for (const [index, answer] of answers.entries()) {
    assert.ok(answer.status < 500, answer.text);
    if (answer.status !== 200) {
      assert.ok(!refunded.has(`n${index}`), samples[index]);
      continue;
    }
    executed += 1;
    assert.equal(refunded.get(`n${index}`), Number(samples[index]));
    const call = await world.gateway.ports.calls.find(answer.headers.get("sallyport-call-id") ?? "");
    assert.equal(call?.amount?.minor, Number(samples[index]));
  }
  assert.equal(refunded.size, executed);
  context.diagnostic(`${executed} of ${numRuns} amounts executed`);
  assert.ok(executed > 10, `${executed}`);
});
