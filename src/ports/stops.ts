import type { Stop, StopSubject } from "../rules/stops.ts";

/**
 * The stops in force, as this process last read them. `blocking` must answer from memory; it returns the first stop that covers the subject,
 * `"stale"` when the last good read is older than the bound (then nothing may execute), or null.
 */
export interface StopsView {
  blocking(subject: StopSubject, nowMs: number): Stop | "stale" | null;
  /** Reads them again from the store of record. Rejects when the store fails; the view then ages. */
  refresh(): Promise<void>;
}
