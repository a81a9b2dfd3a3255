import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { type Denial, deny } from "../../rules/denial.ts";
import { checkHead } from "../../rules/request-head.ts";
import { countAddresses } from "./count-addresses.ts";
import { checkingIntervalMs, type ListenerLimits } from "./listener-limits.ts";

/** A refusal as it goes over the wire. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is known of one connection. */
interface Connection {
  /** Requests whose answers are still to come or to be taken. */
  open: number;
  /** The newest request, and its response. */
  newest: { readonly request: IncomingMessage; readonly response: ServerResponse } | null;
  /** True once no further request of this connection may be looked at. */
  last: boolean;
  /** What to say when the answers that are still to come have been given: the bytes behind them were no request. */
  broken: { readonly answer: WireAnswer; readonly whenOpen: number } | null;
  refused: boolean;
  /** The decision on the newest request, while it is not made. */
  deciding: Promise<unknown> | null;
  /** The newest request that went on before it had come in whole. */
  handedOn: IncomingMessage | null;
}

export interface SocketGuard {
  /**
   * Lets a request in, or not, before anything else looks at it: a plain one, on a connection that goes on, that `decide` has nothing against.
   * Requests of one connection are decided one after the other: what stands behind one that ends the connection is never a request. Answers what to refuse
   * it with, `null` to serve it, or `ignore`: then nothing may be answered.
   */
  admit<Refusal>(
    request: IncomingMessage,
    response: ServerResponse,
    decide: () => Promise<Refusal | null>,
    /** Of this request, where its route has a limit of its own. */
    bodyBytesMax?: number,
  ): Promise<Denial | Refusal | null | "ignore">;
  /**
   * Says that a request goes on before it has come in whole: from here on nobody is told that nothing was executed, if the rest of it is no request.
   * False when that has been told already; then it must not go on.
   */
  handOn(request: IncomingMessage): boolean;
}

/** How long a connection stays after its last words, for a client that is still sending, milliseconds. */
const lingerMs = 500;

/**
 * Bounds every connection of a server and answers what is no request with a document of ours (`render`) and the end of the connection.
 * Makes a server's own answers to `Expect`, `CONNECT` and broken bytes ours; call it before the server listens.
 */
export function guardSockets(server: FastifyInstance, limits: ListenerLimits, render: (denial: Denial) => WireAnswer): SocketGuard {
  const http = server.server;
  const connections = new WeakMap<Socket, Connection>();
  const answers = new Map<ServerResponse, number>();
  http.maxConnections = limits.connectionsMax;
  // Node forgets headers beyond its own limit without a word, a dry run's among them. So many more are kept that we see there are too many.
  http.maxHeadersCount = limits.headersMax + 64;
  if (limits.connectionsPerAddressMax > 0) http.on("connection", countAddresses(limits.connectionsPerAddressMax));
  http.on("checkContinue", (request, response) => http.emit("request", request, response));
  http.on("checkExpectation", (request, response) => http.emit("request", request, response));
  http.on("connect", (_request, socket) =>
    endWith(socket as Socket, render(deny("ERR_REQUEST_MALFORMED", "This is no proxy: CONNECT leads nowhere."))),
  );
  http.removeAllListeners("clientError");
  http.on("clientError", (error: NodeJS.ErrnoException, stream) => {
    const socket = stream as Socket;
    if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) return void socket.destroy();
    refuseBytes(socket, connections.get(socket), () => render(readFault(error)));
  });
  watchAnswers(http, answers, limits);
  return {
    handOn: (request) => handOn(connectionOf(connections, request.socket), request),
    async admit(request, response, decide, bodyBytesMax = limits.bodyBytesMax) {
      const connection = connectionOf(connections, request.socket);
      connection.open += 1;
      if (connection.open > limits.pipelinedMax) {
        request.socket.destroy();
        return "ignore";
      }
      // A route with a larger limit begins to count so much later.
      answers.set(response, request.socket.bytesRead + wireBytesPerBodyByte * (bodyBytesMax - limits.bodyBytesMax));
      response.once("close", () => {
        answers.delete(response);
        connection.open -= 1;
        const { broken } = connection;
        if (broken !== null && connection.open <= broken.whenOpen) endWith(request.socket, broken.answer);
      });
      connection.newest = { request, response };
      const decision = decideInTurn(connection, request, response, { decide, bodyBytesMax });
      connection.deciding = decision;
      const decided = await decision;
      if (connection.deciding === decision) connection.deciding = null;
      return decided;
    },
  };

  async function decideInTurn<Refusal>(
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
    { decide, bodyBytesMax }: { readonly decide: () => Promise<Refusal | null>; readonly bodyBytesMax: number },
  ): Promise<Denial | Refusal | null | "ignore"> {
    if (connection.deciding !== null) await connection.deciding;
    if (connection.last) return "ignore";
    const { method = "", url: target = "", httpVersion: version, rawHeaders } = request;
    const odd = checkHead({ method, target, version, rawHeaders }, { headersMax: limits.headersMax, bodyBytesMax });
    const denial = odd ?? (await decide());
    const isChunked = request.headers["transfer-encoding"] !== undefined;
    const hasBody = isChunked || !["0", undefined].includes(request.headers["content-length"]);
    // A body whose end two readers could see at different places, and one that is not read, are the last of their connection: there is nothing to smuggle.
    connection.last = odd !== null || isChunked || (denial !== null && hasBody);
    if (connection.last) response.shouldKeepAlive = false;
    // Only now is the body asked for: somebody unknown need not send it.
    if (denial === null && request.headers.expect !== undefined && version === "1.1") response.writeContinue();
    return denial;
  }
}

function handOn(connection: Connection, request: IncomingMessage): boolean {
  if (connection.refused || request.destroyed) return false;
  connection.handedOn = request;
  return true;
}

function connectionOf(connections: WeakMap<Socket, Connection>, socket: Socket): Connection {
  const known = connections.get(socket);
  if (known !== undefined) return known;
  const made: Connection = { open: 0, newest: null, last: false, broken: null, refused: false, deciding: null, handedOn: null };
  connections.set(socket, made);
  return made;
}

/**
 * Answers bytes that are no request. Threat: an answer that comes while a call of the same connection is on its way would be taken for that call's, and say
 * "not executed" of a call that is. So the calls are answered first, each with its own, and this one after them.
 */
function refuseBytes(socket: Socket, connection: Connection | undefined, render: () => WireAnswer): void {
  if (connection?.refused === true) return;
  if (connection === undefined) return endWith(socket, render());
  connection.refused = true;
  connection.last = true;
  const { newest } = connection;
  const unread = newest !== null && !newest.request.complete;
  // A request that never came in whole was not handed on, and this is its answer, unless it has had one.
  if (unread && (newest.response.headersSent || connection.handedOn === newest.request)) {
    socket.destroySoon();
    return;
  }
  // The rest of a request that is broken itself never comes, so nobody waits for its answer.
  const never = unread ? 1 : 0;
  if (connection.open > never) connection.broken = { answer: render(), whenOpen: never };
  else endWith(socket, render());
}

/** Says its last words to a connection. It is not cut at once: a client that is still sending would lose them. */
function endWith(socket: Socket, { status, headers, body }: WireAnswer): void {
  if (socket.destroyed || !socket.writable) return void socket.destroy();
  const lines = Object.entries({ ...headers, "content-length": String(Buffer.byteLength(body)), connection: "close" }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${body}`);
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once("close", () => clearTimeout(timer));
}

function readFault({ code }: NodeJS.ErrnoException): Denial {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return deny("ERR_REQUEST_TIMEOUT");
  if (code === "HPE_HEADER_OVERFLOW") return deny("ERR_HEAD_TOO_LARGE");
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") return deny("ERR_BODY_TOO_LARGE", "The chunks' extensions are too long.");
  return deny("ERR_REQUEST_MALFORMED");
}

/** What a chunked body may take on the wire, as a multiple of the body's limit: one byte to a chunk takes six. Extensions and trailers count. */
const wireBytesPerBodyByte = 8;

/**
 * Cuts connections that take too long or too much, whatever their requests came to: a client that does not take an answer that is ready within the time,
 * or does not take a byte of a stream for as long; and a chunked body that is mostly not body.
 */
function watchAnswers(
  http: Server,
  answers: ReadonlyMap<ServerResponse, number>,
  { answerTimeoutMs, bodyBytesMax, headerBytesMax }: ListenerLimits,
): void {
  const seen = new WeakMap<ServerResponse, { readonly taken: number; readonly untilMs: number }>();
  const wireBytesMax = wireBytesPerBodyByte * bodyBytesMax + headerBytesMax;
  const look = (): void => {
    const nowMs = performance.now();
    for (const [response, bytesBefore] of answers) {
      const { socket } = response.req;
      if (!response.req.complete && socket.bytesRead - bytesBefore > wireBytesMax) socket.resetAndDestroy();
      if (response.socket === null || !response.headersSent || response.writableFinished) continue;
      const taken = response.writableEnded ? -1 : socket.bytesWritten - socket.writableLength;
      const known = seen.get(response);
      if (known === undefined || known.taken !== taken) seen.set(response, { taken, untilMs: nowMs + answerTimeoutMs });
      // Reset, so that the kernel does not keep what nobody takes.
      else if (nowMs > known.untilMs && socket.writableLength > 0) socket.resetAndDestroy();
    }
  };
  const timer = setInterval(look, Math.min(checkingIntervalMs, answerTimeoutMs));
  timer.unref();
  http.once("close", () => clearInterval(timer));
}
