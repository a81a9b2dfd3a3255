import type { TestContext } from "node:test";

const seed = Number(process.env["SEED"] ?? Math.trunc(Math.random() * 0x7fffffff));
const factor = process.env["SOAK"] === undefined ? 1 : 10;

/** Options for a property of `count` runs (ten times as many with SOAK set). Prints the seed; SEED=... replays it. */
export function propertyRuns(context: TestContext, count: number): { readonly seed: number; readonly numRuns: number } {
  const numRuns = count * factor;
  context.diagnostic(`seed ${seed}, ${numRuns} runs`);
  return { seed, numRuns };
}
