import type { JsonObject } from "../../rules/json.ts";
import { type LedgerHead, type SealedEntry, sealEntries } from "../../rules/sealing.ts";
import type { Database } from "./database.ts";

interface LedgerRow {
  readonly seq: number;
  readonly entry: string;
  readonly prev: string;
  readonly hash: string;
}

const emptyHead: LedgerHead = { size: 0, hash: "0".repeat(64) };

/** `JSON.stringify` writes a lone surrogate as an escape. RFC 8785 cannot hash it, so that one such row would stop the sealing of all that follow. */
const loneSurrogate = /(?<!\\)(?:\\\\)*\\ud[89a-f]/;

/** Adds one row to the ledger, in the transaction of what it tells. It is sealed within a second. */
export function appendEntry(database: Database, type: string, atMs: number, body: JsonObject): void {
  const entry = JSON.stringify({ v: 1, type, at_ms: atMs, ...body });
  if (loneSurrogate.test(entry)) throw new TypeError(`a ${type} row holds a text that is no Unicode`);
  database.run("INSERT INTO ledger (entry) VALUES (?)", entry);
}

/** The last sealed row. */
export function readHead(database: Database): LedgerHead {
  const row = database.row<{ seq: number; hash: string }>("SELECT seq, hash FROM ledger WHERE hash IS NOT NULL ORDER BY seq DESC LIMIT 1");
  return row === undefined ? emptyHead : { size: row.seq, hash: row.hash };
}

/** Numbers and chains at most `max` unsealed rows. Sequence numbers are the row ids: they are given at commit and have no gaps, for rolled-back rows give theirs back. */
export function sealRows(database: Database, max: number): { readonly sealed: number; readonly head: LedgerHead } {
  const rows = database.rows<{ seq: number; entry: string }>("SELECT seq, entry FROM ledger WHERE hash IS NULL ORDER BY seq LIMIT ?", max);
  if (rows.length === 0) return { sealed: 0, head: readHead(database) };
  const sealed = sealEntries(
    readHead(database),
    rows.map((row) => JSON.parse(row.entry) as JsonObject),
  );
  for (const one of sealed)
    database.run("UPDATE ledger SET prev = ?, hash = ? WHERE seq = ? AND hash IS NULL", one.prev, one.hash, one.seq);
  const last = sealed.at(-1) as SealedEntry;
  return { sealed: sealed.length, head: { size: last.seq, hash: last.hash } };
}

/** Sealed rows from `fromSeq` on. */
export function readSealed(database: Database, fromSeq: number, limit: number): readonly SealedEntry[] {
  const rows = database.rows<LedgerRow>(
    "SELECT seq, entry, prev, hash FROM ledger WHERE seq >= ? AND hash IS NOT NULL ORDER BY seq LIMIT ?",
    fromSeq,
    limit,
  );
  return rows.map((row) => ({ seq: row.seq, entry: JSON.parse(row.entry) as JsonObject, prev: row.prev, hash: row.hash }));
}
