import type { Dispatcher } from "undici";
import type { OutboundRequest, UpstreamOutcome } from "../../ports/upstream.ts";
import { failedAfterSending, failedBeforeSending, lateAfterSending, lateBeforeSending } from "./failure.ts";

interface Head {
  readonly status: number;
  readonly contentType: string | null;
  readonly encoding: string | null;
  /** From Content-Length; null when the length is not told. */
  readonly length: number | null;
}

/** What the two ends of an exchange need: the outcome, told once, and the moment the dispatcher holds nothing of it any more. */
export interface ExchangeEnds {
  readonly settle: (outcome: UpstreamOutcome) => void;
  readonly release: () => void;
}

/** Thrown to the dispatcher to take a request off its queue; no caller sees it. */
export class NotWanted extends Error {
  override readonly name = "NotWanted";
}

/**
 * One request on its way through the dispatcher; owns its deadline and, once sent, its connection.
 *
 * undici calls `onRequestStart` with the connection chosen and verified, in the same turn and right before it writes the first byte; a throw
 * there takes the request off the queue unwritten and leaves the connection to others (test/adapters/upstream/wire.test.ts counts the bytes).
 * So everything before it is `not_sent`, and everything after it may have had an effect.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: OutboundRequest;
  readonly #ends: ExchangeEnds;
  readonly #deadline: NodeJS.Timeout;
  #connection: Dispatcher.DispatchController | null = null;
  #head: Head | null = null;
  #chunks: Uint8Array[] = [];
  #receivedBytes = 0;
  #settled = false;

  constructor(request: OutboundRequest, ends: ExchangeEnds) {
    this.#request = request;
    this.#ends = ends;
    this.#deadline = setTimeout(() => this.#expire(), request.timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#connection !== null) {
      // A second start would be a retry inside the dispatcher; whatever its reason, the request may already have been seen.
      this.#settle(failedAfterSending(null, null));
      throw new NotWanted("already sent once");
    }
    if (this.#settled) throw new NotWanted("its deadline passed while it waited");
    if (!maySend(this.#request)) {
      this.#settle({ kind: "not_sent", cause: "expired", detail: "the time to start this call had passed" });
      throw new NotWanted("it may no longer be sent");
    }
    this.#connection = controller;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200 || this.#settled) return;
    this.#head = readHead(status, headers);
    if ((this.#head.length ?? 0) > this.#request.responseBytesMax) this.#refuseLarge(status);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#settled || this.#head === null) return;
    this.#receivedBytes += chunk.byteLength;
    if (this.#receivedBytes > this.#request.responseBytesMax) this.#refuseLarge(this.#head.status);
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#head !== null) {
      const { status, contentType, encoding } = this.#head;
      this.#settle({ kind: "answered", status, contentType, encoding, body: Buffer.concat(this.#chunks) });
    } else this.#settle(failedAfterSending(null, null));
    this.#ends.release();
  }

  onResponseError(_controller: unknown, error: unknown): void {
    this.fail(error);
    this.#ends.release();
  }

  /** Ends the exchange with a fault; what that means depends on whether it was sent. */
  fail(error: unknown): void {
    if (this.#connection === null) this.#settle(failedBeforeSending(error));
    else this.#settle(failedAfterSending(error, this.#head?.status ?? null));
  }

  #expire(): void {
    const { timeoutMs } = this.#request;
    this.#settle(this.#connection === null ? lateBeforeSending(timeoutMs) : lateAfterSending(timeoutMs, this.#head?.status ?? null));
    this.#connection?.abort(new NotWanted("the deadline passed"));
  }

  /** Drops the connection too: reading the rest only to keep it would be the load that the limit is there to prevent. */
  #refuseLarge(status: number): void {
    this.#settle({ kind: "too_large", status });
    this.#connection?.abort(new NotWanted("the answer is too large"));
  }

  #settle(outcome: UpstreamOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#chunks = [];
    clearTimeout(this.#deadline);
    this.#ends.settle(outcome);
  }
}

/** Whether this request may still be sent; a throw is a no. */
export function maySend(request: Pick<OutboundRequest, "maySend">): boolean {
  try {
    const answer: unknown = request.maySend();
    return answer === true;
  } catch {
    return false;
  }
}

function readHead(status: number, headers: Record<string, string | string[] | undefined>): Head {
  const encoding = [headers["content-encoding"] ?? []].flat().join(", ").trim().toLowerCase();
  const length = headers["content-length"];
  return {
    status,
    contentType: readContentType(headers["content-type"]),
    encoding: encoding === "" || encoding === "identity" ? null : encoding,
    length: typeof length === "string" && /^[0-9]+$/.test(length) ? Number(length) : null,
  };
}

/** Null for a type that stands twice or holds anything but printable ASCII: it is handed on as a header. */
function readContentType(value: string | string[] | undefined): string | null {
  return typeof value === "string" && /^[\x21-\x7e][\x20-\x7e]{0,254}$/.test(value) ? value : null;
}
