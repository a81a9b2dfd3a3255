import type { Payload, Settled, SettleRequest } from "../ports/calls.ts";
import { plainMediaType } from "../rules/media-types.ts";
import { readOutcome } from "../rules/outcome.ts";
import type { Executed } from "./call.ts";
import type { PathPorts } from "./ports.ts";

/** How a call ended, and whether the record of it is on disk. */
export interface Settlement {
  readonly settled: Settled;
  readonly body: Uint8Array | null;
  readonly durable: boolean;
}

/**
 * Books the outcome. For a write it is durable before anybody is answered; a read's is written behind the answer, and a crash makes it `failed`.
 * A record that cannot be written is tried again until it is; until then the call counts as on its way, and its money stays taken.
 */
export async function settle(ports: PathPorts, call: Executed): Promise<Settlement> {
  const reading = readOutcome(call.tool, call.result);
  const answered = call.result.kind === "answered" ? call.result : null;
  const answer = answered === null ? null : sealAnswer(ports, call, answered.body);
  const settled: Settled = {
    outcome: reading.outcome,
    code: reading.code,
    detail: reading.detail,
    reasons: [],
    status: call.result.kind === "answered" || call.result.kind === "too_large" ? call.result.status : null,
    contentType: plainMediaType(answered?.contentType ?? null),
    answerDigest: answer?.digest ?? null,
    latencyMs: call.latencyMs,
    by: null,
  };
  const request: SettleRequest = { callId: call.id, settled, actual: {}, answer, nowMs: ports.clock.nowMs() };
  const written = writeSettlement(ports, request);
  const durable = call.tool.traits.effect === "read" ? true : await written;
  return { settled, body: answered?.body ?? null, durable };
}

/** Null when it cannot be sealed: the outcome is worth more than the answer, and is booked without it. */
function sealAnswer(ports: PathPorts, call: Executed, body: Uint8Array): Payload | null {
  try {
    return ports.cipher.seal(call.principal.tenant, body);
  } catch (error) {
    ports.onFault(call.id, error);
    return null;
  }
}

/** Writes an end; false when it could not be written, and then it is tried again until it is. */
export async function writeSettlement(ports: PathPorts, request: SettleRequest): Promise<boolean> {
  try {
    await ports.calls.settle(request);
    return true;
  } catch (error) {
    ports.onFault(request.callId, error);
    ports.onUnsettled(async () => {
      await ports.calls.settle(request);
    });
    return false;
  }
}
