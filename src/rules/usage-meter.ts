import type { UsageSource } from "./catalogue.ts";
import type { JsonValue } from "./json.ts";
import { brokenTally, emptyTally, noteUsage, type Usage, type UsageTally, usageOf } from "./usage.ts";

/** Reads the usage out of an answer while it passes by. It keeps at most `heldBytesMax` bytes of it. */
export interface UsageMeter {
  push(chunk: Uint8Array): void;
  /** The usage, once the answer has come in whole; null when it was not told, or not in a form that can be believed. */
  end(): Usage | null;
}

/** Bytes of one JSON answer, or of one event of a stream, that are kept in order to be read; an answer with more of them cannot be read. */
export const heldBytesMax = 1_048_576;

/** A meter for an answer of this content type; of any other than JSON and event streams nothing can be read. */
export function openUsageMeter(source: UsageSource, contentType: string | null): UsageMeter {
  const type = (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "text/event-stream") return meterEvents(source);
  return type === "application/json" || /^application\/[a-z0-9.+-]+\+json$/.test(type)
    ? meterDocument(source)
    : { push: () => undefined, end: () => null };
}

function meterDocument(source: UsageSource): UsageMeter {
  const held = openHeld();
  return {
    push: (chunk) => held.add(chunk),
    end: () => usageOf(noteText(source, emptyTally, held.take())),
  };
}

/** Server-sent events (WHATWG HTML, section 9.2): lines that end with CR, LF or both; the `data` lines up to an empty line are one event. */
function meterEvents(source: UsageSource): UsageMeter {
  let tally: UsageTally = emptyTally;
  let data: string[] = [];
  let dataLength = 0;
  let afterReturn = false;
  const line = openHeld();
  const endLine = (): void => {
    const text = line.take();
    if (text === null) tally = brokenTally;
    else if (text === "") endEvent();
    else if (text.startsWith("data:")) {
      dataLength += text.length;
      data.push(text.slice(text.startsWith("data: ") ? 6 : 5));
      if (dataLength > heldBytesMax) [tally, data, dataLength] = [brokenTally, [], 0];
    }
  };
  const endEvent = (): void => {
    const text = data.join("\n");
    [data, dataLength] = [[], 0];
    if (text !== "" && text !== "[DONE]" && mayHoldUsage(source, text)) tally = noteText(source, tally, text);
  };
  return {
    push(chunk) {
      let start = 0;
      for (let at = 0; at < chunk.length; at += 1) {
        const byte = chunk[at];
        if (byte !== lineFeed && byte !== carriageReturn) continue;
        if (!(byte === lineFeed && afterReturn && at === start)) {
          line.add(chunk.subarray(start, at));
          endLine();
        }
        afterReturn = byte === carriageReturn;
        start = at + 1;
      }
      if (start < chunk.length) {
        line.add(chunk.subarray(start));
        afterReturn = false;
      }
    },
    end: () => usageOf(tally),
  };
}

const lineFeed = 10;
const carriageReturn = 13;

/** Most events are text of the model: they are not worth a parse. */
function mayHoldUsage(source: UsageSource, text: string): boolean {
  return source.format === "pointers" || text.includes('"usage"');
}

function noteText(source: UsageSource, tally: UsageTally, text: string | null): UsageTally {
  if (text === null) return brokenTally;
  try {
    return noteUsage(source, tally, JSON.parse(text) as JsonValue);
  } catch {
    return brokenTally;
  }
}

interface Held {
  add(chunk: Uint8Array): void;
  /** The text and an empty hold; null when it was too long, or no UTF-8. */
  take(): string | null;
}

function openHeld(): Held {
  let chunks: Uint8Array[] = [];
  let length = 0;
  return {
    add(chunk) {
      length += chunk.length;
      if (length > heldBytesMax) chunks = [];
      // A copy: what passes by belongs to whoever sent it.
      else if (chunk.length > 0) chunks.push(chunk.slice());
    },
    take() {
      const [held, size] = [chunks, length];
      [chunks, length] = [[], 0];
      return size > heldBytesMax ? null : decode(held, size);
    },
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(chunks: readonly Uint8Array[], length: number): string | null {
  // Threat: a stream of nothing but line ends.
  if (length === 0) return "";
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}
