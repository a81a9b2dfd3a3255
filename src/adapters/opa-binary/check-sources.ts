import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isJsonObject } from "../../rules/json.ts";
import { placeOf } from "../../rules/policy-files.ts";
import { findSourceFaults } from "../../rules/policy-sources.ts";
import type { Opa } from "./find-opa.ts";
import { findSilentRules } from "./find-silent.ts";
import { type RegoModule, readModule } from "./rego-ast.ts";
import { type Stage, withStage } from "./stage.ts";

/** What was looked at, so that a check on nothing is seen as such, and every fault as a whole sentence. */
export interface SourceCheck {
  readonly modules: number;
  readonly rules: number;
  readonly faults: readonly string[];
}

/**
 * Checks a policies folder as far as that is possible without running it: the loader's own rules, formatting (the loader's rules read formatted
 * source), `opa check --strict` with our capabilities and the input schema, and rules that could go silent (`find-silent.ts`).
 * One run of opa for each file, about 30 ms.
 */
export function checkSources(opa: Opa, files: ReadonlyMap<string, Uint8Array>): SourceCheck {
  if (!files.has("capabilities.json"))
    return { modules: 0, rules: 0, faults: ["capabilities.json: missing, so a missing built-in could not be found"] };
  const sources = new Map<string, string>();
  for (const [path, bytes] of files) {
    if (placeOf(path) === "rego" || placeOf(path) === "test") sources.set(path, new TextDecoder().decode(bytes));
  }
  const early = findSourceFaults(sources);
  const checked = withStage(opa, files, "tests", (stage) => checkStaged(stage, [...sources.keys()]));
  if (!("faults" in checked)) return { modules: sources.size, rules: 0, faults: [...early, ...checked] };
  return { ...checked, faults: [...new Set([...early, ...checked.faults])] };
}

function checkStaged(stage: Stage, paths: readonly string[]): SourceCheck {
  const product = paths.filter((path) => placeOf(path) === "rego");
  const faults: string[] = [];
  const unformatted = stage.run(["fmt", "--list", "."]);
  if (unformatted.output !== "") faults.push(`not formatted, run \`opa fmt -w\`: ${unformatted.output.split("\n").join(", ")}`);
  const typed = stage.run([
    "check",
    "--strict",
    "--capabilities",
    "../capabilities.json",
    "--schema",
    "../schema.json",
    ...product,
    "facts",
  ]);
  if (!typed.ok) faults.push(typed.output);
  const tests = stage.run(["check", "--strict", "."]);
  if (typed.ok && !tests.ok) faults.push(tests.output);
  const modules = typed.ok ? product.map((path) => parse(stage, path)) : [];
  const parsed = modules.filter((module): module is RegoModule => module !== null);
  if (parsed.length < modules.length) faults.push("opa parse wrote a form that this check does not know");
  const facts: unknown = JSON.parse(readFileSync(join(stage.folder, "root/facts/data.json"), "utf8"));
  faults.push(...findSilentRules(parsed, isJsonObject(facts) ? facts : {}));
  return { modules: paths.length, rules: parsed.reduce((sum, module) => sum + module.rules.length, 0), faults };
}

function parse(stage: Stage, path: string): RegoModule | null {
  const run = stage.run(["parse", "--format", "json", "--json-include", "locations", path]);
  return run.ok ? readModule(path, run.stdout) : null;
}
