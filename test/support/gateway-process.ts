import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";

export interface GatewayProcessOptions {
  /** Absent: a new temporary folder, removed when this process ends. A given one is never removed. */
  readonly dataDir?: string;
  /** Upstream name → URL. Absent: as the route files say. */
  readonly upstreams?: Readonly<Record<string, string>>;
  /** `SALLYPORT_KILL_AT`, such as `before_socket_write:0`. */
  readonly killAt?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Default the demo's `config/gateway.yaml`. */
  readonly configFile?: string;
  /** Default 0: free ones. */
  readonly agentsPort?: number;
  readonly peoplePort?: number;
  /** The program's entry; it runs in the folder that holds it. Default this repository's `src/main.ts`, run in the root. */
  readonly program?: string;
}

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A gateway as a process of its own. */
export interface GatewayProcess {
  readonly agentsUrl: string;
  readonly peopleUrl: string;
  readonly dataDir: string;
  readonly pid: number;
  /** What the start found of the last run. */
  readonly recovered: { readonly unknown: number; readonly failed: number };
  /** Everything on standard error so far. */
  stderr(): string;
  /** Everything on standard output so far. */
  stdout(): string;
  /** Resolves when the process has ended, by whatever cause. */
  readonly ended: Promise<Ending>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<Ending>;
  /** SIGTERM: a drain. SIGKILL after 35 s. */
  stop(): Promise<Ending>;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

const readyMsMax = 30_000;
const stopMsMax = 35_000;
const root = fileURLToPath(new URL("../..", import.meta.url));

/** The processes and folders of this test run that are still there; nothing outlives it. */
const alive = new Set<Child>();
const ownFolders = new Set<string>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
  for (const folder of ownFolders) rmSync(folder, { recursive: true, force: true });
});

/** Starts `serve --dev` and resolves when it is ready; rejects with what it said when it ends first. */
export async function startGatewayProcess(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const dataDir = options.dataDir ?? makeOwnFolder();
  const child = spawnServe(dataDir, options);
  alive.add(child);
  let stderr = "";
  let stdout = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")));
  const ended: Promise<Ending> = once(child, "close").then(([code, signal]) => {
    alive.delete(child);
    return { code, signal };
  });
  const ready = await readReady(child, ended, () => stderr);
  // A test that forgets to stop the gateway must still be able to end.
  for (const held of [child, child.stdout, child.stderr]) (held as unknown as { unref(): void }).unref();
  return {
    agentsUrl: ready.agents_url,
    peopleUrl: ready.people_url,
    dataDir,
    pid: child.pid ?? 0,
    recovered: ready.recovered,
    stderr: () => stderr,
    stdout: () => stdout,
    ended,
    kill: () => end(child, ended, "SIGKILL"),
    stop: () => end(child, ended, "SIGTERM"),
  };
}

function makeOwnFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-data-"));
  ownFolders.add(folder);
  return folder;
}

function spawnServe(dataDir: string, options: GatewayProcessOptions): Child {
  const { agentsPort = 0, peoplePort = 0, configFile = join(root, "config", "gateway.yaml"), upstreams = {} } = options;
  const ports = ["--agents-port", String(agentsPort), "--people-port", String(peoplePort)];
  const overrides = Object.entries(upstreams).flatMap(([name, url]) => ["--upstream", `${name}=${url}`]);
  const args = ["serve", "--dev", "--json", "--config", configFile, "--data", dataDir, ...ports, ...overrides];
  const env = { ...process.env, ...options.env, ...(options.killAt === undefined ? {} : { SALLYPORT_KILL_AT: options.killAt }) };
  const { program = join(root, "src", "main.ts") } = options;
  return spawn(process.execPath, [program, ...args], {
    cwd: options.program === undefined ? root : dirname(program),
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

interface Ready {
  readonly agents_url: string;
  readonly people_url: string;
  readonly recovered: GatewayProcess["recovered"];
}

function readReady(child: Child, ended: Promise<Ending>, stderr: () => string): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`the gateway is not ready after ${readyMsMax} ms: ${stderr()}`));
    }, readyMsMax);
    let stdout = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString("utf8");
      if (!stdout.includes("\n")) return;
      clearTimeout(timer);
      resolve(JSON.parse(stdout.slice(0, stdout.indexOf("\n"))) as Ready);
    });
    void ended.then(({ code, signal }) => {
      clearTimeout(timer);
      reject(new Error(`the gateway ended with ${signal ?? code} before it was ready: ${stderr()}`));
    });
  });
}

async function end(child: Child, ended: Promise<Ending>, signal: NodeJS.Signals): Promise<Ending> {
  if (child.exitCode !== null || child.signalCode !== null) return ended;
  child.ref();
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
  const ending = await ended;
  clearTimeout(timer);
  return ending;
}
