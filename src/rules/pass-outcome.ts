import type { Tool } from "./catalogue.ts";
import type { Code } from "./codes.ts";
import { type NotSentCause, notSentCodes, type OutcomeReading } from "./outcome.ts";

/** How a call that was passed through came to its end. */
export type PassEnd =
  /** The upstream's answer came in whole. */
  | { readonly kind: "complete"; readonly status: number }
  /** A complete head came; its body was not handed on, and the agent is told so. */
  | { readonly kind: "withheld"; readonly status: number; readonly detail: string }
  /** At least one byte of the request may have left, and no whole answer came back. `status` is that of a complete head, null when none came. */
  | { readonly kind: "cut"; readonly status: number | null; readonly cause: CutCause; readonly detail: string }
  | { readonly kind: "not_sent"; readonly cause: NotSentCause; readonly detail: string };

/** Who ended it: the upstream's silence or break, the agent, a limit of ours, a stop, or the end of this process. */
export type CutCause = "timeout" | "broken" | "agent" | "body_too_large" | "answer_too_large" | "stopped" | "drained";

/** What the agent of a read that was cut before its answer began is told, where it is not the upstream's fault. */
const cutReadCodes: Partial<Readonly<Record<CutCause, Code>>> = {
  body_too_large: "ERR_BODY_TOO_LARGE",
  stopped: "ERR_STOPPED",
  drained: "ERR_DRAINING",
};

/**
 * What the end means. A success is a good status and the whole answer. A write without one is unknown, unless its status proves that nothing happened; a read
 * just fails.
 */
export function readPassOutcome({ traits, noEffect }: Pick<Tool, "traits" | "noEffect">, end: PassEnd): OutcomeReading {
  const isRead = traits.effect === "read";
  switch (end.kind) {
    case "not_sent":
      return { outcome: "not_sent", code: notSentCodes[end.cause], detail: end.detail };
    case "cut": {
      const detail = end.status === null ? end.detail : `${end.detail}, after headers with status ${end.status}`;
      if (!isRead) return { outcome: "unknown", code: end.cause === "timeout" ? "ERR_UPSTREAM_TIMEOUT" : "ERR_OUTCOME_UNKNOWN", detail };
      return { outcome: "failed", code: cutReadCodes[end.cause] ?? "ERR_UPSTREAM_FAILED", detail };
    }
    case "withheld":
      if (isGood(end.status)) return { outcome: "succeeded", code: "ERR_ANSWER_WITHHELD", detail: end.detail };
      if (isRead || noEffect.includes(end.status)) return { outcome: "failed", code: "ERR_UPSTREAM_FAILED", detail: end.detail };
      return { outcome: "unknown", code: "ERR_OUTCOME_UNKNOWN", detail: `the upstream answered ${end.status}` };
    case "complete":
      if (isGood(end.status)) return { outcome: "succeeded", code: null, detail: null };
      if (isRead || noEffect.includes(end.status)) return { outcome: "failed", code: null, detail: null };
      return { outcome: "unknown", code: "ERR_OUTCOME_UNKNOWN", detail: `the upstream answered ${end.status}` };
  }
}

/** Whether this status is the agent's to see. A write whose status proves nothing is told as unknown: its SDK would send it again. */
export function mayShowStatus({ traits, noEffect }: Pick<Tool, "traits" | "noEffect">, status: number): boolean {
  return isGood(status) || traits.effect === "read" || noEffect.includes(status);
}

/**
 * Whether what was reserved counts as used although the call did not succeed. Once a good answer has begun, its content was there to take: whoever hangs up
 * before the end has had it. A model that was asked and then not heard has worked all the same.
 */
export function wasUsed(end: PassEnd, metered: boolean): boolean {
  if (end.kind !== "cut") return end.kind !== "not_sent" && isGood(end.status);
  return end.status === null ? metered : isGood(end.status);
}

function isGood(status: number): boolean {
  return status >= 200 && status <= 299;
}
