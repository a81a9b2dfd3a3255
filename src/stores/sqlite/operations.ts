import type {
  CallFilter,
  DeniedFacts,
  KeyOwner,
  RunKey,
  RunOpening,
  RunReport,
  Settled,
  StandingRequest,
  StartRequest,
  StoredCall,
} from "../../ports/calls.ts";
import type { Reservation } from "../../rules/budgets.ts";
import type { HoldTerms, Vote } from "../../rules/holds.ts";
import type { Outcome } from "../../rules/states.ts";
import type { Stop } from "../../rules/stops.ts";
import type { Verdict } from "../../rules/verdict.ts";
import { admitCall, findByKey, recordDenied } from "./admit.ts";
import type { Database } from "./database.ts";
import { readHead, readSealed } from "./ledger.ts";
import type { AdmitMessage, SettleMessage, ViewRequest } from "./messages.ts";
import { erasePayloads, findPayload } from "./payloads.ts";
import { dueCalls, endHold, holdAgain, interruptCall, recoverCalls, settleCall, startCall, voteOnHold } from "./progress.ts";
import { asStored, type FoundCall, findCall, findCalls } from "./rows.ts";
import { addUsage, findRun, listRuns, openRun, setRunOutcome } from "./runs.ts";
import { readStanding, readView } from "./standing.ts";
import { clearStop, readStops, setStop } from "./stops.ts";

/** Every operation that the worker knows, by name. Each runs in a savepoint of the batch's transaction and sees what its neighbours before it did. */
export const operations = {
  admit: (database: Database, request: AdmitMessage) => admitCall(database, request),
  recordDenied: (database: Database, denied: DeniedFacts) => recordDenied(database, denied),
  vote: (database: Database, id: string, vote: Vote, groups: readonly string[]) => voteOnHold(database, id, vote, groups),
  start: (database: Database, request: StartRequest) => startCall(database, request),
  settle: (database: Database, request: SettleMessage) => settleCall(database, request),
  end: (database: Database, id: string, to: "cancelled" | "expired" | "refused", settled: Settled, nowMs: number) =>
    endHold(database, id, to, settled, nowMs),
  holdAgain: (database: Database, id: string, hold: HoldTerms, verdict: Verdict, policyDigest: string, nowMs: number) =>
    holdAgain(database, id, hold, verdict, policyDigest, nowMs),
  interrupt: (database: Database, id: string, nowMs: number): Outcome | null => interruptCall(database, id, nowMs),
  recover: (database: Database, nowMs: number) => recoverCalls(database, nowMs),
  findByKey: (database: Database, owner: KeyOwner, key: string) => stored(findByKey(database, owner, key)),
  find: (database: Database, id: string) => stored(findCall(database, "id = ?", id)),
  list: (database: Database, filter: CallFilter) => listCalls(database, filter),
  runCalls: (database: Database, run: string, tenant: string) =>
    findCalls(database, "run = ? AND run <> '' AND tenant = ? ORDER BY told DESC LIMIT 1000", run, tenant).map(asStored),
  standing: (database: Database, request: StandingRequest) => readStanding(database, request),
  view: (database: Database, request: ViewRequest) => readView(database, request),
  payload: (database: Database, callId: string, digest: string) => findPayload(database, callId, digest),
  erasePayloads: (database: Database, beforeMs: number) => erasePayloads(database, beforeMs),
  due: (database: Database, nowMs: number) => dueCalls(database, nowMs),
  setStop: (database: Database, stop: Stop) => setStop(database, stop),
  clearStop: (database: Database, id: string, by: string, nowMs: number) => clearStop(database, id, by, nowMs),
  activeStops: (database: Database) => readStops(database),
  openRun: (database: Database, opening: RunOpening, nowMs: number) => openRun(database, opening, nowMs),
  addUsage: (database: Database, report: Omit<RunReport, "outcome">, costs: readonly Reservation[], nowMs: number) =>
    addUsage(database, report, costs, nowMs),
  setRunOutcome: (database: Database, key: RunKey, outcome: { status: string; reason: string }, nowMs: number) =>
    setRunOutcome(database, key, outcome, nowMs),
  findRun: (database: Database, key: RunKey) => findRun(database, key),
  listRuns: (database: Database, limit: number) => listRuns(database, limit),
  head: (database: Database) => readHead(database),
  readLedger: (database: Database, fromSeq: number, limit: number) => readSealed(database, fromSeq, limit),
} as const;

export type Operations = typeof operations;

/** Operations that change nothing, and so need no savepoint. */
export const readsOnly: ReadonlySet<OperationName> = new Set<OperationName>([
  "findByKey",
  "find",
  "list",
  "runCalls",
  "standing",
  "view",
  "payload",
  "due",
  "activeStops",
  "findRun",
  "listRuns",
  "head",
  "readLedger",
]);

export type OperationName = keyof Operations;
export type OperationInput<Name extends OperationName> = Parameters<Operations[Name]> extends [Database, ...infer Rest] ? Rest : never;
export type OperationOutput<Name extends OperationName> = ReturnType<Operations[Name]>;

function stored(found: FoundCall | null): StoredCall | null {
  return found === null ? null : asStored(found);
}

function listCalls(database: Database, filter: CallFilter) {
  const conditions: string[] = ["1 = 1"];
  const values: (string | number)[] = [];
  const add = (column: string, value: string | undefined): void => {
    if (value === undefined) return;
    conditions.push(`${column} = ?`);
    values.push(value);
  };
  add("run", filter.run);
  add("agent", filter.agent);
  add("tenant", filter.tenant);
  if (filter.states !== undefined) {
    conditions.push(`state IN (${filter.states.map(() => "?").join(", ")})`);
    values.push(...filter.states);
  }
  return findCalls(database, `${conditions.join(" AND ")} ORDER BY told DESC LIMIT ?`, ...values, filter.limit).map(asStored);
}
