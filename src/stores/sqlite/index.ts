import type { Calls, Runs, StopStore } from "../../ports/calls.ts";
import type { Ledger } from "../../ports/ledger.ts";
import { openQueue, type QueueOptions } from "./queue.ts";

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
  const queue = await openQueue(options);
  const calls: Calls = {
    admit: (request) => queue.run("admit", request),
    recordDenied: (denied) => queue.run("recordDenied", denied),
    vote: (id, vote, groups) => queue.run("vote", id, vote, groups),
    start: (request) => queue.run("start", request),
    settle: (request) => queue.run("settle", request),
    end: (id, to, settled, nowMs) => queue.run("end", id, to, settled, nowMs),
    holdAgain: (id, hold, verdict, policyDigest, nowMs) => queue.run("holdAgain", id, hold, verdict, policyDigest, nowMs),
    interrupt: (id, nowMs) => queue.run("interrupt", id, nowMs),
    recover: (nowMs) => queue.run("recover", nowMs),
    findByKey: (owner, key) => queue.run("findByKey", owner, key),
    find: (id) => queue.run("find", id),
    list: (filter) => queue.run("list", filter),
    runCalls: (run, tenant) => queue.run("runCalls", run, tenant),
    standing: (request) => queue.run("standing", request),
    payload: (digest, tenant) => queue.run("payload", digest, tenant),
    erasePayloads: (beforeMs) => queue.run("erasePayloads", beforeMs),
    due: (nowMs) => queue.run("due", nowMs),
  };
  const runs: Runs = {
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
