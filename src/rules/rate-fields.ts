import { serializeList } from "structured-headers";

/** Where one rate stands after a request. */
export interface RateStanding {
  /** `agent`, `tenant` or `tool`. */
  readonly name: string;
  /** Requests per window. */
  readonly quota: number;
  readonly windowMs: number;
  /** Requests left in this window, >= 0. */
  readonly remaining: number;
  /** Until the window turns, >= 0. */
  readonly resetMs: number;
}

/** The two fields of draft-ietf-httpapi-ratelimit-headers-11, lower-case; none when no rate was counted. */
export function rateLimitFields(standings: readonly RateStanding[]): Readonly<Record<string, string>> {
  if (standings.length === 0) return {};
  const names = policyNames(standings);
  const policies = standings.map(({ quota, windowMs }, at) => item(names[at] as string, { q: quota, w: wholeSeconds(windowMs) }));
  const limits = standings.map(({ remaining, resetMs }, at) =>
    item(names[at] as string, { r: Math.max(0, remaining), t: wholeSeconds(resetMs) }),
  );
  return { "ratelimit-policy": serializeList(policies), ratelimit: serializeList(limits) };
}

/** Value of Retry-After: whole seconds, rounded up so that a client which waits them does not come too early; at least 1. */
export function retryAfterSeconds(ms: number): number {
  return Math.max(1, wholeSeconds(ms));
}

/** A counter key that no other parts can make: each part stands behind its length, so `a:b` + `c` is not `a` + `b:c`. */
export function rateKey(parts: readonly string[]): string {
  return parts.map((part) => `${part.length}:${part}`).join("");
}

/** The draft tells policies apart by name; a second rate of one scope is named with its window, such as `agent-3600`. */
function policyNames(standings: readonly RateStanding[]): readonly string[] {
  return standings.map(({ name, windowMs }, at) =>
    standings.findIndex((other) => other.name === name) === at ? name : `${name}-${wholeSeconds(windowMs)}`,
  );
}

function item(name: string, parameters: Readonly<Record<string, number>>): [string, Map<string, number>] {
  return [name, new Map(Object.entries(parameters))];
}

function wholeSeconds(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000));
}
