/** Outcomes that the store could not take when they happened. They are kept until it does; a crash meanwhile makes their calls unknown. */
export interface Unsettled {
  add(retry: () => Promise<void>): void;
  retry(): Promise<void>;
  count(): number;
}

/** Keeps outcomes until the store takes them; `onFault` hears of each attempt that fails. */
export function createUnsettled(onFault: (callId: string, error: unknown) => void): Unsettled {
  let waiting: (() => Promise<void>)[] = [];
  return {
    count: () => waiting.length,
    add: (retry) => waiting.push(retry),
    async retry() {
      const now = waiting;
      waiting = [];
      for (const retry of now) {
        try {
          await retry();
        } catch (error) {
          waiting.push(retry);
          onFault("", error);
        }
      }
    },
  };
}
