/** Money or counts taken from one window of one budget when a call is admitted. All units are integers of the budget's meter. */
export interface Reservation {
  /** Unique key of budget, scope ids and window start. */
  readonly key: string;
  /** The budget's name, such as `cost/run`. */
  readonly budget: string;
  /** 0..2^53-1. */
  readonly units: number;
  readonly limit: number;
  /** Units that open holds may bind at most. */
  readonly heldMax: number;
  /** When the window turns, Unix ms; null for a run's. */
  readonly endsAtMs: number | null;
}

/** One window's account: `taken` by open calls (of which `held` wait for people), `settled` for good. */
export interface Account {
  readonly taken: number;
  readonly held: number;
  readonly settled: number;
}

export const emptyAccount: Account = { taken: 0, held: 0, settled: 0 };

/** Units that a window still has, never below zero. */
export function unitsLeft(account: Account, limit: number): number {
  return Math.max(0, limit - account.taken - account.settled);
}

export type Shortfall = { readonly left: number; readonly heldShare: boolean };

/** Why a reservation does not fit, or null when it does. Anything but a safe integer of at least 0 never fits: a negative amount must not raise a budget. */
export function shortfall(account: Account, reservation: Reservation, forHold: boolean): Shortfall | null {
  const left = unitsLeft(account, reservation.limit);
  // Past the limit nothing fits, not even what costs nothing: the run is over.
  if (account.taken + account.settled > reservation.limit) return { left, heldShare: false };
  if (!Number.isSafeInteger(reservation.units) || reservation.units < 0 || reservation.units > left) return { left, heldShare: false };
  if (forHold && account.held + reservation.units > reservation.heldMax)
    return { left: Math.max(0, reservation.heldMax - account.held), heldShare: true };
  return null;
}

/** Sums stop at 2^53-1: a number beyond it could not be read back, and an account that cannot be read stops everybody who shares it. */
export function addUnits(left: number, right: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, left + right);
}

/** The account after a reservation was taken. */
export function take(account: Account, units: number, forHold: boolean): Account {
  return { taken: addUnits(account.taken, units), held: addUnits(account.held, forHold ? units : 0), settled: account.settled };
}

/** The account after a reservation was given back, or settled to its actual units. */
export function resolve(account: Account, units: number, wasHeld: boolean, actual: number): Account {
  return { taken: account.taken - units, held: account.held - (wasHeld ? units : 0), settled: addUnits(account.settled, actual) };
}
