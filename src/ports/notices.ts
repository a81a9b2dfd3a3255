/** Wakes those who wait for a call to change. May lose a wake-up: whoever waits looks again when the time is over. */
export interface Notices {
  changed(callId: string): void;
  /** Resolves when the call may have changed, or after `timeoutMs`. */
  wait(callId: string, timeoutMs: number): Promise<void>;
}
