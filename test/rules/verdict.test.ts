import assert from "node:assert/strict";
import { test } from "node:test";
import { isDenial } from "../../src/rules/denial.ts";
import { fillMessage } from "../../src/rules/message-template.ts";
import { readVerdict } from "../../src/rules/verdict.ts";

const reason = { rule: "over", package: "contract", message: "refund of {args.amount}" };
const hold = { verdict: "hold", reasons: [reason], tiers: ["finance"], obligations: ["verify"] };
const input = { args: { amount: 900 } };

test("a verdict is read, its rule named by package and its message filled", () => {
  assert.deepEqual(readVerdict([{ result: hold }], input), {
    verdict: "hold",
    reasons: [{ rule: "contract.over", message: "refund of 900" }],
    tiers: ["finance"],
    obligations: ["verify"],
  });
});

test("a reason without a message gets one that names the rule; the combiner's own rules have no package", () => {
  const said = readVerdict([{ result: { ...hold, reasons: [{ rule: "no_rule_allowed", package: "sallyport", message: "" }] } }], input);
  assert.deepEqual(isDenial(said) ? said : said.reasons, [{ rule: "no_rule_allowed", message: "rule no_rule_allowed" }]);
});

const without = (key: string): unknown => Object.fromEntries(Object.entries(hold).filter(([own]) => own !== key));
const misshapen: readonly (readonly [string, unknown])[] = [
  ...[undefined, null, true, false, 0, 1, "", "allow", {}, [], [[]], [null], [{}], () => hold, Symbol("x"), 1n].map(
    (value) => [`not a result set: ${String(value)}`, value] as const,
  ),
  ["two results", [{ result: hold }, { result: hold }]],
  ["a result beside another key", [{ result: hold, more: 1 }]],
  ["the result under another key", [{ value: hold }]],
  ["a result of undefined", [{ result: undefined }]],
  ["a list as result", [{ result: [hold] }]],
  ["an extra key", [{ result: { ...hold, score: 1 } }]],
  ...["verdict", "reasons", "tiers", "obligations"].map((key) => [`without ${key}`, [{ result: without(key) }]] as const),
  ...["ALLOW", "Allow", "allow ", "", "yes", true, null, ["allow"], { allow: true }].map(
    (verdict) => [`verdict ${JSON.stringify(verdict)}`, [{ result: { ...hold, verdict } }]] as const,
  ),
  ["a hold without tiers", [{ result: { ...hold, tiers: [] } }]],
  ["an allow with tiers", [{ result: { ...hold, verdict: "allow" } }]],
  ["a deny with tiers", [{ result: { ...hold, verdict: "deny" } }]],
  ...[null, "finance", [1], [null], [""], [["finance"]], ["finance", "finance"], { 0: "finance", length: 1 }].map(
    (tiers) => [`tiers ${JSON.stringify(tiers)}`, [{ result: { ...hold, tiers } }]] as const,
  ),
  ...[null, "verify", ["dance"], ["verify", "verify"], [1], ["constructor"]].map(
    (obligations) => [`obligations ${JSON.stringify(obligations)}`, [{ result: { ...hold, obligations } }]] as const,
  ),
  ...[
    [],
    null,
    {},
    [null],
    ["x"],
    [{}],
    [{ ...reason, more: 1 }],
    [{ ...reason, rule: "" }],
    [{ ...reason, rule: 1 }],
    [{ ...reason, message: null }],
    [{ rule: "x", message: "y" }],
  ].map((reasons) => [`reasons ${JSON.stringify(reasons)}`, [{ result: { ...hold, reasons } }]] as const),
];

for (const [what, result] of misshapen) {
  test(`is no verdict: ${what}`, () => {
    const read = readVerdict(result, input);
    assert.ok(isDenial(read), JSON.stringify(read));
    assert.equal(read.denied, "ERR_POLICY_SHAPE");
  });
}

test("reasons over twenty are cut, and the verdict stays", () => {
  const read = readVerdict([{ result: { ...hold, reasons: Array.from({ length: 50 }, () => reason) } }], input);
  assert.ok(!isDenial(read));
  assert.equal(read.reasons.length, 20);
});

const document = {
  args: { amount: 90_000, note: "a\u202Eb\n\u0000\u200Bc", nested: { list: [1, 2], none: null, yes: true }, long: "x".repeat(1000) },
  tool: { name: "t" },
};
const templates: readonly (readonly [string, string])[] = [
  ["refund of {args.amount}", "refund of 90000"],
  ["{tool.name}: {args.amount}", "t: 90000"],
  ["{args.amuont} of {nothing.at.all}", "(absent) of (absent)"],
  ["{args.nested.none} {args.nested.yes}", "null true"],
  ["{args.nested} {args.nested.list} {args.nested.list.1}", "(object) (list of 2) 2"],
  ["{constructor} {__proto__.x} {args.toString} {args.amount.toFixed}", "(absent) (absent) (absent) (absent)"],
  ["{args.note}", "a\\u{202e}b\\u{a}\\u{0}\\u{200b}c"],
  ["no {reference here} {} { args.amount } {Args} {{args.amount}}", "no {reference here} {} { args.amount } {Args} {90000}"],
  ["a\tb\u2028c", "a\\u{9}b\\u{2028}c"],
];

for (const [template, filled] of templates) {
  test(`a message is filled: ${JSON.stringify(template)}`, () => assert.equal(fillMessage(template, document), filled));
}

test("a value is not filled again", () => {
  assert.equal(fillMessage("{args.a}", { args: { a: "{args.b}", b: "secret" } }), "{args.b}");
});

test("values and messages are bounded, and never cut through a character", () => {
  assert.equal(fillMessage("{args.long}", document).length, 120);
  assert.equal(fillMessage("y".repeat(10_000), document).length, 500);
  for (let shift = 0; shift < 4; shift += 1)
    assert.ok(fillMessage("{args.a}", { args: { a: `${"x".repeat(shift)}${"😀".repeat(200)}` } }).isWellFormed());
});
