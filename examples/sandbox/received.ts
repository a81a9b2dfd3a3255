import type { IncomingMessage } from "node:http";

/** A request with its body read, before anybody judged it. */
export interface Received {
  readonly atMs: number;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly trailers: readonly (readonly [string, string])[];
  /** At most `BODY_BYTES_MAX`. */
  readonly body: Buffer;
  readonly cut: null | "too_large" | "aborted";
  /** The HTTP parser's code when the bytes were no request at all. */
  readonly unreadable: string | null;
}

/** 64 KiB; a longer body is 413 and is logged up to here. */
export const BODY_BYTES_MAX = 65_536;

const NO_BODY = Buffer.alloc(0);

/** Reads the body to its end, to its limit, or until the client leaves. Never rejects. */
export async function readReceived(request: IncomingMessage): Promise<Received> {
  const atMs = Date.now();
  const bodyless = request.headers["content-length"] === undefined && request.headers["transfer-encoding"] === undefined;
  const { body, cut } = bodyless ? { body: NO_BODY, cut: null } : await readBody(request);
  return {
    atMs,
    method: request.method ?? "",
    url: request.url ?? "",
    headers: pairsOf(request.rawHeaders),
    trailers: pairsOf(request.rawTrailers),
    body,
    cut,
    unreadable: null,
  };
}

/** Bytes that no HTTP parser took; kept so that the log shows that somebody sent them. */
export function unreadableRequest(code: string): Received {
  return { atMs: Date.now(), method: "", url: "", headers: [], trailers: [], body: NO_BODY, cut: null, unreadable: code };
}

/** All values of a header, by its lower-case name, in their order. */
export function headerValues(received: Received, name: string): readonly string[] {
  return received.headers.filter((pair) => pair[0] === name).map((pair) => pair[1]);
}

function readBody(request: IncomingMessage): Promise<{ body: Buffer; cut: Received["cut"] }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (cut: Received["cut"]) => resolve({ body: Buffer.concat(chunks).subarray(0, BODY_BYTES_MAX), cut });
    request.on("data", (chunk: Buffer) => {
      // What comes after the limit still flows, into nothing, so that the client gets to read its 413.
      if (length <= BODY_BYTES_MAX) chunks.push(chunk);
      length += chunk.length;
      if (length > BODY_BYTES_MAX) finish("too_large");
    });
    request.on("end", () => finish(null));
    request.on("error", () => finish("aborted"));
    request.on("close", () => finish("aborted"));
  });
}

function pairsOf(raw: readonly string[]): readonly (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([(raw[at] ?? "").toLowerCase(), raw[at + 1] ?? ""]);
  return pairs;
}
