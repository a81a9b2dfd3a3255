import {
  type AdmitRequest,
  type AdmitResult,
  type Calls,
  type Runs,
  type SettleRequest,
  type SettleResult,
  type Standing,
  type StandingRequest,
  type StopStore,
} from "../../ports/calls.ts";
import type { Ledger } from "../../ports/ledger.ts";
import { canonicalJson } from "../../rules/canonical.ts";
import type { JsonValue } from "../../rules/json.ts";
import { startedEntry } from "./admit.ts";
import { openQueue, type Queue, type QueueOptions } from "./queue.ts";
import { emptyView, type StandingView } from "./view.ts";

/** Everything that one SQLite file holds, behind the ports. */
export interface SqliteStore {
  readonly calls: Calls;
  readonly runs: Runs;
  readonly stops: StopStore;
  readonly ledger: Ledger;
  /** Waits for what is queued, then releases the file. */
  close(): Promise<void>;
}

/** Opens the store for this process alone. Rejects with SQLite's error when another process has the file or it cannot be written. */
export async function openSqliteStore(options: QueueOptions): Promise<SqliteStore> {
  const view = emptyView();
  const queue = await openQueue(options, view.apply);
  const calls: Calls = {
    admit: (request) => admit(queue, view, request),
    recordDenied: (denied) => queue.run("recordDenied", denied),
    vote: (id, vote, groups) => queue.run("vote", id, vote, groups),
    start: (request) => queue.run("start", request),
    settle: (request) => settle(queue, request),
    end: (id, to, settled, nowMs) => queue.run("end", id, to, settled, nowMs),
    holdAgain: (id, hold, verdict, policyDigest, nowMs) => queue.run("holdAgain", id, hold, verdict, policyDigest, nowMs),
    interrupt: (id, nowMs) => queue.run("interrupt", id, nowMs),
    recover: (nowMs) => queue.run("recover", nowMs),
    findByKey: (owner, key) => queue.run("findByKey", owner, key),
    find: (id) => queue.run("find", id),
    list: (filter) => queue.run("list", filter),
    runCalls: (run, tenant) => queue.run("runCalls", run, tenant),
    standing: (request) => standing(queue, view, request),
    payload: (callId, digest) => queue.run("payload", callId, digest),
    erasePayloads: (beforeMs) => queue.run("erasePayloads", beforeMs),
    due: (nowMs) => queue.run("due", nowMs),
  };
  const runs: Runs = {
    open: (opening, nowMs) => queue.run("openRun", opening, nowMs),
    addUsage: (report, costs, nowMs) => queue.run("addUsage", report, costs, nowMs),
    setOutcome: (key, outcome, nowMs) => queue.run("setRunOutcome", key, outcome, nowMs),
    list: (limit) => queue.run("listRuns", limit),
    find: (key) => queue.run("findRun", key),
  };
  const stops: StopStore = {
    set: (stop) => queue.run("setStop", stop),
    clear: (id, by, nowMs) => queue.run("clearStop", id, by, nowMs),
    active: () => queue.run("activeStops"),
  };
  const ledger: Ledger = {
    head: () => queue.run("head"),
    read: (fromSeq, limit) => queue.run("readLedger", fromSeq, limit),
  };
  return { calls, runs, stops, ledger, close: () => queue.close() };
}

async function admit(queue: Queue, view: StandingView, request: AdmitRequest): Promise<AdmitResult> {
  const { call, payload, ...rest } = request;
  const { id, tenant, environment, agent, workflow, run, user, tool, effect, callDigest, metered } = call;
  const message = {
    ...rest,
    call: { id, tenant, environment, agent, workflow, run, user, tool, effect, callDigest, ...(metered === true ? { metered } : {}) },
    payload: { digest: payload.digest, sealed: payload.sealed },
    entry: textOf(() => startedEntry(call, request)),
  };
  return queue.runAndTell("admit", [message], (result) => {
    if (result.kind === "started" || result.kind === "held") view.add(request, result.kind);
  });
}

async function settle(queue: Queue, { settled, answer, ...rest }: SettleRequest): Promise<SettleResult> {
  return queue.run("settle", {
    ...rest,
    outcome: settled.outcome,
    by: settled.by,
    settled: textOf(() => canonicalJson(settled as unknown as JsonValue)),
    answer: answer === null ? null : { digest: answer.digest, sealed: answer.sealed },
  });
}

/** Null for what has no RFC 8785 text: it cannot be on record, so the writer refuses it, but not before its other reasons to refuse. */
function textOf(write: () => string): string | null {
  try {
    return write();
  } catch {
    return null;
  }
}

/** From the view where it can tell; a call that the store knows is asked of the writer, for its own money does not count. */
async function standing(queue: Queue, view: StandingView, request: StandingRequest): Promise<Standing> {
  if (request.callId !== null) return queue.run("standing", request);
  const known = view.read(request);
  if ("left" in known) return known;
  await queue.runAndTell("view", [known], (answer) => view.fill(known, answer));
  const told = view.read(request);
  return "left" in told ? told : queue.run("standing", request);
}
