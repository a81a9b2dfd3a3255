import type { CallFacts, Settled, StoredCall } from "../../ports/calls.ts";
import { canonicalJson } from "../../rules/canonical.ts";
import type { HoldTerms, Vote } from "../../rules/holds.ts";
import type { JsonObject } from "../../rules/json.ts";
import { endWithoutAnswer } from "../../rules/settled.ts";
import type { State } from "../../rules/states.ts";
import type { Taken } from "./accounts.ts";
import type { Database } from "./database.ts";
import { appendText, readEntry } from "./ledger.ts";
import type { StartedCall } from "./started.ts";

interface CallRow {
  readonly told: number;
  readonly booked: number | null;
  readonly ended: number | null;
  readonly id: string;
  readonly key: string | null;
  readonly state: State;
  readonly hold: string | null;
  readonly twin: string | null;
  readonly started_ms: number | null;
  readonly settle_by_ms: number | null;
  readonly updated_ms: number;
}

const columns = "told, booked, ended, id, key, state, hold, twin, started_ms, settle_by_ms, updated_ms";

/** The condition of the index `calls_open`, word for word: said otherwise, the whole table is read. */
export const indexedOpen = "state IN ('held', 'approved', 'started', 'unknown')";

/** A stored call, and where its row and its reservations are. */
export interface FoundCall extends StoredCall {
  readonly told: number;
  readonly booked: number | null;
  readonly ended: number | null;
}

/** The first call that a condition names, or null. */
export function findCall(database: Database, condition: string, ...values: (string | number)[]): FoundCall | null {
  const row = database.row<CallRow>(`SELECT ${columns} FROM calls WHERE ${condition} LIMIT 1`, ...values);
  return row === undefined ? null : readCall(database, row);
}

/** All calls that a condition names, in its order. */
export function findCalls(database: Database, condition: string, ...values: (string | number)[]): readonly FoundCall[] {
  return database.rows<CallRow>(`SELECT ${columns} FROM calls WHERE ${condition}`, ...values).map((row) => readCall(database, row));
}

/** The call without what only the writer needs. */
export function asStored(found: FoundCall): StoredCall {
  const { told: _told, booked: _booked, ended: _ended, ...call } = found;
  return call;
}

function readCall(database: Database, row: CallRow): FoundCall {
  const first = readEntry(database, row.told);
  if (first === null) throw new Error(`the ledger row ${row.told} of the call ${row.id} is missing`);
  return {
    ...(first["facts"] as unknown as CallFacts),
    told: row.told,
    booked: row.booked,
    ended: row.ended,
    key: row.key,
    state: row.state,
    updatedAtMs: row.updated_ms,
    startedAtMs: row.started_ms,
    settleByMs: row.settle_by_ms,
    hold: row.hold === null ? null : (JSON.parse(row.hold) as HoldTerms),
    votes: row.hold === null ? [] : readVotes(database, row.id),
    twin: row.twin,
    payloadDigest: typeof first["payload"] === "string" ? first["payload"] : "",
    settled: row.state === "denied" ? readDenial(first) : readSettled(readEntry(database, row.ended)),
  };
}

function readSettled(entry: JsonObject | null): Settled | null {
  return entry === null ? null : (entry["settled"] as unknown as Settled);
}

function readDenial({ code, reasons }: JsonObject): Settled {
  return endWithoutAnswer({ outcome: "denied", code: code as string, reasons: reasons as unknown as Settled["reasons"] });
}

function readVotes(database: Database, call: string): readonly Vote[] {
  const rows = database.rows<{ vote: string }>("SELECT vote FROM votes WHERE call = ?", call);
  return rows.map((row) => JSON.parse(row.vote) as Vote).sort((a, b) => a.atMs - b.atMs);
}

/** What a call has reserved, as the ledger tells it. Money of a call that has ended is not taken any more. */
export function readReservations(database: Database, booked: number | null): readonly Taken[] {
  const entry = readEntry(database, booked);
  const told = (entry?.["reservations"] ?? []) as unknown as readonly Omit<Taken, "held">[];
  return told.map((one) => ({ ...one, held: entry?.["type"] === "call.held" }));
}

/** Calls on their way that a condition names, with their reservations. */
export function findBooked(database: Database, condition: string): readonly StartedCall[] {
  return findCalls(database, condition).map((call) => ({
    ...call,
    reservations: readReservations(database, call.booked),
    settleByMs: call.settleByMs ?? 0,
  }));
}

type Subject = Pick<CallFacts, "id" | "tenant" | "agent" | "run" | "tool">;

/** A ledger row about one call; its number. The first row about a call carries its facts, later ones what changed. */
export function appendCallEntry(database: Database, type: string, call: Subject, atMs: number, body: object): number {
  const { agent, id, run, tenant, tool } = call;
  return appendText(database, canonicalJson({ agent, at_ms: atMs, call: id, ...body, run, tenant, tool, type, v: 1 }));
}
