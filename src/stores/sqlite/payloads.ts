import type { Payload } from "../../ports/calls.ts";
import type { Database } from "./database.ts";
import { indexedOpen } from "./rows.ts";

/** Keeps an encrypted document; the same bytes of the same tenant are kept once, and count as new. */
export function insertPayload(database: Database, payload: Payload, nowMs: number): void {
  database.run(
    "INSERT INTO payloads (digest, tenant, sealed, kept_ms) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET kept_ms = excluded.kept_ms",
    payload.digest,
    payload.tenant,
    payload.sealed,
    nowMs,
  );
}

/** The document of this name, or null when it was erased. */
export function findPayload(database: Database, digest: string, tenant: string): Payload | null {
  return database.row<Payload>("SELECT digest, tenant, sealed FROM payloads WHERE digest = ? AND tenant = ?", digest, tenant) ?? null;
}

const batchMax = 1000;

/** Erases documents last needed before `beforeMs`, but never those of a call that is still open; at most 1,000. The ledger keeps their digests. */
export function erasePayloads(database: Database, beforeMs: number): number {
  return database.run(
    `DELETE FROM payloads WHERE rowid IN (SELECT rowid FROM payloads WHERE kept_ms < ?
      AND digest NOT IN (SELECT payload_digest FROM calls WHERE ${indexedOpen}) LIMIT ${batchMax})`,
    beforeMs,
  );
}
