/** A call's states. `received` is before the store knows the call; it is never stored. */
export const states = [
  "received",
  "denied",
  "held",
  "admitted",
  "approved",
  "rejected",
  "expired",
  "cancelled",
  "refused",
  "started",
  "succeeded",
  "failed",
  "not_sent",
  "unknown",
] as const;
export type State = (typeof states)[number];

/** The whole state machine: from → to. `admitted → started` is one write when nothing is held. */
export const transitions: Readonly<Record<State, readonly State[]>> = {
  received: ["denied", "held", "admitted", "started"],
  denied: [],
  held: ["approved", "rejected", "expired", "cancelled"],
  admitted: ["started"],
  approved: ["started", "refused", "expired", "cancelled", "held"],
  rejected: [],
  expired: [],
  cancelled: [],
  refused: [],
  started: ["succeeded", "failed", "not_sent", "unknown"],
  succeeded: [],
  failed: [],
  not_sent: [],
  unknown: ["succeeded", "failed", "not_sent"],
};

/** Whether a call may go from one state to another. */
export function mayBecome(from: State, to: State): boolean {
  return transitions[from].includes(to);
}

/** Outcomes that resolve a reservation for good. */
export type Outcome = "succeeded" | "failed" | "not_sent" | "unknown";

/** A call in one of these may still have, or get, an effect: its money stays taken. */
export const openStates: readonly State[] = ["held", "approved", "admitted", "started", "unknown"];

/** What happens to the money when a call reaches a state. */
export function moneyAt(state: State): "taken" | "settled" | "voided" {
  if (state === "succeeded") return "settled";
  return openStates.includes(state) ? "taken" : "voided";
}
