import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { EFFECTS_FILE, readLogLines } from "../../examples/sandbox/effects-log.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sallyport-story-"));
const dataDir = join(folder, "data");
const env = {
  ...process.env,
  SALLYPORT_DATA: dataDir,
  PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"] ?? ""}`,
};
const startMsMax = 30_000;
const lastLine = "Ctrl-C ends the demo";

interface Told {
  readonly command: string;
  readonly expected: readonly string[];
}

let demo: ChildProcess;
let text = "";
let complaint = "";

before(async () => {
  demo = spawn("npm", ["start", "--silent", "--", "--agents-port", "0", "--people-port", "0"], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  demo.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
  demo.stderr?.on("data", (chunk: Buffer) => (complaint += chunk.toString("utf8")));
  const deadline = Date.now() + startMsMax;
  const ended = once(demo, "exit").then(() => "ended");
  while (!text.includes(lastLine)) {
    assert.ok(Date.now() < deadline, `the demo has not told its story: ${complaint}`);
    const next = await Promise.race([once(demo.stdout as NodeJS.ReadableStream, "data"), ended]);
    assert.notEqual(next, "ended", `the demo ended: ${complaint}`);
  }
});

after(async () => {
  const gone = demo.exitCode === null && demo.signalCode === null ? once(demo, "exit") : null;
  // npm starts a shell, which starts the gateway: all of them are this process group.
  if (demo.pid !== undefined && gone !== null) process.kill(-demo.pid, "SIGTERM");
  await gone;
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
});

describe("what npm start prints", () => {
  it("is ready within ten seconds, and says so", () => {
    const seconds = Number(/ready after ([0-9.]+) s/.exec(text)?.[1]);
    assert.ok(seconds > 0 && seconds < 10, `ready after ${seconds} s`);
  });

  it("comes true, command by command, as printed", async () => {
    const story = readStory(text);
    assert.ok(story.length >= 14, `${story.length} commands`);
    for (const { command, expected } of story) {
      const { output, code } = await runInShell(command);
      for (const piece of expected) assert.ok(output.includes(piece), `$ ${command}\nshould print ${piece}, and printed:\n${output}`);
      assert.equal(code, exitCodeFor(expected[0] ?? ""), `$ ${command}\n${output}`);
    }
  });

  it("had exactly the effects it tells of: two refunds, no reply, no deploy", () => {
    const done = readLogLines(join(dataDir, "sandbox", EFFECTS_FILE)).flatMap((line) =>
      "done" in line && line.effect !== null ? [line] : [],
    );
    assert.deepEqual(
      done.map(({ tenant, effect, answer }) => [tenant, effect?.kind, (answer as { amount?: number } | undefined)?.amount]),
      [
        ["acme_co", "refund", 500],
        ["acme_co", "refund", 50_000],
      ],
    );
  });
});

/** Every command is followed by the line of what to expect. */
function readStory(printed: string): readonly Told[] {
  const lines = printed.split("\n").map((line) => line.trim());
  return lines.flatMap((line, index) => {
    if (!line.startsWith("$ ")) return [];
    const next = lines[index + 1] ?? "";
    assert.ok(next.startsWith("→ "), `what does ${line} print?`);
    return [{ command: line.slice(2), expected: next.slice(2).split(" · ") }];
  });
}

function exitCodeFor(firstPiece: string): number {
  if (firstPiece.includes("HELD")) return 4;
  return firstPiece.includes("REFUSED") ? 1 : 0;
}

/** As a person in another terminal would: a plain shell, in the project's folder. */
async function runInShell(command: string): Promise<{ readonly output: string; readonly code: number | null }> {
  const child = spawn("sh", ["-c", command], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  const [code] = (await once(child, "close")) as [number | null];
  return { output, code };
}
