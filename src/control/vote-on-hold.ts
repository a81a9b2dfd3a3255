import type { StoredCall } from "../ports/calls.ts";
import type { Vote, VoteRefusal } from "../rules/holds.ts";
import type { Person } from "../rules/principal.ts";
import type { State } from "../rules/states.ts";
import type { ControlPorts } from "./ports.ts";
import { type Refusal, refuseRequest } from "./refusal.ts";

export interface VoteRequest {
  readonly callId: string;
  readonly approve: boolean;
  /** 1..500 characters. The agent reads it when the call is rejected. */
  readonly reason: string;
  /** The binding that the person looked at; a vote on anything else does not count. */
  readonly binding: string;
}

const refusals: Readonly<Record<VoteRefusal, string>> = {
  not_held: "the call is not waiting for people any more",
  excluded: "you may not vote on this call: it is your own agent's, or made for you",
  not_in_tier: "you are in no group that may sign for this call",
  already_voted: "you have voted on this call already",
  binding_changed: "the call is not the one you looked at: show it again",
  expired: "the hold has expired",
};

/** Counts a person's vote on a held call, for the first of its tiers that they may sign and that still needs people. */
export async function voteOnHold(ports: ControlPorts, person: Person, request: VoteRequest): Promise<{ readonly state: State } | Refusal> {
  const call = await ports.calls.find(request.callId);
  if (call === null || call.hold === null) return refuseRequest("ERR_NOT_FOUND", `no hold ${request.callId}`);
  const vote: Vote = {
    person: person.person,
    name: person.name,
    tier: tierFor(call, person),
    approve: request.approve,
    reason: request.reason,
    atMs: ports.clock.nowMs(),
    binding: request.binding,
    policyDigest: ports.policy().digest,
  };
  const result = await ports.calls.vote(call.id, vote, person.groups);
  if (result.kind === "not_found") return refuseRequest("ERR_NOT_FOUND", `no hold ${request.callId}`);
  if (result.kind === "refused") return refuseRequest("ERR_CONFLICT", refusals[result.why]);
  ports.notices.changed(call.id);
  return { state: result.state };
}

function tierFor(call: StoredCall, person: Person): string {
  const mine = (call.hold?.demands ?? []).filter((demand) => person.groups.includes(demand.group));
  const open = mine.find((demand) => call.votes.filter((vote) => vote.tier === demand.tier).length < demand.people);
  return (open ?? mine[0])?.tier ?? "";
}
