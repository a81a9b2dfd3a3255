import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { GatewayConfig } from "../../config/gateway.ts";
import { formatProblem } from "../../config/problems.ts";
import { readConfiguration } from "../../config/read.ts";
import { askedDataDir, type Context, configFileOf, endpointsFile, type PlaceOptions, set } from "./context.ts";
import { type CommandFailed, type ExitCode, exitCodes, refused, usage } from "./failure.ts";
import { printStory } from "./story.ts";
import type { RunningGateway, RunningSandbox, ServeOptions } from "./wirings.ts";

export interface ServeFlags extends PlaceOptions {
  readonly dev?: boolean;
  readonly demo?: boolean;
  readonly keep?: boolean;
  readonly json?: boolean;
  readonly agentsPort?: number;
  readonly peoplePort?: number;
  readonly upstream?: Readonly<Record<string, string>>;
}

/** What a gateway takes to close beyond its drain limit: writing to the store, at most. */
const closeMsMax = 5_000;
/** One Ctrl-C arrives twice when npm or the launcher hands it on too; what comes so soon is not a second one. */
const sameSignalMs = 1_000;

/** Runs a gateway until it is told to stop. */
export async function serve(context: Context, flags: ServeFlags): Promise<ExitCode> {
  checkFlags(context, flags);
  const configFile = configFileOf(context, flags);
  const config = readConfig(configFile, flags);
  await checkPolicies(context, config);
  const dataDir = askedDataDir(context, flags) ?? config.dataDir;
  const sandbox = flags.demo === true ? await startDemo(context, dataDir, flags.keep === true) : null;
  try {
    const gateway = await open(context, serveOptions(context, flags, configFile, dataDir, sandbox));
    return await run(context, flags, gateway, sandbox, config.limits.drainMs);
  } finally {
    await sandbox?.stop();
  }
}

function checkFlags({ env }: Context, flags: ServeFlags): void {
  if (flags.dev === true) return;
  if (flags.demo === true) throw usage("--demo needs --dev", "its tokens come from the development issuer");
  if (flags.upstream !== undefined) throw usage("--upstream needs --dev", "in production the route files name the upstreams");
  if (set(env["SALLYPORT_KILL_AT"]) !== undefined) throw usage("SALLYPORT_KILL_AT needs --dev", "unset it");
}

function readConfig(configFile: string, flags: ServeFlags): GatewayConfig {
  if (!existsSync(configFile))
    throw refused(`there is no configuration ${configFile}`, "run this in the project's folder, or name the file with --config");
  const read = readConfiguration(configFile, {
    dev: flags.dev === true,
    ...(flags.upstream === undefined ? {} : { upstreams: flags.upstream }),
  });
  if (read.ok) return read.gateway;
  const problems = read.problems.length === 1 ? "one problem" : `${read.problems.length} problems`;
  throw refused(`the configuration has ${problems}, so the gateway does not start`, null, read.problems.map(formatProblem));
}

async function checkPolicies({ wirings }: Context, config: GatewayConfig): Promise<void> {
  const { faults, stale } = await (await wirings.offline()).checkBundle(config.policiesDir, config.bundleFile);
  const [first, ...rest] = faults;
  if (first !== undefined) throw refused(first, "run `bin/sallyport policy build`", rest);
  if (stale.length > 0) {
    throw refused(
      `the policy bundle is not what these sources in ${config.policiesDir} give, so the gateway does not start`,
      "run `bin/sallyport policy build` (needs opa: `bin/sallyport opa install`), or take your changes back",
      stale,
    );
  }
}

async function startDemo({ wirings }: Context, dataDir: string, keep: boolean): Promise<RunningSandbox> {
  const offline = await wirings.offline();
  const unfit = await offline.prepareDemoData(dataDir, keep);
  if (unfit === null) return offline.startSandbox(dataDir);
  throw refused(
    unfit,
    unfit.includes("another gateway") ? inUseHint : "name another folder with --data, or go on with what is in it with --keep",
  );
}

function serveOptions(
  context: Context,
  flags: ServeFlags,
  configFile: string,
  dataDir: string,
  sandbox: RunningSandbox | null,
): ServeOptions {
  const upstreams = { ...sandbox?.upstreams, ...flags.upstream };
  const killAt = set(context.env["SALLYPORT_KILL_AT"]);
  return {
    configFile,
    dev: flags.dev === true,
    dataDir,
    ...(flags.agentsPort === undefined ? {} : { agentsPort: flags.agentsPort }),
    ...(flags.peoplePort === undefined ? {} : { peoplePort: flags.peoplePort }),
    ...(Object.keys(upstreams).length === 0 ? {} : { upstreams }),
    ...(killAt === undefined ? {} : { killAt }),
  };
}

const inUseHint = "stop the other one, or name another folder with --data";

async function open(context: Context, options: ServeOptions): Promise<RunningGateway> {
  try {
    return await context.wirings.openGateway(options);
  } catch (error) {
    throw explainStart(options, error);
  }
}

/** What kept the gateway from starting, in the words of the person who started it. */
function explainStart(options: ServeOptions, error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, port } = error as Error & { readonly code?: string; readonly port?: number };
  if (code === "EADDRINUSE") {
    return refused(
      `port ${port} is taken by another program`,
      "stop it, or take other ports with --agents-port N and --people-port N (0: any free one)",
    );
  }
  if (/database is locked|another process has the store/.test(error.message))
    return refused(`another gateway is using ${options.dataDir}`, inUseHint);
  if (error.name === "StartRefused") {
    const { details = [] } = error as Error & { readonly details?: readonly string[] };
    return refused(error.message, null, details);
  }
  return refused(`the gateway does not start: ${error.message}`) satisfies CommandFailed;
}

async function run(
  context: Context,
  flags: ServeFlags,
  gateway: RunningGateway,
  sandbox: RunningSandbox | null,
  drainMs: number,
): Promise<ExitCode> {
  const stopped = waitForSignal();
  const file = endpointsFile(gateway.dataDir);
  const { agentsUrl, peopleUrl } = gateway;
  if (flags.dev === true) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${JSON.stringify({ agentsUrl, peopleUrl, pid: process.pid })}\n`);
  }
  if (flags.json === true) printReadyLine(context, gateway);
  else printReady(context, flags, gateway, sandbox);
  await stopped;
  context.warn("stopping: no new calls, those on their way are waited for; once more ends at once");
  // Taken away before the store is released: after that, another gateway may have written its own.
  if (flags.dev === true) rmSync(file, { force: true });
  const done = await drain(gateway, drainMs);
  if (done) return exitCodes.done;
  context.warn("stopped before every call had its outcome; what was on its way is settled at the next start");
  return exitCodes.refused;
}

function printReadyLine({ printJson }: Context, { agentsUrl, peopleUrl, dataDir, recovered }: RunningGateway): void {
  printJson({ ready: true, agents_url: agentsUrl, people_url: peopleUrl, data_dir: dataDir, pid: process.pid, recovered });
}

function printReady(context: Context, flags: ServeFlags, gateway: RunningGateway, sandbox: RunningSandbox | null): void {
  const { print } = context;
  const { unknown, failed } = gateway.recovered;
  print(
    `sallyport is ready after ${process.uptime().toFixed(1)} s${flags.dev === true ? ", in development: it mints its own tokens, for this machine only" : ""}`,
  );
  print(`  agents   ${gateway.agentsUrl}`);
  print(`  people   ${gateway.peopleUrl}`);
  if (sandbox !== null) print(`  sandbox  ${sandbox.url}   (payments, tickets and deploys of made-up tenants)`);
  print(`  data     ${gateway.dataDir}`);
  if (unknown + failed > 0)
    print(
      `  from the last run: ${unknown} calls with an unknown outcome (\`sallyport calls list --state unknown\`), ${failed} reads failed`,
    );
  if (sandbox !== null) printStory(print, askedDataDir(context, flags) === undefined ? null : gateway.dataDir);
}

/** Resolves at the first signal after a time; earlier ones are swallowed. */
function waitForSignal(fromMs = 0): Promise<void> {
  return new Promise((resolve) => {
    const take = (): void => {
      if (Date.now() >= fromMs) resolve();
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, take);
  });
}

/** Closes the gateway; false when calls were still on their way at its drain limit, or a second signal came. */
async function drain(gateway: RunningGateway, drainMs: number): Promise<boolean> {
  const startedMs = performance.now();
  const late = new Promise<false>((resolve) => setTimeout(() => resolve(false), drainMs + closeMsMax).unref());
  const again = waitForSignal(Date.now() + sameSignalMs).then(() => false);
  const closed = gateway.close().then(() => performance.now() - startedMs < drainMs);
  return Promise.race([closed, late, again]);
}
