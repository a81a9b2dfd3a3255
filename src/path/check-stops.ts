import { type Denial, deny } from "../rules/denial.ts";
import type { Stop, StopSubject } from "../rules/stops.ts";
import type { Governable } from "./call.ts";
import type { PathPorts } from "./ports.ts";

/** Kill switches, from memory; the admission asks them once more inside its transaction. */
export function checkStops(ports: PathPorts, call: Governable): Denial | null {
  const blocking = ports.stops.blocking(stopSubject(call), ports.clock.nowMs());
  if (blocking === null) return null;
  return blocking === "stale" ? deny("ERR_STOPS_STALE") : denyStopped(blocking);
}

/** What stops are matched against. */
export function stopSubject({ principal, tool, governed }: Governable): StopSubject {
  return { tenant: principal.tenant, agent: principal.agent, workflow: governed.contract.workflow, tool: tool.name, run: principal.run };
}

/** The denial that a stop makes; who set it is nobody's business on the agents' side. */
export function denyStopped(stop: Stop): Denial {
  return deny("ERR_STOPPED", undefined, { reasons: [{ rule: `stop/${stop.id}`, message: stop.reason }] });
}
