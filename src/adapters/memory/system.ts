import { randomBytes } from "node:crypto";
import type { Clock, Ids } from "../../ports/clock.ts";

/** The machine's clock. */
export const systemClock: Clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

const poolBytes = 4096;
const idBytes = 16;
let pool = Buffer.alloc(0);

/** 128 random bits in hex. Random bytes are drawn a page at a time: one system call per 256 ids. */
function randomId(): string {
  if (pool.length < idBytes) pool = randomBytes(poolBytes);
  const id = pool.toString("hex", 0, idBytes);
  pool = pool.subarray(idBytes);
  return id;
}

/** Ids with a letter that says what they name. */
export const randomIds: Ids = { callId: () => `c_${randomId()}`, stopId: () => `s_${randomId().slice(0, 12)}` };
