import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, platform } from "node:os";
import { join } from "node:path";
import type { CellPlan, CellResult } from "./cells.ts";
import { titles } from "./contenders.ts";
import type { FsyncTimes } from "./disk.ts";

const page = join(import.meta.dirname, "..", "docs", "performance.md");

/** The table of one kind of request. The ratio is to plain fastify at the same number of connections. */
export function renderCells(cells: readonly CellResult[]): string {
  const head = [
    "| who | connections | req/s | ratio to plain | p50 ms | p99 ms | CPU µs per request | errors |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
  ];
  return [...head, ...cells.map((cell) => renderCell(cell, plainBeside(cells, cell)))].join("\n");
}

function plainBeside(cells: readonly CellResult[], { kind, connections }: CellPlan): number {
  const plain = cells.find((cell) => cell.contender === "plain" && cell.kind === kind && cell.connections === connections);
  return plain?.requestsPerSecond ?? Number.NaN;
}

function renderCell(cell: CellResult, plain: number): string {
  const { contender, connections, requestsPerSecond, p50Ms, p99Ms, cpuMicros, errors } = cell;
  const ratio = (requestsPerSecond / plain).toFixed(2);
  const numbers = [requestsPerSecond.toFixed(0), ratio, p50Ms.toFixed(2), p99Ms.toFixed(2), cpuMicros.toFixed(0), String(errors)];
  return `| ${titles[contender]} | ${connections} | ${numbers.join(" | ")} |`;
}

/** What the numbers were measured on. */
export function renderMachine(pinned: boolean, rounds: string, fsync: FsyncTimes): string {
  const model = cpus()[0]?.model ?? "unknown";
  const load = loadavg().map((value) => value.toFixed(1));
  const pins = pinned
    ? "each contender on the first core with all its threads, the load generator and the upstream behind it on the last"
    : "no process bound to a core";
  return [
    `Measured on ${new Date().toISOString().slice(0, 10)} with Node ${process.versions.node} on ${platform()}, ${availableParallelism()} cores (${model}); ${pins};`,
    `${rounds}; load average at the end ${load.join(", ")}. One fdatasync of 4 KiB on this disk: ${fsync.p50Ms.toFixed(2)} ms in the middle, ${fsync.p99Ms.toFixed(2)} ms at p99.`,
  ].join("\n");
}

/** Puts a text between the page's two markers of that name. Throws when the page has none. */
export function writeSection(name: string, text: string): void {
  const [begin, end] = [`<!-- ${name}: written by \`npm run bench -- --write\` -->`, `<!-- end of ${name} -->`];
  const old = readFileSync(page, "utf8");
  const [from, to] = [old.indexOf(begin), old.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no section "${name}"`);
  writeFileSync(page, `${old.slice(0, from + begin.length)}\n\n${text}\n\n${old.slice(to)}`);
}
