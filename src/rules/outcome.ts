import type { Tool } from "./catalogue.ts";
import type { Code } from "./codes.ts";
import { atPointer, isJsonObject, type JsonValue } from "./json.ts";
import type { Outcome } from "./states.ts";

/** What came of one attempt to send a request. */
export type UpstreamOutcome =
  /** `encoding` is the answer's content encoding, null for plain bytes; `body` is raw in either case. */
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly contentType: string | null;
      readonly encoding: string | null;
      readonly body: Uint8Array;
    }
  /** Complete headers came, and a body beyond `responseBytesMax`, which was not kept. */
  | { readonly kind: "too_large"; readonly status: number }
  /** No byte of the request left this process. `malformed` is a fault of ours: a URL or header that must not be sent. `stopped`: a stop came between admission and socket. */
  | { readonly kind: "not_sent"; readonly cause: "unreachable" | "tls" | "expired" | "stopped" | "malformed"; readonly detail: string }
  /** At least one byte may have left and no complete answer came back. */
  | { readonly kind: "interrupted"; readonly cause: "timeout" | "broken"; readonly detail: string };

export type NotSentCause = Extract<UpstreamOutcome, { kind: "not_sent" }>["cause"];

/** How a call ended, and what its agent is told: null code means the upstream's own answer. */
export interface OutcomeReading {
  readonly outcome: Outcome;
  readonly code: Code | null;
  /** One clause about this very call, free of addresses and secrets; null when the code says it all. */
  readonly detail: string | null;
}

type Answered = Extract<UpstreamOutcome, { kind: "answered" | "too_large" }>;
type Flaw = { readonly kind: "too_large" | "too_many" | "unfit"; readonly detail: string };
type AnswerLimits = Pick<Tool, "validateOutput" | "itemsMax">;
const unchecked: AnswerLimits = { validateOutput: null, itemsMax: null };

/** Why nothing was sent → the code. All of them say `executed: false`. */
export const notSentCodes = {
  unreachable: "ERR_UPSTREAM_UNREACHABLE",
  tls: "ERR_UPSTREAM_TLS",
  expired: "ERR_START_EXPIRED",
  stopped: "ERR_STOPPED",
  malformed: "ERR_INTERNAL",
} as const satisfies Record<string, Code>;

/** A write that was cut off → the code. Both say `executed: unknown`. */
const cutWriteCodes = { timeout: "ERR_UPSTREAM_TIMEOUT", broken: "ERR_OUTCOME_UNKNOWN" } as const satisfies Record<string, Code>;

/** A good status whose answer cannot be handed on → the code. Both say `executed: true`. */
const withheldCodes = {
  too_large: "ERR_ANSWER_WITHHELD",
  too_many: "ERR_ANSWER_WITHHELD",
  unfit: "ERR_OUTPUT_INVALID",
} as const satisfies Record<string, Code>;

const findingsToldMax = 3;

/**
 * What an outcome means for the call and its money. A write whose status does not prove that nothing happened is `unknown`, never `failed`:
 * a refund that was booked although its answer was a 502 must not be sent twice. A read has nothing to repeat, so it just fails.
 */
export function readOutcome(
  tool: Pick<Tool, "traits" | "noEffect" | "validateOutput" | "itemsMax">,
  outcome: UpstreamOutcome,
): OutcomeReading {
  const isRead = tool.traits.effect === "read";
  switch (outcome.kind) {
    case "not_sent":
      return { outcome: "not_sent", code: notSentCodes[outcome.cause], detail: outcome.detail };
    case "interrupted":
      if (isRead) return { outcome: "failed", code: "ERR_UPSTREAM_FAILED", detail: outcome.detail };
      return { outcome: "unknown", code: cutWriteCodes[outcome.cause], detail: outcome.detail };
    case "too_large":
    case "answered":
      if (isSuccess(outcome.status)) return readSuccess(findFlaw(outcome, tool));
      if (isRead || tool.noEffect.includes(outcome.status)) return readFailure(outcome.status, findFlaw(outcome, unchecked));
      return { outcome: "unknown", code: "ERR_OUTCOME_UNKNOWN", detail: `the upstream answered ${outcome.status}` };
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status <= 299;
}

function readSuccess(flaw: Flaw | null): OutcomeReading {
  if (flaw === null) return { outcome: "succeeded", code: null, detail: null };
  return { outcome: "succeeded", code: withheldCodes[flaw.kind], detail: flaw.detail };
}

function readFailure(status: number, flaw: Flaw | null): OutcomeReading {
  if (flaw === null) return { outcome: "failed", code: null, detail: null };
  return { outcome: "failed", code: "ERR_UPSTREAM_FAILED", detail: `the upstream answered ${status} and ${flaw.detail}` };
}

/** Why an answer cannot be handed on as it is, or null. Only good statuses are held to the output schema. */
function findFlaw(answer: Answered, { validateOutput, itemsMax }: AnswerLimits): Flaw | null {
  if (answer.kind === "too_large") return { kind: "too_large", detail: "the answer is larger than the limit" };
  // Encoded bytes can be neither checked nor redacted, and we asked for plain ones.
  if (answer.encoding !== null) return { kind: "unfit", detail: "the answer is content-encoded although plain bytes were asked for" };
  if (validateOutput === null && itemsMax === null) return null;
  const value = parseJson(answer.body);
  if (value === undefined) return { kind: "unfit", detail: "the answer is not JSON in UTF-8" };
  const items = itemsMax === null ? 0 : countItems(value, itemsMax.pointer);
  if (itemsMax !== null && items > itemsMax.max)
    return {
      kind: "too_many",
      detail: `the answer has ${items} items${itemsMax.pointer === null ? "" : ` at ${itemsMax.pointer}`}, and ${itemsMax.max} are the limit`,
    };
  const findings = validateOutput === null ? [] : validateOutput(value);
  if (findings.length === 0) return null;
  const told = findings.slice(0, findingsToldMax).map(({ pointer, message }) => `${pointer === "" ? "the answer" : pointer} ${message}`);
  return { kind: "unfit", detail: told.join("; ") };
}

/** The items of a list, the members of an object; anything else that is there counts as one. Without a pointer only a list has items. */
function countItems(value: JsonValue, pointer: string | null): number {
  const found = pointer === null ? value : atPointer(value, pointer);
  if (Array.isArray(found)) return found.length;
  if (pointer === null || found === undefined) return 0;
  return isJsonObject(found) ? Object.keys(found).length : 1;
}

function parseJson(body: Uint8Array): JsonValue | undefined {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body)) as JsonValue;
  } catch {
    return undefined;
  }
}
