import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { OutboundRequest } from "../../../src/ports/upstream.ts";
import type { Certificate } from "../../support/certificates.ts";

/** What a counting server saw, read from its sockets by a reader that shares no code with the product. */
export interface CountingServer {
  readonly url: string;
  /** Complete requests, head and body, in order, as text. */
  readonly requests: readonly string[];
  /** Application bytes received, over all connections. */
  readonly bytes: () => number;
  /** TCP connections accepted. */
  readonly connections: () => number;
  /** TLS handshakes that the server thinks complete; 0 without TLS. */
  readonly handshakes: () => number;
  readonly open: () => readonly Socket[];
  /** All connections ever, in order, as the application sees them. */
  readonly accepted: readonly Socket[];
  close(): Promise<void>;
}

/** Called for each complete request with its number on this server, from 1. */
export type Reply = (socket: Socket, number: number) => void;

export async function startServer(reply: Reply, certificate?: Certificate, host = "127.0.0.1"): Promise<CountingServer> {
  const seen = { requests: [] as string[], bytes: 0, connections: 0, handshakes: 0, sockets: new Set<Socket>(), accepted: [] as Socket[] };
  const serve = (socket: Socket) => {
    if (certificate !== undefined) seen.handshakes += 1;
    seen.sockets.add(socket);
    seen.accepted.push(socket);
    socket.on("close", () => seen.sockets.delete(socket)).on("error", () => undefined);
    readRequests(socket, seen, reply);
  };
  const server: Server = certificate === undefined ? createServer(serve) : createTlsServer(certificate, serve);
  const raw = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    seen.connections += 1;
    raw.add(socket);
    socket.on("error", () => undefined);
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, host);
  await once(server, "listening");
  return {
    url: `${certificate === undefined ? "http" : "https"}://${host}:${(server.address() as AddressInfo).port}`,
    requests: seen.requests,
    bytes: () => seen.bytes,
    connections: () => seen.connections,
    handshakes: () => seen.handshakes,
    open: () => [...seen.sockets],
    accepted: seen.accepted,
    close: async () => {
      for (const socket of [...seen.sockets, ...raw]) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function readRequests(socket: Socket, seen: { requests: string[]; bytes: number }, reply: Reply): void {
  let waiting = "";
  socket.on("data", (chunk) => {
    seen.bytes += chunk.length;
    waiting += chunk.toString("latin1");
    for (let end = endOfRequest(waiting); end !== -1; end = endOfRequest(waiting)) {
      seen.requests.push(waiting.slice(0, end));
      waiting = waiting.slice(end);
      reply(socket, seen.requests.length);
    }
  });
}

function endOfRequest(text: string): number {
  const head = text.indexOf("\r\n\r\n");
  if (head === -1) return -1;
  const length = Number(/^content-length: (\d+)$/im.exec(text.slice(0, head))?.[1] ?? 0);
  return text.length >= head + 4 + length ? head + 4 + length : -1;
}

/** Bytes of a whole HTTP/1.1 answer. */
export function answer(status: number, body = "", headers: readonly string[] = []): string {
  return [`HTTP/1.1 ${status} Status`, ...headers, `content-length: ${Buffer.byteLength(body)}`, "", body].join("\r\n");
}

/** A request that is in order but for what a test changes. */
export function request(server: { readonly url: string }, change: Partial<OutboundRequest> = {}): OutboundRequest {
  return {
    upstream: "up",
    tenant: "acme",
    method: "POST",
    url: `${server.url}/v1/refunds`,
    headers: { authorization: "Bearer secret", "content-type": "application/json" },
    body: Buffer.from('{"amount":1}'),
    timeoutMs: 5000,
    responseBytesMax: 1_048_576,
    maySend: () => true,
    ...change,
  };
}

/** Waits for a condition, at most two seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const endsAtMs = performance.now() + 2000;
  while (!condition()) {
    if (performance.now() > endsAtMs) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
