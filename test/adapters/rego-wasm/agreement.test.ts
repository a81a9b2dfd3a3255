// INV-19: Wasm decides as OPA decides, on the policies that are shipped.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withStage } from "../../../src/adapters/opa-binary/stage.ts";
import { createEngine } from "../../../src/adapters/rego-wasm/engine.ts";
import { loadPolicy, readBundle } from "../../../src/adapters/rego-wasm/load-policy.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import type { PolicyInput } from "../../../src/rules/policy-input.ts";
import { opa, policyFiles, shippedBundle, skipWithoutOpa } from "./bundles.ts";
import { makeInput, seeded } from "./inputs.ts";

const seed = Number(process.env["SEED"] ?? 7);
const cases = Number(process.env["CASES"] ?? 600);

function makeCases(): readonly PolicyInput[] {
  const random = seeded(seed);
  return Array.from({ length: cases }, () => makeInput(random));
}

/** What `opa eval` says of each, in one run. */
function evaluateByOpa(inputs: readonly PolicyInput[]): readonly unknown[] {
  assert.ok(opa !== null);
  const said = withStage(opa, policyFiles(), "no tests", (stage) => {
    writeFileSync(join(stage.folder, "cases.json"), JSON.stringify({ cases: inputs }));
    const query = "[verdict | some one in input.cases; verdict := data.sallyport.verdict with input as one]";
    const run = stage.run(["eval", "-b", ".", "-i", "../cases.json", "--format", "raw", query]);
    assert.ok(run.ok, run.output);
    return { verdicts: JSON.parse(run.stdout) as readonly unknown[] };
  });
  assert.ok("verdicts" in said, String(said));
  return said.verdicts;
}

test(`the shipped bundle and opa eval agree on ${cases} inputs (seed ${seed})`, { skip: skipWithoutOpa }, () => {
  const inputs = makeCases();
  const byOpa = evaluateByOpa(inputs);
  assert.equal(byOpa.length, cases);
  const bundle = readBundle(shippedBundle);
  assert.ok("wasm" in bundle);
  const engine = createEngine(bundle.wasm, bundle.documents, { memoryPagesMax: 64 });
  assert.ok(!("fault" in engine));
  const seen = new Set<string>();
  inputs.forEach((input, index) => {
    const outcome = engine.run(input);
    assert.ok("result" in outcome, JSON.stringify(outcome));
    assert.deepEqual(outcome.result, [{ result: byOpa[index] }], `seed ${seed}, input ${index}: ${JSON.stringify(input)}`);
    for (const { package: spoken, rule } of (byOpa[index] as { reasons: readonly { package: string; rule: string }[] }).reasons)
      seen.add(`${spoken}.${rule}`);
  });
  assert.ok(seen.size >= 10, `only these rules spoke: ${[...seen].join(", ")}`);
});

test("the generated inputs meet all three verdicts", () => {
  const policy = loadPolicy(shippedBundle);
  assert.ok(!isDenial(policy));
  const counts = { allow: 0, hold: 0, deny: 0 };
  for (const input of makeCases()) {
    const answer = policy.evaluate(input);
    assert.ok(!isDenial(answer), JSON.stringify(answer));
    counts[answer.verdict] += 1;
  }
  assert.ok(counts.allow >= 10 && counts.hold >= 10 && counts.deny >= 10, JSON.stringify(counts));
});

test("the same input gives the same verdict, also after many others", () => {
  const policy = loadPolicy(shippedBundle);
  assert.ok(!isDenial(policy));
  const inputs = makeCases().slice(0, 100);
  const first = inputs.map((input) => policy.evaluate(input));
  const second = inputs.toReversed().map((input) => policy.evaluate(input));
  assert.deepEqual(second.toReversed(), first);
});
