import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { syncFolder } from "../durable-file.ts";

/** One published checkpoint as the history keeps it. */
export interface HistoryRecord {
  /** The gateway's clock when it signed, Unix ms. Not signed: it helps to find a checkpoint, it proves nothing. */
  readonly at_ms: number;
  readonly note: string;
}

/** What the end of the history holds. */
export interface HistoryEnd {
  /** The last record, or null in an empty file. */
  readonly last: HistoryRecord | null;
  /** What was found torn and marked as such, in words; null when nothing was. */
  readonly repaired: string | null;
}

/** The history's end cannot be read, and not because a write was cut off. Nothing may be signed until a person has looked. */
export class HistoryDamaged extends Error {
  override readonly name = "HistoryDamaged";
}

// A record is at most a note plus quoting; the end that is read holds several, so that a torn one never hides the last good one.
const endBytesMax = 65_536;

/**
 * Reads the end of the history, and closes a last line that a crash cut off. The file only ever grows: the torn bytes stay where they are, followed
 * by a line `{"torn":true}` that says so, so that nobody can take a repair for a loss or the other way round.
 */
export async function openHistory(path: string): Promise<HistoryEnd> {
  await using file = await open(path, "a+", 0o644);
  syncFolder(dirname(path));
  return await repairEnd(file, path);
}

/** Adds a record; on disk when it returns. A line that an earlier, failed write left torn is closed first; the answer says so, else null. */
export async function appendHistory(path: string, record: HistoryRecord): Promise<string | null> {
  await using file = await open(path, "a+", 0o644);
  const { repaired } = await repairEnd(file, path);
  await appendLine(file, JSON.stringify(record));
  return repaired;
}

async function repairEnd(file: FileHandle, path: string): Promise<HistoryEnd> {
  const { lines, rest } = await readEnd(file);
  // A last line that only misses its newline is whole: what was signed counts as signed.
  const whole = parseRecord(rest);
  if (whole !== null) {
    await appendLine(file, "");
    return { last: whole, repaired: `the last line of ${path} had no newline` };
  }
  const torn = rest !== "" || isTorn(lines.at(-1));
  if (rest !== "") await appendLine(file, "");
  if (torn) await appendLine(file, JSON.stringify({ torn: true }));
  const last = lastRecord(rest === "" ? lines : [...lines, rest], torn, path);
  return { last, repaired: torn ? `the last line of ${path} was torn; it is kept and marked` : null };
}

// From the end backwards: markers and the torn lines they speak of are passed over, anything else that is no record is damage.
function lastRecord(lines: readonly string[], tornAtEnd: boolean, path: string): HistoryRecord | null {
  let mayBeTorn = tornAtEnd;
  for (const line of lines.toReversed()) {
    const record = parseRecord(line);
    if (record !== null) return record;
    if (isMarker(line)) mayBeTorn = true;
    else if (!mayBeTorn)
      throw new HistoryDamaged(`${path} holds a line that is not a checkpoint record; keep the file, and look before the ledger goes on`);
  }
  return null;
}

async function readEnd(file: FileHandle): Promise<{ readonly lines: readonly string[]; readonly rest: string }> {
  const { size } = await file.stat();
  const bytes = Buffer.alloc(Math.min(size, endBytesMax));
  await file.read(bytes, 0, bytes.length, size - bytes.length);
  const lines = bytes.toString("utf8").split("\n");
  const rest = lines.pop() ?? "";
  // Where the read began in the middle of a file, its first line is half a line.
  return { lines: size > endBytesMax ? lines.slice(1) : lines, rest };
}

function parseRecord(line: string): HistoryRecord | null {
  const value = parseLine(line);
  if (typeof value !== "object" || value === null || !("note" in value) || !("at_ms" in value)) return null;
  const { note, at_ms } = value;
  return typeof note === "string" && typeof at_ms === "number" ? { note, at_ms } : null;
}

function isMarker(line: string): boolean {
  const value = parseLine(line);
  return typeof value === "object" && value !== null && "torn" in value && value.torn === true;
}

function isTorn(line: string | undefined): boolean {
  return line !== undefined && parseLine(line) === undefined;
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function appendLine(file: FileHandle, line: string): Promise<void> {
  await file.appendFile(`${line}\n`);
  await file.sync();
}
