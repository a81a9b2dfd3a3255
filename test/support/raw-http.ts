import { connect } from "node:net";

/** One response as it came over the socket. */
export interface RawResponse {
  readonly status: number;
  /** Names in lower case, in order, repeated ones included. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

/** What a server sent back to raw bytes, until it closed or went quiet. */
export interface RawExchange {
  /** Final responses, in order; interim ones (1xx) are counted apart. */
  readonly responses: readonly RawResponse[];
  readonly interim: number;
  /** Bytes that are no HTTP response. */
  readonly rest: string;
  /** False when the server kept the connection open and the wait was over. */
  readonly closed: boolean;
}

export interface RawOptions {
  /** How long to wait for the server to close, milliseconds. Default 3,000. */
  readonly timeoutMs?: number;
  /** Resolve as soon as this many final responses came. Default: wait for the close. */
  readonly until?: number;
}

/** Writes exactly these bytes to the server of a URL and reads what comes back. Text is sent as latin-1: one byte for each character. */
export function sendRaw(
  url: string,
  bytes: string | Uint8Array,
  { timeoutMs = 3000, until = Number.POSITIVE_INFINITY }: RawOptions = {},
): Promise<RawExchange> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    let received = "";
    const finish = (closed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ ...readResponses(received), closed });
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      if (readResponses(received).responses.length >= until) finish(false);
    });
    socket.on("error", () => finish(true));
    socket.on("close", () => finish(true));
    socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  });
}

/** A request's bytes. Header lines are written as given, one for each entry; nothing is added. */
export function rawRequest(startLine: string, headers: readonly string[], body = ""): string {
  return [startLine, ...headers, "", body].join("\r\n");
}

/** The value of a response's header, or undefined. */
export function headerOf(response: RawResponse | undefined, name: string): string | undefined {
  return response?.headers.find(([one]) => one === name)?.[1];
}

function readResponses(text: string): Omit<RawExchange, "closed"> {
  const responses: RawResponse[] = [];
  let interim = 0;
  let rest = text;
  for (;;) {
    const head = /^HTTP\/1\.1 ([0-9]{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest);
    if (head === null) return { responses, interim, rest };
    const status = Number(head[1]);
    const headers = (head[2] ?? "")
      .split("\r\n")
      .filter((line) => line !== "")
      .map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()] as const);
    const length = headers.find(([name]) => name === "content-length")?.[1];
    const after = rest.slice(head[0].length);
    if (status < 200) {
      interim += 1;
      rest = after;
      continue;
    }
    const end = length === undefined ? after.length : Number(length);
    if (after.length < end) return { responses, interim, rest };
    responses.push({ status, headers, body: after.slice(0, end) });
    rest = after.slice(end);
  }
}
