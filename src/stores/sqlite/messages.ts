import type { AdmitRequest, CallFacts, Payload, Settled, SettleRequest, Standing, StandingRequest } from "../../ports/calls.ts";
import type { FaultPoint } from "../../ports/faults.ts";
import type { Account } from "../../rules/budgets.ts";
import type { Changes } from "./memory.ts";
import type { OperationName } from "./operations.ts";

/** What the two threads say to each other. */
export interface OperationCall {
  readonly name: OperationName;
  readonly input: readonly unknown[];
}

export interface Batch {
  readonly calls: readonly OperationCall[];
}

export type OperationReply = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly message: string };

export interface BatchReply {
  readonly replies: readonly OperationReply[];
  /** What the whole batch changed; nothing when it failed. */
  readonly changes: Changes;
}

export interface WorkerOptions {
  readonly file: string;
  /** Tests only: die at this point, after having passed it so many times. */
  readonly killAt: { readonly point: FaultPoint; after: number } | null;
}

/**
 * An admission on its way to the writer. What goes into the ledger is text already: it is written down as it stands, and text is what threads exchange most
 * cheaply.
 */
export interface AdmitMessage extends Omit<AdmitRequest, "call" | "payload"> {
  readonly call: Pick<
    CallFacts,
    "id" | "tenant" | "environment" | "agent" | "workflow" | "run" | "user" | "tool" | "effect" | "callDigest" | "metered"
  >;
  readonly payload: Pick<Payload, "digest" | "sealed">;
  /** RFC 8785 text of the ledger entry of a call that starts at once; null when there is none. */
  readonly entry: string | null;
}

/** An outcome on its way to the writer. */
export interface SettleMessage extends Omit<SettleRequest, "settled" | "answer"> {
  readonly outcome: Settled["outcome"];
  readonly by: string | null;
  /** RFC 8785 text of the whole `Settled`; null when there is none. */
  readonly settled: string | null;
  readonly answer: Pick<Payload, "digest" | "sealed"> | null;
}

/** One of a run's calls, as the main thread's view keeps it. */
export type RunCall = Standing["runCalls"][number] & { readonly id: string; readonly digest: string };

/** What the main thread's view asks when it does not know a run or an account. */
export interface ViewRequest extends Pick<StandingRequest, "run" | "tenant" | "environment" | "agent"> {
  readonly accounts: readonly string[];
}

export interface View {
  /** In the order asked. */
  readonly accounts: readonly Account[];
  /** Oldest first, the last 100; empty without a run. */
  readonly runCalls: readonly RunCall[];
}
