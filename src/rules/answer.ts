import type { Code } from "./codes.ts";
import type { Reason } from "./denial.ts";
import type { JsonObject } from "./json.ts";
import type { State } from "./states.ts";

/** What the caller gets, before any edge gives it a wire form. */
export type Answer = ProblemAnswer | HeldAnswer | UpstreamAnswer | ProposalAnswer;

export interface ProblemAnswer {
  readonly kind: "problem";
  readonly code: Code;
  readonly callId: string;
  /** A sentence a model can act on. */
  readonly message: string;
  readonly reasons: readonly Reason[];
  readonly executed: true | false | "unknown";
  readonly retryAfterMs: number | null;
  /** Whether the store knows the call, so that its Location can be asked. */
  readonly recorded: boolean;
  readonly attachedTo: string | null;
  /** The scope that the token lacks, when that is all. */
  readonly scope?: string | undefined;
}

export interface HeldAnswer {
  readonly kind: "held";
  readonly callId: string;
  readonly state: State;
  readonly tiers: readonly string[];
  readonly reasons: readonly Reason[];
  readonly expiresAtMs: number;
  /** True when this very request made no new call but joined this one. */
  readonly attached: boolean;
}

/** The upstream's own answer, first hand or from the record. */
export interface UpstreamAnswer {
  readonly kind: "upstream";
  readonly callId: string;
  readonly status: number;
  readonly contentType: string | null;
  readonly body: Uint8Array;
  /** True when it comes from the record: nothing was sent for this request. */
  readonly replayed: boolean;
  /** The call that this request joined without an explicit key, or null. */
  readonly attachedTo: string | null;
}

/** A dry run's result: nothing was written and nothing was sent but what the preview reads. */
export interface ProposalAnswer {
  readonly kind: "proposal";
  readonly callId: string;
  readonly proposal: JsonObject;
}
