import { open } from "node:fs/promises";
import { Agent, request } from "undici";

/** Reads the bytes of a document; rejects with a sentence that says why it cannot. */
export type LoadDocument = () => Promise<Uint8Array>;

/** A loader for a file. It reads what stands there now, at most `bytesMax`. */
export function fileLoader(path: string, bytesMax: number): LoadDocument {
  return async () => {
    const file = await open(path, "r");
    try {
      return await readFile(bytesMax, (buffer, at) => file.read(buffer, at, buffer.length - at, at));
    } finally {
      await file.close();
    }
  };
}

type ReadAt = (buffer: Buffer, at: number) => Promise<{ readonly bytesRead: number }>;

async function readFile(bytesMax: number, read: ReadAt): Promise<Uint8Array> {
  let buffer = Buffer.alloc(Math.min(bytesMax, 65_536) + 1);
  let filled = 0;
  for (;;) {
    const { bytesRead } = await read(buffer, filled);
    filled += bytesRead;
    if (filled > bytesMax) throw new Error(`larger than ${bytesMax} bytes`);
    if (bytesRead === 0) return buffer.subarray(0, filled);
    if (filled === buffer.length) buffer = Buffer.concat([buffer], Math.min(bytesMax + 1, buffer.length * 4));
  }
}

export interface UrlToLoad {
  readonly url: string;
  /** PEM of a private CA, which is then the only one trusted. */
  readonly ca: string | undefined;
  /** From the name's resolution to the last byte. */
  readonly timeoutMs: number;
  readonly bytesMax: number;
  /** Value of the header `accept`. */
  readonly accept: string;
}

/**
 * A loader for a URL: certificate verified, no redirect followed, at most `timeoutMs` in all and `bytesMax`, status 200 only, nothing decompressed. It keeps no
 * connection, since it asks once in a while.
 */
export function urlLoader({ url, ca, timeoutMs, bytesMax, accept }: UrlToLoad): LoadDocument {
  const dispatcher = new Agent({
    pipelining: 0,
    connect: { rejectUnauthorized: true, timeout: timeoutMs, ...(ca === undefined ? {} : { ca }) },
  });
  return async () => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { accept, "accept-encoding": "identity" };
    const answer = await request(url, { dispatcher, signal, headers, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
    // A body that is given up raises an error event of its own, which without a listener would end the process.
    answer.body.on("error", () => {});
    const encoding = answer.headers["content-encoding"];
    if (answer.statusCode === 200 && (encoding === undefined || encoding === "identity")) return readBounded(answer.body, bytesMax);
    answer.body.destroy();
    throw new Error(answer.statusCode === 200 ? "answered with a compressed body" : `answered with status ${answer.statusCode}`);
  };
}

async function readBounded(body: AsyncIterable<Uint8Array>, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > bytesMax) throw new Error(`larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
