import { type Account, addUnits, emptyAccount, type Reservation, resolve, type Shortfall, shortfall, take } from "../../rules/budgets.ts";
import type { Database } from "./database.ts";

interface ReservationRow {
  readonly key: string;
  readonly budget: string;
  readonly units: number;
  readonly reservation_limit: number;
  readonly held: number;
}

/** A reservation that did not fit. */
export type Beyond = Shortfall & { readonly reservation: Reservation };

/** The account of one window; empty when nothing was ever taken from it. */
export function readAccount(database: Database, key: string): Account {
  return database.row<Account>("SELECT taken, held, settled FROM accounts WHERE key = ?", key) ?? emptyAccount;
}

function writeAccount(database: Database, key: string, account: Account): void {
  database.run(
    "INSERT INTO accounts (key, taken, held, settled) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET taken = excluded.taken, held = excluded.held, settled = excluded.settled",
    key,
    account.taken,
    account.held,
    account.settled,
  );
}

/**
 * The first reservation, in key order, that does not fit, or null when all do. What `movingFrom` has taken so far counts as given back: a call that starts
 * after approval moves its own money.
 */
export function checkReservations(
  database: Database,
  reservations: readonly Reservation[],
  forHold: boolean,
  movingFrom: string | null,
): Beyond | null {
  for (const reservation of inKeyOrder(reservations)) {
    const short = shortfall(
      movingFrom === null ? readAccount(database, reservation.key) : accountWithout(database, reservation.key, movingFrom),
      reservation,
      forHold,
    );
    if (short !== null) return { ...short, reservation };
  }
  return null;
}

/** The account of one window as if this call had taken nothing from it. */
export function accountWithout(database: Database, key: string, call: string): Account {
  const account = readAccount(database, key);
  const own = database.row<{ units: number; held: number }>("SELECT units, held FROM reservations WHERE call = ? AND key = ?", call, key);
  return own === undefined ? account : resolve(account, own.units, own.held === 1, 0);
}

/** Takes all reservations. The caller has checked them in the same transaction. */
export function takeReservations(database: Database, call: string, reservations: readonly Reservation[], forHold: boolean): void {
  for (const { key, budget, units, limit } of inKeyOrder(reservations)) {
    writeAccount(database, key, take(readAccount(database, key), units, forHold));
    database.run(
      "INSERT INTO reservations (call, key, budget, units, reservation_limit, held) VALUES (?, ?, ?, ?, ?, ?)",
      call,
      key,
      budget,
      units,
      limit,
      forHold ? 1 : 0,
    );
  }
}

function inKeyOrder(reservations: readonly Reservation[]): readonly Reservation[] {
  return [...reservations].sort((a, b) => (a.key < b.key ? -1 : 1));
}

function readReservations(database: Database, call: string): readonly ReservationRow[] {
  return database.rows<ReservationRow>(
    "SELECT key, budget, units, reservation_limit, held FROM reservations WHERE call = ? ORDER BY key",
    call,
  );
}

/** What became of one reservation. */
export interface Resolved {
  readonly budget: string;
  readonly key: string;
  readonly reserved: number;
  readonly actual: number;
  /** Whether the window now stands above its limit. */
  readonly overrun: boolean;
}

/** Ends a call's reservations, once: `actual` answers the units that were really used, 0 voids. The rows go, so that a second end finds none. */
export function resolveReservations(
  database: Database,
  call: string,
  actual: (budget: string, reserved: number) => number,
): readonly Resolved[] {
  const rows = readReservations(database, call);
  database.run("DELETE FROM reservations WHERE call = ?", call);
  return rows.map((row) => {
    const told = actual(row.budget, row.units);
    // What is no count is booked as reserved: a negative amount must not raise a budget.
    const used = Number.isSafeInteger(told) && told >= 0 ? told : row.units;
    const account = resolve(readAccount(database, row.key), row.units, row.held === 1, used);
    writeAccount(database, row.key, account);
    return {
      budget: row.budget,
      key: row.key,
      reserved: row.units,
      actual: used,
      overrun: account.taken + account.settled > row.reservation_limit,
    };
  });
}

/** Books what turned out to be used although it had been given back; the window may stand above its limit then. */
export function bookLate(database: Database, money: readonly Resolved[]): readonly Resolved[] {
  return money.map((one) => {
    addSettled(database, one.key, one.reserved);
    return { ...one, actual: one.reserved, overrun: true };
  });
}

/** Adds units that were used without a reservation, such as reported usage. Only adds. */
export function addSettled(database: Database, key: string, units: number): void {
  if (!Number.isSafeInteger(units) || units < 0) throw new RangeError(`not a count of units: ${units}`);
  const account = readAccount(database, key);
  writeAccount(database, key, { ...account, settled: addUnits(account.settled, units) });
}
