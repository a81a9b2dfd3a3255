import { randomBytes } from "node:crypto";
import type { Clock, Ids } from "../../ports/clock.ts";

/** The machine's clock. */
export const systemClock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

const poolBytes = 4096;
const randomBytesOfId = 10;
let pool = Buffer.alloc(0);

/**
 * 48 bits of time and 80 random bits in hex. Ids that grow with time lie together in the store's indexes: 64 calls of one commit touch a few pages and not 64.
 * Random bytes are drawn a page at a time.
 */
function timedId(): string {
  if (pool.length < randomBytesOfId) pool = randomBytes(poolBytes);
  const random = pool.toString("hex", 0, randomBytesOfId);
  pool = pool.subarray(randomBytesOfId);
  return Date.now().toString(16).padStart(12, "0") + random;
}

/** Ids with a letter that says what they name. */
export const randomIds: Ids = {
  callId: () => `c_${timedId()}`,
  stopId: () => `s_${timedId().slice(-12)}`,
  runId: () => `r_${timedId()}`,
};
