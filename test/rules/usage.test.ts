import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ModelPrice, UsageSource } from "../../src/rules/catalogue.ts";
import { costOf, type Usage } from "../../src/rules/usage.ts";
import { heldBytesMax, openUsageMeter } from "../../src/rules/usage-meter.ts";

const openai: UsageSource = { format: "openai" };
const anthropic: UsageSource = { format: "anthropic" };
const pointers: UsageSource = { format: "pointers", input: "/meta/in", output: "/meta/out", cachedInput: null, model: "/meta/model" };

const read = (source: UsageSource, type: string, text: string, cuts: readonly number[] = []): Usage | null => {
  const meter = openUsageMeter(source, type);
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut > at) meter.push(bytes.subarray(at, cut));
    at = Math.max(at, cut);
  }
  return meter.end();
};
const readBytes = (bytes: Uint8Array): Usage | null => {
  const meter = openUsageMeter(openai, "application/json");
  meter.push(bytes);
  return meter.end();
};
const json = (source: UsageSource, value: unknown) => read(source, "application/json", JSON.stringify(value));
const sse = (events: readonly unknown[], end = "\n") =>
  events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}${end}${end}`).join("");

const told = (input: number, output: number, more: Partial<Usage> = {}): Usage => ({
  model: "gpt-5",
  input,
  cachedInput: 0,
  cacheWrite: 0,
  output,
  ...more,
});

test("the usage of an answer is read as its vendor writes it", () => {
  const rows: readonly (readonly [string, Usage | null, Usage | null])[] = [
    ["chat", json(openai, { model: "gpt-5", usage: { prompt_tokens: 10, completion_tokens: 5 } }), told(10, 5)],
    [
      "chat with cached tokens, which are a part of the input",
      json(openai, { model: "gpt-5", usage: { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 4 } } }),
      told(6, 5, { cachedInput: 4 }),
    ],
    ["responses", json(openai, { model: "gpt-5", usage: { input_tokens: 3, output_tokens: 2 } }), told(3, 2)],
    ["embeddings", json(openai, { model: "gpt-5", usage: { prompt_tokens: 8, total_tokens: 8 } }), told(8, 0)],
    [
      "chat stream",
      read(
        openai,
        "text/event-stream; charset=utf-8",
        sse([{ usage: null }, { model: "gpt-5", usage: { prompt_tokens: 1, completion_tokens: 2 } }, "[DONE]"]),
      ),
      told(1, 2),
    ],
    [
      "responses stream",
      read(
        openai,
        "text/event-stream",
        sse([{ type: "response.completed", response: { model: "gpt-5", usage: { input_tokens: 4, output_tokens: 6 } } }]),
      ),
      told(4, 6),
    ],
    [
      "message",
      json(anthropic, {
        type: "message",
        model: "claude",
        usage: { input_tokens: 7, output_tokens: 9, cache_read_input_tokens: 2, cache_creation_input_tokens: 3 },
      }),
      told(7, 9, { model: "claude", cachedInput: 2, cacheWrite: 3 }),
    ],
    [
      "message stream: the end's output counts",
      read(
        anthropic,
        "text/event-stream",
        sse([
          { type: "message_start", message: { model: "claude", usage: { input_tokens: 7, output_tokens: 1 } } },
          { type: "message_delta", usage: { output_tokens: 40 } },
        ]),
      ),
      told(7, 40, { model: "claude" }),
    ],
    ["pointers", json(pointers, { meta: { in: 1, out: 2, model: "m" } }), told(1, 2, { model: "m" })],
    [
      "pointers in a stream",
      read(pointers, "text/event-stream", sse([{ meta: {} }, { meta: { in: 1, out: 2 } }])),
      told(1, 2, { model: null }),
    ],
  ];
  for (const [title, found, wanted] of rows) assert.deepEqual(found, wanted, title);
  assert.equal(rows.length, 10);
});

test("usage that is missing, cut off, or no count, is not told", () => {
  const chat = (usage: unknown) => json(openai, { model: "gpt-5", usage });
  const start = { type: "message_start", message: { model: "claude", usage: { input_tokens: 7, output_tokens: 1 } } };
  const good = { model: "gpt-5", usage: { prompt_tokens: 1, completion_tokens: 2 } };
  const rows: readonly (readonly [string, Usage | null])[] = [
    ["none", json(openai, { model: "gpt-5" })],
    ["null", chat(null)],
    ["a list", chat([])],
    ["a text", chat({ prompt_tokens: "1", completion_tokens: 2 })],
    ["negative", chat({ prompt_tokens: -1, completion_tokens: 2 })],
    ["a fraction", chat({ prompt_tokens: 1.5, completion_tokens: 2 })],
    ["huge", chat({ prompt_tokens: 1e12, completion_tokens: 2 })],
    ["no output", chat({ prompt_tokens: 1 })],
    ["more cached than read", chat({ prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 2 } })],
    ["negative cached", chat({ prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: { cached_tokens: -2 } })],
    ["no JSON", read(openai, "application/json", '{"usage":')],
    ["another type", read(openai, "text/plain", JSON.stringify(good))],
    ["a message stream without its end", read(anthropic, "text/event-stream", sse([start]))],
    [
      "a message stream without its beginning",
      read(anthropic, "text/event-stream", sse([{ type: "message_delta", usage: { output_tokens: 4 } }])),
    ],
    ["an event that is not closed", read(openai, "text/event-stream", sse([good]).trimEnd())],
    ["a good one and then a bad one", read(openai, "text/event-stream", sse([good, '{"usage":oops}']))],
    [
      "a good one and then a negative one",
      read(openai, "text/event-stream", sse([good, { usage: { prompt_tokens: -1, completion_tokens: 0 } }])),
    ],
    ["a line longer than what is kept", read(openai, "text/event-stream", `data: ${"x".repeat(heldBytesMax + 1)}\n\n${sse([good])}`)],
    ["many lines of one event", read(openai, "text/event-stream", `${`data: ${"x".repeat(1000)}\n`.repeat(1100)}\n${sse([good])}`)],
    ["an answer longer than what is kept", json(openai, { ...good, pad: "x".repeat(heldBytesMax) })],
    ["bytes that are no UTF-8", readBytes(Uint8Array.of(0x7b, 0xff, 0x7d))],
    ["nothing at all", readBytes(new Uint8Array())],
  ];
  for (const [title, found] of rows) assert.equal(found, null, title);
  assert.equal(rows.length, 22);
});

test("wherever a stream is cut into chunks, and however its lines end, the usage is the same", () => {
  const events = [
    { choices: [{ delta: { content: 'say "usage" é' } }] },
    { model: "gpt-5", usage: { prompt_tokens: 12, completion_tokens: 34 } },
    "[DONE]",
  ];
  const seed = Date.now();
  const property = fc.property(fc.constantFrom("\n", "\r\n", "\r"), fc.array(fc.nat(200), { maxLength: 40 }), (end, cuts) => {
    assert.deepEqual(
      read(
        openai,
        "text/event-stream",
        sse(events, end),
        cuts.sort((a, b) => a - b),
      ),
      told(12, 34),
    );
  });
  fc.assert(property, { seed, numRuns: 500 });
});

const price = (model: string, more: Partial<ModelPrice> = {}): ModelPrice => ({
  model,
  prefix: false,
  inputMicros: 2_500_000,
  cachedInputMicros: 1_250_000,
  cacheWriteMicros: 5_000_000,
  outputMicros: 10_000_000,
  ...more,
});

test("a cost is exact micros, rounded up once", () => {
  const rows: readonly (readonly [string, Usage, number | null])[] = [
    ["whole", told(1000, 100), 3500],
    ["nothing", told(0, 0), 0],
    ["a part of a micro", told(1, 0), 3],
    ["parts add up before they are rounded", told(1, 0, { cachedInput: 1 }), 4],
    ["cache writes", told(0, 0, { cacheWrite: 10 }), 50],
    ["as many as there may be", told(1e9, 1e9), 12_500_000_000],
    ["another model", told(1, 1, { model: "other" }), null],
    ["no model", told(1, 1, { model: null }), null],
  ];
  for (const [title, usage, cost] of rows) assert.equal(costOf(usage, [price("gpt-5")]), cost, title);
  assert.equal(rows.length, 8);
});

test("the longest pattern prices a model, and only `*` one without a name", () => {
  const prices = [
    price("gpt-5-mini", { inputMicros: 1 }),
    price("gpt-5", { prefix: true, inputMicros: 2 }),
    price("", { prefix: true, inputMicros: 3 }),
  ];
  const million = (model: string | null) => costOf(told(1_000_000, 0, { model }), prices);
  assert.deepEqual([million("gpt-5-mini"), million("gpt-5-mini-2"), million("gpt-5"), million("o3"), million(null)], [1, 2, 2, 3, 3]);
});
