import type { CallFacts, Settled, StoredCall } from "../../ports/calls.ts";
import type { HoldTerms, Vote } from "../../rules/holds.ts";
import type { State } from "../../rules/states.ts";
import type { Database } from "./database.ts";
import { appendEntry } from "./ledger.ts";

export interface CallRow {
  readonly id: string;
  readonly key: string | null;
  readonly state: State;
  readonly facts: string;
  readonly hold: string | null;
  readonly twin: string | null;
  readonly payload_digest: string;
  readonly started_ms: number | null;
  readonly settle_by_ms: number | null;
  readonly settled: string | null;
  readonly updated_ms: number;
}

const columns = "id, key, state, facts, hold, twin, payload_digest, started_ms, settle_by_ms, settled, updated_ms";

/** The condition of the index `calls_open`, word for word: said otherwise, the whole table is read. */
export const indexedOpen = "state IN ('held', 'approved', 'started', 'unknown')";

/** The first call that a condition names, or null. */
export function findCall(database: Database, condition: string, ...values: (string | number)[]): StoredCall | null {
  const row = database.row<CallRow>(`SELECT ${columns} FROM calls WHERE ${condition} LIMIT 1`, ...values);
  return row === undefined ? null : readCall(database, row);
}

/** All calls that a condition names, in its order. */
export function findCalls(database: Database, condition: string, ...values: (string | number)[]): readonly StoredCall[] {
  return database.rows<CallRow>(`SELECT ${columns} FROM calls WHERE ${condition}`, ...values).map((row) => readCall(database, row));
}

function readCall(database: Database, row: CallRow): StoredCall {
  return {
    ...(JSON.parse(row.facts) as CallFacts),
    key: row.key,
    state: row.state,
    updatedAtMs: row.updated_ms,
    startedAtMs: row.started_ms,
    settleByMs: row.settle_by_ms,
    hold: row.hold === null ? null : (JSON.parse(row.hold) as HoldTerms),
    votes: row.hold === null ? [] : readVotes(database, row.id),
    twin: row.twin,
    payloadDigest: row.payload_digest,
    settled: row.settled === null ? null : (JSON.parse(row.settled) as Settled),
  };
}

function readVotes(database: Database, call: string): readonly Vote[] {
  const rows = database.rows<{ vote: string }>("SELECT vote FROM votes WHERE call = ?", call);
  return rows.map((row) => JSON.parse(row.vote) as Vote).sort((a, b) => a.atMs - b.atMs);
}

/** A ledger row about one call. The first row about a call carries its facts, later ones what changed. */
export function appendCallEntry(database: Database, type: string, call: CallFacts, atMs: number, body: object): void {
  appendEntry(database, type, atMs, {
    call: call.id,
    tenant: call.tenant,
    agent: call.agent,
    run: call.run,
    tool: call.tool,
    ...body,
  });
}
