import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, truncateSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Effect, JsonObject } from "./answers.ts";
import type { Received } from "./received.ts";

/** A request as it came over the wire, written and synced before anything else happens with it. */
export interface RequestLine {
  /** 1, 2, 3, ... over the whole life of the log. */
  readonly seq: number;
  /** Unix milliseconds at which the request's head had arrived. */
  readonly at_ms: number;
  /** Empty, as is `url`, when the bytes were not HTTP; `unreadable` then has the parser's code. */
  readonly method: string;
  readonly url: string;
  /** All headers in their order, repeated ones included, names in lower case. */
  readonly headers: readonly (readonly [string, string])[];
  readonly trailers?: readonly (readonly [string, string])[];
  readonly body: string;
  /** Hex, over the bytes as received: `body` cannot show bytes that are not UTF-8. */
  readonly body_sha256: string;
  /** The body did not come whole: it was beyond the limit, or the client left. */
  readonly cut?: "too_large" | "aborted";
  readonly unreadable?: string;
}

/** What became of a request. A line with an effect is synced before its answer leaves, and is what state is rebuilt from. */
export interface DoneLine {
  readonly seq: number;
  readonly done: true;
  /** What was decided; null when a fault was played instead and it has no status of its own. */
  readonly status: number | null;
  readonly effect: Effect | null;
  readonly fault?: string;
  readonly tenant?: string;
  /** With an effect: the object made, the Idempotency-Key it came with and the digest of the request's body. */
  readonly answer?: JsonObject;
  readonly key?: string | null;
  readonly body_sha256?: string;
}

export type LogLine = RequestLine | DoneLine;

interface Waiting {
  readonly text: string;
  readonly durable: boolean;
  readonly resolve: () => void;
}

/** File name inside the data folder. */
export const EFFECTS_FILE = "effects.jsonl";

/** SHA-256 in hex. */
export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The whole lines of a log, parsed. What follows the last newline is a write that was cut off, or is still under way, and is left out. */
export function readLogLines(path: string): readonly LogLine[] {
  const text = readFileSync(path, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as LogLine);
}

/** An append-only file with one JSON line each. Lines that queue up while a sync runs share the next one. */
export class EffectsLog {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #onFailure: (cause: unknown) => void;
  #lastSeq: number;
  #queue: Waiting[] = [];
  #draining: Promise<void> | null = null;

  private constructor(path: string, file: FileHandle, lastSeq: number, onFailure: (cause: unknown) => void) {
    this.path = path;
    this.#file = file;
    this.#lastSeq = lastSeq;
    this.#onFailure = onFailure;
  }

  /** Opens or creates the log in `folder` and answers its lines so far; a torn last line is cut off. `onFailure` must end the process. */
  static async open(folder: string, onFailure: (cause: unknown) => void): Promise<{ log: EffectsLog; lines: readonly LogLine[] }> {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, EFFECTS_FILE);
    const file = await open(path, "a");
    await syncFolder(folder);
    const bytes = readFileSync(path);
    truncateSync(path, bytes.lastIndexOf(0x0a) + 1);
    const lines = readLogLines(path);
    const lastSeq = lines.reduce((last, line) => Math.max(last, line.seq), 0);
    return { log: new EffectsLog(path, file, lastSeq, onFailure), lines };
  }

  /** Writes a request down under the next number; resolves with the number when the line is on disk. */
  async appendRequest(received: Received): Promise<number> {
    // The number is taken and the line queued in one go, so that lines stand in the order of their numbers.
    const seq = ++this.#lastSeq;
    await this.#append(lineOf(seq, received), true);
    return seq;
  }

  /** Resolves when the line is written, and for a line with an effect when it is on disk. */
  appendDone(line: DoneLine): Promise<void> {
    return this.#append(line, line.effect !== null);
  }

  /** Resolves when nothing is queued. The file stays open: the end of the process closes it. */
  async drained(): Promise<void> {
    await this.#draining;
  }

  #append(line: LogLine, durable: boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.push({ text: `${JSON.stringify(line)}\n`, durable, resolve });
      this.#draining ??= this.#drain();
    });
  }

  async #drain(): Promise<void> {
    try {
      // Yielding once lets requests that were read in the same turn of the loop share this sync.
      await new Promise((resolve) => setImmediate(resolve));
      while (this.#queue.length > 0) {
        const batch = this.#queue;
        this.#queue = [];
        await this.#file.appendFile(batch.map((waiting) => waiting.text).join(""));
        // fdatasync also writes the file's new length, which is all the metadata that a reader needs.
        if (batch.some((waiting) => waiting.durable)) await this.#file.datasync();
        for (const waiting of batch) waiting.resolve();
      }
      this.#draining = null;
    } catch (cause) {
      // After a failed write or sync nobody knows what is on disk, so nothing may be answered any more.
      this.#onFailure(cause);
    }
  }
}

function lineOf(seq: number, received: Received): RequestLine {
  return {
    seq,
    at_ms: received.atMs,
    method: received.method,
    url: received.url,
    headers: received.headers,
    ...(received.trailers.length > 0 ? { trailers: received.trailers } : {}),
    body: received.body.toString("utf8"),
    body_sha256: sha256Hex(received.body),
    ...(received.cut === null ? {} : { cut: received.cut }),
    ...(received.unreadable === null ? {} : { unreadable: received.unreadable }),
  };
}

/** A new file's name is durable only when its folder was synced too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  await handle.sync();
  await handle.close();
}
