import type { Reason } from "./denial.ts";
import type { Outcome } from "./states.ts";
import type { Usage } from "./usage.ts";

/** What passed through: how much, and SHA-256 (hex) of it. Of a request or answer that was cut, of the part that passed. */
export interface Transfer {
  readonly requestBytes: number;
  readonly requestDigest: string;
  readonly responseBytes: number;
  readonly responseDigest: string;
}

/** How a call ended. */
export interface Settled {
  readonly outcome: Outcome | "rejected" | "expired" | "cancelled" | "refused" | "denied";
  /** The code that the agent gets, null when it gets the upstream's answer. */
  readonly code: string | null;
  readonly detail: string | null;
  readonly reasons: readonly Reason[];
  readonly status: number | null;
  readonly contentType: string | null;
  /** Digest of the answer's payload, null when there is none. */
  readonly answerDigest: string | null;
  readonly latencyMs: number | null;
  /** The person or agent who ended it, null when it ended by itself. */
  readonly by: string | null;
  /** Only for calls that are passed through. */
  readonly transfer?: Transfer;
  /** What the answer told of a model's tokens, and what they cost in USD micros; null where no price is known. Absent: nothing was told. */
  readonly usage?: Usage & { readonly costMicros: number | null };
}

/** An end without an answer of the upstream. */
export function endWithoutAnswer(end: Pick<Settled, "outcome" | "code"> & Partial<Pick<Settled, "detail" | "reasons" | "by">>): Settled {
  return { detail: null, reasons: [], by: null, ...end, status: null, contentType: null, answerDigest: null, latencyMs: null };
}
