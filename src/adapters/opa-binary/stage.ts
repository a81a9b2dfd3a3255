import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse as parseYaml } from "yaml";
import { factName, placeOf } from "../../rules/policy-files.ts";
import { findUnfit } from "../../rules/policy-input.ts";
import { policyInputSchema } from "../../rules/policy-input-schema.ts";
import type { Opa } from "./find-opa.ts";

/** What one run of opa gave. `output` is both streams, for people. */
export interface OpaRun {
  readonly ok: boolean;
  readonly stdout: string;
  readonly output: string;
}

/** A policies folder laid out as opa wants it, in a folder of its own that exists as long as the work on it. */
export interface Stage {
  /** Below it: `root/` (sources and facts), `capabilities.json`, `schema.json`. */
  readonly folder: string;
  /** Runs opa in `root/`, so that its messages name files as people know them. At most 2 minutes. */
  run(args: readonly string[]): OpaRun;
}

/** Lays the files out, does the work, and removes them again. Tests are laid out only when asked. A fact that cannot be read is an answer. */
export function withStage<Result>(
  opa: Opa,
  files: ReadonlyMap<string, Uint8Array>,
  tests: "tests" | "no tests",
  work: (stage: Stage) => Result,
): Result | readonly string[] {
  const facts = readFacts(files);
  if (Array.isArray(facts)) return facts as readonly string[];
  const folder = mkdtempSync(join(tmpdir(), "sallyport-policy-"));
  try {
    const put = (path: string, content: string | Uint8Array): void => {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    };
    for (const [path, bytes] of files) {
      const place = placeOf(path);
      if (place === "rego" || (place === "test" && tests === "tests")) put(`root/${path}`, bytes);
      if (place === "capabilities") put("capabilities.json", bytes);
    }
    put("root/facts/data.json", JSON.stringify(facts));
    put("schema.json", JSON.stringify(policyInputSchema));
    return work({ folder, run: (args) => runOpa(opa, args, join(folder, "root")) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function runOpa(opa: Opa, args: readonly string[], cwd: string): OpaRun {
  const run = spawnSync(opa.path, args, { cwd, encoding: "utf8", timeout: 120_000, maxBuffer: 64 * 1024 * 1024 });
  const output = `${run.stderr}${run.stdout}${run.error === undefined ? "" : run.error.message}`.trim();
  return { ok: run.status === 0, stdout: run.stdout, output };
}

/** The facts by name, or what is wrong with their files. */
function readFacts(files: ReadonlyMap<string, Uint8Array>): Readonly<Record<string, unknown>> | readonly string[] {
  const facts = new Map<string, unknown>();
  const faults: string[] = [];
  for (const [path, bytes] of files) {
    const name = factName(path);
    if (name === null) continue;
    const value = readFact(path, bytes);
    if (facts.has(name)) faults.push(`${path}: data.facts.${name} has two files`);
    if (value === undefined) faults.push(`${path}: not one JSON or YAML document with each key once and exact numbers`);
    facts.set(name, value);
  }
  return faults.length > 0 ? faults : Object.fromEntries(facts);
}

/** JSON is read as the YAML it also is, because that reader refuses a key that stands twice. */
function readFact(path: string, bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (path.endsWith(".json")) JSON.parse(text);
    const value: unknown = parseYaml(text, { version: "1.2", uniqueKeys: true, strict: true, maxAliasCount: 100 });
    return value === undefined || findUnfit(value) !== null ? undefined : value;
  } catch {
    return undefined;
  }
}
