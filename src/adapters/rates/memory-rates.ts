import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import type { RateResult, RateStanding, Rates, RateUse } from "../../ports/rates.ts";

/** Beyond 2^31-1 ms a Node timer fires at once, and the counter it should end would be forgotten with every request. */
const windowMsMax = 2 ** 31 - 1;
/** rate-limiter-flexible gives a shorter key no expiry in some stores; no store may differ. */
const windowMsMin = 1000;

/**
 * Fixed windows counted in this process, forgotten when it ends. Each key lives one window from its first request and then goes away.
 *
 * The library reads `Date.now` and sets its own (unreferenced) timers, one per live key; it takes no clock. Windows are therefore those of the
 * process's wall clock: a step forward ends them early. Both edges of a window together can grant twice the limit within one window's length.
 */
export function openMemoryRates(): Rates {
  const limiters = new Map<string, RateLimiterMemory>();
  let turn: Promise<unknown> = Promise.resolve();
  return {
    consume(uses) {
      // The library only answers by promise, so looking and taking is kept whole by taking turns: nobody takes between another's look and take.
      const mine = turn.then(() => lookThenTake(limiters, uses));
      turn = mine.catch(() => undefined);
      return mine;
    },
  };
}

/** Takes one point of each use, or none at all: consuming in order would burn points of earlier scopes for a call that a later one refuses. */
async function lookThenTake(limiters: Map<string, RateLimiterMemory>, uses: readonly RateUse[]): Promise<RateResult> {
  const looked: RateStanding[] = [];
  for (const [at, use] of uses.entries()) {
    const standing = standingOf(use, await limiterFor(limiters, use).get(use.key));
    looked.push(standing);
    if (standing.remaining <= countSame(uses.slice(0, at), use)) return { granted: false, standings: looked };
  }
  const taken: RateStanding[] = [];
  for (const use of uses) {
    const { granted, result } = await take(limiterFor(limiters, use), use.key);
    taken.push(standingOf(use, result));
    if (!granted) return { granted, standings: taken };
  }
  return { granted: true, standings: taken };
}

/** A refusal rejects with a RateLimiterRes, a fault with anything else; taking one for the other would turn an outage into "limit reached". */
async function take(limiter: RateLimiterMemory, key: string): Promise<{ granted: boolean; result: RateLimiterRes }> {
  try {
    return { granted: true, result: await limiter.consume(key) };
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return { granted: false, result: refusal };
    throw refusal;
  }
}

function limiterFor(limiters: Map<string, RateLimiterMemory>, { rate }: RateUse): RateLimiterMemory {
  const { limit, windowMs } = rate;
  const name = `${limit}/${windowMs}`;
  const known = limiters.get(name);
  if (known !== undefined) return known;
  if (!Number.isSafeInteger(limit) || limit < 0) throw new RangeError(`a rate's limit must be a whole number, not ${limit}`);
  if (!(windowMs >= windowMsMin && windowMs <= windowMsMax))
    throw new RangeError(`a rate's window must be 1 s to 24 days, not ${windowMs} ms`);
  const limiter = new RateLimiterMemory({ keyPrefix: "", points: limit, duration: windowMs / 1000 });
  limiters.set(name, limiter);
  return limiter;
}

/** A key that is unknown, or whose window has ended before its timer ran, is a fresh window. */
function standingOf({ name, rate }: RateUse, result: RateLimiterRes | null): RateStanding {
  const { limit: quota, windowMs } = rate;
  if (result === null || result.msBeforeNext <= 0) return { name, quota, windowMs, remaining: quota, resetMs: windowMs };
  return { name, quota, windowMs, remaining: Math.max(0, quota - result.consumedPoints), resetMs: result.msBeforeNext };
}

function countSame(earlier: readonly RateUse[], { key, rate }: RateUse): number {
  return earlier.filter((other) => other.key === key && other.rate.limit === rate.limit && other.rate.windowMs === rate.windowMs).length;
}
