// Trap 7: a failing built-in or an absent reference is "undefined", so a deny over it is silent. Those rules do not build.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSources } from "../../../src/adapters/opa-binary/check-sources.ts";
import { testSources } from "../../../src/adapters/opa-binary/test-sources.ts";
import { opa, policyFiles, skipWithoutOpa } from "../rego-wasm/bundles.ts";

const no = '{"rule": "no"}';
const may = '{"rule": "may", "tools": ["t"]}';
const ask = '{"rule": "ask", "tier": "finance"}';

/** What the package says, and what the check says of it. */
const silent: readonly (readonly [string, string, RegExp])[] = [
  ["a fallible built-in in a deny", `deny contains ${no} if {\n\tx := 5\n\tto_number(input.tool.name) > x\n}`, /:5: to_number may fail/],
  ["a fallible built-in in a hold", `hold contains ${ask} if to_number(input.tool.name) > 5`, /to_number may fail/],
  [
    "a fallible built-in in a require",
    'require contains {"rule": "r", "obligation": "verify"} if to_number(input.tool.name) > 5',
    /to_number may fail/,
  ],
  [
    "the trap itself: allow if not blocked",
    `allow contains ${may} if not blocked\n\nblocked if to_number(input.tool.name) > 100`,
    /to_number may fail/,
  ],
  [
    "a fallible built-in two rules away",
    `deny contains ${no} if far\n\nfar if near(input.tool.name)\n\nnear(x) if to_number(x) > 1`,
    /to_number may fail/,
  ],
  [
    "a fallible built-in under two nots",
    `deny contains ${no} if not fine\n\nfine if not bad\n\nbad if to_number(input.tool.name) > 1`,
    /to_number may fail/,
  ],
  [
    "a fallible built-in inside a comprehension of an allow",
    `allow contains ${may} if count([1 | to_number(input.tool.name) > 1]) == 0`,
    /to_number may fail/,
  ],
  [
    "a fallible built-in behind a default",
    `allow contains ${may} if not big\n\ndefault big := false\n\nbig if to_number(input.tool.name) > 1`,
    /to_number may fail/,
  ],
  [
    "a fallible built-in behind an else",
    `allow contains ${may} if size == 0\n\nsize := 1 if to_number(input.tool.name) > 1\n\nelse := 0`,
    /to_number may fail/,
  ],
  [
    "a fallible built-in in a counted set",
    `allow contains ${may} if count(bad) == 0\n\nbad contains x if {\n\tx := to_number(input.tool.name)\n}`,
    /to_number may fail/,
  ],
  ["a fallible built-in in an every", `deny contains ${no} if {\n\tevery x in ["1"] {\n\t\tto_number(x) > 1\n\t}\n}`, /to_number may fail/],
  ["a division", `deny contains ${no} if input.call.repeats / input.call.time_ms > 1`, /div may fail/],
  ["a computed pattern", `deny contains ${no} if regex.match(input.tool.name, "x")`, /regex\.match may fail/],
  ["an argument that may be absent", `deny contains ${no} if input.args.amount > 100`, /:3: input\.args\.amount may be absent/],
  ["a header that may be absent", `deny contains ${no} if input.headers["x-a"] != "b"`, /input\.headers\.x-a may be absent/],
  ["a preview that may be absent", `hold contains ${ask} if input.facts.preview.amount > 5`, /input\.facts\.preview\.amount may be absent/],
  ["a budget that may be absent", `deny contains ${no} if input.budgets["cost/run"].left < 5`, /may be absent/],
  [
    "an argument under an alias",
    `import input.args as given\n\ndeny contains ${no} if given.amount > 100`,
    /input\.args\.amount may be absent/,
  ],
  [
    "an argument in a message's place",
    `hold contains {"rule": "ask", "tier": input.args.tier} if input.v == 1`,
    /input\.args\.tier may be absent/,
  ],
  [
    "a guard of another field",
    `deny contains ${no} if input.args.amount > 100\n\ndeny contains ${no} if not input.args.amuont`,
    /input\.args\.amount may be absent/,
  ],
  [
    "a guard of a parent only",
    `deny contains ${no} if input.args.a.b > 100\n\ndeny contains ${no} if not input.args.a`,
    /input\.args\.a\.b may be absent/,
  ],
  [
    "a guard that only holds an allow back",
    `deny contains ${no} if input.args.amount > 100\n\nallow contains ${may} if input.args.amount`,
    /input\.args\.amount may be absent/,
  ],
  [
    "facts that are not there",
    `deny contains ${no} if input.tool.name in data.facts.blocklist`,
    /data\.facts\.blocklist is not in the facts/,
  ],
  [
    "a key of a fact that is not there",
    `deny contains ${no} if input.tool.name in data.facts.data_classes.blocked`,
    /data\.facts\.data_classes\.blocked is not in the facts/,
  ],
  [
    "an approval that loosens",
    `allow contains ${may} if "finance" in input.approval.tiers`,
    /input\.approval may only make a verdict stricter/,
  ],
  ["an approval that lifts a deny", `deny contains ${no} if not input.approval`, /input\.approval may only/],
  ["a misspelt field of the input", `deny contains ${no} if input.tool.nmae == "x"`, /undefined ref: input\.tool\.nmae/],
  ["an unknown fact", `deny contains ${no} if input.facts.customer == "x"`, /undefined ref: input\.facts\.customer/],
  ["a built-in that we do not have", `deny contains ${no} if time.now_ns() > 5`, /undefined function time\.now_ns/],
  ["source that is not formatted", `deny   contains ${no} if input.v == 1`, /not formatted/],
];

/** The same in ways that cannot go silent. */
const sound: readonly (readonly [string, string])[] = [
  ["a fallible built-in that only an allow needs", `allow contains ${may} if to_number(input.tool.name) > 5`],
  ["a fallible built-in whose failure denies", `deny contains ${no} if not small\n\nsmall if to_number(input.tool.name) < 5`],
  ["a constant pattern", `deny contains ${no} if regex.match(\`^x\`, input.tool.name)`],
  [
    "an argument with a guard",
    `deny contains ${no} if input.args.amount > 100\n\ndeny contains {"rule": "amount_missing"} if not input.args.amount`,
  ],
  [
    "an argument with a guard in a rule",
    `deny contains ${no} if input.args.amount > 100\n\ndeny contains ${ask.replace(', "tier": "finance"', "")} if not known\n\nknown if is_number(input.args.amount)`,
  ],
  ["an argument with a default", `deny contains ${no} if object.get(input.args, "amount", 0) > 100`],
  ["an argument under an allow", `allow contains ${may} if input.args.amount < 100`],
  ["an approval that tightens", `deny contains ${no} if count(input.approval.people) > 5`],
];

/** One check of all packages together, because each run of opa costs tens of milliseconds; the faults of each file. */
function checkTogether(bodies: readonly string[]): readonly (readonly string[])[] {
  if (opa === null) return [];
  const path = (index: number): string => `slip_${String(index).padStart(2, "0")}.rego`;
  const sources = bodies.map((body, index) => [path(index), `package policies.${path(index).slice(0, -5)}\n\n${body}\n`] as const);
  const { faults } = checkSources(opa, policyFiles(Object.fromEntries(sources)));
  return bodies.map((_body, index) =>
    faults
      .join("\n")
      .split("\n")
      .filter((line) => line.includes(path(index))),
  );
}

/** The compiler stops at the first stage that finds something, so what each stage finds is checked apart. */
const stages: readonly RegExp[] = [/undefined ref/, /undefined function/, /./];
const stageOf = (says: RegExp): number => stages.findIndex((stage) => stage.test(says.source));

for (const stage of stages.keys()) {
  const cases = silent.filter(([, , says]) => stageOf(says) === stage);
  const faults = checkTogether(cases.map(([, body]) => body));
  cases.forEach(([what, , says], index) => {
    test(`does not build: ${what}`, { skip: skipWithoutOpa }, () => assert.match((faults[index] ?? []).join("\n"), says));
  });
}

test("what cannot go silent builds", { skip: skipWithoutOpa }, () => {
  const faults = checkTogether(sound.map(([, body]) => body));
  assert.equal(faults.length, sound.length);
  sound.forEach(([what], index) => assert.deepEqual(faults[index], [], what));
});

test("the shipped policies have no fault", { skip: skipWithoutOpa }, () => {
  assert.ok(opa !== null);
  const checked = checkSources(opa, policyFiles());
  assert.deepEqual(checked.faults, []);
  assert.ok(checked.modules >= 10 && checked.rules >= 50, JSON.stringify(checked));
});

test("a rule that no test makes fire is a fault, also on one line", { skip: skipWithoutOpa }, () => {
  assert.ok(opa !== null);
  const slip = `package policies.slip\n\ndeny contains ${no} if input.v == 2\n`;
  const idle = 'package policies.slip_test\n\nimport data.policies.slip\n\ntest_idle if slip.deny == set() with input as {"v": 1}\n';
  const fires = `${idle}\ntest_fires if count(slip.deny) == 1 with input as {"v": 2}\n`;
  assert.match(testSources(opa, policyFiles({ "slip.rego": slip })).faults.join("\n"), /slip\.rego.*: no test/);
  assert.match(
    testSources(opa, policyFiles({ "slip.rego": slip, "slip_test.rego": idle })).faults.join("\n"),
    /slip\.rego:3: no test makes this fire/,
  );
  const fired = testSources(opa, policyFiles({ "slip.rego": slip, "slip_test.rego": fires }));
  assert.deepEqual(fired.faults, []);
  assert.ok(fired.tests >= 40 && fired.lines >= 100, JSON.stringify(fired));
});

test("a failing test, a skipped test and no test are faults", { skip: skipWithoutOpa }, () => {
  assert.ok(opa !== null);
  const bad = "package policies.bad_test\n\ntest_bad if 1 == 2\n\ntodo_test_later if true\n";
  const faults = testSources(opa, policyFiles({ "bad_test.rego": bad })).faults.join("\n");
  assert.match(faults, /test_bad fails/);
  assert.match(faults, /todo_test_later is skipped/);
  const untested = new Map([...policyFiles()].filter(([path]) => !path.endsWith("_test.rego")));
  assert.match(testSources(opa, untested).faults.join("\n"), /no policy test ran/);
});

test("a fact with a key twice, or in two files, is a fault by name", { skip: skipWithoutOpa }, () => {
  assert.ok(opa !== null);
  const check = (changes: Readonly<Record<string, string>>): string =>
    opa === null ? "" : checkSources(opa, policyFiles(changes)).faults.join("\n");
  assert.match(check({ "facts/twice.json": '{"a": 1, "a": 2}' }), /facts\/twice\.json: not one JSON or YAML document/);
  assert.match(check({ "facts/large.json": "9007199254740993" }), /facts\/large\.json/);
  assert.match(check({ "facts/data_classes.yaml": "a: 1" }), /data\.facts\.data_classes has two files/);
});
