import type { Person } from "../rules/principal.ts";
import { endWithoutAnswer } from "../rules/settled.ts";
import type { Outcome } from "../rules/states.ts";
import type { ControlPorts } from "./ports.ts";
import { type Refusal, refuseRequest } from "./refusal.ts";

export interface ReconcileRequest {
  readonly callId: string;
  /** What a person found out at the upstream. */
  readonly outcome: Exclude<Outcome, "unknown">;
  /** 1..500 characters: how they know. */
  readonly reason: string;
}

const codeOf = { succeeded: "ERR_RECONCILED_EXECUTED", failed: "ERR_RECONCILED_FAILED", not_sent: "ERR_RECONCILED_FAILED" } as const;

/** Settles an unknown call by hand, once, and its money with it. Whatever comes later is told that it is settled already. */
export async function reconcileCall(
  ports: ControlPorts,
  person: Person,
  request: ReconcileRequest,
): Promise<{ readonly state: Outcome } | Refusal> {
  const call = await ports.calls.find(request.callId);
  if (call === null) return refuseRequest("ERR_NOT_FOUND", `no call ${request.callId}`);
  if (call.state !== "unknown") return refuseRequest("ERR_CONFLICT", `the call is ${call.state}, only unknown calls are reconciled`);
  const nowMs = ports.clock.nowMs();
  if (call.settleByMs !== null && nowMs < call.settleByMs)
    return refuseRequest("ERR_CONFLICT", "the call may still be on its way: try again when its time is over");
  const settled = endWithoutAnswer({
    outcome: request.outcome,
    code: codeOf[request.outcome],
    detail: `Settled by hand as ${request.outcome}: ${request.reason}`,
    reasons: [{ rule: "reconciled", message: request.reason }],
    by: person.person,
  });
  const result = await ports.calls.settle({ callId: call.id, settled, actual: {}, answer: null, nowMs });
  ports.notices.changed(call.id);
  return result.kind === "settled" ? { state: request.outcome } : refuseRequest("ERR_CONFLICT", `the call is ${result.state} already`);
}
