import type { StartResult } from "../ports/calls.ts";
import { type Denial, deny, isDenial } from "../rules/denial.ts";
import { type HoldTerms, isExcluded, unmetDemands, type Vote } from "../rules/holds.ts";
import { mountOf } from "../rules/routing.ts";
import { endWithoutAnswer } from "../rules/settled.ts";
import { denyBeyond } from "./admit-call.ts";
import type { Decided, KeptCall, Resolved, Started, StoredCall } from "./call.ts";
import { checkContract } from "./check-contract.ts";
import { checkStops, denyStopped } from "./check-stops.ts";
import { deadlinesOf } from "./deadlines.ts";
import { decide } from "./decide.ts";
import { execute, settle } from "./index.ts";
import type { PathPorts } from "./ports.ts";
import { pinArguments } from "./resolve.ts";

/** What became of an approved call when its turn came. */
export type Execution = "executed" | "refused" | "held_again" | "left_alone";

/**
 * Runs an approved call: it is judged again from the contract on, with the stored principal and arguments, and starts by compare-and-set, so that it runs at most
 * once however many ask. Rejects only when the store does; then nothing was sent and the call stays approved.
 */
export async function executeApproved(ports: PathPorts, stored: StoredCall): Promise<Execution> {
  const judged = await judgeAgain(ports, stored);
  if (isDenial(judged)) return waits(judged) ? "left_alone" : refuseApproved(ports, stored, judged);
  const unmet = judged.hold === null ? [] : unmetDemands(judged.hold.demands, validVotes(judged.hold, stored));
  if (judged.hold !== null && unmet.length > 0) {
    await ports.calls.holdAgain(stored.id, judged.hold, judged.verdict, judged.policyDigest, ports.clock.nowMs());
    return "held_again";
  }
  const started = await start(ports, judged);
  if (isDenial(started)) return refuseApproved(ports, stored, started);
  if (started === null) return "left_alone";
  await settle(ports, await execute(ports, started));
  return "executed";
}

/** Votes of people who may still vote: the contract may have another owner by now. */
function validVotes(hold: HoldTerms, { votes }: StoredCall): readonly Vote[] {
  return votes.filter((vote) => !isExcluded(hold, vote.person));
}

/** A fault that time mends is no judgement: the call stays approved until its hold expires. */
function waits({ denied }: Denial): boolean {
  return (
    denied === "ERR_STOPS_STALE" ||
    denied === "ERR_REVOCATIONS_STALE" ||
    denied === "ERR_POLICY_UNLOADED" ||
    denied === "ERR_PREVIEW_UNAVAILABLE"
  );
}

async function judgeAgain(ports: PathPorts, stored: StoredCall): Promise<Decided | Denial> {
  const resolved = await restoreCall(ports, stored);
  if (isDenial(resolved)) return resolved;
  // The token's expiry does not matter any more: who called was proved when the call came in. That it was taken back since does.
  const revoked = ports.tokens.revoked(resolved.principal, ports.clock.nowMs());
  if (revoked !== null) return revoked;
  const governable = checkContract(resolved);
  if (isDenial(governable)) return governable;
  if (governable.binding !== stored.binding)
    return deny("ERR_HOLD_REFUSED", "The tool, upstream or account has changed since the call was held.");
  const stopped = checkStops(ports, governable);
  if (stopped !== null) return stopped;
  const approving = stored.votes.filter((vote) => vote.approve);
  const approval = { tiers: [...new Set(approving.map((vote) => vote.tier))].sort(), people: approving.map((vote) => vote.person) };
  return decide(ports, governable, approval);
}

/** The stage after `resolve`, from the record: the same principal and the same arguments, resolved against the configuration of now. */
export async function restoreCall(ports: PathPorts, stored: StoredCall): Promise<Resolved | Denial> {
  const payload = await ports.calls.payload(stored.id, stored.payloadDigest);
  const plain = payload === null ? null : ports.cipher.open(payload);
  if (plain === null) return deny("ERR_HOLD_REFUSED", "The stored arguments were erased.");
  const kept = JSON.parse(new TextDecoder().decode(plain)) as KeptCall;
  const catalogue = ports.catalogue();
  const tool = catalogue.tools.get(kept.tool);
  const mount = tool === undefined ? undefined : mountOf(catalogue, tool);
  if (tool === undefined || mount === undefined) return deny("ERR_HOLD_REFUSED", `The tool ${kept.tool} no longer exists.`);
  if (tool.pass !== undefined) return deny("ERR_HOLD_REFUSED", `The tool ${kept.tool} is passed through now, and no approval is for that.`);
  const pinned = pinArguments(kept.principal, { tool, mount }, kept.args, kept.meantHeaders);
  if (isDenial(pinned)) return pinned;
  return {
    id: stored.id,
    receivedAtMs: stored.receivedAtMs,
    target: { by: "name", tool: tool.name, rawQuery: "" },
    headers: new Map(),
    body: null,
    principal: kept.principal,
    catalogue,
    mount,
    tool,
    meantHeaders: kept.meantHeaders,
    findings: kept.findings,
    ...pinned,
    dryRun: false,
    key: stored.key,
    keyMadeUp: false,
    prefer: { canWait: false, waitSeconds: 0 },
  };
}

async function start(ports: PathPorts, call: Decided): Promise<Started | Denial | null> {
  const { nowMs, sendByMs, settleByMs } = deadlinesOf(ports, call.tool);
  const { id: callId, verdict, policyDigest, reservations } = call;
  const result: StartResult = await ports.calls.start({ callId, verdict, policyDigest, reservations, settleByMs, nowMs });
  if (result.kind === "not_approved") return null;
  if (result.kind === "stopped") return denyStopped(result.stop);
  if (result.kind === "beyond") return denyBeyond(result.reservation, result.left, nowMs);
  return { ...call, sendByMs };
}

async function refuseApproved(ports: PathPorts, stored: StoredCall, denial: Denial): Promise<Execution> {
  const settled = endWithoutAnswer({
    outcome: "refused",
    code: denial.denied === "ERR_STOPPED" ? "ERR_STOPPED" : "ERR_HOLD_REFUSED",
    detail: denial.detail ?? null,
    reasons: denial.reasons ?? [{ rule: denial.denied, message: denial.detail ?? denial.denied }],
  });
  await ports.calls.end(stored.id, "refused", settled, ports.clock.nowMs());
  return "refused";
}
