/** One answer that is on its way to an agent. */
export interface RunningStream {
  /** Ends it at once; it is then recorded as cut. */
  cut(): void;
  /** When its end is on record. Never rejects. */
  readonly ended: Promise<unknown>;
}

/** The answers that are passed through right now, so that the end of the process ends each by name and not as a broken connection. */
export interface Streams {
  add(stream: RunningStream): void;
  /** Waits until all have ended; those that have not shortly before `untilMs` (monotonic) are cut, and their records waited for. */
  endBy(untilMs: number): Promise<void>;
}

/** How long before the end of a drain the last streams are cut: their records are still to be written. */
const cutBeforeMs = 500;
/** Longest wait for those records; what is not written then is settled by the next start. */
const recordMsMax = 2000;
const lookMs = 20;

/** Keeps track of streams, as many as there are connections. */
export function openStreams(): Streams {
  const running = new Set<RunningStream>();
  return {
    add(stream) {
      running.add(stream);
      void stream.ended.finally(() => running.delete(stream));
    },
    async endBy(untilMs) {
      while (running.size > 0 && performance.now() < untilMs - cutBeforeMs) await pause(lookMs);
      const last = [...running];
      for (const stream of last) stream.cut();
      await Promise.race([Promise.all(last.map(({ ended }) => ended)), pause(recordMsMax)]);
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
