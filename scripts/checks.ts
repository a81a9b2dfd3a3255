import { findOpa } from "../src/adapters/opa-binary/find-opa.ts";
import { countCompiled } from "./count-compiled.ts";
import { installed, type Ran, runProgram } from "./run-program.ts";

export interface CheckResult {
  /** How many things were looked at; 0 fails the check. */
  readonly count: number;
  readonly of: string;
  /** What to show when something is wrong; null when nothing is. */
  readonly failure: string | null;
  /** Shown at the end whatever the result. */
  readonly notice?: string;
}

export interface Check {
  readonly name: string;
  readonly run: () => Promise<CheckResult>;
}

/** The parts of `npm run check`, the slow ones first so that both cores stay busy. */
export const checks: readonly Check[] = [
  { name: "compiler", run: compile },
  { name: "policies", run: checkPolicies },
  { name: "linter", run: lint },
  { name: "format", run: () => runCounted("biome", ["check", "--max-diagnostics=200", "."], /Checked (\d+) files?/, "files") },
  { name: "unused", run: findUnused },
  { name: "tidy", run: () => runTests(["tidy", "docs", "layers"]) },
  { name: "generated", run: checkGenerated },
];

async function compile(): Promise<CheckResult> {
  const ran = await runProgram(installed("tsc"), ["-b"]);
  if (ran.code !== 0) return { count: 1, of: "compiler run", failure: ran.output };
  const { compiled, missed } = countCompiled();
  const failure = missed.length === 0 ? null : `in no project of tsconfig.json, so nothing checks them:\n${missed.join("\n")}`;
  return { count: compiled, of: "files in all projects", failure };
}

async function runCounted(tool: string, args: readonly string[], counted: RegExp, of: string): Promise<CheckResult> {
  return resultOf(await runProgram(installed(tool), args), counted, of);
}

function lint(): Promise<CheckResult> {
  return runCounted("oxlint", ["--type-aware", "--report-unused-disable-directives"], /on (\d+) files?/, "files");
}

function findUnused(): Promise<CheckResult> {
  const args = ["--no-progress", "--reporter", "symbols", "--reporter", "./scripts/knip-reporter.ts"];
  return runCounted("knip", args, /looked at (\d+) files/, "files searched for unused code");
}

async function runTests(names: readonly string[]): Promise<CheckResult> {
  const files = names.map((name) => `test/${name}.test.ts`);
  return resultOf(
    await runProgram(process.execPath, ["--test", "--test-reporter=spec", ...files]),
    /ℹ tests (\d+)/,
    "rules of this repository",
  );
}

async function checkGenerated(): Promise<CheckResult> {
  return resultOf(await runProgram(process.execPath, ["scripts/generate.ts", "--check"]), /(\d+) generated files/, "generated files");
}

/** Strict check, tests with coverage, and a rebuild that is compared. Without `opa` this part cannot run: loud on a desk, a failure in CI. */
async function checkPolicies(): Promise<CheckResult> {
  const opa = findOpa(process.env);
  if ("missing" in opa) {
    const notice = `SKIPPED: the policies were NOT checked. ${opa.missing}`;
    if (process.env["CI"] === "true") return { count: 1, of: "missing program", failure: notice };
    return { count: 1, of: "missing program: SKIPPED", failure: null, notice };
  }
  return resultOf(await runProgram(process.execPath, ["scripts/policy.ts", "check"]), /ran (\d+) tests/, "policy tests, and a rebuild");
}

function resultOf(ran: Ran, counted: RegExp, of: string): CheckResult {
  return { count: Number(counted.exec(ran.output)?.[1] ?? 0), of, failure: ran.code === 0 ? null : ran.output };
}
