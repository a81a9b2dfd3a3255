// `npm test [-- part of a path ...]` and `npm run test:soak`: runs the test files, the slow end-to-end ones one at a time, and counts what ran.
// Fails when a test fails, when a file has no test, when nothing matches, and, with CI=true, when anything was skipped.
import { cpus } from "node:os";
import { listFiles } from "./list-files.ts";
import { runTestFiles, type TestFileResult } from "./run-test-files.ts";

/** Tests that start processes of their own; beside others they would measure the machine and not the product. */
const alone = [/^test\/e2e\//, /^test\/kill\//, /^test\/build\.test\.ts$/];
const slowestShown = 10;
const wanted = process.argv.slice(2).filter((argument) => argument !== "--soak");
if (process.argv.includes("--soak")) process.env["SOAK"] = "1";

const files = listFiles("test", ".test.ts").filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(" ")}`);
  process.exit(1);
}

const begunMs = performance.now();
const isAlone = (file: string): boolean => alone.some((pattern) => pattern.test(file));
const together = files.filter((file) => !isAlone(file));
const results = [...(await runTestFiles(together, Math.min(2, cpus().length))), ...(await runTestFiles(files.filter(isAlone), 1))];
process.exitCode = report(results);

function report(ran: readonly TestFileResult[]): number {
  const failures = ran.flatMap((result) => result.failures);
  const skipped = ran.flatMap((result) => result.skipped.map((name) => `  ${result.file}: ${name}`));
  const passed = ran.reduce((sum, result) => sum + result.passed, 0);
  const ci = process.env["CI"] === "true";
  console.log("\nslowest files");
  for (const result of ran.toSorted((one, other) => other.ms - one.ms).slice(0, slowestShown)) {
    console.log(`  ${seconds(result.ms)} ${String(result.passed).padStart(5)} tests  ${result.file}`);
  }
  for (const failure of failures) console.error(`\n✖ ${failure}`);
  if (skipped.length > 0) console.error(["", `skipped${ci ? ", and with CI=true nothing may be" : ""}`, ...skipped].join("\n"));
  console.log(`\n${ran.length} files in ${seconds(performance.now() - begunMs).trim()}`);
  console.log(`${passed} passed, ${failures.length} failed, ${skipped.length} skipped`);
  return failures.length > 0 || passed === 0 || (ci && skipped.length > 0) ? 1 : 0;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`;
}
