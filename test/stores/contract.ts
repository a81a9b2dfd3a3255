import { test } from "node:test";
import type { Calls, Runs, StopStore } from "../../src/ports/calls.ts";
import type { Ledger } from "../../src/ports/ledger.ts";
import { admissionRules } from "./contract-admission.ts";
import { holdRules } from "./contract-holds.ts";
import { progressRules } from "./contract-progress.ts";
import { recordRules } from "./contract-records.ts";

/** What every store of record offers. */
export interface Store {
  readonly calls: Calls;
  readonly runs: Runs;
  readonly stops: StopStore;
  readonly ledger: Ledger;
  close(): Promise<void>;
}

/** Opens the store of one place (a file, a schema); the same place again finds what was left there. */
export type OpenStore = (place: string) => Promise<Store>;

/** One rule of the contract, told by its title. `reopen` closes the store and opens its place again. */
export type Rules = Readonly<Record<string, (store: Store, reopen: () => Promise<Store>) => Promise<void>>>;

let places = 0;

/** Every rule that a store of record must keep, each on an empty store of its own. */
export function runStoreContract(name: string, openStore: OpenStore): void {
  const rules: Rules = { ...admissionRules, ...holdRules, ...progressRules, ...recordRules };
  for (const [title, prove] of Object.entries(rules)) {
    test(`${name}: ${title}`, async () => {
      places += 1;
      const place = `contract_${process.pid}_${places}`;
      let store = await openStore(place);
      const reopen = async (): Promise<Store> => {
        await store.close();
        store = await openStore(place);
        return store;
      };
      try {
        await prove(store, reopen);
      } finally {
        await store.close();
      }
    });
  }
}
