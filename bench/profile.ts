import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type CellPlan, type CellResult, runCells } from "./cells.ts";
import { openField } from "./contenders.ts";
import { canPin } from "./processes.ts";
import { type CpuProfile, cutProfile, type Share, sharesByFunction, sharesByPart } from "./profile-shares.ts";
import { writeSection } from "./report.ts";

export interface ProfileOptions {
  readonly folder: string;
  readonly quick: boolean;
  readonly write: boolean;
}

const partsShown = 14;
const functionsShown = 12;

/** Profiles Sallyport under 64 writers and prints where its two threads spend their time. Answers the exit code. */
export async function profileSallyport({ folder, quick, write }: ProfileOptions): Promise<number> {
  const profiles = mkdtempSync(join(folder, "sallyport-profile-"));
  try {
    const { cells, from, to } = await runProfiled(folder, profiles, quick);
    const readThread = (file: string): CpuProfile => JSON.parse(readFileSync(join(profiles, file), "utf8")) as CpuProfile;
    const threads = readdirSync(profiles).map((file) => cutProfile(readThread(file), from, to));
    const text = [
      `Sallyport with 64 connections that write, under \`--cpu-prof\`: ${cells[0]?.requestsPerSecond.toFixed(0)} requests/s, ${cells[0]?.cpuMicros.toFixed(0)} µs of CPU each.`,
      ...threads.toSorted((a, b) => Number(isWriter(a)) - Number(isWriter(b))).map(renderThread),
    ].join("\n\n");
    process.stdout.write(`${text}\n`);
    if (write) writeSection("profile", text);
    return cells.some((cell) => cell.errors > 0) ? 1 : 0;
  } finally {
    rmSync(profiles, { recursive: true, force: true });
  }
}

interface Profiled {
  readonly cells: readonly CellResult[];
  /** The cell's beginning and end on the monotonic clock, in µs: the start and the end of the process are not what we ask about. */
  readonly from: number;
  readonly to: number;
}

async function runProfiled(folder: string, profiles: string, quick: boolean): Promise<Profiled> {
  const flags = ["--cpu-prof", `--cpu-prof-dir=${profiles}`, "--cpu-prof-interval=500"];
  const field = await openField({ parentFolder: folder, pinned: canPin, runs: quick ? 400 : 3000, sallyportFlags: flags });
  const plan: CellPlan = { contender: "sallyport", kind: "write", connections: 64 };
  try {
    await runCells(field, [plan], { rounds: 0, cellMs: 0, warmUpMs: quick ? 300 : 2000 });
    const from = monotonicMicros();
    const cells = await runCells(field, [plan], { rounds: 1, cellMs: quick ? 1000 : 10_000, warmUpMs: 0 });
    return { cells, from, to: monotonicMicros() };
  } finally {
    await field.close();
  }
}

function monotonicMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

function isWriter(profile: CpuProfile): boolean {
  return profile.nodes.some((node) => node.callFrame.url.endsWith("/stores/sqlite/worker.ts"));
}

function renderThread(profile: CpuProfile): string {
  const { shares, idle } = sharesByPart(profile);
  const title = isWriter(profile) ? "The store's writer thread" : "The main thread";
  const parts = shares.slice(0, partsShown).map(renderShare);
  const functions = sharesByFunction(profile).slice(0, functionsShown).map(renderShare);
  const head = (what: string): readonly string[] => [`| % of the thread's own time | ${what} |`, "| ---: | --- |"];
  return [
    `${title}, idle ${(idle * 100).toFixed(0)} % of the time:`,
    "",
    ...head("file or package"),
    ...parts,
    "",
    ...head("function"),
    ...functions,
  ].join("\n");
}

function renderShare({ name, share }: Share): string {
  return `| ${(share * 100).toFixed(1)} | \`${name}\` |`;
}
