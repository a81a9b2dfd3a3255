import type { Settled, StoredCall } from "../ports/calls.ts";
import type { Answer, HeldAnswer, ProblemAnswer } from "../rules/answer.ts";
import { type Code, codeRow } from "../rules/codes.ts";
import type { Denial, Reason } from "../rules/denial.ts";
import type { Settlement } from "./settle.ts";

interface ProblemDetails {
  readonly detail?: string | null | undefined;
  readonly reasons?: readonly Reason[];
  readonly retryAfterMs?: number | undefined;
  readonly recorded?: boolean;
  readonly attachedTo?: string | null;
  readonly scope?: string | undefined;
}

/** What a caller who is only too early is told when nothing says how much. */
const againAfterMs = 2000;

/** A refusal in words. The message says first whether anything was executed, because that is what a model must know. */
export function problem(callId: string, code: Code, details: ProblemDetails = {}): ProblemAnswer {
  const { executed, title, advice, retryable, status } = codeRow(code);
  const opening = { false: "NOT executed. ", true: "EXECUTED. ", unknown: "It is NOT KNOWN whether this was executed. " }[
    String(executed) as "false" | "true" | "unknown"
  ];
  const said = details.detail ?? `${title.charAt(0).toUpperCase()}${title.slice(1)}.`;
  return {
    kind: "problem",
    code,
    callId,
    message: `${opening}${said.endsWith(".") ? said : `${said}.`} ${advice}`,
    reasons: details.reasons ?? [],
    executed,
    retryAfterMs: details.retryAfterMs ?? (retryable && (status === 429 || status === 503) ? againAfterMs : null),
    recorded: details.recorded ?? false,
    attachedTo: details.attachedTo ?? null,
    scope: details.scope,
  };
}

/** The answer to a call that a step denied. */
export function problemOf(callId: string, denial: Denial, recorded: boolean): ProblemAnswer {
  const { denied, detail, reasons, retryAfterMs, scope } = denial;
  return problem(callId, denied, { detail, reasons: reasons ?? [], retryAfterMs, recorded, scope });
}

/** The answer to a call that was just executed. */
export function answerSettled(callId: string, { settled, body, durable }: Settlement): Answer {
  if (!durable)
    return problem(callId, "ERR_OUTCOME_UNKNOWN", {
      detail: "The upstream has answered, but the record of it could not be written yet.",
      recorded: true,
    });
  return answerOf(callId, settled, body, { replayed: false, attachedTo: null });
}

/** The answer to a call that the store knows: the record's own, whoever asks again. `body` is null when the answer is not kept or was erased. */
export function answerStored(call: StoredCall, body: Uint8Array | null, attached: boolean): Answer {
  const attachedTo = attached ? call.id : null;
  switch (call.state) {
    case "held":
    case "approved":
      return answerHeld(call, attached);
    case "received":
    case "admitted":
    case "started":
      return problem(call.id, "ERR_CALL_IN_FLIGHT", { recorded: true, attachedTo, retryAfterMs: 1000 });
    default:
      return call.settled === null
        ? problem(call.id, "ERR_INTERNAL", { recorded: true, attachedTo })
        : answerOf(call.id, call.settled, body, { replayed: true, attachedTo });
  }
}

function answerHeld(call: StoredCall, attached: boolean): HeldAnswer {
  const tiers = call.hold?.demands.map((demand) => demand.tier) ?? [];
  return {
    kind: "held",
    callId: call.id,
    state: call.state,
    tiers,
    reasons: call.hold?.reasons ?? [],
    expiresAtMs: call.hold?.expiresAtMs ?? 0,
    attached,
  };
}

function answerOf(
  callId: string,
  settled: Settled,
  body: Uint8Array | null,
  { replayed, attachedTo }: { readonly replayed: boolean; readonly attachedTo: string | null },
): Answer {
  if (settled.code !== null) {
    return problem(callId, settled.code as Code, { detail: settled.detail, reasons: settled.reasons, recorded: true, attachedTo });
  }
  if (settled.status === null || body === null) {
    const code = settled.outcome === "succeeded" ? "ERR_ANSWER_ERASED" : "ERR_UPSTREAM_FAILED";
    return problem(callId, code, { detail: "The answer is no longer kept.", recorded: true, attachedTo });
  }
  return { kind: "upstream", callId, status: settled.status, contentType: settled.contentType, body, replayed, attachedTo };
}
