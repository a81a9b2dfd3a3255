import { canonicalJson } from "../../rules/canonical.ts";
import type { JsonObject } from "../../rules/json.ts";
import { emptyHead, hashEntryText, type LedgerHead, type SealedEntry } from "../../rules/sealing.ts";
import type { Database } from "./database.ts";

interface LedgerRow {
  readonly seq: number;
  readonly entry: string;
  readonly prev: string;
  readonly hash: string;
}

/** Adds one row to the ledger; its number. Throws on a text that is no Unicode, which RFC 8785 cannot hash. */
export function appendEntry(database: Database, type: string, atMs: number, body: JsonObject): number {
  return appendText(database, canonicalJson({ at_ms: atMs, ...body, type, v: 1 }));
}

/**
 * Adds a row whose RFC 8785 text is at hand, numbered and chained, in the transaction of what it tells: there is one writer, so a row that is on disk is
 * sealed. Numbers have no gaps, for a row that is rolled back gives its number back.
 */
export function appendText(database: Database, entry: string): number {
  const { size, hash: prev } = readHead(database);
  const seq = size + 1;
  const hash = hashEntryText(prev, seq, entry);
  database.run("INSERT INTO ledger (seq, entry, prev, hash) VALUES (?, ?, ?, ?)", seq, entry, prev, hash);
  database.memory.head = { size: seq, hash };
  return seq;
}

/** The last row. */
export function readHead({ memory, row }: Database): LedgerHead {
  if (memory.head !== null) return memory.head;
  const last = row<{ seq: number; hash: string }>("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1");
  memory.head = last === undefined ? emptyHead : { size: last.seq, hash: last.hash };
  return memory.head;
}

/** The entry of one row, or null. */
export function readEntry(database: Database, seq: number | null): JsonObject | null {
  if (seq === null) return null;
  const found = database.row<{ entry: string }>("SELECT entry FROM ledger WHERE seq = ?", seq);
  return found === undefined ? null : (JSON.parse(found.entry) as JsonObject);
}

/** Rows from `fromSeq` on. */
export function readSealed(database: Database, fromSeq: number, limit: number): readonly SealedEntry[] {
  const rows = database.rows<LedgerRow>("SELECT seq, entry, prev, hash FROM ledger WHERE seq >= ? ORDER BY seq LIMIT ?", fromSeq, limit);
  return rows.map((row) => ({ seq: row.seq, entry: JSON.parse(row.entry) as JsonObject, prev: row.prev, hash: row.hash }));
}
