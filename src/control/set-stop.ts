import type { Person } from "../rules/principal.ts";
import { type Stop, type StopScope, stopScopeKeys } from "../rules/stops.ts";
import type { ControlPorts } from "./ports.ts";
import { type Refusal, refuseRequest } from "./refusal.ts";

export interface StopRequest {
  readonly scope: StopScope;
  /** 1..500 characters; agents read it. */
  readonly reason: string;
  /** Milliseconds from now; null means until cleared. */
  readonly expiresInMs: number | null;
}

/** Puts a stop in force. It is durable, and this process obeys it, when the promise resolves. */
export async function setStop(ports: ControlPorts, person: Person, request: StopRequest): Promise<Stop> {
  const nowMs = ports.clock.nowMs();
  const scope = Object.fromEntries(stopScopeKeys.flatMap((key) => (request.scope[key] === undefined ? [] : [[key, request.scope[key]]])));
  const expiresAtMs = request.expiresInMs === null ? null : nowMs + request.expiresInMs;
  const stop: Stop = { id: ports.ids.stopId(), scope, reason: request.reason, setBy: person.person, setAtMs: nowMs, expiresAtMs };
  await ports.stopStore.set(stop);
  await ports.stops.refresh();
  return stop;
}

/** Ends a stop. It is over, for this process, when the promise resolves. */
export async function clearStop(ports: ControlPorts, person: Person, id: string): Promise<{ readonly cleared: string } | Refusal> {
  const cleared = await ports.stopStore.clear(id, person.person, ports.clock.nowMs());
  await ports.stops.refresh();
  return cleared ? { cleared: id } : refuseRequest("ERR_NOT_FOUND", `no stop ${id} is in force`);
}

/** Stops in force now, oldest first. */
export async function listStops(ports: ControlPorts): Promise<readonly Stop[]> {
  const nowMs = ports.clock.nowMs();
  return (await ports.stopStore.active()).filter((stop) => stop.expiresAtMs === null || stop.expiresAtMs > nowMs);
}
