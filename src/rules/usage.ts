import type { ModelPrice, UsageSource } from "./catalogue.ts";
import { atPointer, isJsonObject, type JsonObject, type JsonValue } from "./json.ts";

/** Tokens that one call of a model used, as its answer says. Integers, 0..10^9 each. */
export interface Usage {
  /** The model that answered, null when the answer does not name it. */
  readonly model: string | null;
  /** Input tokens at the full price. */
  readonly input: number;
  /** Input tokens that the vendor had in its cache. */
  readonly cachedInput: number;
  /** Input tokens that the vendor put into its cache. */
  readonly cacheWrite: number;
  readonly output: number;
}

/** What was read so far of an answer. `broken`: something that should have been a count was none, so nothing of it can be believed. */
export interface UsageTally {
  readonly model: string | null;
  readonly input: number | null;
  readonly cachedInput: number;
  readonly cacheWrite: number;
  readonly output: number | null;
  readonly broken: boolean;
}

export const emptyTally: UsageTally = { model: null, input: null, cachedInput: 0, cacheWrite: 0, output: null, broken: false };
export const brokenTally: UsageTally = { ...emptyTally, broken: true };

/** More tokens in one call than this are a fault of whoever counted. */
const tokensMax = 1_000_000_000;
const modelLengthMax = 200;

/** Adds one JSON document of an answer: the whole answer, or the data of one event. Documents without usage change nothing; counts are running totals. */
export function noteUsage(source: UsageSource, tally: UsageTally, document: JsonValue): UsageTally {
  if (tally.broken || !isJsonObject(document)) return tally;
  switch (source.format) {
    case "openai":
      return noteOpenai(tally, document);
    case "anthropic":
      return noteAnthropic(tally, document);
    case "pointers":
      return notePointers(source, tally, document);
  }
}

/** The usage when it was told in full, else null. */
export function usageOf({ model, input, cachedInput, cacheWrite, output, broken }: UsageTally): Usage | null {
  return broken || input === null || output === null ? null : { model, input, cachedInput, cacheWrite, output };
}

/** Chat completions, embeddings and, under `response` in their streams, responses. Cached tokens are a part of the input here. */
function noteOpenai(tally: UsageTally, document: JsonObject): UsageTally {
  const holder = isJsonObject(document["response"]) ? document["response"] : document;
  const usage = holder["usage"];
  if (usage === undefined || usage === null) return tally;
  if (!isJsonObject(usage)) return brokenTally;
  const input = readCount(usage["prompt_tokens"] ?? usage["input_tokens"]);
  const told = usage["completion_tokens"] ?? usage["output_tokens"];
  // Embeddings have no output, and say so by a total that is the input.
  const output = told === undefined && input !== null && usage["total_tokens"] === input ? 0 : readCount(told);
  const details = usage["prompt_tokens_details"] ?? usage["input_tokens_details"];
  const cached = readOptional(isJsonObject(details) ? details["cached_tokens"] : undefined);
  if (input === null || output === null || cached === null || cached > input) return brokenTally;
  return { ...tally, model: readModel(holder["model"]), input: input - cached, cachedInput: cached, output };
}

/** A message, or the `message_start` and `message_delta` of its stream. Input, cache reads and cache writes are counted apart here. */
function noteAnthropic(tally: UsageTally, document: JsonObject): UsageTally {
  const { type } = document;
  const holder = type === "message_start" && isJsonObject(document["message"]) ? document["message"] : document;
  const usage = holder["usage"];
  if (usage === undefined || usage === null) return tally;
  if (!isJsonObject(usage)) return brokenTally;
  const input = type === "message_delta" ? readOptional(usage["input_tokens"], tally.input) : readCount(usage["input_tokens"]);
  const cachedInput = readOptional(usage["cache_read_input_tokens"], tally.cachedInput);
  const cacheWrite = readOptional(usage["cache_creation_input_tokens"], tally.cacheWrite);
  const output = readCount(usage["output_tokens"]);
  if (cachedInput === null || cacheWrite === null || output === null || (input === null && type !== "message_delta")) return brokenTally;
  // What the stream's start says of the output is only its beginning: without the end it is not told.
  const end = type === "message_start" ? tally.output : output;
  return { ...tally, model: readModel(holder["model"]) ?? tally.model, input, cachedInput, cacheWrite, output: end };
}

/** The last document that holds both counts is the one that counts. */
function notePointers(source: Extract<UsageSource, { format: "pointers" }>, tally: UsageTally, document: JsonObject): UsageTally {
  const told = [atPointer(document, source.input), atPointer(document, source.output)];
  if (told.every((one) => one === undefined || one === null)) return tally;
  const [input = null, output = null] = told.map(readCount);
  const cached = readOptional(source.cachedInput === null ? undefined : atPointer(document, source.cachedInput));
  if (input === null || output === null || cached === null || cached > input) return brokenTally;
  const model = readModel(source.model === null ? undefined : atPointer(document, source.model));
  return { ...tally, model, input: input - cached, cachedInput: cached, output };
}

function readCount(value: JsonValue | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= tokensMax ? value : null;
}

function readOptional(value: JsonValue | undefined, absent: number | null = 0): number | null {
  return value === undefined || value === null ? absent : readCount(value);
}

function readModel(value: JsonValue | undefined): string | null {
  return typeof value === "string" && value.length <= modelLengthMax ? value : null;
}

const tokensPriced = 1_000_000n;

/** USD micros of this usage, rounded up once, or null when no price is for its model. `prices` has the longest pattern first. */
export function costOf(usage: Usage, prices: readonly ModelPrice[]): number | null {
  const price = prices.find(({ model, prefix }) => (prefix ? (usage.model ?? "").startsWith(model) : usage.model === model));
  if (price === undefined) return null;
  const parts: readonly (readonly [number, number])[] = [
    [usage.input, price.inputMicros],
    [usage.cachedInput, price.cachedInputMicros],
    [usage.cacheWrite, price.cacheWriteMicros],
    [usage.output, price.outputMicros],
  ];
  const micros = parts.reduce((sum, [tokens, each]) => sum + BigInt(tokens) * BigInt(each), 0n);
  const cost = Number((micros + tokensPriced - 1n) / tokensPriced);
  return Number.isSafeInteger(cost) ? cost : null;
}
