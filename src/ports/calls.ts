import type { Reservation } from "../rules/budgets.ts";
import type { Reason } from "../rules/denial.ts";
import type { HoldTerms, Vote, VoteRefusal } from "../rules/holds.ts";
import type { Settled } from "../rules/settled.ts";
import type { Outcome, State } from "../rules/states.ts";
import type { Stop } from "../rules/stops.ts";
import type { Verdict } from "../rules/verdict.ts";

export type { Settled };

/** An encrypted document beside the ledger. */
export interface Payload {
  /** Keyed digest (hex) of the plain bytes; its name. */
  readonly digest: string;
  readonly tenant: string;
  readonly sealed: Uint8Array;
}

/** The facts of a call that never change after admission. */
export interface CallFacts {
  readonly id: string;
  readonly parent: string | null;
  readonly tenant: string;
  readonly agent: string;
  readonly workflow: string;
  readonly environment: string;
  readonly run: string | null;
  readonly user: string | null;
  readonly tool: string;
  readonly effect: "read" | "write";
  readonly callDigest: string;
  readonly binding: string;
  /** SHA-256 (hex) of the outbound body bytes; of the empty string when there is none. */
  readonly bodyDigest: string;
  readonly receivedAtMs: number;
  readonly amount: { readonly minor: number; readonly currency: string } | null;
  readonly priceMicros: number;
  readonly verdict: Verdict;
  readonly policyDigest: string;
  readonly catalogueDigest: string;
  /** Its cost is told by its answer. A crash leaves that untold, and what it reserved then counts as used. */
  readonly metered?: true;
}

export interface AdmitRequest {
  readonly call: CallFacts;
  /** The idempotency key as stored, or null. Unique per tenant, environment, agent and user. */
  readonly key: string | null;
  /** True when the SDK made the key up: without an earlier call of this key, the call may join one with the same arguments as if it had none. */
  readonly keyMadeUp: boolean;
  /** Null: start at once (one write for intent and start). Otherwise the call waits for people. */
  readonly hold: HoldTerms | null;
  /** What holds a write whose digest equals an open or unknown call; null when there is no tier to ask, then it is in-flight. */
  readonly holdIfTwin: HoldTerms | null;
  /** Never looks for sameness: child calls, each of which is its own. */
  readonly alone: boolean;
  readonly reservations: readonly Reservation[];
  /** Wall-clock time after which nobody may think the call is still on its way: start deadline + timeout, Unix ms. */
  readonly settleByMs: number;
  /** Arguments, principal and policy input, for execution after approval and for the record. */
  readonly payload: Payload;
  /** How many calls may be held or approved at once, for this agent and tenant, and for this run. */
  readonly openHoldsMax: { readonly agent: number; readonly run: number };
  readonly nowMs: number;
}

export type AdmitResult =
  | { readonly kind: "started" }
  | { readonly kind: "held"; readonly hold: HoldTerms }
  /** Nothing new was written: this is the same call as an earlier one. `attached` when no explicit key said so. */
  | { readonly kind: "same"; readonly call: StoredCall; readonly attached: boolean }
  | { readonly kind: "mismatch"; readonly callId: string }
  | { readonly kind: "beyond"; readonly reservation: Reservation; readonly left: number; readonly heldShare: boolean }
  | { readonly kind: "stopped"; readonly stop: Stop }
  | { readonly kind: "holds_too_many"; readonly open: number };

/** A call as the store knows it. */
export interface StoredCall extends CallFacts {
  readonly key: string | null;
  readonly state: State;
  readonly updatedAtMs: number;
  readonly startedAtMs: number | null;
  readonly settleByMs: number | null;
  readonly hold: HoldTerms | null;
  readonly votes: readonly Vote[];
  /** The twin that made this write a held one, or null. */
  readonly twin: string | null;
  readonly payloadDigest: string;
  readonly settled: Settled | null;
}

export interface StartRequest {
  readonly callId: string;
  /** The bundle and verdict it was judged by again. */
  readonly verdict: Verdict;
  readonly policyDigest: string;
  /** The reservations in the windows now current; they replace those of the hold, all or none. */
  readonly reservations: readonly Reservation[];
  readonly settleByMs: number;
  readonly nowMs: number;
}

export type StartResult =
  | { readonly kind: "started" }
  | { readonly kind: "not_approved"; readonly state: State }
  | { readonly kind: "beyond"; readonly reservation: Reservation; readonly left: number }
  | { readonly kind: "stopped"; readonly stop: Stop };

export interface SettleRequest {
  readonly callId: string;
  readonly settled: Settled;
  /** Actual units by budget name where they differ from the reserved; absent = as reserved. */
  readonly actual: Readonly<Record<string, number>>;
  /** What was reserved was used although the call failed: part of its answer was taken. Absent: a call that fails used nothing. */
  readonly used?: true;
  readonly answer: Payload | null;
  readonly nowMs: number;
}

export type SettleResult = { readonly kind: "settled" } | { readonly kind: "already"; readonly state: State };

export type VoteResult =
  | { readonly kind: "recorded"; readonly state: State }
  | { readonly kind: "refused"; readonly why: VoteRefusal; readonly state: State | null }
  | { readonly kind: "not_found" };

/** Whose keys an idempotency key is one of. */
export type KeyOwner = Pick<CallFacts, "tenant" | "environment" | "agent" | "user">;

export interface CallFilter {
  readonly states?: readonly State[];
  readonly run?: string;
  readonly agent?: string;
  readonly tenant?: string;
  /** At most this many, newest first; 1..1000. */
  readonly limit: number;
}

/**
 * The store of record for calls, holds, keys, budgets, votes. Every method that changes something is one durable transaction that also writes the
 * ledger entries of what it did: when the promise resolves, it is on disk; when it rejects with a `StoreUnavailable`, nothing happened.
 * Calls that queue up share one commit; one call's refusal never rolls back its neighbours.
 */
export interface Calls {
  admit(request: AdmitRequest): Promise<AdmitResult>;
  /** Records a call that was denied after its principal was known. */
  recordDenied(call: DeniedFacts): Promise<void>;
  vote(callId: string, vote: Vote, groups: readonly string[]): Promise<VoteResult>;
  /** approved → started, compare-and-set. */
  start(request: StartRequest): Promise<StartResult>;
  /** Ends a started or unknown call, once; the second gets `already`. `unknown` keeps the money taken. */
  settle(request: SettleRequest): Promise<SettleResult>;
  /** held | approved → rejected-like ends that need no vote: cancelled, expired, refused; or approved → held again with new terms. */
  end(callId: string, to: "cancelled" | "expired" | "refused", settled: Settled, nowMs: number): Promise<SettleResult>;
  holdAgain(callId: string, hold: HoldTerms, verdict: Verdict, policyDigest: string, nowMs: number): Promise<SettleResult>;
  /** After a restart: started writes → unknown, started reads → failed. Answers how many of each. */
  recover(nowMs: number): Promise<{ readonly unknown: number; readonly failed: number }>;
  /** A started call that is past its time: a write becomes unknown, a read failed. Null when it has settled meanwhile. */
  interrupt(callId: string, nowMs: number): Promise<Outcome | null>;
  find(callId: string): Promise<StoredCall | null>;
  /** The call that took this idempotency key. */
  findByKey(owner: KeyOwner, key: string): Promise<StoredCall | null>;
  list(filter: CallFilter): Promise<readonly StoredCall[]>;
  /** What policy is told of budgets and run; a look that takes nothing. */
  standing(request: StandingRequest): Promise<Standing>;
  /** The document of a call that has this digest: what it asked for, or what it was answered; null when there is none, or it was erased. */
  payload(callId: string, digest: string): Promise<Payload | null>;
  /** Erases payloads written before this time, never those of an open call, at most 1,000; answers how many. */
  erasePayloads(beforeMs: number): Promise<number>;
  /** Held calls past their expiry and approved calls ready to run, for the duties. */
  due(
    nowMs: number,
  ): Promise<{ readonly expired: readonly string[]; readonly approved: readonly string[]; readonly overdue: readonly string[] }>;
  /** The calls of one run, newest first, at most 1,000. */
  runCalls(run: string, tenant: string): Promise<readonly StoredCall[]>;
}

export interface StandingRequest {
  /** Null for a call that the store does not know yet. What a known one has reserved counts as left: it is judged again without its own money. */
  readonly callId: string | null;
  readonly reservations: readonly Reservation[];
  readonly run: string | null;
  readonly tenant: string;
  readonly environment: string;
  readonly agent: string;
  readonly callDigest: string;
}

export interface Standing {
  /** Units left in each window asked for, in order. */
  readonly left: readonly number[];
  /** The run's calls so far, oldest first, the last 100. */
  readonly runCalls: readonly { readonly tool: string; readonly status: State }[];
  /** How often this very call stands among the run's last 100. */
  readonly repeats: number;
}

/** Ids of calls that a duty must look after. */
export interface DueCalls {
  /** Held or approved past the hold's expiry. */
  readonly expired: readonly string[];
  readonly approved: readonly string[];
  /** Started, and past the time by which they should have settled. */
  readonly overdue: readonly string[];
}

/** A denial after the principal was known. In `call`, what was not reached is the empty string. */
export interface DeniedFacts {
  readonly call: CallFacts;
  readonly code: string;
  readonly reasons: readonly Reason[];
  readonly atMs: number;
}

/** The store could not commit: nothing of the request happened. */
export class StoreUnavailable extends Error {
  override readonly name: string = "StoreUnavailable";
}

/** Refused before it was queued: as many operations are waiting as may. */
export class StoreOverloaded extends StoreUnavailable {
  override readonly name = "StoreOverloaded";
}

/** Runs as agents report them. Usage only adds. */
export interface RunReport {
  readonly run: string;
  readonly tenant: string;
  readonly agent: string;
  readonly model: string | null;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly usdMicros: number;
  readonly outcome: { readonly status: string; readonly reason: string } | null;
}

export interface RunKey {
  readonly run: string;
  readonly tenant: string;
  readonly agent: string;
}

export interface RunRow extends RunKey {
  readonly calls: number;
  readonly lastMs: number;
}

/** A run that an agent opens. */
export interface RunOpening extends RunKey {
  readonly environment: string;
  readonly workflow: string;
  readonly user: string | null;
  /** The token that opened it. */
  readonly openedBy: { readonly issuer: string; readonly tokenId: string | null };
  /** When its token ends. */
  readonly expiresAtMs: number;
}

export interface Runs {
  /** Puts a run on record before its first call; null, or the stop that forbids it, asked in the same transaction. */
  open(opening: RunOpening, nowMs: number): Promise<Stop | null>;
  /** Adds reported usage, and counts its cost in the windows named. */
  addUsage(report: Omit<RunReport, "outcome">, costs: readonly Reservation[], nowMs: number): Promise<void>;
  setOutcome(key: RunKey, outcome: { readonly status: string; readonly reason: string }, nowMs: number): Promise<void>;
  list(limit: number): Promise<readonly RunRow[]>;
  find(key: RunKey): Promise<RunReport | null>;
}

export interface StopStore {
  set(stop: Stop): Promise<void>;
  clear(id: string, by: string, nowMs: number): Promise<boolean>;
  active(): Promise<readonly Stop[]>;
}
