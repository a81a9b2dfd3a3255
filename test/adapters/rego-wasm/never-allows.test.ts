// INV-1, policy's half: whatever goes wrong between an input and a verdict, the answer is never allow.
import assert from "node:assert/strict";
import { test } from "node:test";
import { buildBundle } from "../../../src/adapters/opa-binary/build-bundle.ts";
import { createEngine } from "../../../src/adapters/rego-wasm/engine.ts";
import { evaluateSafely, loadPolicy, noPolicy } from "../../../src/adapters/rego-wasm/load-policy.ts";
import type { Policy } from "../../../src/ports/policy.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import type { JsonObject } from "../../../src/rules/json.ts";
import { opa, packBundle, policyFiles, skipWithoutOpa } from "./bundles.ts";
import { makeInput, seeded } from "./inputs.ts";
import { makeStandIn, type StandIn, type StandInOptions } from "./stand-in.ts";

const seed = Number(process.env["SEED"] ?? 20_261_122);
const inputsPerCause = 60;

const verdict = '{"verdict":"allow","reasons":[{"rule":"r","package":"p","message":"m"}],"tiers":[],"obligations":[]}';
const answers = (text: string): StandIn => ({ answers: text });

/** Cause, what the module does, and the code that the call is denied with. */
const causes: readonly (readonly [string, StandIn, string, StandInOptions?])[] = [
  ["empty result set", answers("[]"), "ERR_POLICY_SHAPE"],
  ["undefined result", answers("[{}]"), "ERR_POLICY_SHAPE"],
  ["two results", answers(`[{"result":${verdict}},{"result":${verdict}}]`), "ERR_POLICY_SHAPE"],
  ["a result beside the result", answers(`[{"result":${verdict},"other":1}]`), "ERR_POLICY_SHAPE"],
  ["null", answers("null"), "ERR_POLICY_SHAPE"],
  ["true", answers("true"), "ERR_POLICY_SHAPE"],
  ["a result of true", answers('[{"result":true}]'), "ERR_POLICY_SHAPE"],
  ["a result of allow", answers('[{"result":"allow"}]'), "ERR_POLICY_SHAPE"],
  ["the verdict without its envelope", answers(verdict), "ERR_POLICY_SHAPE"],
  ["text that is no JSON", answers("[{"), "ERR_POLICY_FAULT"],
  ["no text", answers(""), "ERR_POLICY_FAULT"],
  ["a string thrown", { aborts: "var assignment conflict" }, "ERR_POLICY_FAULT"],
  ["an Error thrown", { traps: true }, "ERR_POLICY_FAULT"],
  ["an object thrown for a missing built-in", { calls: 99 }, "ERR_POLICY_FAULT"],
  ["runaway memory", { grows: true }, "ERR_POLICY_FAULT"],
  ["an unknown entrypoint", answers(`[{"result":${verdict}}]`), "ERR_POLICY_FAULT", { entrypoints: '{"other/verdict":0}' }],
  ["an inherited name as entrypoint", answers(`[{"result":${verdict}}]`), "ERR_POLICY_FAULT", { entrypoints: "{}" }],
];

function expectNeverAllow(policy: Policy, code: string): number {
  const random = seeded(seed);
  let ran = 0;
  for (; ran < inputsPerCause; ran += 1) {
    const answer = policy.evaluate(makeInput(random));
    assert.ok(isDenial(answer), `seed ${seed}, input ${ran}: ${JSON.stringify(answer)}`);
    assert.equal(answer.denied, code, `seed ${seed}, input ${ran}`);
  }
  return ran;
}

function standInPolicy(does: StandIn, options: StandInOptions = {}): Policy {
  const policy = loadPolicy(packBundle({ "policy.wasm": makeStandIn(does, options) }), { memoryPagesMax: 32 });
  assert.ok(!isDenial(policy), JSON.stringify(policy));
  return policy;
}

test("the stand-in can allow, so that its refusals below mean something", () => {
  const policy = standInPolicy(answers(`[{"result":${verdict}}]`));
  assert.deepEqual(policy.evaluate(makeInput(seeded(seed))), {
    verdict: "allow",
    reasons: [{ rule: "p.r", message: "m" }],
    tiers: [],
    obligations: [],
  });
});

for (const [cause, does, code, options] of causes) {
  test(`never allow: ${cause}`, () => {
    assert.equal(expectNeverAllow(standInPolicy(does, options), code), inputsPerCause);
  });
}

test("never allow: policy not loaded", () => {
  assert.equal(expectNeverAllow(noPolicy, "ERR_POLICY_UNLOADED"), inputsPerCause);
});

/** Results that a lazy reader would take for an allow; each is denied. */
const garbage: readonly string[] = [
  ...[
    "[]",
    "[[]]",
    "[1]",
    '["allow"]',
    "[null]",
    "[true]",
    "{}",
    '"allow"',
    "1",
    "[{}]",
    '[{"result":null}]',
    '[{"result":[]}]',
    '[{"result":1}]',
  ],
  ...[
    '[{"result":{}}]',
    '[{"result":{"allow":true}}]',
    '[{"result":{"verdict":"allow"}}]',
    '[{"result":{"verdict":"ALLOW","reasons":[],"tiers":[],"obligations":[]}}]',
  ],
  ...["verdict", "reasons", "tiers", "obligations"].map(
    (key) => `[{"result":${JSON.stringify({ ...(JSON.parse(verdict) as object), [key]: undefined })}}]`,
  ),
  ...["verdict", "reasons", "tiers", "obligations"].flatMap((key) =>
    [true, {}, null, 1, "x", [1], [null], [[]], ["x", "x"]].map(
      (value) => `[{"result":${JSON.stringify({ ...(JSON.parse(verdict) as object), [key]: value })}}]`,
    ),
  ),
  `[{"result":${JSON.stringify({ ...(JSON.parse(verdict) as object), extra: 1 })}}]`,
  `[{"result":${JSON.stringify({ ...(JSON.parse(verdict) as object), reasons: [] })}}]`,
  `[{"result":${JSON.stringify({ ...(JSON.parse(verdict) as object), tiers: ["finance"] })}}]`,
  `[{"result":${JSON.stringify({ ...(JSON.parse(verdict) as object), verdict: "hold" })}}]`,
];

test("never allow: truthy garbage", () => {
  assert.ok(garbage.length >= 50);
  const random = seeded(seed);
  for (const text of garbage) {
    const answer = standInPolicy(answers(text)).evaluate(makeInput(random));
    assert.ok(isDenial(answer), text);
    assert.equal(answer.denied, "ERR_POLICY_SHAPE", text);
  }
});

/** What is no policy input: Rego would compare most of these without complaint (null < boolean < number). */
const misfits: readonly (readonly [string, (input: JsonObject) => unknown])[] = [
  ["undefined", () => undefined],
  ["null", () => null],
  ["zero, which the SDK would not load", () => 0],
  ["an empty text", () => ""],
  ["false", () => false],
  ["bytes", () => new TextEncoder().encode("{}").buffer],
  ["a list", () => []],
  ["an empty object", () => ({})],
  ["another version", (input) => ({ ...input, v: 2 })],
  ["an unknown field", (input) => ({ ...input, admin: true })],
  ...[null, true, Number.NaN, Number.POSITIVE_INFINITY, -1, -1e9, 0.5, 2 ** 53, "100", [100]].map(
    (minor) =>
      [
        `an amount of ${String(minor)}`,
        (input: JsonObject) => ({ ...input, tool: { ...(input["tool"] as JsonObject), amount: { minor, currency: "USD" } } }),
      ] as const,
  ),
  ["1e400 in the arguments", (input) => ({ ...input, args: { amount: Number("1e400") } })],
  ["NaN deep in the preview", (input) => ({ ...input, facts: { preview: { list: [{ amount: Number.NaN }] } } })],
  ["an unsafe integer in the arguments", (input) => ({ ...input, args: { amount: 2 ** 53 } })],
  ["a lone surrogate", (input) => ({ ...input, args: { name: "\uD800" } })],
  ["a lone surrogate in a key", (input) => ({ ...input, args: { "\uDC00": 1 } })],
  ["undefined in the arguments", (input) => ({ ...input, args: { amount: undefined } })],
  ["a bigint", (input) => ({ ...input, args: { amount: 1n } })],
  ["a value that writes itself as another", (input) => ({ ...input, args: { amount: 5, toJSON: () => ({ amount: 1 }) } })],
  ["a date", (input) => ({ ...input, args: { at: new Date(0) } })],
  ["a circle", (input) => ((circle: Record<string, unknown>) => Object.assign(circle, { circle }))({ ...input })],
  [
    "an object that throws when it is read",
    (input) => ({
      ...input,
      args: new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error("no");
          },
        },
      ),
    }),
  ],
];

test("trap 6: an input that does not fit the schema is denied before any rule sees it", () => {
  const policy = standInPolicy(answers(`[{"result":${verdict}}]`));
  const random = seeded(seed);
  let ran = 0;
  for (const [what, change] of misfits) {
    const answer = policy.evaluate(change(makeInput(random)) as JsonObject);
    assert.ok(isDenial(answer), what);
    assert.equal(answer.denied, "ERR_POLICY_FAULT", what);
    ran += 1;
  }
  assert.ok(ran >= 30);
});

test("after anything thrown the next call is judged by a new instance", () => {
  let thrown = 0;
  const engine = createEngine(makeStandIn({ aborts: "no" }), {}, { memoryPagesMax: 32 });
  assert.ok(!("fault" in engine));
  for (let index = 0; index < 5; index += 1)
    evaluateSafely(engine, makeInput(seeded(index)), (cause) => (thrown += cause === "no" ? 1 : 0));
  assert.equal(thrown, 5);
});

/** Real policies, compiled here. The starter's contract package allows the call, so that only the slip can be what denies. */
const compiled: readonly (readonly [string, string, string])[] = [
  [
    "a conflict of two values",
    'deny contains {"rule": "x"} if one == 3\n\none := 1 if input.v == 1\n\none := 2 if input.v == 1',
    "ERR_POLICY_FAULT",
  ],
  [
    "memory without end",
    'deny contains {"rule": "x"} if count([[a, b, c] | some a in numbers.range(1, 300); some b in numbers.range(1, 300); some c in numbers.range(1, 300)]) == 1',
    "ERR_POLICY_FAULT",
  ],
  ["a host built-in that throws", 'deny contains {"rule": "x"} if sprintf("%d", ["no number"]) == "x"', "ERR_POLICY_FAULT"],
];

for (const [what, body, code] of compiled) {
  test(`never allow, compiled: ${what}`, { skip: skipWithoutOpa }, () => {
    if (opa === null) return;
    const built = buildBundle(opa, policyFiles({ "slip.rego": `package policies.slip\n\n${body}\n` }), { revision: "", sources: {} });
    assert.ok("bundle" in built, JSON.stringify(built));
    const policy = loadPolicy(built.bundle, { memoryPagesMax: 64 });
    assert.ok(!isDenial(policy), JSON.stringify(policy));
    assert.equal(expectNeverAllow(policy, code), inputsPerCause);
  });
}

test("never allow, compiled: data not loaded", { skip: skipWithoutOpa }, () => {
  if (opa === null) return;
  const gone = { "facts/change_windows.json": null, "facts/data_classes.json": null, "facts/tenant_wall.json": null };
  const built = buildBundle(opa, policyFiles(gone), { revision: "", sources: {} });
  assert.ok("bundle" in built, JSON.stringify(built));
  const policy = loadPolicy(built.bundle);
  assert.ok(!isDenial(policy), JSON.stringify(policy));
  const random = seeded(seed);
  for (let ran = 0; ran < inputsPerCause; ran += 1) {
    const answer = policy.evaluate(makeInput(random));
    assert.ok(!isDenial(answer) && answer.verdict === "deny", JSON.stringify(answer));
  }
});

test("never allow, compiled: a missing built-in does not build", { skip: skipWithoutOpa }, () => {
  if (opa === null) return;
  for (const call of ["time.now_ns() > 0", 'regex.split("a", "b") == ["b"]', 'http.send({"url": "x"}).status == 1']) {
    const slip = `package policies.slip\n\ndeny contains {"rule": "x"} if ${call}\n`;
    const built = buildBundle(opa, policyFiles({ "slip.rego": slip }), { revision: "", sources: {} });
    assert.ok(!("bundle" in built), call);
    assert.match(built.join("\n"), /undefined function/, call);
  }
});
