import { Readable } from "node:stream";
import type { Dispatcher } from "undici";
import { AnswerBroken, type StreamExchange, type StreamHead, type StreamRequest } from "../../ports/upstream.ts";
import { maySend, NotWanted } from "./exchange.ts";
import { failedAfterSending, failedBeforeSending, lateAfterSending, lateBeforeSending } from "./failure.ts";

/** Bytes of an answer that wait for their reader, at most and one read of the socket more; then the connection is not read. */
const waitingBytesMax = 64 * 1024;

/**
 * One request whose answer is read as it comes; owns its deadlines and, once sent, its connection. What `Exchange` says of the moment before the first byte
 * holds here too.
 */
export class StreamedExchange implements Dispatcher.DispatchHandler, StreamExchange {
  readonly head: Promise<StreamHead>;
  readonly #request: StreamRequest;
  readonly #release: () => void;
  readonly #settle: (head: StreamHead) => void;
  #connection: Dispatcher.DispatchController | null = null;
  #body: Readable | null = null;
  #status: number | null = null;
  #ended = false;
  #late: NodeJS.Timeout;
  #idle: NodeJS.Timeout | null = null;

  constructor(request: StreamRequest, release: () => void) {
    const { promise, resolve } = Promise.withResolvers<StreamHead>();
    this.head = promise;
    this.#settle = resolve;
    this.#request = request;
    this.#release = release;
    this.#late = setTimeout(() => this.#expireHead(), request.headTimeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#connection !== null) {
      // A second start would be a retry inside the dispatcher; whatever its reason, the request may already have been seen.
      this.#fail(failedAfterSending(null, null));
      throw new NotWanted("already sent once");
    }
    if (this.#ended) throw new NotWanted("it ended while it waited");
    if (!maySend(this.#request)) {
      this.#fail({ kind: "not_sent", cause: "expired", detail: "the time to start this call had passed" });
      throw new NotWanted("it may no longer be sent");
    }
    this.#connection = controller;
  }

  onResponseStart(_controller: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    if (status < 200 || this.#ended) return;
    clearTimeout(this.#late);
    this.#status = status;
    this.#body = new Readable({
      highWaterMark: waitingBytesMax,
      read: () => this.#resume(),
      destroy: (error, done) => {
        const onItsWay = !this.#ended;
        this.#end();
        if (onItsWay) this.#connection?.abort(new NotWanted("the answer is not wanted any more"));
        done(error);
      },
    });
    // Whoever reads it gets the error; where nobody does any more, it must not end the process.
    this.#body.on("error", () => undefined);
    const { wholeTimeoutMs } = this.#request;
    this.#late = setTimeout(() => this.#break("timeout", `the answer did not end within ${wholeTimeoutMs} ms`), wholeTimeoutMs);
    this.#watch();
    this.#settle({ kind: "answering", status, headers: readHeaders(headers), body: this.#body });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#ended || this.#body === null) return;
    this.#idle?.refresh();
    if (this.#body.push(chunk)) return;
    controller.pause();
    // Silence counts only while somebody listens.
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
  }

  onResponseEnd(): void {
    const body = this.#body;
    if (body === null) this.#fail(failedAfterSending(null, null));
    this.#end();
    body?.push(null);
    this.#release();
  }

  onResponseError(_controller: unknown, error: unknown): void {
    if (this.#body !== null) this.#break("broken", failedAfterSending(error, this.#status).detail);
    else this.#fail(this.#connection === null ? failedBeforeSending(error) : failedAfterSending(error, null));
    this.#release();
  }

  cancel(): void {
    if (this.#body !== null) return this.#break("broken", "the exchange was cancelled");
    const detail = "the exchange was cancelled before its answer began";
    this.#fail(
      this.#connection === null ? { kind: "not_sent", cause: "expired", detail } : { kind: "interrupted", cause: "broken", detail },
    );
  }

  #expireHead(): void {
    const { headTimeoutMs } = this.#request;
    this.#fail(this.#connection === null ? lateBeforeSending(headTimeoutMs) : lateAfterSending(headTimeoutMs, null));
  }

  /** Ends it before an answer began. */
  #fail(head: StreamHead): void {
    if (this.#ended) return;
    this.#end();
    this.#settle(head);
    this.#connection?.abort(new NotWanted("it has failed"));
  }

  /** Ends it within the answer. */
  #break(why: "timeout" | "broken", detail: string): void {
    if (this.#ended) return;
    this.#body?.destroy(new AnswerBroken(why, detail));
  }

  #watch(): void {
    const { idleTimeoutMs } = this.#request;
    this.#idle = setTimeout(() => this.#break("timeout", `the answer was silent for ${idleTimeoutMs} ms`), idleTimeoutMs);
  }

  #resume(): void {
    if (this.#ended || this.#connection?.paused !== true) return;
    this.#watch();
    this.#connection.resume();
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#late);
    if (this.#idle !== null) clearTimeout(this.#idle);
  }
}

function readHeaders(headers: Record<string, string | string[] | undefined>): Readonly<Record<string, string | readonly string[]>> {
  return Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined));
}
