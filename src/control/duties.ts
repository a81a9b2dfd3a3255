import { executeApproved } from "../path/execute-approved.ts";
import { endWithoutAnswer } from "../rules/settled.ts";
import { lookAtUnknown } from "./look-at-unknown.ts";
import type { ControlPorts } from "./ports.ts";

/** Work that clocks do. */
export interface Duty {
  readonly name: string;
  /** Milliseconds from the end of one turn to the next, or the setting that says so. */
  readonly everyMs: number | ((ports: ControlPorts) => number);
  readonly run: (ports: ControlPorts) => Promise<void>;
}

/** Every timer of the product. */
export const duties: readonly Duty[] = [
  { name: "refresh stops", everyMs: (ports) => ports.stopsPollMs, run: (ports) => ports.stops.refresh() },
  { name: "read revocations", everyMs: (ports) => ports.revocationsPollMs, run: (ports) => ports.revocations.refresh(ports.clock.nowMs()) },
  { name: "run approved calls", everyMs: 500, run: runApproved },
  { name: "expire holds", everyMs: 1000, run: expireHolds },
  { name: "settle overdue calls", everyMs: 1000, run: settleOverdue },
  { name: "look at unknown calls", everyMs: 5000, run: lookAtUnknown },
  { name: "write unsettled outcomes", everyMs: 500, run: (ports) => ports.retryUnsettled() },
  { name: "erase old payloads", everyMs: 60_000, run: erasePayloads },
  { name: "publish a checkpoint", everyMs: 1000, run: (ports) => ports.publishCheckpoint() },
];

/** Begins every approved call whose turn has come and waits for none: a slow upstream must not keep the others waiting. Each starts by compare-and-set. */
export async function runApproved(ports: ControlPorts): Promise<void> {
  const { approved } = await ports.calls.due(ports.clock.nowMs());
  for (const callId of approved) {
    if (!ports.executing.has(callId)) ports.executing.set(callId, runOne(ports, callId));
  }
}

async function runOne(ports: ControlPorts, callId: string): Promise<void> {
  try {
    const call = await ports.calls.find(callId);
    if (call?.state === "approved") await executeApproved(ports, call);
  } catch (error) {
    ports.onFault(callId, error);
  } finally {
    ports.executing.delete(callId);
    ports.notices.changed(callId);
  }
}

const expiry = endWithoutAnswer({
  outcome: "expired",
  code: "ERR_HOLD_EXPIRED",
  reasons: [{ rule: "hold/expired", message: "nobody approved the call in time" }],
});

async function expireHolds(ports: ControlPorts): Promise<void> {
  const nowMs = ports.clock.nowMs();
  await forEach(ports, (await ports.calls.due(nowMs)).expired, (callId) => ports.calls.end(callId, "expired", expiry, nowMs));
}

async function settleOverdue(ports: ControlPorts): Promise<void> {
  const nowMs = ports.clock.nowMs();
  await forEach(ports, (await ports.calls.due(nowMs)).overdue, (callId) => ports.calls.interrupt(callId, nowMs));
}

/** Does the same for each call; one that fails keeps none of the others waiting. */
async function forEach(ports: ControlPorts, callIds: readonly string[], work: (callId: string) => Promise<unknown>): Promise<void> {
  for (const callId of callIds) {
    await work(callId).catch((error: unknown) => ports.onFault(callId, error));
    ports.notices.changed(callId);
  }
}

async function erasePayloads(ports: ControlPorts): Promise<void> {
  const beforeMs = ports.clock.nowMs() - ports.payloadsKeptMs;
  while ((await ports.calls.erasePayloads(beforeMs)) > 0);
}
