import type { Account } from "../../rules/budgets.ts";
import type { LedgerHead } from "../../rules/sealing.ts";
import type { Stop } from "../../rules/stops.ts";
import type { StartedCalls } from "./started.ts";

/**
 * What the writer remembers of its own file, so that it need not read what it has just written. It alone writes, so this is never older than the file; what a
 * transaction changed here is forgotten with the transaction, and read again from the file.
 */
export interface Memory {
  /** The ledger's end; null when it must be read. */
  head: LedgerHead | null;
  /** Stops in force, or expired and not cleared; null when they must be read. */
  stops: readonly Stop[] | null;
  /** Every call that is on its way, by id; null when they must be read. As many as the gateway runs at once. */
  started: StartedCalls | null;
  readonly accounts: Map<string, Account>;
  /** Keys of accounts that are not in the file yet; written once, at the end of the transaction. */
  readonly unwritten: Set<string>;
  /** What this transaction changed, for the main thread's own view. */
  changes: Changes;
}

/** Accounts and states after a transaction. */
export interface Changes {
  readonly accounts: (readonly [key: string, account: Account])[];
  /** Calls that were there before: what they have become. */
  readonly states: (readonly [id: string, state: string])[];
}

/** Accounts that are remembered; beyond it all are forgotten between two transactions. */
const accountsMax = 20_000;

/** A memory that knows nothing yet. */
export function emptyMemory(): Memory {
  return { head: null, stops: null, started: null, accounts: new Map(), unwritten: new Set(), changes: { accounts: [], states: [] } };
}

/** Forgets all that a transaction may have changed. */
export function forget(memory: Memory): void {
  memory.head = null;
  memory.stops = null;
  memory.started = null;
  memory.accounts.clear();
  memory.unwritten.clear();
}

/** Hands out what changed since the last time, and keeps the memory within its bounds. Only between two transactions. */
export function takeChanges(memory: Memory): Changes {
  const { changes } = memory;
  memory.changes = { accounts: [], states: [] };
  if (memory.accounts.size > accountsMax) memory.accounts.clear();
  return changes;
}
