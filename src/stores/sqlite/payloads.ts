import type { Payload } from "../../ports/calls.ts";
import type { Database } from "./database.ts";
import { indexedOpen } from "./rows.ts";

/** Keeps an encrypted document under the number of the ledger row that names it: they grow at their end, and one commit writes them side by side. */
export function insertPayload(database: Database, seq: number, payload: Pick<Payload, "digest" | "sealed">, nowMs: number): void {
  database.run("INSERT INTO payloads (seq, digest, kept_ms, sealed) VALUES (?, ?, ?, ?)", seq, payload.digest, nowMs, payload.sealed);
}

/** The document of a call that has this digest: what it asked for, or what it was answered. Null when it was erased. */
export function findPayload(database: Database, callId: string, digest: string): Payload | null {
  const found = database.row<Payload>(
    `SELECT digest, tenant, sealed FROM calls JOIN payloads ON seq IN (told, ended) WHERE id = ? AND digest = ?`,
    callId,
    digest,
  );
  return found ?? null;
}

const batchMax = 1000;

/**
 * Erases documents kept since before `beforeMs`, but never those of a call that is still open; at most 1,000. The ledger keeps their digests. Documents lie in
 * the order of their age, so the look ends where none is old; open calls' old ones are passed over.
 */
export function erasePayloads(database: Database, beforeMs: number): number {
  const open = new Set(
    database
      .rows<{ told: number; ended: number | null }>(`SELECT told, ended FROM calls WHERE ${indexedOpen}`)
      .flatMap(({ told, ended }) => [told, ended]),
  );
  for (let from = 0; ; ) {
    const page = database.rows<{ seq: number; old: number }>(
      `SELECT seq, kept_ms < ? AS old FROM payloads WHERE seq > ? ORDER BY seq LIMIT ${batchMax}`,
      beforeMs,
      from,
    );
    const old = page.filter((row) => row.old === 1);
    if (old.length === 0) return 0;
    const erasable = old.filter(({ seq }) => !open.has(seq));
    for (const { seq } of erasable) database.run("DELETE FROM payloads WHERE seq = ?", seq);
    if (erasable.length > 0) return erasable.length;
    from = page.at(-1)?.seq ?? from;
  }
}
