import { parentPort, workerData } from "node:worker_threads";
import type { FaultPoint } from "../../ports/faults.ts";
import { flushAccounts } from "./accounts.ts";
import { type Database, openDatabase } from "./database.ts";
import { forget, takeChanges } from "./memory.ts";
import type { Batch, BatchReply, OperationCall, OperationReply, WorkerOptions } from "./messages.ts";
import { operations, readsOnly } from "./operations.ts";

const options = workerData as WorkerOptions;
const port = parentPort;
if (port === null) throw new Error("this module is the entry of a worker thread");

/** Kills the process at the point that a test named; the points of the main thread are counted there. */
function reach(point: FaultPoint): void {
  if (options.killAt?.point !== point) return;
  options.killAt.after -= 1;
  if (options.killAt.after < 0) process.kill(process.pid, "SIGKILL");
}

const pointsOf: Readonly<Record<string, readonly [FaultPoint, FaultPoint]>> = {
  admit: ["before_admit_commit", "after_admit_commit"],
  vote: ["before_vote_commit", "after_vote_commit"],
  start: ["before_start_commit", "after_start_commit"],
  settle: ["before_settle_commit", "after_settle_commit"],
};

function attempt(database: Database, { name, input }: OperationCall): OperationReply {
  try {
    const operation = operations[name] as (database: Database, ...input: readonly unknown[]) => unknown;
    return { ok: true, value: operation(database, ...input) };
  } catch (error) {
    return { ok: false, message: String(error) };
  }
}

/** Runs one operation in its savepoint: its fault rolls back itself and nothing else. */
function runApart(database: Database, call: OperationCall): OperationReply {
  if (readsOnly.has(call.name)) return attempt(database, call);
  const { accounts, states } = database.memory.changes;
  const [accountsBefore, statesBefore] = [accounts.length, states.length];
  database.run("SAVEPOINT operation");
  const reply = attempt(database, call);
  if (reply.ok) flushAccounts(database);
  else {
    forget(database.memory);
    accounts.length = accountsBefore;
    states.length = statesBefore;
    database.run("ROLLBACK TO operation");
  }
  database.run("RELEASE operation");
  return reply;
}

/** Thrown to begin a batch anew when one of its operations failed. */
class NeedsSavepoints extends Error {
  override readonly name = "NeedsSavepoints";
}

/** All operations one after the other. Savepoints cost a third of everything, and almost no batch has a fault in it. */
function runTogether(database: Database, calls: readonly OperationCall[]): readonly OperationReply[] {
  const replies = calls.map((call) => {
    const reply = attempt(database, call);
    if (!reply.ok && !readsOnly.has(call.name)) throw new NeedsSavepoints();
    return reply;
  });
  flushAccounts(database);
  return replies;
}

/** All operations of a batch share one commit. When it fails, nothing of any of them happened. */
function runBatch(database: Database, calls: readonly OperationCall[]): BatchReply {
  if (calls.every(({ name }) => readsOnly.has(name)))
    return { replies: calls.map((call) => attempt(database, call)), changes: takeChanges(database.memory) };
  try {
    return commit(database, calls, runTogether);
  } catch (error) {
    rollBack(database);
    if (!(error instanceof NeedsSavepoints)) return refuseAll(calls, error);
  }
  try {
    return commit(database, calls, (_, all) => all.map((call) => runApart(database, call)));
  } catch (error) {
    rollBack(database);
    return refuseAll(calls, error);
  }
}

function commit(database: Database, calls: readonly OperationCall[], run: typeof runTogether): BatchReply {
  database.run("BEGIN IMMEDIATE");
  const replies = run(database, calls);
  for (const { name } of calls) if (pointsOf[name] !== undefined) reach(pointsOf[name][0]);
  database.run("COMMIT");
  for (const { name } of calls) if (pointsOf[name] !== undefined) reach(pointsOf[name][1]);
  return { replies, changes: takeChanges(database.memory) };
}

function refuseAll(calls: readonly OperationCall[], error: unknown): BatchReply {
  return { replies: calls.map(() => ({ ok: false, message: String(error) })), changes: takeChanges(database.memory) };
}

function rollBack(database: Database): void {
  forget(database.memory);
  takeChanges(database.memory);
  try {
    database.exec("ROLLBACK");
  } catch {
    // SQLite has rolled back by itself, as it does when the disk is full.
  }
}

const database = openDatabase(options.file);
port.on("message", (batch: Batch | "close") => {
  if (batch === "close") {
    database.close();
    port.close();
    return;
  }
  port.postMessage(runBatch(database, batch.calls));
});
port.postMessage("ready");
