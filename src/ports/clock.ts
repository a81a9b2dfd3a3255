/** Time is a port so that tests own it. */
export interface Clock {
  /** Unix milliseconds. */
  nowMs(): number;
  /** Milliseconds that never step back; only differences mean something. */
  monotonicMs(): number;
}

/** Ids are a port too. They are unguessable (128 random bits) and never reused. */
export interface Ids {
  callId(): string;
  stopId(): string;
}
