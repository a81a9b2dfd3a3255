import assert from "node:assert/strict";
import type { UsageSource } from "../../src/rules/catalogue.ts";
import type { JsonValue } from "../../src/rules/json.ts";
import { emptyTally, noteUsage, usageOf } from "../../src/rules/usage.ts";
import { openUsageMeter } from "../../src/rules/usage-meter.ts";
import type { Target } from "./engine.ts";
import type { Dice } from "./mutate.ts";

const sources: readonly UsageSource[] = [
  { format: "openai" },
  { format: "anthropic" },
  { format: "pointers", input: "/meta/in", output: "/meta/out", cachedInput: "/meta/cached", model: "/model" },
];

const openai = '{"model":"m-1","usage":{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":3}}}';
const start = '{"type":"message_start","message":{"model":"m","usage":{"input_tokens":9,"output_tokens":1}}}';
const delta = '{"type":"message_delta","usage":{"output_tokens":77}}';
const pointed = '{"model":"m","meta":{"in":4,"out":2,"cached":1}}';
const words = [
  "\n",
  "\r",
  "\r\n",
  "\n\n",
  "data: ",
  "data:",
  "event: x\n",
  ": note\n",
  "[DONE]",
  '"usage"',
  "null",
  "-1",
  "1e9",
  "1.5",
  "9007199254740993",
  "{",
  "}",
  '"prompt_tokens":',
  '"output_tokens":',
  "\ufeff",
  "é",
  "\u0000",
];

/** Pieces of any size, as a network makes them. */
function pushInPieces(push: (chunk: Uint8Array) => void, input: Uint8Array, dice: Dice): void {
  for (let at = 0; at < input.length; ) {
    const size = 1 + dice.below(dice.pick([1, 2, 7, 64, 4096]));
    push(input.subarray(at, at + size));
    at += size;
  }
}

/** The documents of a stream, read the slow way: the whole text, its lines, its events. Null: something of it is no document. */
function documentsOf(text: string): readonly JsonValue[] | null {
  const lines = text.split(/\r\n|\r|\n/);
  // What stands behind the last line's end is no line yet.
  lines.pop();
  const events: string[] = [];
  let data: string[] = [];
  for (const line of lines) {
    if (line.startsWith("data:")) data.push(line.replace(/^data: ?/, ""));
    if (line === "") {
      events.push(data.join("\n"));
      data = [];
    }
  }
  try {
    return events.filter((one) => one !== "" && one !== "[DONE]").map((one) => JSON.parse(one) as JsonValue);
  } catch {
    return null;
  }
}

function expected(source: UsageSource, documents: readonly JsonValue[]): unknown {
  return usageOf(documents.reduce((tally, document) => noteUsage(source, tally, document), emptyTally));
}

function meterTarget(
  name: string,
  type: string,
  corpus: readonly string[],
  judge: (source: UsageSource, text: string, told: unknown) => void,
): Target {
  return {
    name,
    corpus,
    words,
    stretched: [
      (size) => `data: ${openai}\n\n`.repeat(size / openai.length),
      (size) => "data:\n".repeat(size / 6),
      (size) => `{"a":${"[".repeat(size)}`,
    ],
    run(input, dice) {
      const source = dice.pick(sources);
      const meters = [openUsageMeter(source, type), openUsageMeter(source, type)] as const;
      meters[0].push(input);
      pushInPieces(meters[1].push, input, dice);
      const told = meters[0].end();
      assert.deepEqual(meters[1].end(), told, "pieces of another size tell something else");
      if (told !== null) {
        const counts = [told.input, told.cachedInput, told.cacheWrite, told.output];
        assert.ok(
          counts.every((count) => Number.isSafeInteger(count) && count >= 0 && count <= 1_000_000_000),
          JSON.stringify(told),
        );
        assert.ok(told.model === null || told.model.length <= 200);
      }
      let text: string;
      try {
        text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input);
      } catch {
        return told === null ? "no UTF-8" : "told, beside what is no UTF-8";
      }
      judge(source, text, told);
      return told === null ? "nothing told" : "told";
    },
  };
}

const events = meterTarget(
  "usage in a stream of events",
  "text/event-stream; charset=utf-8",
  [
    `data: ${openai}\n\ndata: [DONE]\n\n`,
    `event: a\r\ndata: ${start}\r\n\r\ndata:${delta}\r\rdata: x`,
    `data: ${pointed}\n\n`,
    "data: {\n\n",
    `data: {"usage":\ndata: null}\n\n`,
  ],
  (source, text, told) => {
    const documents = documentsOf(text);
    // What is no document and holds no usage is text of the model, and not looked at; nothing can be compared then. A byte order mark is the decoder's.
    if (documents === null || text.includes("\ufeff")) return;
    const spoken = source.format === "pointers" ? documents : documents.filter((document) => JSON.stringify(document).includes('"usage"'));
    // A document may spell the word with escapes, and is then passed over.
    if (spoken.length > 0 && source.format !== "pointers" && text.includes("\\u")) return;
    assert.deepEqual(told, expected(source, spoken));
  },
);

const document = meterTarget(
  "usage in one document",
  "application/json",
  [openai, start, delta, pointed, "{", "[]", '{"usage":null}'],
  (source, text, told) => {
    let parsed: JsonValue;
    try {
      parsed = JSON.parse(text) as JsonValue;
    } catch {
      assert.ok(told === null || text.includes("\ufeff"));
      return;
    }
    assert.deepEqual(told, expected(source, [parsed]));
  },
);

export const streamTargets: readonly Target[] = [events, document];
