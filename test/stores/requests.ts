import type { AdmitRequest, CallFacts, Payload, Settled, SettleRequest, StartRequest } from "../../src/ports/calls.ts";
import type { Reservation } from "../../src/rules/budgets.ts";
import type { HoldTerms, TierDemand, Vote } from "../../src/rules/holds.ts";
import type { Stop, StopScope } from "../../src/rules/stops.ts";
import type { Verdict } from "../../src/rules/verdict.ts";

/** Any moment will do: the store takes its time from the caller. */
export const t0 = 1_795_350_600_000;

let made = 0;

/** An id that no other test of this process has. */
export function freshId(prefix: string): string {
  made += 1;
  return `${prefix}_${made}`;
}

const allowed: Verdict = { verdict: "allow", reasons: [{ rule: "contract/gate", message: "may" }], tiers: [], obligations: [] };

/** Facts of a write; every call has its own id and, unless told, its own digest. */
export function factsOf(changes: Partial<CallFacts> = {}): CallFacts {
  const id = changes.id ?? freshId("c");
  return {
    id,
    parent: null,
    tenant: "acme",
    agent: "billing",
    workflow: "dispute",
    environment: "production",
    run: "r_1",
    user: "u_1",
    tool: "payments.refund",
    effect: "write",
    callDigest: `digest of ${id}`,
    binding: `binding of ${id}`,
    bodyDigest: "",
    receivedAtMs: t0,
    amount: null,
    priceMicros: 0,
    verdict: allowed,
    policyDigest: "p1",
    catalogueDigest: "k1",
    ...changes,
  };
}

export type AdmitChanges = Partial<Omit<AdmitRequest, "call">> & { readonly call?: Partial<CallFacts> };

/** A request to start a write at once, with no key and no money, but for what is changed. */
export function admitOf({ call, ...changes }: AdmitChanges = {}): AdmitRequest {
  const facts = factsOf(call);
  const nowMs = changes.nowMs ?? t0;
  return {
    call: facts,
    key: null,
    keyMadeUp: false,
    hold: null,
    holdIfTwin: null,
    alone: false,
    reservations: [],
    settleByMs: nowMs + 15_000,
    payload: payloadOf(`payload of ${facts.id}`, facts.tenant),
    openHoldsMax: { agent: 1000, run: 1000 },
    nowMs,
    ...changes,
  };
}

export function payloadOf(digest: string, tenant = "acme"): Payload {
  return { digest, tenant, sealed: new TextEncoder().encode(`sealed ${digest}`) };
}

/** Units of one account. What holds may bind is half of the limit unless told. */
export function reservationOf(key: string, units: number, limit: number, heldMax = Math.floor(limit / 2)): Reservation {
  return { key, budget: `budget of ${key}`, units, limit, heldMax, endsAtMs: null };
}

export function termsOf(changes: Partial<HoldTerms> = {}, ...demands: readonly TierDemand[]): HoldTerms {
  return {
    demands: demands.length > 0 ? demands : [{ tier: "finance", group: "finance-people", people: 1 }],
    expiresAtMs: t0 + 3_600_000,
    reasons: [{ rule: "gate", message: "above the gate" }],
    excluded: [],
    ...changes,
  };
}

export function voteOf(call: CallFacts, person: string, changes: Partial<Vote> = {}): Vote {
  return {
    person,
    name: person,
    tier: "finance",
    approve: true,
    reason: "seen",
    atMs: t0 + 1,
    binding: call.binding,
    policyDigest: "p1",
    ...changes,
  };
}

export function startOf(callId: string, changes: Partial<StartRequest> = {}): StartRequest {
  return { callId, verdict: allowed, policyDigest: "p2", reservations: [], settleByMs: t0 + 20_000, nowMs: t0 + 2, ...changes };
}

export function endedAs(outcome: Settled["outcome"], changes: Partial<Settled> = {}): Settled {
  const nothing = { code: null, detail: null, reasons: [], status: null, contentType: null, answerDigest: null, latencyMs: null, by: null };
  return { outcome, ...nothing, ...changes };
}

export function settleOf(callId: string, outcome: Settled["outcome"], changes: Partial<SettleRequest> = {}): SettleRequest {
  return { callId, settled: endedAs(outcome), actual: {}, answer: null, nowMs: t0 + 3, ...changes };
}

export function stopOf(scope: StopScope, changes: Partial<Stop> = {}): Stop {
  return { id: freshId("s"), scope, reason: "halt", setBy: "ada", setAtMs: t0, expiresAtMs: null, ...changes };
}
