import type { DueCalls, Settled, SettleResult, StartRequest, StartResult, VoteResult } from "../../ports/calls.ts";
import { canonicalJson } from "../../rules/canonical.ts";
import { type HoldTerms, refuseVote, tallyVotes, type Vote } from "../../rules/holds.ts";
import type { JsonValue } from "../../rules/json.ts";
import { endWithoutAnswer } from "../../rules/settled.ts";
import { mayBecome, moneyAt, type Outcome, type State } from "../../rules/states.ts";
import { firstCovering } from "../../rules/stops.ts";
import type { Verdict } from "../../rules/verdict.ts";
import { bookLate, checkReservations, type Resolved, resolveReservations, takeReservations } from "./accounts.ts";
import { sureText, toldReservations } from "./admit.ts";
import type { Database } from "./database.ts";
import { appendText, readEntry } from "./ledger.ts";
import type { SettleMessage } from "./messages.ts";
import { insertPayload } from "./payloads.ts";
import { appendCallEntry, type FoundCall, findCall, indexedOpen, readReservations } from "./rows.ts";
import { type BookedCall, findStarted, forgetStarted, listStarted, rememberStarted } from "./started.ts";
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
  const held = readReservations(database, call.booked);
  const beyond = checkReservations(database, request.reservations, false, { ...call, reservations: held });
  if (beyond !== null) return { kind: "beyond", reservation: beyond.reservation, left: beyond.left };
  resolveReservations(database, held, () => 0);
  takeReservations(database, request.reservations, false);
  const { verdict, policyDigest, settleByMs, nowMs } = request;
  const reservations = toldReservations(request.reservations);
  const told = { verdict, policy: policyDigest, reservations, settle_by_ms: settleByMs };
  const booked = appendCallEntry(database, "call.started", call, nowMs, told);
  database.run(
    "UPDATE calls SET state = 'started', started_ms = ?, settle_by_ms = ?, booked = ?, updated_ms = ? WHERE told = ?",
    ...[nowMs, settleByMs, booked, nowMs, call.told],
  );
  database.memory.changes.states.push([call.id, "started"]);
  rememberStarted(database, { ...call, reservations: readReservations(database, booked), settleByMs });
  return { kind: "started" };
}

/** Ends a started or unknown call, once, and its money with it. */
export function settleCall(database: Database, request: SettleMessage): SettleResult {
  const to = request.outcome as Outcome;
  const started = mayBecome("started", to) ? findStarted(database, request.callId) : null;
  if (started !== null) return writeOutcome(database, started, to, request);
  const call = findCall(database, "id = ?", request.callId);
  if (call === null) return { kind: "already", state: "received" };
  if (call.state !== "unknown" || !mayBecome(call.state, to)) return noteLate(database, call, request);
  return writeOutcome(database, { ...call, reservations: readReservations(database, call.booked) }, to, request);
}

function writeOutcome(database: Database, call: BookedCall, to: Outcome, request: SettleMessage): SettleResult {
  const { actual, used, answer, settled, nowMs } = request;
  const money =
    moneyAt(to) === "taken"
      ? []
      : resolveReservations(database, call.reservations, (budget, reserved) =>
          to === "succeeded" || used === true ? (actual[budget] ?? reserved) : 0,
        );
  const ended = appendText(database, outcomeEntry(call, to, sureText(settled), money, nowMs));
  writeEnd(database, call, to, ended, nowMs);
  if (answer !== null) insertPayload(database, ended, answer, nowMs);
  return { kind: "settled" };
}

/** The text of RFC 8785, put together from parts that are in that form: keys stand in their order. */
function outcomeEntry(call: BookedCall, to: Outcome, settled: string, money: readonly Resolved[], nowMs: number): string {
  const text = (value: string | null): string => canonicalJson(value);
  const [agent, id, run, tenant, tool] = [call.agent, call.id, call.run, call.tenant, call.tool].map(text);
  const paid = canonicalJson(money as unknown as JsonValue);
  return `{"agent":${agent},"at_ms":${nowMs},"call":${id},"money":${paid},"run":${run},"settled":${settled},"tenant":${tenant},"tool":${tool},"type":"call.${to}","v":1}`;
}

/** The call's own outcome, after a person had settled it by hand: written down as what it is, and money that was given back is booked. The state stays. */
function noteLate(database: Database, call: FoundCall, { settled, outcome, by, nowMs }: SettleMessage): SettleResult {
  const byHand = call.settled !== null && call.settled.by !== null;
  if (byHand && by === null && finalOutcomes.includes(call.state)) {
    const voided = outcome === "succeeded" && call.state !== "succeeded";
    const given = (readEntry(database, call.ended)?.["money"] ?? []) as unknown as readonly Resolved[];
    const money = voided ? bookLate(database, given) : [];
    appendCallEntry(database, "call.late_outcome", call, nowMs, { settled: JSON.parse(sureText(settled)) as Settled, money });
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

function endUnsent(database: Database, call: FoundCall, to: State, settled: Settled, nowMs: number): void {
  const money = resolveReservations(database, readReservations(database, call.booked), () => 0);
  const ended = appendCallEntry(database, `call.${to}`, call, nowMs, { money, settled });
  writeEnd(database, call, to, ended, nowMs);
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

function changeState(database: Database, call: FoundCall, to: State, nowMs: number): void {
  database.run("UPDATE calls SET state = ?, updated_ms = ? WHERE told = ?", to, nowMs, call.told);
  database.memory.changes.states.push([call.id, to]);
}

/** A call that was not sent gives its key back, so that the same key may try again (nothing is stored for what never ran). */
function writeEnd(database: Database, call: BookedCall | FoundCall, to: State, ended: number, nowMs: number): void {
  database.run("UPDATE calls SET state = ?, updated_ms = ?, ended = ? WHERE told = ?", to, nowMs, ended, call.told);
  // Apart, for a statement that may change the key has SQLite write its index anew.
  if (to === "not_sent") database.run("UPDATE calls SET key = NULL WHERE told = ?", call.told);
  forgetStarted(database, call);
  database.memory.changes.states.push([call.id, to]);
}

/** Calls of one kind that a duty is told of at once. */
const dueMax = 256;

/** Calls that the duties must look after. */
export function dueCalls(database: Database, nowMs: number): DueCalls {
  const ids = (condition: string): readonly string[] =>
    database
      .rows<{ id: string }>(`SELECT id FROM calls WHERE ${indexedOpen} AND ${condition} ORDER BY told LIMIT ${dueMax}`, nowMs)
      .map((row) => row.id);
  return {
    expired: ids("state IN ('held', 'approved') AND hold_expires_ms <= ?"),
    approved: ids("state = 'approved' AND hold_expires_ms > ?"),
    overdue: listStarted(database)
      .filter((call) => call.settleByMs <= nowMs)
      .slice(0, dueMax)
      .map((call) => call.id),
  };
}

const interrupted = "The gateway was interrupted while the call was on its way.";

/** A started write whose outcome nobody recorded is unknown; a read is failed. */
export function interruptCall(database: Database, id: string, nowMs: number): Outcome | null {
  const call = findStarted(database, id);
  if (call === null) return null;
  const outcome = call.effect === "write" ? "unknown" : "failed";
  const code = outcome === "unknown" ? "ERR_OUTCOME_UNKNOWN" : "ERR_UPSTREAM_FAILED";
  const settled = canonicalJson(endWithoutAnswer({ outcome, code, detail: interrupted }) as unknown as JsonValue);
  settleCall(database, {
    callId: id,
    outcome,
    by: null,
    settled,
    actual: {},
    ...(call.metered === true ? { used: true } : {}),
    answer: null,
    nowMs,
  });
  return outcome;
}

/** At start no call of an earlier process can still be on its way: this process holds the file alone. */
export function recoverCalls(database: Database, nowMs: number): { readonly unknown: number; readonly failed: number } {
  const outcomes = listStarted(database).map((call) => interruptCall(database, call.id, nowMs));
  const count = (outcome: Outcome): number => outcomes.filter((one) => one === outcome).length;
  return { unknown: count("unknown"), failed: count("failed") };
}
