import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const startMsMax = 30_000;
const lastLine = "Ctrl-C ends the demo";

/** A real `npm start` on free ports and a data folder of its own. */
export interface Demo {
  /** What it printed until its story was told. */
  readonly text: string;
  readonly dataDir: string;
  /** Runs a command as a person in another terminal would: a plain shell, in the project's folder. */
  run(command: string): Promise<{ readonly output: string; readonly code: number | null }>;
  stop(): Promise<void>;
}

/** A command, and the pieces that its output must hold. */
export interface Told {
  readonly command: string;
  readonly expected: readonly string[];
}

/** Starts the demo and waits until it has told its story. */
export async function startDemo(): Promise<Demo> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-demo-"));
  const dataDir = join(folder, "data");
  const env = {
    ...process.env,
    SALLYPORT_DATA: dataDir,
    PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"] ?? ""}`,
  };
  const args = ["start", "--silent", "--", "--agents-port", "0", "--people-port", "0"];
  const npm = spawn("npm", args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  return {
    text: await readUntilTold(npm),
    dataDir,
    run: (command) => runInShell(command, env),
    async stop() {
      const gone = npm.exitCode === null && npm.signalCode === null ? once(npm, "exit") : null;
      // npm starts a shell, which starts the gateway: all of them are this process group.
      if (npm.pid !== undefined && gone !== null) process.kill(-npm.pid, "SIGTERM");
      await gone;
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

async function readUntilTold(npm: ChildProcess): Promise<string> {
  let text = "";
  let complaint = "";
  npm.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
  npm.stderr?.on("data", (chunk: Buffer) => (complaint += chunk.toString("utf8")));
  const deadline = Date.now() + startMsMax;
  const ended = once(npm, "exit").then(() => "ended");
  while (!text.includes(lastLine)) {
    assert.ok(Date.now() < deadline, `the demo has not told its story: ${complaint}`);
    const next = await Promise.race([once(npm.stdout as NodeJS.ReadableStream, "data"), ended]);
    assert.notEqual(next, "ended", `the demo ended: ${complaint}`);
  }
  return text;
}

async function runInShell(command: string, env: NodeJS.ProcessEnv): Promise<{ readonly output: string; readonly code: number | null }> {
  const child = spawn("sh", ["-c", command], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  const [code] = (await once(child, "close")) as [number | null];
  return { output, code };
}

/** Every `$` line of a text, with the `→` line behind it that says what to expect. */
export function readTold(printed: string): readonly Told[] {
  const lines = printed.split("\n").map((line) => line.trim());
  return lines.flatMap((line, index) => {
    if (!line.startsWith("$ ")) return [];
    const next = lines[index + 1] ?? "";
    assert.ok(next.startsWith("→ "), `what does ${line} print?`);
    return [{ command: line.slice(2), expected: next.slice(2).split(" · ") }];
  });
}

/** Runs told commands in their order, and compares what they print and how they exit: 4 for held, 1 for refused, else 0. */
export async function comesTrue(demo: Demo, told: readonly Told[]): Promise<void> {
  for (const { command, expected } of told) {
    const { output, code } = await demo.run(command);
    for (const piece of expected) assert.ok(output.includes(piece), `$ ${command}\nshould print ${piece}, and printed:\n${output}`);
    const [first = ""] = expected;
    assert.equal(code, first.includes("HELD") ? 4 : first.includes("REFUSED") ? 1 : 0, `$ ${command}\n${output}`);
  }
}
