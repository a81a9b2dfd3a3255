import type { Reason } from "./denial.ts";
import { foldKey } from "./keys.ts";
import type { State } from "./states.ts";

/** One tier's demand on a hold: so many different people of this group. */
export interface TierDemand {
  readonly tier: string;
  readonly group: string;
  readonly people: number;
}

/** What a call waits for. */
export interface HoldTerms {
  readonly demands: readonly TierDemand[];
  /** Unix ms; from then on the hold is expired, whatever was voted. */
  readonly expiresAtMs: number;
  readonly reasons: readonly Reason[];
  /** Person keys and groups that must not vote: the user the agent acts for, the contract's owner. */
  readonly excluded: readonly string[];
}

/** One person's word on one hold. A person votes once, and counts for one tier. */
export interface Vote {
  readonly person: string;
  readonly name: string;
  readonly tier: string;
  readonly approve: boolean;
  /** 1..500 characters; the agent's model reads it when the call is rejected. */
  readonly reason: string;
  readonly atMs: number;
  /** The binding that the person saw. */
  readonly binding: string;
  readonly policyDigest: string;
}

export type VoteRefusal = "not_held" | "excluded" | "not_in_tier" | "already_voted" | "binding_changed" | "expired";

/** What a vote is judged against. */
export interface HoldStanding {
  readonly state: State;
  readonly binding: string;
  readonly hold: HoldTerms;
  readonly votes: readonly Vote[];
}

/** Why this vote does not count, or null when it does. Threat: somebody approves alone, twice, late, for themselves, or another call than they saw. */
export function refuseVote(standing: HoldStanding, vote: Vote, groups: readonly string[]): VoteRefusal | null {
  if (standing.state !== "held") return "not_held";
  if (standing.hold.expiresAtMs <= vote.atMs) return "expired";
  if (standing.binding !== vote.binding) return "binding_changed";
  if ([vote.person, ...groups].some((name) => isExcluded(standing.hold, name))) return "excluded";
  const demand = standing.hold.demands.find((one) => one.tier === vote.tier);
  if (demand === undefined || !groups.includes(demand.group)) return "not_in_tier";
  if (standing.votes.some((one) => foldKey(one.person) === foldKey(vote.person))) return "already_voted";
  return null;
}

/** Whether this person key or group must not vote. Issuers spell one person in more than one way, so spelling does not count. */
export function isExcluded(hold: HoldTerms, name: string): boolean {
  return hold.excluded.some((excluded) => foldKey(excluded) === foldKey(name));
}

/** The state that the votes make: one rejection rejects; every tier's number of different people approves. */
export function tallyVotes(hold: HoldTerms, votes: readonly Vote[]): "held" | "approved" | "rejected" {
  if (votes.some((vote) => !vote.approve)) return "rejected";
  return unmetDemands(hold.demands, votes).length === 0 ? "approved" : "held";
}

/** The demands that these votes do not yet meet. Also asked at execution, of the tiers that policy names then. */
export function unmetDemands(demands: readonly TierDemand[], votes: readonly Vote[]): readonly TierDemand[] {
  return demands.filter((demand) => {
    const people = new Set(votes.filter((vote) => vote.approve && vote.tier === demand.tier).map((vote) => foldKey(vote.person)));
    return people.size < demand.people;
  });
}
