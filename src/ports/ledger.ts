import type { LedgerHead, SealedEntry } from "../rules/sealing.ts";

export type { LedgerHead, SealedEntry };

export interface Ledger {
  head(): Promise<LedgerHead>;
  /** Sealed entries from `fromSeq` on, at most `limit` (1..1000). */
  read(fromSeq: number, limit: number): Promise<readonly SealedEntry[]>;
}
