import type { ContenderName, Field } from "./contenders.ts";
import type { DriveResult, Usage } from "./messages.ts";
import type { Kind } from "./requests.ts";

/** One contender under one load. */
export interface CellPlan {
  readonly contender: ContenderName;
  readonly kind: Kind;
  readonly connections: number;
}

/** Medians over the rounds; errors are summed. */
export interface CellResult extends CellPlan {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMicros: number;
  readonly errors: number;
  readonly firstError: string | null;
  readonly requests: number;
}

type Round = DriveResult & { readonly cpuMicros: number };

export interface Rounds {
  readonly rounds: number;
  readonly cellMs: number;
  readonly warmUpMs: number;
}

/** Measures all cells in turn, round after round, so that a change of the machine's mood meets every contender alike. */
export async function runCells(field: Field, plans: readonly CellPlan[], rounds: Rounds): Promise<readonly CellResult[]> {
  for (const plan of plans) await runCell(field, plan, rounds.warmUpMs);
  const seen: Round[][] = plans.map(() => []);
  for (let round = 0; round < rounds.rounds; round += 1) {
    for (const [index, plan] of plans.entries()) seen[index]?.push(await runCell(field, plan, rounds.cellMs));
  }
  return plans.map((plan, index) => ({ ...plan, ...summarise(seen[index] ?? []) }));
}

const basePaths: Readonly<Record<ContenderName, string>> = { upstream: "", "http-proxy": "/notes", plain: "/notes", sallyport: "/notes" };

async function runCell({ contenders, driver }: Field, { contender, kind, connections }: CellPlan, durationMs: number): Promise<Round> {
  const role = contenders[contender];
  const before = await role.ask<Usage>("finish");
  const result = await driver.ask<DriveResult>({
    contender,
    port: role.port,
    basePath: basePaths[contender],
    kind,
    connections,
    durationMs,
  });
  const after = await role.ask<Usage>("finish");
  return { ...result, cpuMicros: (after.cpuMicros - before.cpuMicros) / Math.max(1, result.requests) };
}

function summarise(rounds: readonly Round[]): Omit<CellResult, keyof CellPlan> {
  const over = (read: (round: Round) => number): number => median(rounds.map(read));
  const sum = (read: (round: Round) => number): number => rounds.reduce((total, round) => total + read(round), 0);
  return {
    requestsPerSecond: over((round) => round.requests / round.seconds),
    p50Ms: over((round) => round.p50Ms),
    p99Ms: over((round) => round.p99Ms),
    cpuMicros: over((round) => round.cpuMicros),
    errors: sum((round) => round.errors),
    firstError: rounds.find((round) => round.firstError !== null)?.firstError ?? null,
    requests: sum((round) => round.requests),
  };
}

/** The middle value, or the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
