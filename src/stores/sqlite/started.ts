import type { CallFacts } from "../../ports/calls.ts";
import type { Taken } from "./accounts.ts";
import type { Database } from "./database.ts";
import { findBooked, indexedOpen } from "./rows.ts";

/** What a call's end needs to know of it. */
export interface BookedCall extends Pick<CallFacts, "id" | "tenant" | "agent" | "run" | "tool" | "effect" | "callDigest" | "metered"> {
  /** Number of the ledger row that told it first, and of its row in `calls`. */
  readonly told: number;
  readonly reservations: readonly Taken[];
}

/** A call that is on its way. */
export interface StartedCall extends BookedCall {
  readonly settleByMs: number;
}

/** Every call that is on its way, by its id and by its digest. */
export interface StartedCalls {
  readonly byId: Map<string, StartedCall>;
  readonly byDigest: Map<string, readonly StartedCall[]>;
}

/** Calls that may be on their way at once. One more is not admitted: all of them are remembered, or a twin could be overlooked. */
const startedMax = 100_000;

function startedCalls(database: Database): StartedCalls {
  const { memory } = database;
  if (memory.started !== null) return memory.started;
  memory.started = { byId: new Map(), byDigest: new Map() };
  for (const call of findBooked(database, `${indexedOpen} AND state = 'started'`)) add(memory.started, call);
  return memory.started;
}

function add({ byId, byDigest }: StartedCalls, call: StartedCall): void {
  byId.set(call.id, call);
  byDigest.set(call.callDigest, [...(byDigest.get(call.callDigest) ?? []), call]);
}

/** The call of this id, if it is on its way. */
export function findStarted(database: Database, id: string): StartedCall | null {
  return startedCalls(database).byId.get(id) ?? null;
}

/** The calls on their way: all, or those of one digest. */
export function listStarted(database: Database, digest?: string): readonly StartedCall[] {
  const { byId, byDigest } = startedCalls(database);
  return digest === undefined ? [...byId.values()] : (byDigest.get(digest) ?? []);
}

/** Remembers a call whose row says now that it is on its way. */
export function rememberStarted(database: Database, call: StartedCall): void {
  const calls = startedCalls(database);
  if (calls.byId.size >= startedMax) throw new Error(`${startedMax} calls are on their way`);
  if (!calls.byId.has(call.id)) add(calls, call);
}

/** Forgets a call that is not on its way any more. */
export function forgetStarted(database: Database, { id, callDigest }: Pick<CallFacts, "id" | "callDigest">): void {
  const { byId, byDigest } = startedCalls(database);
  byId.delete(id);
  const others = (byDigest.get(callDigest) ?? []).filter((one) => one.id !== id);
  if (others.length === 0) byDigest.delete(callDigest);
  else byDigest.set(callDigest, others);
}
