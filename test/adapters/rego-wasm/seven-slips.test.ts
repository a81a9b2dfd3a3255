// Seven ordinary slips that opened a naive combiner while `opa check --strict` was content. Each is refused or denied, by name.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { buildBundle } from "../../../src/adapters/opa-binary/build-bundle.ts";
import { checkSources } from "../../../src/adapters/opa-binary/check-sources.ts";
import type { Opa } from "../../../src/adapters/opa-binary/find-opa.ts";
import { withStage } from "../../../src/adapters/opa-binary/stage.ts";
import { createEngine } from "../../../src/adapters/rego-wasm/engine.ts";
import { evaluateSafely, loadPolicy } from "../../../src/adapters/rego-wasm/load-policy.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import { readTar } from "../../../src/rules/tar.ts";
import type { Verdict } from "../../../src/rules/verdict.ts";
import { opa, policyFiles, skipWithoutOpa } from "./bundles.ts";
import { makeInput, seeded } from "./inputs.ts";

const slips: readonly (readonly [string, string, RegExp])[] = [
  ["a boolean deny", "package policies.slip\n\ndeny if input.v == 1\n", /slip\.rego:3: deny must be a set of objects/],
  [
    "a package one level too deep",
    'package policies.a.b\n\ndeny contains {"rule": "x"} if input.v == 1\n',
    /slip\.rego: package policies\.a\.b is none of/,
  ],
  ["a misnamed package", 'package policy.x\n\ndeny contains {"rule": "x"} if input.v == 1\n', /slip\.rego: package policy\.x is none of/],
  [
    "a set called hodl",
    'package policies.slip\n\nhodl contains {"rule": "x", "tier": "finance"} if input.v == 1\n',
    /slip\.rego:3: nothing uses the rule hodl/,
  ],
  [
    "a hold whose message is undefined",
    'package policies.slip\n\nhold contains {"rule": "x", "tier": "finance", "message": sprintf("%d", [input.args.amuont])} if input.v == 1\n',
    /slip\.rego:3: "message" must be one plain string/,
  ],
];

for (const [what, source, says] of slips) {
  test(`slip: ${what} is refused where it is checked, built and loaded`, { skip: skipWithoutOpa }, () => {
    if (opa === null) return;
    const files = policyFiles({ "slip.rego": source });
    assert.match(checkSources(opa, files).faults.join("\n"), says);
    const built = buildBundle(opa, files, { revision: "", sources: {} });
    assert.ok(!("bundle" in built));
    assert.match(built.join("\n"), says);
    const loaded = loadPolicy(buildPlainly(opa, files));
    assert.ok(isDenial(loaded));
    assert.match(loaded.detail ?? "", says);
  });
}

test("slip: a data file that lands under data.policies is refused when the bundle is loaded", { skip: skipWithoutOpa }, () => {
  if (opa === null) return;
  const loaded = loadPolicy(
    buildPlainly(opa, policyFiles(), { "policies/data.json": '{"slip":{"allow":[{"rule":"x","tools":["payments.refund"]}]}}' }),
  );
  assert.ok(isDenial(loaded));
  assert.match(loaded.detail ?? "", /data\.json puts data under data\.policies/);
});

test("slip: a boolean deny that got past the loader denies by its package and kind", { skip: skipWithoutOpa }, () => {
  const answer = evaluateUnloaded("package policies.slip\n\ndeny if input.v == 1\n");
  assert.equal(answer.verdict, "deny");
  assert.equal(answer.reasons[0]?.rule, "slip.policy_malformed");
  assert.match(answer.reasons[0]?.message ?? "", /^deny must be a set/);
});

test("slip: an allow meant for another team's tool allows no other tool", { skip: skipWithoutOpa }, () => {
  const source = 'package policies.slip\n\nallow contains {"rule": "theirs", "tools": ["zendesk.reply", "payments.*", "*"]}\n';
  const answer = evaluateUnloaded(source, { "contract.rego": null });
  assert.equal(answer.verdict, "deny");
  assert.equal(answer.reasons[0]?.rule, "no_rule_allowed");
});

/** The verdict on one harmless call, of an engine that skipped the loader's checks. */
function evaluateUnloaded(source: string, changes: Readonly<Record<string, string | null>> = {}): Verdict {
  assert.ok(opa !== null);
  const others = { "change_window.rego": null, "data_class.rego": null, "tenant_wall.rego": null };
  const entries = readTar(gunzipSync(buildPlainly(opa, policyFiles({ ...others, ...changes, "slip.rego": source }))));
  assert.ok(typeof entries !== "string");
  const wasm = entries.find((entry) => entry.path === "policy.wasm")?.bytes ?? new Uint8Array();
  const engine = createEngine(wasm, {}, { memoryPagesMax: 64 });
  assert.ok(!("fault" in engine));
  const answer = evaluateSafely(engine, makeInput(seeded(1)), () => undefined);
  assert.ok(!isDenial(answer), JSON.stringify(answer));
  return answer;
}

/** What plain `opa build` makes of the files, without any check of ours. */
function buildPlainly(program: Opa, files: ReadonlyMap<string, Uint8Array>, more: Readonly<Record<string, string>> = {}): Uint8Array {
  const out = withStage(program, files, "no tests", (stage) => {
    for (const [path, text] of Object.entries(more)) {
      assert.ok(stage.run(["version"]).ok);
      writeFileSync(join(stage.folder, "root", path.replaceAll("/", "_")), text);
    }
    const extra = Object.keys(more).map((path) => `${path.split("/")[0]}:${path.replaceAll("/", "_")}`);
    const run = stage.run([
      "build",
      "-t",
      "wasm",
      "-e",
      "sallyport/verdict",
      "-o",
      "../out.tar.gz",
      ...[...files.keys()].filter((path) => path.endsWith(".rego") && !path.endsWith("_test.rego")),
      "facts:facts/data.json",
      ...extra,
    ]);
    assert.ok(run.ok, run.output);
    return readFileSync(join(stage.folder, "out.tar.gz"));
  });
  assert.ok(out instanceof Uint8Array, String(out));
  return out;
}
