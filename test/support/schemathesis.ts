import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { schemathesisPackages } from "../../scripts/sdk-tools.ts";

export interface SchemathesisOptions {
  /** Of the document; its routes are asked where it says they are. */
  readonly url: string;
  /** TOML. It may name `${VARIABLES}` of `env`. */
  readonly config: string;
  readonly env: Readonly<Record<string, string>>;
  /** Made-up requests for each route, beside those that cover the document's limits. */
  readonly examplesMax: number;
  readonly seed: number;
}

export interface SchemathesisRun {
  readonly code: number | null;
  readonly output: string;
  /** Requests that were made up. */
  readonly cases: number;
  /** Routes that were asked. */
  readonly operations: number;
}

/** Why it cannot be run here, or null when it can. */
export function schemathesisMissing(): string | null {
  const { status } = spawnSync("python3", ["-c", "import schemathesis.cli"], { env: environment({}), timeout: 60_000 });
  return status === 0 ? null : "no python3 that can import schemathesis: run `npm run sdks:install`";
}

function environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONPATH: schemathesisPackages(process.env), PYTHONDONTWRITEBYTECODE: "1", ...more };
}

/** Asks every route of a document with requests made from it, and judges the answers by it. At most 20 minutes. */
export async function runSchemathesis({ url, config, env, examplesMax, seed }: SchemathesisOptions): Promise<SchemathesisRun> {
  // It keeps what it has learnt in the folder it runs in.
  const folder = mkdtempSync(join(tmpdir(), "sallyport-schemathesis-"));
  writeFileSync(join(folder, "schemathesis.toml"), config);
  const args = ["-c", "from schemathesis.cli import schemathesis; schemathesis()", "run", url];
  const bounds = ["--max-examples", String(examplesMax), "--seed", String(seed), "--no-color", "--continue-on-failure"];
  const child = spawn("python3", [...args, ...bounds], {
    cwd: folder,
    env: environment(env),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 1_200_000,
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  const [code] = (await once(child, "close")) as [number | null];
  rmSync(folder, { recursive: true, force: true });
  const count = (pattern: RegExp): number => Number(pattern.exec(output)?.[1]?.replaceAll(",", "") ?? 0);
  return { code, output, cases: count(/([\d,]+) generated/), operations: count(/Tested: ([\d,]+)/) };
}
