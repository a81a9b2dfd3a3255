import type { Tool } from "../rules/catalogue.ts";
import type { PathPorts } from "./ports.ts";

/** The times of a call that is about to be committed as started. */
export interface Deadlines {
  readonly nowMs: number;
  /** Monotonic ms after which nothing may be written to the socket any more. */
  readonly sendByMs: number;
  /** Unix ms after which nobody may think the call is still on its way. */
  readonly settleByMs: number;
}

/** Read before the commit, both clocks at once: a slow commit must not let a call be sent after others may think it lost. */
export function deadlinesOf(ports: PathPorts, tool: Tool): Deadlines {
  const { startWithinMs } = ports.settings;
  const nowMs = ports.clock.nowMs();
  return {
    nowMs,
    sendByMs: ports.clock.monotonicMs() + startWithinMs,
    settleByMs: nowMs + startWithinMs + tool.timeoutMs + (tool.pass?.wholeMs ?? 0),
  };
}
