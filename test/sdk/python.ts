import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { pythonPackages } from "../../scripts/sdk-tools.ts";
import type { Told } from "./clients.ts";

/** One call of the Python SDK. */
export interface PythonCall {
  readonly base: string;
  readonly token: string;
  readonly resource: "refunds" | "customers";
  readonly params: object;
  readonly key?: string;
}

const program = fileURLToPath(new URL("stripe_agent.py", import.meta.url));

/** Why the Python SDK cannot be run here, or null when it can. */
export function pythonMissing(): string | null {
  const { status } = spawnSync("python3", ["-c", "import stripe"], { env: environment(), timeout: 30_000 });
  return status === 0 ? null : "no python3 that can import stripe: run `npm run sdks:install`";
}

type Child = ChildProcessByStdio<Writable, Readable, null>;
let running: { readonly child: Child; readonly lines: AsyncIterator<string> } | null = null;

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PYTHONPATH: pythonPackages(process.env), PYTHONDONTWRITEBYTECODE: "1" };
}

/** Makes one call after the other in a process that is started once. */
export async function callPython(call: PythonCall): Promise<Told> {
  running ??= start();
  running.child.stdin.write(`${JSON.stringify(call)}\n`);
  const line = await running.lines.next();
  if (line.done === true) throw new Error("the Python SDK's process ended");
  return JSON.parse(line.value) as Told;
}

function start(): NonNullable<typeof running> {
  const child = spawn("python3", [program], { env: environment(), stdio: ["pipe", "pipe", "inherit"] });
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

/** Ends the process. */
export async function endPython(): Promise<void> {
  if (running === null) return;
  const { child } = running;
  running = null;
  child.stdin.end();
  await once(child, "close");
}
