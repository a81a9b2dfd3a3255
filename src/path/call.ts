import type { StoredCall } from "../ports/calls.ts";
import type { UpstreamOutcome } from "../ports/upstream.ts";
import type { Reservation } from "../rules/budgets.ts";
import type { Catalogue, FindingKind, Mount, Tool } from "../rules/catalogue.ts";
import type { Governed } from "../rules/contract.ts";
import type { RequestHeaders } from "../rules/headers.ts";
import type { HoldTerms } from "../rules/holds.ts";
import type { JsonObject } from "../rules/json.ts";
import type { Money } from "../rules/money.ts";
import type { Principal } from "../rules/principal.ts";
import type { Verdict } from "../rules/verdict.ts";

/** A call as an edge hands it in. Nothing in it is trusted yet. */
export interface Received {
  readonly id: string;
  readonly receivedAtMs: number;
  readonly target: Target;
  readonly headers: RequestHeaders;
  /** Null when the request had no body. At most the edge's limit. */
  readonly body: Uint8Array | null;
  /** Its body is not read: a proxy will pass it through. */
  readonly passes?: true;
}

/** What the caller points at: a tool by its name, or an upstream's own method and path. */
export type Target =
  | { readonly by: "name"; readonly tool: string; readonly rawQuery: string }
  | {
      readonly by: "path";
      readonly method: string;
      readonly rawPath: string;
      readonly rawQuery: string;
      /** The listener's port when it is a mount's own; null on the agents' listener. */
      readonly port: number | null;
    };

/** After `identify`: who calls is proved. */
export interface Identified extends Received {
  readonly principal: Principal;
}

/** After `resolve`: which tool, and exactly which arguments. */
export interface Resolved extends Identified {
  readonly catalogue: Catalogue;
  readonly mount: Mount;
  readonly tool: Tool;
  readonly args: JsonObject;
  /** Declared headers of this call, lower-case. */
  readonly meantHeaders: Readonly<Record<string, string>>;
  readonly findings: readonly { readonly pointer: string; readonly kind: FindingKind }[];
  /** The request that would go out: the only form of the arguments that ever leaves. */
  readonly outbound: {
    readonly url: string;
    readonly body: string | null /** Only where it is not the tool's own. */;
    readonly method?: "HEAD";
  };
  readonly callDigest: string;
  readonly bodyDigest: string;
  readonly dryRun: boolean;
  readonly key: string | null;
  /** True for a key that the agent's SDK made up for its own retries: such a call may also join an earlier one with the same arguments. */
  readonly keyMadeUp: boolean;
  readonly prefer: { readonly canWait: boolean; readonly waitSeconds: number };
}

/** After `checkContract`, `checkStops` and `limitRate`: the floor is known. */
export interface Governable extends Resolved {
  readonly governed: Governed;
  /** Non-secret account headers of the tenant; part of the binding. */
  readonly account: Readonly<Record<string, string>>;
  readonly binding: string;
}

/** After `decide`: what policy says, and what it would cost. */
export interface Decided extends Governable {
  readonly amount: Money | null;
  readonly preview: JsonObject | null;
  readonly policyInput: JsonObject;
  readonly policyDigest: string;
  readonly verdict: Verdict;
  readonly reservations: readonly Reservation[];
  /** Budgets that could not carry this call if it were admitted now. */
  readonly left: readonly number[];
  readonly hold: HoldTerms | null;
  readonly holdIfTwin: HoldTerms | null;
}

/** After the durable admission: from here on the call has an effect exactly once, or none, or is unknown. */
export interface Started extends Decided {
  /** Monotonic ms after which nothing may be written to the socket any more. */
  readonly sendByMs: number;
}

/** After `forward`. */
export interface Executed extends Started {
  readonly result: UpstreamOutcome;
  readonly latencyMs: number;
}

/** What is kept, encrypted, of an admitted call: enough to run it after approval and to show people what they sign. */
export interface KeptCall {
  readonly principal: Principal;
  readonly tool: string;
  readonly method: string;
  readonly url: string;
  readonly body: string | null;
  readonly args: JsonObject;
  readonly meantHeaders: Readonly<Record<string, string>>;
  readonly findings: Resolved["findings"];
  readonly preview: JsonObject | null;
  /** What policy saw, but for `args` and `headers`: those are `args` and `meantHeaders` above. */
  readonly policyInput: JsonObject;
}

export type { StoredCall };
