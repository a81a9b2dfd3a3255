import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { EffectKind } from "../../examples/sandbox/answers.ts";
import type { Tenant } from "../../examples/sandbox/books.ts";
import { type DoneLine, EFFECTS_FILE, type LogLine, type RequestLine, readLogLines } from "../../examples/sandbox/effects-log.ts";
import type { Fault } from "../../examples/sandbox/faults.ts";

export type { Fault } from "../../examples/sandbox/faults.ts";

/** Something that the sandbox did: its done line, whose effect is never null. */
export type DoneEffect = DoneLine & { readonly effect: NonNullable<DoneLine["effect"]> };

export interface SandboxOptions {
  /** Absent: a new temporary folder, removed by `stop` or at the latest when this process ends. A given one is never removed. */
  readonly dataDir?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** Default true; false means `--no-log-reads`, and then `requests` has no GET. */
  readonly logReads?: boolean;
  /** Default true; without it no faults can be set. */
  readonly control?: boolean;
  /** PEM files; with them the sandbox speaks HTTPS. */
  readonly tls?: { readonly keyFile: string; readonly certFile: string };
}

/** A running sandbox that tells what it really received and did, by its own synced file. */
export interface Referee {
  readonly url: string;
  readonly dataDir: string;
  readonly pid: number;
  /** Every request in the log so far, oldest first, refused and unreadable ones included. Works after `kill`, not after `stop` of an own folder. */
  requests(): readonly RequestLine[];
  /** The done effects so far, of one kind when asked so. */
  effects(kind?: EffectKind): readonly DoneEffect[];
  /** Polls until the log has a request that fits and answers it; rejects after `timeoutMs` (default 5,000). */
  waitForRequest(fits: (line: RequestLine) => boolean, timeoutMs?: number): Promise<RequestLine>;
  setFault(fault: Fault): Promise<void>;
  clearFaults(): Promise<void>;
  /** SIGTERM, then SIGKILL after 5 s; removes an own folder. Does nothing more when called again. */
  stop(): Promise<void>;
  /** SIGKILL at once; resolves when the process is gone. The folder stays for a `startSandbox({ dataDir })`. */
  kill(): Promise<void>;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const READY_MS_MAX = 20_000;
const STOP_MS_MAX = 5_000;
const POLL_MS = 5;
const serverFile = fileURLToPath(new URL("../../examples/sandbox/server.ts", import.meta.url));

/** Temporary folders of this process, removed when it ends. */
const ownFolders = new Set<string>();
process.once("exit", () => [...ownFolders].forEach(removeOwnFolder));

function removeOwnFolder(folder: string): void {
  if (ownFolders.delete(folder)) rmSync(folder, { recursive: true, force: true });
}

/** The headers with which the sandbox takes a request for this tenant. */
export function sandboxHeaders(tenant: Tenant): { authorization: string; "sandbox-account": string } {
  return { authorization: `Bearer sk_sandbox_${tenant}`, "sandbox-account": `acct_${tenant}` };
}

/** Starts a sandbox as a process of its own; resolves when it listens. It ends with this process whatever happens. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Referee> {
  const ownFolder = options.dataDir === undefined;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "sallyport-sandbox-"));
  if (ownFolder) ownFolders.add(dataDir);
  const child = spawnServer(dataDir, options);
  try {
    const url = await readReadyUrl(child);
    child.stderr.on("data", (chunk: Buffer) => process.stderr.write(chunk));
    // A test that forgets to stop the sandbox must still be able to end.
    for (const held of [child, child.stdin, child.stdout, child.stderr]) (held as unknown as { unref(): void }).unref();
    return buildReferee(child, url, dataDir);
  } catch (cause) {
    child.kill("SIGKILL");
    removeOwnFolder(dataDir);
    throw cause;
  }
}

function buildReferee(child: Child, url: string, dataDir: string): Referee {
  const lines = () => readLogLines(join(dataDir, EFFECTS_FILE));
  const requests = () => lines().filter((line): line is RequestLine => !("done" in line));
  return {
    url,
    dataDir,
    pid: child.pid ?? 0,
    requests,
    effects: (kind) => lines().filter((line): line is DoneEffect => isEffect(line, kind)),
    waitForRequest: (fits, timeoutMs = 5_000) => pollFor(() => requests().find(fits), timeoutMs),
    setFault: (fault) => askControl(url, "POST", fault),
    clearFaults: () => askControl(url, "DELETE", null),
    async stop() {
      await endChild(child, "SIGTERM");
      removeOwnFolder(dataDir);
    },
    kill: () => endChild(child, "SIGKILL"),
  };
}

function isEffect(line: LogLine, kind: EffectKind | undefined): boolean {
  return "done" in line && line.effect !== null && (kind === undefined || line.effect.kind === kind);
}

function spawnServer(dataDir: string, options: SandboxOptions): Child {
  const args = [serverFile, "--port", String(options.port ?? 0), "--data", dataDir, "--exit-with-parent"];
  if (options.control !== false) args.push("--control");
  if (options.logReads === false) args.push("--no-log-reads");
  if (options.tls !== undefined) args.push("--tls-key", options.tls.keyFile, "--tls-cert", options.tls.certFile);
  return spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
}

async function readReadyUrl(child: Child): Promise<string> {
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
  const ended = once(child, "exit").then(() => true);
  const deadline = Date.now() + READY_MS_MAX;
  while (!stdout.includes("\n")) {
    const over = await Promise.race([
      ended,
      once(child.stdout, "data").then(() => false),
      delay(deadline - Date.now(), true, { ref: false }),
    ]);
    if (over && !stdout.includes("\n")) throw new Error(`the sandbox did not start: ${stderr || "no word from it in time"}`);
  }
  const ready = JSON.parse(stdout) as { ready: boolean; url: string };
  if (!ready.ready) throw new Error("the sandbox said something else than ready");
  return ready.url;
}

async function endChild(child: Child, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const gone = once(child, "exit");
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
  await gone;
  clearTimeout(timer);
}

async function pollFor<Found>(look: () => Found | undefined, timeoutMs: number): Promise<Found> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`no such request reached the sandbox within ${timeoutMs} ms`);
    await delay(POLL_MS);
  }
}

/** Its own connection each time, and no look at the certificate: this is the test talking to its own child on loopback. */
function askControl(url: string, method: "POST" | "DELETE", fault: Fault | null): Promise<void> {
  const open = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = open(`${url}/_control/faults`, { method, agent: false, rejectUnauthorized: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
      response.on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`the sandbox refused the fault: ${text}`))));
    });
    request.on("error", reject);
    request.end(fault === null ? undefined : JSON.stringify(fault));
  });
}
