import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

export interface FsyncTimes {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** How long the disk under a folder takes to make 4 KiB durable. A commit cannot be faster; on a folder in memory it says nothing. */
export function measureFsync(parentFolder: string, times: number): FsyncTimes {
  const folder = mkdtempSync(join(parentFolder, "sallyport-fsync-"));
  const file = openSync(join(folder, "probe"), "w");
  const page = Buffer.alloc(4096, 1);
  const took: number[] = [];
  for (let index = 0; index < times; index += 1) {
    writeSync(file, page);
    const startedMs = performance.now();
    fdatasyncSync(file);
    took.push(performance.now() - startedMs);
  }
  closeSync(file);
  rmSync(folder, { recursive: true });
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
