import type { JsonObject } from "../../rules/json.ts";
import type { Stop } from "../../rules/stops.ts";
import type { Database } from "./database.ts";
import { appendEntry } from "./ledger.ts";

/** Stops that are not cleared, oldest first; expired ones included, for who reads them knows the time. */
export function readStops({ memory, rows }: Database): readonly Stop[] {
  memory.stops ??= rows<{ stop: string }>("SELECT stop FROM stops WHERE cleared_ms IS NULL ORDER BY set_ms, id").map(
    (row) => JSON.parse(row.stop) as Stop,
  );
  return memory.stops;
}

/** Puts a stop in force. */
export function setStop(database: Database, stop: Stop): void {
  database.memory.stops = null;
  database.run("INSERT INTO stops (id, stop, set_ms) VALUES (?, ?, ?)", stop.id, JSON.stringify(stop), stop.setAtMs);
  appendEntry(database, "stop.set", stop.setAtMs, { stop: stop as unknown as JsonObject });
}

/** Clears a stop; false when it is not in force. */
export function clearStop(database: Database, id: string, by: string, nowMs: number): boolean {
  database.memory.stops = null;
  const changed = database.run("UPDATE stops SET cleared_ms = ?, cleared_by = ? WHERE id = ? AND cleared_ms IS NULL", nowMs, by, id);
  if (changed === 1) appendEntry(database, "stop.cleared", nowMs, { stop: id, by });
  return changed === 1;
}
