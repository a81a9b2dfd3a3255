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

/**
 * Adds one row to the ledger, numbered and chained, in the transaction of what it tells: there is one writer, so a row that is on disk is sealed. Numbers have
 * no gaps, for a row that is rolled back gives its number back. Throws on a text that is no Unicode, which RFC 8785 cannot hash.
 */
export function appendEntry(database: Database, type: string, atMs: number, body: JsonObject): void {
  const entry = canonicalJson({ v: 1, type, at_ms: atMs, ...body });
  const { size, hash: prev } = readHead(database);
  const hash = hashEntryText(prev, size + 1, entry);
  database.run("INSERT INTO ledger (seq, entry, prev, hash) VALUES (?, ?, ?, ?)", size + 1, entry, prev, hash);
}

/** The last row. */
export function readHead(database: Database): LedgerHead {
  const row = database.row<{ seq: number; hash: string }>("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1");
  return row === undefined ? emptyHead : { size: row.seq, hash: row.hash };
}

/** Rows from `fromSeq` on. */
export function readSealed(database: Database, fromSeq: number, limit: number): readonly SealedEntry[] {
  const rows = database.rows<LedgerRow>("SELECT seq, entry, prev, hash FROM ledger WHERE seq >= ? ORDER BY seq LIMIT ?", fromSeq, limit);
  return rows.map((row) => ({ seq: row.seq, entry: JSON.parse(row.entry) as JsonObject, prev: row.prev, hash: row.hash }));
}
