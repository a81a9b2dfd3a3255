import { open } from "node:fs/promises";
import { Agent, request } from "undici";

/** Largest key set read, from a file or a URL: 1 MiB. */
export const jwksBytesMax = 1_048_576;

/** Reads the bytes of a key set; rejects with a sentence that says why it cannot. */
export type LoadJwks = () => Promise<Uint8Array>;

/** A loader for a file. It reads what stands there now, at most 1 MiB. */
export function fileLoader(path: string): LoadJwks {
  return async () => {
    const file = await open(path, "r");
    try {
      const buffer = Buffer.alloc(jwksBytesMax + 1);
      const filled = await fill(buffer, (room, at) => file.read(buffer, at, room, at));
      if (filled > jwksBytesMax) throw new Error(`larger than ${jwksBytesMax} bytes`);
      return buffer.subarray(0, filled);
    } finally {
      await file.close();
    }
  };
}

async function fill(buffer: Buffer, read: (room: number, at: number) => Promise<{ bytesRead: number }>): Promise<number> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await read(buffer.length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

/**
 * A loader for a URL: certificate verified, no redirect followed, at most `timeoutMs` in all and 1 MiB, status 200 only. It keeps no
 * connection, since it asks once in minutes.
 */
export function urlLoader(url: string, ca: string | undefined, timeoutMs: number): LoadJwks {
  const dispatcher = new Agent({
    pipelining: 0,
    connect: { rejectUnauthorized: true, timeout: timeoutMs, ...(ca === undefined ? {} : { ca }) },
  });
  return async () => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers = { accept: "application/jwk-set+json, application/json", "accept-encoding": "identity" };
    const answer = await request(url, { dispatcher, signal, headers, headersTimeout: timeoutMs, bodyTimeout: timeoutMs });
    // A body that is given up raises an error event of its own, which without a listener would end the process.
    answer.body.on("error", () => {});
    if (answer.statusCode === 200) return readBounded(answer.body);
    answer.body.destroy();
    throw new Error(`answered with status ${answer.statusCode}`);
  };
}

async function readBounded(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > jwksBytesMax) throw new Error(`larger than ${jwksBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
