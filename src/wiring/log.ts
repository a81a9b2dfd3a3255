import { pino } from "pino";

/** The operator's log, on stderr, and whether the process is still of use. */
export interface Log {
  onFault(callId: string, error: unknown): void;
  /** False once the store's writer has ended: only a restart helps. */
  live(): boolean;
}

/** One JSON line per fault. Nothing of a caller's arguments or tokens is ever in an error of ours. */
export function createLog(level: string, countFault: () => void): Log {
  const log = pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
  let live = true;
  return {
    live: () => live,
    onFault(callId, error) {
      countFault();
      if (error instanceof Error && error.message.includes("writer has ended")) live = false;
      log.error({ call: callId === "" ? undefined : callId, err: error }, "fault");
    },
  };
}
