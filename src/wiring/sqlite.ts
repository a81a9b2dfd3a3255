import { type Checkpoints, openCheckpoints } from "../adapters/checkpoints/index.ts";
import { openMemoryNotices } from "../adapters/memory/notices.ts";
import { openStopsView } from "../adapters/memory/stops-view.ts";
import { randomIds, systemClock } from "../adapters/memory/system.ts";
import { openPayloadCipher } from "../adapters/payload-cipher/index.ts";
import { openMemoryRates } from "../adapters/rates/memory-rates.ts";
import { type Metrics, openMetrics } from "../adapters/telemetry/metrics.ts";
import { openUpstreams } from "../adapters/upstream/upstreams.ts";
import type { ControlPorts } from "../control/ports.ts";
import type { Clock } from "../ports/clock.ts";
import { compareWithHead } from "../rules/checkpoint-note.ts";
import { openSqliteStore, type SqliteStore } from "../stores/sqlite/index.ts";
import { ledgerName, placesIn } from "./data-folder.ts";
import { loadRevocations, observeIdentity, openIdentity } from "./identity.ts";
import { type KillAt, killReacher } from "./kill-points.ts";
import { openListeners } from "./listeners.ts";
import { createLog, type Log } from "./log.ts";
import { startDuties } from "./run-duties.ts";
import { readSetup, type Setup } from "./setup.ts";
import { StartRefused } from "./start-refused.ts";
import { createUnsettled } from "./unsettled.ts";

export interface GatewayOptions {
  readonly configFile: string;
  /** Adds the development issuer; loopback only. */
  readonly dev: boolean;
  /** The rest overrides what is configured, for the demo and for tests. */
  readonly dataDir?: string;
  readonly agentsPort?: number;
  readonly peoplePort?: number;
  readonly upstreams?: Readonly<Record<string, string>>;
  readonly killAt?: KillAt | null;
  readonly clock?: Clock;
  readonly logLevel?: string;
}

export interface Gateway {
  readonly agentsUrl: string;
  readonly peopleUrl: string;
  readonly dataDir: string;
  /** Calls that a crash had left on their way. */
  readonly recovered: { readonly unknown: number; readonly failed: number };
  readonly ports: ControlPorts;
  /** Takes no new calls, waits for those on their way, and releases the store. */
  close(): Promise<void>;
}

/** A whole gateway on one SQLite file. Rejects with `StartRefused` when anything that was configured cannot be enforced. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const metrics = openMetrics();
  const log = createLog(options.logLevel ?? "info", metrics.countFault);
  // Everything that is written from here on is for this user alone, whatever the folder allows.
  process.umask(0o077);
  const setup = readSetup(options, log.onFault);
  const store = await openStore(setup, options, log.onFault);
  try {
    return await openOn(store, setup, options, metrics, log);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function openOn(store: SqliteStore, setup: Setup, options: GatewayOptions, metrics: Metrics, log: Log): Promise<Gateway> {
  const { ports, identity, stopsAgeMs, unsettledCount, recovered } = await openPorts(setup, options, store, log.onFault);
  metrics.observe("sallyport_unsettled_outcomes", "Outcomes that could not be written yet.", unsettledCount);
  observeIdentity(metrics, identity, ports.clock);
  metrics.observe("sallyport_stops_age_ms", "Milliseconds since the stops were last read.", stopsAgeMs);
  const listeners = await openListeners({ ports, setup, options, metrics, stopsAgeMs, live: log.live }).catch(async (error: unknown) => {
    await ports.upstreams.close();
    throw error;
  });
  const timers = startDuties(ports);
  return {
    ...listeners.urls,
    dataDir: setup.dataDir,
    recovered,
    ports,
    async close() {
      const { drainMs } = setup.gateway.limits;
      const untilMs = performance.now() + drainMs;
      await listeners.drain(untilMs);
      await timers.stop();
      // What is still with an upstream when the time is over stays as it is on record; the next start settles it.
      await within(untilMs, Promise.all(ports.executing.values()));
      await leaveNothing(ports, log.onFault);
      await within(untilMs, ports.upstreams.close());
      await store.close();
    },
  };
}

/** Nothing is read then; a duty needs a rhythm all the same. */
const revocationsPollMsWithoutList = 60_000;

type OnFault = ControlPorts["onFault"];

function openStore({ dataDir, gateway }: Setup, { killAt = null }: GatewayOptions, onFault: OnFault): Promise<SqliteStore> {
  const onDeath = (error: Error): void => onFault("", new Error("the store's writer has ended", { cause: error }));
  const file = placesIn(dataDir).store;
  return openSqliteStore({ file, killAt, queueMax: gateway.limits.queueMax, queueWaitMsMax: 2000, onDeath }).catch((error: unknown) => {
    const locked = String(error).includes("locked");
    throw new StartRefused(locked ? `another process has the store ${file}` : `the store ${file} cannot be opened: ${String(error)}`, [], {
      cause: error,
    });
  });
}

async function openPorts(setup: Setup, options: GatewayOptions, store: SqliteStore, onFault: OnFault) {
  const { gateway, catalogue, policy } = setup;
  const { payloadKey, payloadKeys } = placesIn(setup.dataDir);
  const clock = options.clock ?? systemClock;
  const killAt = options.killAt ?? null;
  const recovered = await store.calls.recover(clock.nowMs());
  const stops = openStopsView(store.stops, clock, gateway.stops.staleAfterMs);
  await stops.refresh();
  const unsettled = createUnsettled(onFault);
  const checkpoints = await openEvidence(setup, options, store);
  const identity = openIdentity(setup);
  await loadRevocations(identity, clock.nowMs());
  // Told, and no reason not to start: an issuer may come later, and until then its tokens are 503.
  for (const trouble of await identity.troubles(clock.nowMs())) onFault("", new Error(trouble));
  const ports: ControlPorts = {
    tokens: identity.tokens,
    people: identity.people,
    runTokens: identity.runTokens,
    runLimits: gateway.runs,
    catalogue: () => catalogue,
    policy: () => policy,
    calls: store.calls,
    runs: store.runs,
    stopStore: store.stops,
    ledger: store.ledger,
    cipher: openPayloadCipher({ keyFile: payloadKey, dir: payloadKeys, generate: options.dev }),
    stops,
    rates: openMemoryRates(),
    upstreams: openUpstreams({ upstreams: catalogue.mounts.map((mount) => mount.upstream) }),
    notices: openMemoryNotices(),
    clock,
    ids: randomIds,
    reach: killReacher(killAt),
    settings: {
      policyZone: gateway.policyZone,
      startWithinMs: 5000,
      openHoldsMax: { agent: gateway.limits.openHoldsPerAgentMax, run: gateway.limits.openHoldsPerRunMax },
    },
    revocations: identity.revocations,
    revocationsPollMs: gateway.revocations?.pollMs ?? revocationsPollMsWithoutList,
    stopsPollMs: gateway.stops.pollMs,
    payloadsKeptMs: gateway.retention.payloadsMs,
    executing: new Map(),
    onUnsettled: unsettled.add,
    retryUnsettled: unsettled.retry,
    onFault,
    publishCheckpoint: async () => checkpoints.publish(await store.ledger.head(), clock.nowMs()),
  };
  return { ports, recovered, identity, stopsAgeMs: stops.ageMs, unsettledCount: unsettled.count };
}

/** The checkpoint folder. A ledger that is behind or beside what was signed last was cut, restored or forked: nothing may have an effect on top of it. */
async function openEvidence({ dataDir }: Setup, { dev }: GatewayOptions, store: SqliteStore): Promise<Checkpoints> {
  const hashAt = async (seq: number): Promise<string | null> => (await store.ledger.read(seq, 1))[0]?.hash ?? null;
  const { checkpoints: dir, checkpointKey } = placesIn(dataDir);
  const checkpoints = await openCheckpoints({
    dir,
    keyFile: checkpointKey,
    name: ledgerName,
    generateKey: dev,
    hashAt,
  });
  const last = checkpoints.last();
  const standing = compareWithHead(last, await store.ledger.head(), last === null ? null : await hashAt(last.size));
  if (standing === "equal" || standing === "ahead") return checkpoints;
  throw new StartRefused(
    `the ledger does not continue the last checkpoint in ${dir} (${standing}): restore the newest store, then start again`,
    [],
  );
}

/** Waits for this, and no longer than until this moment of the monotonic clock. */
async function within(untilMs: number, waited: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, Math.max(0, untilMs - performance.now()))));
  await Promise.race([waited, late]);
  clearTimeout(timer);
}

/** Writes what is still to be written. Whatever fails here is found again at the next start. */
async function leaveNothing(ports: ControlPorts, onFault: OnFault): Promise<void> {
  try {
    await ports.retryUnsettled();
    await ports.publishCheckpoint();
  } catch (error) {
    onFault("", error);
  }
}
