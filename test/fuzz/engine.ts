import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { inspect } from "node:util";
import { type Coverage, watchCoverage } from "./coverage.ts";
import { type Dice, inputBytesMax, mutate, openDice } from "./mutate.ts";

/** One reader that strangers' bytes come to. */
export interface Target {
  readonly name: string;
  /** Where mutation begins: inputs that are taken, and some that are not. */
  readonly corpus: readonly (string | Uint8Array)[];
  /** Pieces of the language that it reads. */
  readonly words: readonly string[];
  /** Reads one input and judges what came of it; throws when a property does not hold. Answers what it came to: `taken`, or why not. */
  readonly run: (input: Uint8Array, dice: Dice) => string;
  /** Long inputs of one kind, beside the words repeated: `size` bytes each. */
  readonly stretched?: readonly ((size: number) => string)[];
}

export const soak = process.env["SOAK"] === "1";
const seed = Number(process.env["SEED"] ?? Math.trunc(Math.random() * 0x7fffffff));
/** `npm test`: so many inputs for each target. A soak: so many seconds for each, with coverage to guide it. */
const inputsMin = 3000;
const soakSeconds = Number(process.env["FUZZ_SECONDS"] ?? 120);
const batchInputs = 256;
const corpusMax = 5000;

const bytesOf = (input: string | Uint8Array): Uint8Array => (typeof input === "string" ? Buffer.from(input, "utf8") : input);

/** Runs a target on its corpus and on what is made from it. Every failure shows the input and the seed. */
export function fuzz(context: TestContext, target: Target): void {
  const dice = openDice(seed);
  const corpus = target.corpus.map(bytesOf);
  const words = target.words.map(bytesOf);
  const outcomes = new Map<string, number>();
  const run = (input: Uint8Array): void => {
    const outcome = judge(target, input, dice);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  };
  corpus.forEach(run);
  const grown = soak ? runGuided(corpus, words, dice, run) : 0;
  if (!soak) for (let done = 0; done < inputsMin; done += 1) run(mutate(corpus, words, dice));
  const inputs = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
  const told = [...outcomes].toSorted((one, other) => other[1] - one[1]).map(([name, count]) => `${name} ${count}`);
  context.diagnostic(`seed ${seed}: ${inputs} inputs${soak ? `, ${grown} of them reached something new` : ""}: ${told.join(", ")}`);
  assert.ok(inputs > inputsMin && outcomes.size > 1, told.join(", "));
}

function judge(target: Target, input: Uint8Array, dice: Dice): string {
  try {
    return target.run(input, dice);
  } catch (error) {
    const shown = `${JSON.stringify(Buffer.from(input).toString("latin1").slice(0, 2000))} (bytes as latin-1)`;
    throw new Error(`${target.name}, SEED=${seed}: ${shown}\n${inspect(error)}`, { cause: error });
  }
}

/** Keeps what reaches something new and makes more from it, until the time is over. Answers how many it kept. */
function runGuided(corpus: Uint8Array[], words: readonly Uint8Array[], dice: Dice, run: (input: Uint8Array) => void): number {
  const coverage = watchCoverage();
  const seen = new Set<string>();
  const untilMs = performance.now() + soakSeconds * 1000;
  const begun = corpus.length;
  corpus.forEach(run);
  learn(coverage, seen);
  while (performance.now() < untilMs) {
    const batch = Array.from({ length: batchInputs }, () => mutate(corpus, words, dice));
    batch.forEach(run);
    if (learn(coverage, seen, false) && corpus.length < corpusMax) corpus.push(...findNew(coverage, seen, batch, run));
  }
  coverage.close();
  return corpus.length - begun;
}

/** Whether something ran that had not before; `keep` says whether it counts as seen from now on. */
function learn(coverage: Coverage, seen: Set<string>, keep = true): boolean {
  const blocks = coverage.take().filter((block) => !seen.has(block));
  if (keep) for (const block of blocks) seen.add(block);
  return blocks.length > 0;
}

/** The inputs of a batch that reach something new, found by halves. */
function findNew(
  coverage: Coverage,
  seen: Set<string>,
  batch: readonly Uint8Array[],
  run: (input: Uint8Array) => void,
): readonly Uint8Array[] {
  coverage.take();
  batch.forEach(run);
  if (!learn(coverage, seen, batch.length === 1)) return [];
  if (batch.length === 1) return batch;
  const middle = batch.length >> 1;
  return [...findNew(coverage, seen, batch.slice(0, middle), run), ...findNew(coverage, seen, batch.slice(middle), run)];
}

/** What reading may cost: a base that no machine is too slow for, and then as much more for a longer input as it is longer, with room. */
const small = inputBytesMax / 2;
const factor = 32;
const roomFactor = 6;
const quickMs = 100;
const tries = 3;
const roundsMax = 3;

/** Fails when a long input of any kind takes more than in proportion to a short one. */
export function assertLinear(context: TestContext, target: Target): void {
  const dice = openDice(seed);
  const repeat = (word: string) => (size: number) => word.repeat(Math.ceil(size / Math.max(1, Buffer.byteLength(word))));
  const kinds = [...target.words.filter((word) => word !== "").map(repeat), ...(target.stretched ?? [])];
  let slowest = 0;
  for (const [at, make] of kinds.entries()) {
    const [short, long] = [bytesOf(make(small)), bytesOf(make(small * factor))];
    let [allowedMs, tookMs] = [0, Number.POSITIVE_INFINITY];
    // A machine that is busy is asked again; what grows too fast does so every time.
    for (let round = 0; round < roundsMax && tookMs > allowedMs; round += 1) {
      allowedMs = Math.max(quickMs, quickest(target, short, dice) * factor * roomFactor);
      tookMs = quickest(target, long, dice);
    }
    slowest = Math.max(slowest, tookMs);
    assert.ok(
      tookMs <= allowedMs,
      `${target.name}: kind ${at} (${JSON.stringify(make(20).slice(0, 60))}) took ${tookMs} ms, allowed ${allowedMs}`,
    );
  }
  context.diagnostic(`${kinds.length} kinds of ${small * factor} bytes, the slowest in ${slowest.toFixed(2)} ms`);
  assert.ok(kinds.length > 3);
}

function quickest(target: Target, input: Uint8Array, dice: Dice): number {
  let bestMs = Number.POSITIVE_INFINITY;
  // Once is enough for what takes so long that nothing excuses it.
  for (let left = tries; left > 0 && (left === tries || bestMs < 1000); left -= 1) {
    const begunMs = performance.now();
    judge(target, input, dice);
    bestMs = Math.min(bestMs, performance.now() - begunMs);
  }
  return bestMs;
}
