import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Accounts, in the store of a gateway that has ended, that hold other money than open calls have reserved: nobody would ever give it back. */
export function leakedReservations(dataDir: string): number {
  const database = new DatabaseSync(join(dataDir, "sallyport.db"));
  const open = "'held', 'approved', 'started', 'unknown'";
  const row = database
    .prepare(
      `SELECT count(*) AS leaked FROM accounts WHERE taken <> (SELECT coalesce(sum(one.value ->> 'units'), 0)
        FROM calls JOIN ledger ON seq = booked, json_each(entry, '$.reservations') AS one WHERE state IN (${open}) AND one.value ->> 'key' = accounts.key)`,
    )
    .get();
  database.close();
  return Number(row?.["leaked"]);
}
