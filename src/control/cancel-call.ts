import type { StoredCall } from "../ports/calls.ts";
import { endWithoutAnswer } from "../rules/settled.ts";
import type { ControlPorts } from "./ports.ts";

/** Takes back a held or approved call before it runs; its money goes back. Answers false when it is too late. */
export async function cancelCall(ports: ControlPorts, call: StoredCall, by: string, reason: string): Promise<boolean> {
  const reasons = [{ rule: "cancelled", message: reason }];
  const settled = endWithoutAnswer({
    outcome: "cancelled",
    code: "ERR_CALL_CANCELLED",
    detail: reason,
    reasons,
    by,
  });
  const result = await ports.calls.end(call.id, "cancelled", settled, ports.clock.nowMs());
  ports.notices.changed(call.id);
  return result.kind === "settled";
}
