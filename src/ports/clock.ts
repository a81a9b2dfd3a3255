/** Time is a port so that tests own it. */
export interface Clock {
  /** Unix milliseconds. */
  nowMs(): number;
  /** Milliseconds that never step back; only differences mean something. */
  monotonicMs(): number;
}

/** Ids are a port too. They are unguessable (at least 80 random bits for a call) and never reused; knowing one gives no right to it. */
export interface Ids {
  callId(): string;
  stopId(): string;
  /** As unguessable as a call's. */
  runId(): string;
}
