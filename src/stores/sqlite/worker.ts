import { parentPort, workerData } from "node:worker_threads";
import type { FaultPoint } from "../../ports/faults.ts";
import { type Database, openDatabase } from "./database.ts";
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

/** Runs one operation in its savepoint: its fault rolls back itself and nothing else. */
function runOperation(database: Database, call: OperationCall): OperationReply {
  if (readsOnly.has(call.name)) return attempt(database, call);
  database.run("SAVEPOINT operation");
  const reply = attempt(database, call);
  if (!reply.ok) database.run("ROLLBACK TO operation");
  database.run("RELEASE operation");
  return reply;
}

function attempt(database: Database, { name, input }: OperationCall): OperationReply {
  try {
    const operation = operations[name] as (database: Database, ...input: readonly unknown[]) => unknown;
    return { ok: true, value: operation(database, ...input) };
  } catch (error) {
    return { ok: false, message: String(error) };
  }
}

/** All operations of a batch share one commit. When it fails, nothing of any of them happened. */
function runBatch(database: Database, calls: readonly OperationCall[]): readonly OperationReply[] {
  try {
    database.exec("BEGIN IMMEDIATE");
    const replies = calls.map((call) => runOperation(database, call));
    for (const { name } of calls) if (pointsOf[name] !== undefined) reach(pointsOf[name][0]);
    database.exec("COMMIT");
    for (const { name } of calls) if (pointsOf[name] !== undefined) reach(pointsOf[name][1]);
    return replies;
  } catch (error) {
    rollBack(database);
    return calls.map(() => ({ ok: false, message: String(error) }));
  }
}

function rollBack(database: Database): void {
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
  port.postMessage({ replies: runBatch(database, batch.calls) } satisfies BatchReply);
});
port.postMessage("ready");
