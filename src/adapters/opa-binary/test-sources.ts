import { isJsonObject, type JsonObject, type JsonValue } from "../../rules/json.ts";
import { placeOf } from "../../rules/policy-files.ts";
import type { Opa } from "./find-opa.ts";
import { list } from "./rego-ast.ts";
import { type Stage, withStage } from "./stage.ts";

export interface TestRun {
  /** Tests that ran. */
  readonly tests: number;
  /** Lines of rules that were evaluated. */
  readonly lines: number;
  readonly faults: readonly string[];
}

/**
 * Runs the tests of a policies folder and fails on what no test makes fire: a head or an expression that was never true is a fault by file and
 * line. No test at all is a fault too.
 */
export function testSources(opa: Opa, files: ReadonlyMap<string, Uint8Array>): TestRun {
  const run = withStage(opa, files, "tests", (stage) => testStaged(stage, [...files.keys()]));
  return "tests" in run ? run : { tests: 0, lines: 0, faults: run };
}

function testStaged(stage: Stage, paths: readonly string[]): TestRun {
  const ran = stage.run(["test", "-b", ".", "--format", "json"]);
  const tests = readArray(ran.stdout);
  const failed = tests.filter((test) => test["fail"] === true || test["error"] !== undefined || test["skip"] === true);
  const faults = failed.map(
    (test) => `${String(test["package"])}.${String(test["name"])} ${test["skip"] === true ? "is skipped" : "fails"}`,
  );
  if (!ran.ok && faults.length === 0) faults.push(ran.output);
  if (tests.length === 0) return { tests: 0, lines: 0, faults: [...faults, "no policy test ran"] };
  const coverage = stage.run(["test", "-b", ".", "--coverage", "--format", "json"]);
  const covered = readCoverage(
    coverage.stdout,
    paths.filter((path) => placeOf(path) === "rego"),
  );
  return { tests: tests.length, lines: covered.lines, faults: [...faults, ...covered.faults] };
}

function readArray(text: string): readonly JsonObject[] {
  try {
    return list(JSON.parse(text) as JsonValue).filter(isJsonObject);
  } catch {
    return [];
  }
}

function readCoverage(text: string, paths: readonly string[]): { readonly lines: number; readonly faults: readonly string[] } {
  const report = parseObject(text);
  const files = report !== null && isJsonObject(report["files"]) ? report["files"] : {};
  const faults = paths.flatMap((path) => {
    const file = files[path] ?? files[`/${path}`];
    if (!isJsonObject(file)) return [`${path}: no test touches this file`];
    return list(file["not_covered"]).map((range) => `${path}:${rowOf(range)}: no test makes this fire`);
  });
  return { lines: report === null ? 0 : Number(report["covered_lines"] ?? 0), faults };
}

function rowOf(range: JsonValue): string {
  const start = isJsonObject(range) ? range["start"] : undefined;
  return isJsonObject(start) ? String(start["row"]) : "?";
}

function parseObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}
