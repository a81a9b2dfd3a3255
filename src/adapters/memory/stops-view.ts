import type { StopStore } from "../../ports/calls.ts";
import type { Clock } from "../../ports/clock.ts";
import type { StopsView } from "../../ports/stops.ts";
import { firstCovering, type Stop } from "../../rules/stops.ts";

/** The stops of the store, kept in memory. Until the first good read, and `staleAfterMs` after the last, nothing may execute. */
export function openStopsView(store: StopStore, clock: Clock, staleAfterMs: number): StopsView & { readonly ageMs: () => number } {
  let stops: readonly Stop[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  let newest = 0;
  const ageMs = (): number => clock.monotonicMs() - readAtMs;
  return {
    ageMs,
    blocking: (subject, nowMs) => (ageMs() > staleAfterMs ? "stale" : firstCovering(stops, subject, nowMs)),
    async refresh() {
      newest += 1;
      const turn = newest;
      const askedAtMs = clock.monotonicMs();
      const read = await store.active();
      // An answer that overtook a later question would bring back what was cleared, or lose what was set.
      if (turn < newest && readAtMs >= askedAtMs) return;
      stops = read;
      readAtMs = askedAtMs;
    },
  };
}
