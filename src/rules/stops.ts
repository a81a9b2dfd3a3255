/** A kill switch. Every field that is set must match; a stop with none set stops everything. */
export interface Stop {
  readonly id: string;
  readonly scope: StopScope;
  readonly reason: string;
  readonly setBy: string;
  readonly setAtMs: number;
  /** Null: until cleared. */
  readonly expiresAtMs: number | null;
}

export interface StopScope {
  readonly tenant?: string;
  readonly workflow?: string;
  readonly agent?: string;
  readonly tool?: string;
  readonly run?: string;
}

/** What a stop is matched against. `run` is null when the call has none. */
export interface StopSubject {
  readonly tenant: string;
  readonly workflow: string;
  readonly agent: string;
  readonly tool: string;
  readonly run: string | null;
}

export const stopScopeKeys = ["tenant", "workflow", "agent", "tool", "run"] as const satisfies readonly (keyof StopScope)[];

/** Whether a stop covers a call at this time. */
export function covers(stop: Stop, subject: StopSubject, nowMs: number): boolean {
  if (stop.expiresAtMs !== null && stop.expiresAtMs <= nowMs) return false;
  return stopScopeKeys.every((key) => stop.scope[key] === undefined || stop.scope[key] === subject[key]);
}

/** The first stop that covers a call, in the order they were set, or null. */
export function firstCovering(stops: readonly Stop[], subject: StopSubject, nowMs: number): Stop | null {
  return stops.find((stop) => covers(stop, subject, nowMs)) ?? null;
}
