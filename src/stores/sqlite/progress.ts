import type {
  DueCalls,
  Settled,
  SettleRequest,
  SettleResult,
  StartRequest,
  StartResult,
  StoredCall,
  VoteResult,
} from "../../ports/calls.ts";
import { type HoldTerms, refuseVote, tallyVotes, type Vote } from "../../rules/holds.ts";
import { endWithoutAnswer } from "../../rules/settled.ts";
import { mayBecome, moneyAt, type Outcome, type State } from "../../rules/states.ts";
import { firstCovering } from "../../rules/stops.ts";
import type { Verdict } from "../../rules/verdict.ts";
import { bookLate, checkReservations, type Resolved, resolveReservations, takeReservations } from "./accounts.ts";
import { toldReservations } from "./admit.ts";
import type { Database } from "./database.ts";
import { insertPayload } from "./payloads.ts";
import { appendCallEntry, findCall, findCalls, indexedOpen } from "./rows.ts";
import { readStops } from "./stops.ts";

/** Counts a person's vote, and makes the call approved or rejected when that decides it. */
export function voteOnHold(database: Database, id: string, vote: Vote, groups: readonly string[]): VoteResult {
  const call = findCall(database, "id = ?", id);
  if (call === null || call.hold === null) return { kind: "not_found" };
  const why = refuseVote({ state: call.state, binding: call.binding, hold: call.hold, votes: call.votes }, vote, groups);
  if (why !== null) return { kind: "refused", why, state: call.state };
  database.run("INSERT INTO votes (call, person, vote) VALUES (?, ?, ?)", id, vote.person, JSON.stringify(vote));
  appendCallEntry(database, "hold.vote", call, vote.atMs, { vote });
  const state = tallyVotes(call.hold, [...call.votes, vote]);
  if (state === "rejected") endUnsent(database, call, "rejected", rejection(vote), vote.atMs);
  if (state === "approved") {
    changeState(database, call, "approved", vote.atMs);
    appendCallEntry(database, "call.approved", call, vote.atMs, {});
  }
  return { kind: "recorded", state };
}

function rejection(vote: Vote): Settled {
  const reasons = [{ rule: `tier/${vote.tier}`, message: vote.reason }];
  return endWithoutAnswer({ outcome: "rejected", code: "ERR_HOLD_REJECTED", detail: vote.reason, reasons, by: vote.person });
}

/** approved → started: compare-and-set, with the money moved into the windows now current. */
export function startCall(database: Database, request: StartRequest): StartResult {
  const call = findCall(database, "id = ?", request.callId);
  if (call === null || call.state !== "approved" || call.hold === null || call.hold.expiresAtMs <= request.nowMs) {
    return { kind: "not_approved", state: call?.state ?? "received" };
  }
  const stop = firstCovering(readStops(database), call, request.nowMs);
  if (stop !== null) return { kind: "stopped", stop };
  const beyond = checkReservations(database, request.reservations, false, call.id);
  if (beyond !== null) return { kind: "beyond", reservation: beyond.reservation, left: beyond.left };
  resolveReservations(database, call.id, () => 0);
  takeReservations(database, call.id, request.reservations, false);
  database.run(
    "UPDATE calls SET state = 'started', started_ms = ?, settle_by_ms = ?, updated_ms = ? WHERE id = ?",
    request.nowMs,
    request.settleByMs,
    request.nowMs,
    call.id,
  );
  const reservations = toldReservations(request.reservations);
  const { verdict, policyDigest, settleByMs } = request;
  appendCallEntry(database, "call.started", call, request.nowMs, { verdict, policy: policyDigest, reservations, settle_by_ms: settleByMs });
  return { kind: "started" };
}

/** Ends a started or unknown call, once, and its money with it. */
export function settleCall(database: Database, request: SettleRequest): SettleResult {
  const call = findCall(database, "id = ?", request.callId);
  const to = request.settled.outcome as Outcome;
  const onItsWay = call?.state === "started" || call?.state === "unknown";
  if (call === null) return { kind: "already", state: "received" };
  if (!onItsWay || !mayBecome(call.state, to)) return noteLate(database, call, request);
  if (request.answer !== null) insertPayload(database, request.answer, request.nowMs);
  const money =
    moneyAt(to) === "taken"
      ? []
      : resolveReservations(database, call.id, (budget, reserved) => (to === "succeeded" ? (request.actual[budget] ?? reserved) : 0));
  writeSettled(database, call, to, request.settled, money, request.nowMs);
  appendCallEntry(database, `call.${to}`, call, request.nowMs, { settled: request.settled, money });
  return { kind: "settled" };
}

/** The call's own outcome, after a person had settled it by hand: written down as what it is, and money that was given back is booked. The state stays. */
function noteLate(database: Database, call: StoredCall, { settled, nowMs }: SettleRequest): SettleResult {
  const byHand = call.settled !== null && call.settled.by !== null;
  if (byHand && settled.by === null && finalOutcomes.includes(call.state)) {
    const voided = settled.outcome === "succeeded" && call.state !== "succeeded";
    const row = database.row<{ money: string | null }>("SELECT money FROM calls WHERE id = ?", call.id);
    const money = voided ? bookLate(database, JSON.parse(row?.money ?? "[]") as readonly Resolved[]) : [];
    appendCallEntry(database, "call.late_outcome", call, nowMs, { settled, money });
  }
  return { kind: "already", state: call.state };
}

const finalOutcomes: readonly State[] = ["succeeded", "failed", "not_sent"];

/** Ends a call of which nothing was sent: its money goes back. */
export function endHold(
  database: Database,
  id: string,
  to: "cancelled" | "expired" | "refused",
  settled: Settled,
  nowMs: number,
): SettleResult {
  const call = findCall(database, "id = ?", id);
  if (call === null || !mayBecome(call.state, to)) return { kind: "already", state: call?.state ?? "received" };
  endUnsent(database, call, to, settled, nowMs);
  return { kind: "settled" };
}

function endUnsent(database: Database, call: StoredCall, to: State, settled: Settled, nowMs: number): void {
  const money = resolveReservations(database, call.id, () => 0);
  writeSettled(database, call, to, settled, money, nowMs);
  appendCallEntry(database, `call.${to}`, call, nowMs, { settled, money });
}

/** approved → held: policy asks for more than was signed. The votes stay, they may cover some of the new tiers. */
export function holdAgain(
  database: Database,
  id: string,
  hold: HoldTerms,
  verdict: Verdict,
  policyDigest: string,
  nowMs: number,
): SettleResult {
  const call = findCall(database, "id = ?", id);
  if (call === null || !mayBecome(call.state, "held") || (call.hold?.expiresAtMs ?? 0) <= nowMs)
    return { kind: "already", state: call?.state ?? "received" };
  changeState(database, call, "held", nowMs);
  database.run("UPDATE calls SET hold = ?, hold_expires_ms = ? WHERE id = ?", JSON.stringify(hold), hold.expiresAtMs, id);
  appendCallEntry(database, "call.held_again", call, nowMs, { hold, verdict, policy: policyDigest });
  return { kind: "settled" };
}

function changeState(database: Database, call: StoredCall, to: State, nowMs: number): void {
  database.run("UPDATE calls SET state = ?, updated_ms = ? WHERE id = ?", to, nowMs, call.id);
}

/** A call that was not sent gives its key back, so that the same key may try again (nothing is stored for what never ran). */
function writeSettled(
  database: Database,
  { id }: StoredCall,
  to: State,
  settled: Settled,
  money: readonly Resolved[],
  nowMs: number,
): void {
  database.run(
    "UPDATE calls SET state = ?, updated_ms = ?, settled = ?, money = ?, key = CASE WHEN ? = 'not_sent' THEN NULL ELSE key END WHERE id = ?",
    to,
    nowMs,
    JSON.stringify(settled),
    JSON.stringify(money),
    to,
    id,
  );
}

/** Calls that the duties must look after. */
export function dueCalls(database: Database, nowMs: number): DueCalls {
  const ids = (condition: string): readonly string[] =>
    database
      .rows<{ id: string }>(`SELECT id FROM calls WHERE ${indexedOpen} AND ${condition} ORDER BY created_ms LIMIT 256`, nowMs)
      .map((row) => row.id);
  return {
    expired: ids("state IN ('held', 'approved') AND hold_expires_ms <= ?"),
    approved: ids("state = 'approved' AND hold_expires_ms > ?"),
    overdue: ids("state = 'started' AND settle_by_ms <= ?"),
  };
}

const interrupted = "The gateway was interrupted while the call was on its way.";

/** A started write whose outcome nobody recorded is unknown; a read is failed. */
export function interruptCall(database: Database, id: string, nowMs: number): Outcome | null {
  const call = findCall(database, "id = ? AND state = 'started'", id);
  if (call === null) return null;
  const outcome = call.effect === "write" ? "unknown" : "failed";
  const code = outcome === "unknown" ? "ERR_OUTCOME_UNKNOWN" : "ERR_UPSTREAM_FAILED";
  const settled = endWithoutAnswer({ outcome, code, detail: interrupted });
  settleCall(database, { callId: id, settled, actual: {}, answer: null, nowMs });
  return outcome;
}

/** At start no call of an earlier process can still be on its way: this process holds the file alone. */
export function recoverCalls(database: Database, nowMs: number): { readonly unknown: number; readonly failed: number } {
  const outcomes = findCalls(database, `${indexedOpen} AND state = 'started'`).map((call) => interruptCall(database, call.id, nowMs));
  const count = (outcome: Outcome): number => outcomes.filter((one) => one === outcome).length;
  return { unknown: count("unknown"), failed: count("failed") };
}
