// Builds, checks and tests the policies folder: `node scripts/policy.ts build | check | test [folder]`. The exit code is 0 when all is well,
// 1 when something is wrong with the policies, and 2 when the command cannot run.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundle, isSameBundle } from "../src/adapters/opa-binary/build-bundle.ts";
import { checkSources } from "../src/adapters/opa-binary/check-sources.ts";
import { findOpa, type Opa } from "../src/adapters/opa-binary/find-opa.ts";
import { testSources } from "../src/adapters/opa-binary/test-sources.ts";
import { loadPolicy } from "../src/adapters/rego-wasm/load-policy.ts";
import { digestSources, readPolicyFiles, revisionOf } from "../src/adapters/rego-wasm/policy-files.ts";
import { isDenial } from "../src/rules/denial.ts";
import { policyInputSchema } from "../src/rules/policy-input-schema.ts";

const [verb = "", folder = fileURLToPath(new URL("../policies", import.meta.url))] = process.argv.slice(2);
const verbs: Readonly<Record<string, (opa: Opa) => readonly string[]>> = { build, check, test: runTests };
const bundlePath = join(folder, "bundle.tar.gz");
const schemaPath = join(folder, "input.schema.json");

function main(): number {
  const run = verbs[verb];
  if (run === undefined) return say(["usage: node scripts/policy.ts build|check|test [folder]"], 2);
  const opa = findOpa(process.env);
  if ("missing" in opa) return say([opa.missing], 2);
  const faults = run(opa);
  return faults.length === 0 ? 0 : say(faults, 1);
}

function say(lines: readonly string[], code: number): number {
  for (const line of lines) console.error(line);
  return code;
}

function build(opa: Opa): readonly string[] {
  const made = compile(opa);
  if (!("bundle" in made)) return made;
  const checked = checkFolder(opa);
  if (checked.length > 0) return checked;
  writeFileSync(bundlePath, made.bundle);
  // Left alone when it says the same, so that a formatter's line breaks stay.
  if (!sameJson(readIfThere(schemaPath))) writeFileSync(schemaPath, `${JSON.stringify(policyInputSchema, null, 2)}\n`);
  const loaded = loadPolicy(made.bundle);
  if (isDenial(loaded)) return (loaded.reasons ?? []).map(({ message }) => message);
  console.log(`policy: built ${bundlePath}, ${made.bundle.length} bytes, digest ${loaded.digest}`);
  return [];
}

/** Everything: sources, tests with coverage, and that bundle and schema are what the sources give. */
function check(opa: Opa): readonly string[] {
  const faults = [...checkFolder(opa), ...runTests(opa)];
  const [first, second] = [compile(opa), compile(opa)];
  if (!("bundle" in first)) return [...faults, ...first];
  if (!("bundle" in second) || Buffer.compare(first.bundle, second.bundle) !== 0) faults.push("two builds of the same sources differ");
  if (!isSameBundle(first.bundle, readIfThere(bundlePath)))
    faults.push(`${bundlePath} is not what its sources give: run \`node scripts/policy.ts build\``);
  if (!sameJson(readIfThere(schemaPath))) faults.push(`${schemaPath} is not the gateway's: run \`node scripts/policy.ts build\``);
  if (faults.length === 0) console.log("policy: the bundle repeats byte for byte and is what its sources give");
  return faults;
}

function checkFolder(opa: Opa): readonly string[] {
  const { files, strangers } = readPolicyFiles(folder);
  const { modules, rules, faults } = checkSources(opa, files);
  console.log(`policy: checked ${modules} modules with ${rules} rules`);
  const nothing = rules === 0 && faults.length === 0 ? ["no rule was checked"] : [];
  return [
    ...strangers.map((path) => `${path}: has no place in the policies folder; data lives in facts/<name>.json or .yaml`),
    ...nothing,
    ...faults,
  ];
}

function runTests(opa: Opa): readonly string[] {
  const { tests, lines, faults } = testSources(opa, readPolicyFiles(folder).files);
  console.log(`policy: ran ${tests} tests over ${lines} lines`);
  return faults;
}

function compile(opa: Opa): ReturnType<typeof buildBundle> {
  const { files } = readPolicyFiles(folder);
  const sources = digestSources(files);
  return buildBundle(opa, files, { sources, revision: revisionOf(sources) });
}

function readIfThere(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch {
    return new Uint8Array();
  }
}

/** By value: a formatter may have its own idea of line breaks. */
function sameJson(bytes: Uint8Array): boolean {
  try {
    return JSON.stringify(JSON.parse(new TextDecoder().decode(bytes))) === JSON.stringify(policyInputSchema);
  } catch {
    return false;
  }
}

process.exitCode = main();
