import { connect, type Socket } from "node:net";
import type { DriveAsk, DriveResult } from "./messages.ts";
import { callsPerRun, expectedAnswer, requestText } from "./requests.ts";

/** How far each contender has used up the tokens: a run goes on for twenty calls and never comes back. */
const runsUsed = new Map<string, number>();
let lastNumber = 0;

interface Cell {
  readonly ask: DriveAsk;
  readonly tokens: readonly string[];
  readonly untilMs: number;
  readonly latenciesMs: number[];
  errors: number;
  firstError: string | null;
}

/**
 * The load generator's process. It speaks HTTP/1.1 itself on raw sockets: a client library would cost more than most of what it measures. Every answer's
 * status and every byte of its body are checked.
 */
export function drive(): void {
  let tokens: readonly string[] = [];
  process.on("disconnect", () => process.exit(0));
  process.on("message", (message: DriveAsk | { readonly tokens: readonly string[] } | "end") => {
    if (message === "end") process.exit(0);
    if ("tokens" in message) tokens = message.tokens;
    else void driveCell(message, tokens).then((result) => process.send?.(result));
  });
  process.send?.({ ready: true });
}

async function driveCell(ask: DriveAsk, tokens: readonly string[]): Promise<DriveResult> {
  const startedMs = performance.now();
  const cell: Cell = { ask, tokens, untilMs: startedMs + ask.durationMs, latenciesMs: [], errors: 0, firstError: null };
  await Promise.all(Array.from({ length: ask.connections }, () => new Connection(cell).run()));
  const seconds = (performance.now() - startedMs) / 1000;
  const sorted = Float64Array.from(cell.latenciesMs).sort();
  const { errors, firstError } = cell;
  return { requests: sorted.length, errors, firstError, seconds, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) };
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** One keep-alive connection in a closed loop; a new one is opened when the server closes it. */
class Connection {
  readonly #cell: Cell;
  #socket: Socket | null = null;
  #received = "";
  #sentAtMs = 0;
  #number = 0;
  #token = "";
  #callsLeft = 0;
  #done: () => void = () => undefined;

  constructor(cell: Cell) {
    this.#cell = cell;
  }

  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#next();
    });
  }

  #next(): void {
    if (performance.now() >= this.#cell.untilMs) {
      this.#socket?.destroy();
      this.#done();
      return;
    }
    const { kind, basePath } = this.#cell.ask;
    lastNumber += 1;
    this.#number = lastNumber;
    this.#received = "";
    this.#sentAtMs = performance.now();
    this.#socket ??= this.#open();
    this.#socket.write(requestText(kind, basePath, this.#nextToken(), this.#number), "latin1");
  }

  #nextToken(): string {
    if (this.#callsLeft > 0) {
      this.#callsLeft -= 1;
      return this.#token;
    }
    const { ask, tokens } = this.#cell;
    const used = runsUsed.get(ask.contender) ?? 0;
    runsUsed.set(ask.contender, used + 1);
    this.#callsLeft = callsPerRun - 1;
    this.#token = tokens[used % tokens.length] ?? "";
    return this.#token;
  }

  #open(): Socket {
    const socket = connect({ host: "127.0.0.1", port: this.#cell.ask.port, noDelay: true });
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => this.#read(chunk));
    socket.on("error", (error) => this.#fail(socket, String(error)));
    socket.on("end", () => this.#fail(socket, "the connection was closed before the answer"));
    return socket;
  }

  #read(chunk: string): void {
    this.#received += chunk;
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const length = Number(/\r\ncontent-length: ([0-9]+)/i.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) return this.#count(`no content-length: ${head}`);
    if (this.#received.length < headEnd + 4 + length) return;
    if (/\r\nconnection: close/i.test(head)) this.#drop();
    const body = this.#received.slice(headEnd + 4);
    const right = head.startsWith("HTTP/1.1 200 ") && body === expectedAnswer(this.#cell.ask.kind, this.#number);
    this.#count(right ? null : `${head.slice(0, head.indexOf("\r\n"))} ${body.slice(0, 500)}`);
  }

  #count(error: string | null): void {
    this.#cell.latenciesMs.push(performance.now() - this.#sentAtMs);
    if (error !== null) {
      this.#cell.errors += 1;
      this.#cell.firstError ??= error;
    }
    this.#next();
  }

  #drop(): void {
    this.#socket?.removeAllListeners().on("error", () => undefined);
    this.#socket?.destroy();
    this.#socket = null;
  }

  #fail(socket: Socket, why: string): void {
    if (this.#socket !== socket) return;
    this.#drop();
    this.#count(why);
  }
}
