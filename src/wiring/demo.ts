import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { RunningSandbox } from "../edges/cli/wirings.ts";
import { openDatabase } from "../stores/sqlite/database.ts";
import { programFolder } from "./program-folder.ts";

/** A folder with this file was made by a demo, so a demo may empty it. */
const markerName = ".sallyport-demo";
const markerText =
  "A demo of sallyport made this folder. `sallyport serve --demo` empties it at each start, unless it is told to --keep it.\n";
const usualPort = 9900;
const stopMsMax = 5_000;
const upstreamNames = ["payments", "tickets", "deploys"];

/** Empties a demo's data folder, or only marks a new one. Answers why not, when the folder is not a demo's or another process is using it. */
export async function prepareDemoData(dataDir: string, keep: boolean): Promise<string | null> {
  const names = existsSync(dataDir) ? readdirSync(dataDir) : [];
  if (names.length > 0 && !names.includes(markerName)) {
    return keep ? null : `${dataDir} was not made by a demo, so it is not emptied`;
  }
  if (isInUse(join(dataDir, "sallyport.db"))) return `another gateway is using ${dataDir}`;
  if (!keep) for (const name of names) rmSync(join(dataDir, name), { recursive: true, force: true });
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(join(dataDir, markerName), markerText);
  return null;
}

/** The store is taken by one process alone, so opening it is the one test that cannot be wrong. */
function isInUse(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    openDatabase(file).close();
    return false;
  } catch (error) {
    return /locked|busy|another process/i.test(String(error));
  }
}

/** Starts the sandbox on its usual port, or a free one when that is taken. It ends with this process, whatever happens. */
export async function startSandbox(dataDir: string): Promise<RunningSandbox> {
  const folder = join(dataDir, "sandbox");
  try {
    return await startOn(usualPort, folder);
  } catch {
    return startOn(0, folder);
  }
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

async function startOn(port: number, folder: string): Promise<RunningSandbox> {
  const server = join(programFolder(), "examples", "sandbox", "server.ts");
  // A process group of its own: Ctrl-C reaches the gateway alone, which still needs the sandbox for the calls on their way.
  const child = spawn(process.execPath, [server, "--port", String(port), "--data", folder, "--exit-with-parent"], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  const url = await readReadyUrl(child);
  child.stderr.on("data", (chunk: Buffer) => process.stderr.write(chunk));
  let stopping = false;
  child.once("exit", (code) => {
    if (!stopping) process.stderr.write(`the sandbox has ended by itself (exit code ${code}): calls will fail until the next start\n`);
  });
  return {
    url,
    upstreams: Object.fromEntries(upstreamNames.map((name) => [name, url])),
    stop() {
      stopping = true;
      return stopChild(child);
    },
  };
}

/** The sandbox says in one line of JSON where it listens. */
async function readReadyUrl(child: Child): Promise<string> {
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString("utf8")));
  return new Promise((resolve, reject) => {
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString("utf8");
      if (out.includes("\n")) resolve((JSON.parse(out) as { readonly url: string }).url);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`the sandbox does not start: ${complaint.split("\n")[0] ?? ""}`)));
  });
}

async function stopChild(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
  await gone;
  clearTimeout(timer);
}
