import type { Settled, StoredCall } from "../ports/calls.ts";
import type { ControlPorts } from "./ports.ts";

/** Takes back a held or approved call before it runs; its money goes back. Answers false when it is too late. */
export async function cancelCall(ports: ControlPorts, call: StoredCall, by: string, reason: string): Promise<boolean> {
  const reasons = [{ rule: "cancelled", message: reason }];
  const settled: Settled = {
    outcome: "cancelled",
    code: "ERR_CALL_CANCELLED",
    detail: reason,
    reasons,
    status: null,
    contentType: null,
    answerDigest: null,
    latencyMs: null,
    by,
  };
  const result = await ports.calls.end(call.id, "cancelled", settled, ports.clock.nowMs());
  ports.notices.changed(call.id);
  return result.kind === "settled";
}
