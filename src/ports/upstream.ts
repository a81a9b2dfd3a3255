import type { UpstreamOutcome } from "../rules/outcome.ts";

export type { UpstreamOutcome };

/**
 * One request as it will be written to the socket. Nothing is added but Host, Content-Length, `Accept-Encoding: identity` and connection
 * management, and nothing of it is rewritten: what cannot be written byte for byte as given is `not_sent` (`malformed`).
 */
export interface OutboundRequest {
  /** The upstream's name; `url` must lie under its base URL, so that credentials cannot reach another host. */
  readonly upstream: string;
  /** For whom: each tenant has connections of its own, so that none takes another's. */
  readonly tenant: string;
  readonly method: string;
  /** Absolute URL, built from the route's template: percent-encoded ASCII, no fragment, no dot segments. */
  readonly url: string;
  /** Lower-case names; values of visible ASCII and inner spaces; credentials included. Never Host, framing or hop-by-hop headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Must not change until `send` has answered. */
  readonly body: Uint8Array | null;
  /** For everything: waiting for a connection, connecting, sending, and the whole answer. At least 1. */
  readonly timeoutMs: number;
  readonly responseBytesMax: number;
  /** Asked at most once, right before the first byte goes to the socket; false, or a throw, sends nothing (`expired`). */
  readonly maySend: () => boolean;
}

/**
 * Sends a request at most once. Must verify TLS, must not follow redirects, must not retry, must never throw.
 * Waits at most `timeoutMs` in all.
 *
 * `not_sent` is a promise that no byte of the request left; whatever goes wrong after the first byte is `interrupted`. Informational (1xx)
 * answers are skipped. Every final status is `answered`, redirects too. An encoded answer is `answered` as well, with its `encoding` named:
 * its status still says whether the upstream acted, only its body cannot be read.
 */
export interface Upstreams {
  send(request: OutboundRequest): Promise<UpstreamOutcome>;
  /** The same promises for a request that is passed through: sent at most once, verified, no redirects, never a throw. */
  open(request: StreamRequest): StreamExchange;
  /** Refuses new calls (`not_sent`) and resolves when those on their way have ended, each by its own deadline at the latest. */
  close(): Promise<void>;
}

/** A request whose body and answer are never held whole. */
export interface StreamRequest extends Omit<OutboundRequest, "body" | "timeoutMs" | "responseBytesMax"> {
  /** Chunks must not change after they were given. Its end before `bodyBytes`, or a throw, interrupts the exchange. */
  readonly body: AsyncIterable<Uint8Array> | null;
  /** Exact length of the body; null when it is not known, and then it is sent in chunks. */
  readonly bodyBytes: number | null;
  /** From the beginning to the complete head of the answer. At least 1. */
  readonly headTimeoutMs: number;
  /** Longest silence within the answer, not counting time in which its reader does not take it. At least 1. */
  readonly idleTimeoutMs: number;
  /** From the head to the answer's end. At least 1. */
  readonly wholeTimeoutMs: number;
}

/** What came back before the body of an answer. */
export type StreamHead =
  | {
      readonly kind: "answering";
      readonly status: number;
      /** Lower-case names; a header that stood twice has all its values. */
      readonly headers: Readonly<Record<string, string | readonly string[]>>;
      /** Given only as fast as it is taken. Throws `AnswerBroken` when it does not come to its end. */
      readonly body: AsyncIterable<Uint8Array>;
    }
  | Extract<UpstreamOutcome, { kind: "not_sent" | "interrupted" }>;

/** One exchange that is read as it comes. */
export interface StreamExchange {
  /** Never rejects. */
  readonly head: Promise<StreamHead>;
  /** Ends it at once, whatever stage it is in: a request that waits is not sent, and a connection in use is cut. Later calls do nothing. */
  cancel(): void;
}

/** An answer that began and broke off. */
export class AnswerBroken extends Error {
  override readonly name = "AnswerBroken";
  readonly why: "timeout" | "broken";

  constructor(why: "timeout" | "broken", detail: string) {
    super(detail);
    this.why = why;
  }
}
