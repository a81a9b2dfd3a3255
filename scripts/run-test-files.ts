import { relative } from "node:path";
import { run } from "node:test";
import { inspect } from "node:util";
import { root } from "./run-program.ts";

export interface TestFileResult {
  readonly file: string;
  readonly passed: number;
  /** One text for each failed test: file, name, then the reason. */
  readonly failures: readonly string[];
  /** Names of skipped and to-do tests. */
  readonly skipped: readonly string[];
  readonly ms: number;
}

interface Tally {
  passed: number;
  readonly failures: string[];
  readonly skipped: string[];
  readonly said: string[];
  ms: number;
  /** Whether the file told its own sums; one that dies or exits half way never does. */
  ended: boolean;
}

/** What the runner tells of one test; the fields that we read. */
interface TestEvent {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: { readonly duration_ms: number; readonly type?: string; readonly error?: Error };
}

/** A file that says nothing for so long is ended: 10 minutes, or 2 hours in a soak. */
const fileMsMax = process.env["SOAK"] === "1" ? 7_200_000 : 600_000;
const saidLinesShown = 60;

/** Runs test files, each in a process of its own, and prints one line for each as it ends. A file without a test is a failure. */
export async function runTestFiles(files: readonly string[], atOnce: number): Promise<readonly TestFileResult[]> {
  if (files.length === 0) return [];
  const tallies = new Map<string, Tally>(
    files.map((file) => [file, { passed: 0, failures: [], skipped: [], said: [], ms: 0, ended: false }]),
  );
  const stream = run({ files: files.map((file) => root + file), concurrency: atOnce, timeout: fileMsMax, cwd: root });
  const tallyOf = (file: string | undefined): Tally | undefined => tallies.get(relative(root, file ?? ""));
  for await (const { type, data } of stream) {
    if (type === "test:pass") notePass(tallyOf(data.file), data);
    else if (type === "test:fail") noteFailure(tallyOf(data.file), data);
    else if (type === "test:stdout" || type === "test:stderr") tallyOf(data.file)?.said.push(data.message);
    else if (type === "test:summary" && data.file !== undefined) noteEnd(tallyOf(data.file), relative(root, data.file), data.duration_ms);
  }
  for (const [file, { ended }] of tallies) if (!ended) console.log(`✖ ${file}  did not end by itself`);
  return [...tallies].map(([file, tally]) => resultOf(file, tally));
}

function notePass(tally: Tally | undefined, event: TestEvent): void {
  if (tally === undefined || isFile(event)) return;
  if (isSkipped(event)) tally.skipped.push(event.name);
  else if (event.details.type !== "suite") tally.passed += 1;
}

function noteFailure(tally: Tally | undefined, event: TestEvent): void {
  if (tally === undefined) return;
  if (isSkipped(event)) return void tally.skipped.push(event.name);
  const { error } = event.details;
  // A parent fails because its child did; the child has told the reason.
  const echoes = error !== undefined && "failureType" in error && error.failureType === "subtestsFailed";
  if (echoes || (isFile(event) && tally.failures.length > 0)) return;
  const cause = error?.cause ?? error;
  tally.failures.push(
    `${relative(root, event.file ?? "")}: ${isFile(event) ? "the file itself" : event.name}\n${inspect(cause, { depth: 6 })}`,
  );
}

function noteEnd(tally: Tally | undefined, file: string, ms: number): void {
  if (tally === undefined) return;
  tally.ms = ms;
  tally.ended = true;
  const { passed, failures, skipped } = resultOf(file, tally);
  const notes = `${failures.length > 0 ? `, ${failures.length} failed` : ""}${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`;
  console.log(`${failures.length === 0 ? "✔" : "✖"} ${file}  ${passed} passed${notes}  ${(ms / 1000).toFixed(1)} s`);
}

function resultOf(file: string, tally: Tally): TestFileResult {
  const { passed, skipped, said, ms } = tally;
  const failures = [...tally.failures];
  if (failures.length === 0 && (!tally.ended || passed + skipped.length === 0))
    failures.push(`${file}: the file has no test, or ended before its tests did`);
  if (failures.length > 0 && said.length > 0) {
    const last = said.join("").trimEnd().split("\n").slice(-saidLinesShown).join("\n");
    failures.push(`${failures.pop()}\n  the file said:\n${last}`);
  }
  return { file, passed, failures, skipped, ms };
}

function isSkipped({ skip, todo }: TestEvent): boolean {
  return (skip !== undefined && skip !== false) || (todo !== undefined && todo !== false);
}

/** The runner tells of a file as of a test whose name is the path. */
function isFile({ name, nesting, file }: TestEvent): boolean {
  return nesting === 0 && (name === file || name === relative(root, file ?? ""));
}
