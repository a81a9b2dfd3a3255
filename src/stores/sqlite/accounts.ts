import { type Account, addUnits, emptyAccount, type Reservation, resolve, type Shortfall, shortfall, take } from "../../rules/budgets.ts";
import type { Database } from "./database.ts";
import type { BookedCall } from "./started.ts";

/** A reservation as it was taken. */
export interface Taken {
  readonly key: string;
  readonly budget: string;
  readonly units: number;
  readonly limit: number;
  /** Whether it counts as held. */
  readonly held: boolean;
}

/** A reservation that did not fit. */
export type Beyond = Shortfall & { readonly reservation: Reservation };

const selectAccount = "SELECT taken, held, settled FROM accounts WHERE key = ?";
const upsertAccount =
  "INSERT INTO accounts (key, taken, held, settled) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET taken = excluded.taken, held = excluded.held, settled = excluded.settled";

/** The account of one window; empty when nothing was ever taken from it. */
export function readAccount({ memory, row }: Database, key: string): Account {
  const known = memory.accounts.get(key);
  if (known !== undefined) return known;
  const account = row<Account>(selectAccount, key) ?? emptyAccount;
  memory.accounts.set(key, account);
  return account;
}

function writeAccount({ memory }: Database, key: string, account: Account): void {
  memory.accounts.set(key, account);
  memory.unwritten.add(key);
}

/** Writes the accounts that changed, each once: a budget that many calls of one commit share is one row. */
export function flushAccounts({ memory, run }: Database): void {
  for (const key of memory.unwritten) {
    const account = memory.accounts.get(key) ?? emptyAccount;
    run(upsertAccount, key, account.taken, account.held, account.settled);
    memory.changes.accounts.push([key, account]);
  }
  memory.unwritten.clear();
}

/**
 * The first reservation, in key order, that does not fit, or null when all do. What `movingFrom` has taken so far counts as given back: a call that starts
 * after approval moves its own money.
 */
export function checkReservations(
  database: Database,
  reservations: readonly Reservation[],
  forHold: boolean,
  movingFrom: BookedCall | null,
): Beyond | null {
  for (const reservation of inKeyOrder(reservations)) {
    const short = shortfall(accountWithout(database, reservation.key, movingFrom), reservation, forHold);
    if (short !== null) return { ...short, reservation };
  }
  return null;
}

/** The account of one window as if this call had taken nothing from it. */
export function accountWithout(database: Database, key: string, call: BookedCall | null): Account {
  const account = readAccount(database, key);
  const own = call?.reservations.find((one) => one.key === key);
  return own === undefined ? account : resolve(account, own.units, own.held, 0);
}

/** Takes all reservations. The caller has checked them in the same transaction, and puts them on record in the ledger. */
export function takeReservations(database: Database, reservations: readonly Reservation[], forHold: boolean): void {
  for (const { key, units } of inKeyOrder(reservations)) writeAccount(database, key, take(readAccount(database, key), units, forHold));
}

function inKeyOrder<One extends { readonly key: string }>(reservations: readonly One[]): readonly One[] {
  return reservations.length < 2 ? reservations : [...reservations].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** What became of one reservation. */
export interface Resolved {
  readonly actual: number;
  readonly budget: string;
  readonly key: string;
  /** Whether the window now stands above its limit. */
  readonly overrun: boolean;
  readonly reserved: number;
}

/** Ends reservations: `actual` answers the units that were really used, 0 voids. The caller ends the call with them, so that they end once. */
export function resolveReservations(
  database: Database,
  reservations: readonly Taken[],
  actual: (budget: string, reserved: number) => number,
): readonly Resolved[] {
  return inKeyOrder(reservations).map(({ key, budget, units, limit, held }) => {
    const told = actual(budget, units);
    // What is no count is booked as reserved: a negative amount must not raise a budget.
    const used = Number.isSafeInteger(told) && told >= 0 ? told : units;
    const account = resolve(readAccount(database, key), units, held, used);
    if (account.taken < 0 || account.held < 0) throw new RangeError(`the account ${key} holds less than was taken from it`);
    writeAccount(database, key, account);
    return { actual: used, budget, key, overrun: account.taken + account.settled > limit, reserved: units };
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
