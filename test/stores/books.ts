import assert from "node:assert/strict";
import type { SealedEntry } from "../../src/ports/ledger.ts";
import type { Account, Reservation } from "../../src/rules/budgets.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import type { Store } from "./contract.ts";

interface Open {
  readonly key: string;
  readonly units: number;
  readonly held: boolean;
}

export interface Books {
  readonly accounts: ReadonlyMap<string, Account>;
  /** Accounts that a ledger row names as overrun. */
  readonly overrun: ReadonlySet<string>;
}

type Step = (accounts: ReadonlyMap<string, Account>, entry: JsonObject) => void;

/** The accounts as the ledger alone tells them; `afterEach` sees them after every row. */
export function rebuildAccounts(entries: readonly SealedEntry[], afterEach: Step = () => {}): Books {
  const accounts = new Map<string, Account>();
  const open = new Map<string, readonly Open[]>();
  const overrun = new Set<string>();
  const add = (key: string, taken: number, held: number, settled: number): void => {
    const account = accounts.get(key) ?? { taken: 0, held: 0, settled: 0 };
    accounts.set(key, { taken: account.taken + taken, held: account.held + held, settled: account.settled + settled });
  };
  const release = (call: string): void => {
    for (const { key, units, held } of open.get(call) ?? []) add(key, -units, held ? -units : 0, 0);
    open.delete(call);
  };
  for (const { entry } of entries) {
    const call = String(entry["call"]);
    const held = entry["type"] === "call.held";
    if (entry["reservations"] !== undefined) {
      release(call);
      const taken = (entry["reservations"] as unknown as readonly Reservation[]).map(({ key, units }) => ({ key, units, held }));
      for (const { key, units } of taken) add(key, units, held ? units : 0, 0);
      open.set(call, taken);
    }
    const money = (entry["money"] ?? []) as unknown as readonly { key: string; actual: number; overrun?: boolean }[];
    if (money.length > 0) release(call);
    for (const row of money) {
      add(row.key, 0, 0, row.actual);
      if (row.overrun === true) overrun.add(row.key);
    }
    afterEach(accounts, entry);
  }
  return { accounts, overrun };
}

/** Reads the whole ledger from one row on; proves that no number is missing. */
export async function readWholeLedger(store: Store, fromSeq = 1): Promise<readonly SealedEntry[]> {
  const entries: SealedEntry[] = [];
  for (;;) {
    const page = await store.ledger.read(fromSeq + entries.length, 1000);
    if (page.length === 0) break;
    entries.push(...page);
  }
  assert.deepEqual(
    entries.map(({ seq }) => seq),
    entries.map((_, index) => fromSeq + index),
  );
  return entries;
}

/** Units left of each account, as policy would be told. */
export async function unitsLeftOf(store: Store, ...reservations: readonly Reservation[]): Promise<readonly number[]> {
  const nobody = { agent: "billing", callId: "", run: null, tenant: "", environment: "", callDigest: "" };
  return (await store.calls.standing({ ...nobody, reservations })).left;
}
