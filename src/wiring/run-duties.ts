import { duties } from "../control/duties.ts";
import type { ControlPorts } from "../control/ports.ts";

/** Runs every duty in its own rhythm; the next turn is counted from the end of the last, so that none overlaps with itself. */
export function startDuties(ports: ControlPorts): { stop(): Promise<void> } {
  const timers = new Map<string, NodeJS.Timeout>();
  const running = new Set<Promise<void>>();
  let stopped = false;
  for (const duty of duties) {
    const everyMs = typeof duty.everyMs === "number" ? duty.everyMs : duty.everyMs(ports);
    const turn = async (): Promise<void> => {
      await duty.run(ports).catch((error: unknown) => ports.onFault(`duty: ${duty.name}`, error));
      if (!stopped) timers.set(duty.name, setTimeout(start, everyMs));
    };
    const start = (): void => {
      const promise = turn().finally(() => running.delete(promise));
      running.add(promise);
    };
    timers.set(duty.name, setTimeout(start, everyMs));
  }
  return {
    async stop() {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}
