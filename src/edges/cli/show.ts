import type { JsonValue } from "../../rules/json.ts";
import type { Context } from "./context.ts";

/** A table with a head line; columns padded with spaces. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Prints JSON for programs when asked so, else what `lines` makes of it. */
export function printAs({ print, printJson }: Context, json: boolean | undefined, value: unknown, lines: () => readonly string[]): void {
  if (json === true) printJson(value);
  else for (const line of lines()) print(line);
}

/** What a terminal would obey or hide is written out: reasons, names and bodies are other people's text. Line breaks and tabs stay. */
export function forTerminal(text: string): string {
  return text.replaceAll(/(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`);
}

/** JSON as people read it. */
export function pretty(value: JsonValue): string {
  return JSON.stringify(value, null, 2);
}

/** A time from now in its largest unit, such as `7 h`; `over` when it is past. */
export function timeLeft(atMs: number, nowMs: number): string {
  const leftMs = atMs - nowMs;
  if (leftMs <= 0) return "over";
  for (const [unit, ms] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
  ] as const)
    if (leftMs >= ms) return `${Math.floor(leftMs / ms)} ${unit}`;
  return `${Math.ceil(leftMs / 1000)} s`;
}

/** A point in time, to the second, UTC. */
export function timeOf(atMs: number): string {
  return new Date(atMs)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
}

/** A word as a POSIX shell takes it. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
