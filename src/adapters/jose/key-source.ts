import { isDenial } from "../../rules/denial.ts";
import { readJsonObject } from "../../rules/strict-json.ts";
import type { Issuer, JwksPlace } from "./issuer.ts";
import { importKeySet, type KeySet } from "./key-set.ts";
import { fileLoader, type LoadDocument, urlLoader } from "./load-document.ts";

/** How long a key set is believed. All in milliseconds. */
export interface KeyTimes {
  /** One fetch, in all. Default 5,000. */
  readonly timeoutMs: number;
  /** At most one fetch in this time, whatever tokens ask for. Default 30,000 for a URL, 1,000 for a file. */
  readonly cooldownMs: number;
  /** A set older than this is fetched again before it is used. Default 600,000 for a URL, 1,000 for a file. */
  readonly maxAgeMs: number;
  /** While fetching fails, the last good set is used until it is this old, then nothing verifies. Default: the issuer's. */
  readonly staleMs: number;
  /** Wait after a failed fetch when there is no usable set at all. Default 5,000 for a URL, 1,000 for a file. */
  readonly retryMs: number;
}

/** What a source did so far, for metrics and for people who ask why a token is refused. */
export interface KeySourceReport {
  readonly issuer: string;
  readonly fetches: number;
  readonly failures: number;
  /** Why the last fetch failed, null when it did not. */
  readonly lastFailure: string | null;
  /** Keys of the last good set that are left out, one sentence each. */
  readonly refusedKeys: readonly string[];
}

/** One issuer's keys. The methods never reject; null means that no set young enough can be had. */
export interface KeySource {
  /** The set now in force if no fetch is due, without waiting. */
  fresh(nowMs: number): KeySet | null;
  /** The set in force, fetched first when that is due. */
  current(nowMs: number): Promise<KeySet | null>;
  /** Asks again because a token names a key that is not in the set; within the cooldown it answers what there is. */
  renewed(nowMs: number): Promise<KeySet | null>;
  /** Whether the last fetch failed. */
  failing(): boolean;
  report(): KeySourceReport;
}

const urlTimes = { timeoutMs: 5_000, cooldownMs: 30_000, maxAgeMs: 600_000, retryMs: 5_000 };
const fileTimes = { timeoutMs: 5_000, cooldownMs: 1_000, maxAgeMs: 1_000, retryMs: 1_000 };
const accept = "application/jwk-set+json, application/json";
const never = Number.POSITIVE_INFINITY;
const fixedTimes: KeyTimes = { timeoutMs: 5_000, cooldownMs: never, maxAgeMs: never, staleMs: never, retryMs: never };

/** Largest key set read: 1 MiB. */
export const jwksBytesMax = 1_048_576;

/** Opens the keys of an issuer. Nothing is fetched before somebody asks. */
export function openKeySource(issuer: Issuer, changes: Partial<KeyTimes>): KeySource {
  const times = timesOf(issuer, changes);
  const load = loaderOf(issuer.jwks, times);
  const state: SourceState = {
    set: null,
    text: null,
    loadedAtMs: 0,
    triedAtMs: null,
    failure: null,
    fetches: 0,
    failures: 0,
    running: null,
  };
  const fetchOnce = (nowMs: number): Promise<void> => {
    state.running ??= fetchSet(state, load, issuer, nowMs).finally(() => {
      state.running = null;
    });
    return state.running;
  };
  const usable = (nowMs: number): KeySet | null => (since(state.loadedAtMs, nowMs) < times.staleMs ? state.set : null);
  return {
    fresh: (nowMs) => (since(state.loadedAtMs, nowMs) < times.maxAgeMs ? state.set : null),
    current: async (nowMs) => {
      if (!isDue(state, times, nowMs)) return usable(nowMs);
      const fetched = fetchOnce(nowMs);
      // After a failure nobody waits for the next try while the last good set may still be used: a hanging issuer must not slow each call.
      if (state.failure === null || usable(nowMs) === null) await fetched;
      return usable(nowMs);
    },
    renewed: async (nowMs) => {
      if (state.running !== null || since(state.triedAtMs, nowMs) >= times.cooldownMs) await fetchOnce(nowMs);
      return usable(nowMs);
    },
    failing: () => state.failure !== null,
    report: () => ({
      issuer: issuer.issuer,
      fetches: state.fetches,
      failures: state.failures,
      lastFailure: state.failure,
      refusedKeys: state.set?.refused ?? [],
    }),
  };
}

interface SourceState {
  set: KeySet | null;
  text: Uint8Array | null;
  loadedAtMs: number;
  triedAtMs: number | null;
  failure: string | null;
  fetches: number;
  failures: number;
  running: Promise<void> | null;
}

function timesOf({ jwks, jwksStaleMaxMs: staleMs }: Issuer, changes: Partial<KeyTimes>): KeyTimes {
  if ("keys" in jwks) return fixedTimes;
  return { ...("url" in jwks ? urlTimes : fileTimes), staleMs, ...changes };
}

function loaderOf(place: JwksPlace, times: KeyTimes): LoadDocument {
  if ("file" in place) return fileLoader(place.file, jwksBytesMax);
  if ("url" in place) return urlLoader({ url: place.url, ca: place.ca, timeoutMs: times.timeoutMs, bytesMax: jwksBytesMax, accept });
  const bytes = Buffer.from(JSON.stringify(place.keys));
  return async () => bytes;
}

/** Milliseconds from then to now; infinite when then is not known. */
// Calls carry slightly different times, so a small step back is no time passed; after a large one, an hour say, nothing known about age holds.
export function since(thenMs: number | null, nowMs: number): number {
  if (thenMs === null || nowMs < thenMs - 60_000) return never;
  return Math.max(0, nowMs - thenMs);
}

function isDue(state: SourceState, times: KeyTimes, nowMs: number): boolean {
  if (state.running !== null) return true;
  const usable = state.set !== null && since(state.loadedAtMs, nowMs) < times.staleMs;
  if (state.failure !== null) return since(state.triedAtMs, nowMs) >= (usable ? times.cooldownMs : times.retryMs);
  return state.set === null || since(state.loadedAtMs, nowMs) >= times.maxAgeMs;
}

async function fetchSet(state: SourceState, load: LoadDocument, issuer: Issuer, nowMs: number): Promise<void> {
  state.triedAtMs = nowMs;
  state.fetches += 1;
  try {
    const bytes = await load();
    if (state.text === null || Buffer.compare(state.text, bytes) !== 0) {
      const document = readJsonObject(bytes);
      if (isDenial(document)) throw new Error(`not one strict JSON object: ${document.detail ?? document.denied}`);
      state.set = await importKeySet(document, issuer.algorithms);
      state.text = bytes;
    }
    state.loadedAtMs = nowMs;
    state.failure = null;
  } catch (fault) {
    state.failures += 1;
    state.failure = fault instanceof Error ? fault.message : String(fault);
  }
}
