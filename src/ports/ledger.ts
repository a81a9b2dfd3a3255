import type { LedgerHead, SealedEntry } from "../rules/sealing.ts";

export type { LedgerHead, SealedEntry };

export interface Ledger {
  /** Numbers and chains at most `max` rows that are durable but not yet sealed; answers the head after it. */
  seal(max: number): Promise<{ readonly sealed: number; readonly head: LedgerHead }>;
  head(): Promise<LedgerHead>;
  /** Sealed entries from `fromSeq` on, at most `limit` (1..1000). */
  read(fromSeq: number, limit: number): Promise<readonly SealedEntry[]>;
}
