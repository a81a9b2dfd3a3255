import type { Notices } from "../../ports/notices.ts";

/** Wake-ups within this process. */
export function openMemoryNotices(): Notices {
  const waiting = new Map<string, Set<() => void>>();
  return {
    changed(callId) {
      for (const wake of waiting.get(callId) ?? []) wake();
      waiting.delete(callId);
    },
    wait: (callId, timeoutMs) =>
      new Promise((resolve) => {
        const wakers = waiting.get(callId) ?? new Set();
        waiting.set(callId, wakers);
        const wake = (): void => {
          clearTimeout(timer);
          wakers.delete(wake);
          if (wakers.size === 0 && waiting.get(callId) === wakers) waiting.delete(callId);
          resolve();
        };
        const timer = setTimeout(wake, timeoutMs);
        wakers.add(wake);
      }),
  };
}
