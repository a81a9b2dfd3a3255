import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { openSqliteStore, type SqliteStore } from "../../src/stores/sqlite/index.ts";
import type { QueueOptions } from "../../src/stores/sqlite/queue.ts";

/** A folder in memory where there is one: these tests ask what is written, not how fast the disk is. */
export const memoryFolder = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** The real store on a file, with room for every test's queue. */
export function openFile(file: string, changes: Partial<QueueOptions> = {}): Promise<SqliteStore> {
  return openSqliteStore({ file, killAt: null, queueMax: 10_000, queueWaitMsMax: 60_000, onDeath: () => {}, ...changes });
}
