import { type Answer, type HeldAnswer, type ProblemAnswer } from "../../rules/answer.ts";
import { codeRow } from "../../rules/codes.ts";
import { type DialectName, knowsHeld, speak } from "../../rules/dialects.ts";
import { type RateStanding, rateLimitFields, retryAfterSeconds } from "../../rules/rate-fields.ts";
import { challengeOf } from "./challenge.ts";

/** A response, before the framework sees it. */
export interface Rendered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface RenderContext {
  /** Absolute base of our own URLs, without a trailing slash. */
  readonly publicUrl: string;
  /** Whether this client can tell "held" from "done": it said `Prefer: wait` or `respond-async`, or it called by name. */
  readonly canWait: boolean;
  /** How refusals are told: the mount's dialect; null is the bare problem document of our own resources. */
  readonly dialect: DialectName | null;
  readonly standings: readonly RateStanding[];
  readonly nowMs: number;
}

const heldPollSeconds = 2;

/** The wire form of an answer (DESIGN 4.4). */
export function renderAnswer(answer: Answer, context: RenderContext): Rendered {
  const rates = rateLimitFields(context.standings);
  switch (answer.kind) {
    case "upstream": {
      const type = answer.contentType === null ? {} : { "content-type": answer.contentType };
      const told = { "sallyport-replayed": answer.replayed ? "true" : undefined, "sallyport-attached": answer.attachedTo ?? undefined };
      return {
        status: answer.status,
        headers: withoutAbsent({ ...rates, ...type, "sallyport-call-id": answer.callId, ...told }),
        body: answer.body,
      };
    }
    case "proposal":
      return json(200, { ...rates, "sallyport-call-id": answer.callId }, answer.proposal);
    case "held":
      return renderHeld(answer, context, rates);
    case "problem":
      return renderProblem(answer, context, rates);
  }
}

function renderHeld(answer: HeldAnswer, context: RenderContext, rates: Readonly<Record<string, string>>): Rendered {
  const { callId, tiers, reasons, expiresAtMs, attached, state } = answer;
  const location = locationOf(context, callId);
  const headers = {
    ...rates,
    location,
    "retry-after": String(heldPollSeconds),
    "sallyport-call-id": callId,
    "sallyport-attached": attached ? callId : undefined,
  };
  const until = new Date(expiresAtMs).toISOString();
  const waiting =
    state === "approved" ? "Approved, about to be executed." : `Waiting for ${tiers.join(" and ")} to approve, until ${until}.`;
  const message = `NOT executed. ${waiting} ${codeRow("ERR_HELD").advice}`;
  const body = {
    status: "held",
    executed: false,
    call_id: callId,
    message,
    tiers,
    reasons,
    expires_at: until,
    location,
  };
  // A vendor's SDK takes every 2xx for done, whatever its caller prefers.
  if (context.canWait && knowsHeld(context.dialect)) return json(202, headers, body);
  // RFC 9457: a problem's `status` is its number.
  const rest = { ...body, state: "held" };
  return renderRefusal({ code: "ERR_HELD", callId, message, retryAfterMs: heldPollSeconds * 1000 }, headers, rest, context);
}

function renderProblem(answer: ProblemAnswer, context: RenderContext, rates: Readonly<Record<string, string>>): Rendered {
  const { code, callId, message, reasons, executed, retryAfterMs, recorded, attachedTo } = answer;
  const headers = {
    ...rates,
    "sallyport-call-id": callId,
    "sallyport-attached": attachedTo ?? undefined,
    location: recorded ? locationOf(context, callId) : undefined,
    "retry-after": retryAfterMs === null ? undefined : String(retryAfterSeconds(retryAfterMs)),
    "www-authenticate": challengeOf(code, context.publicUrl, answer.scope),
  };
  return renderRefusal({ code, callId, message, retryAfterMs }, headers, { executed, message, reasons }, context);
}

/** The problem document, whole, with what the dialect adds to it. */
function renderRefusal(
  refusal: Pick<ProblemAnswer, "code" | "callId" | "message" | "retryAfterMs">,
  headers: Readonly<Record<string, string | undefined>>,
  rest: object,
  { publicUrl, dialect }: RenderContext,
): Rendered {
  const { code, callId } = refusal;
  const { title, retryable, status: usual } = codeRow(code);
  const typeUrl = `${publicUrl}/sallyport/v1/errors/${code}`;
  const spoken = dialect === null ? null : speak(dialect, { ...refusal, typeUrl });
  const status = spoken?.status ?? usual;
  // The code and the sentence come first: logs and models cut long texts. What the dialect adds comes last and replaces nothing.
  const document = { code, ...rest, type: typeUrl, title, status, call_id: callId, retryable };
  const body = { ...document, ...spoken?.members, ...document };
  return json(status, { ...headers, ...spoken?.headers }, body, spoken?.contentType ?? "application/problem+json");
}

function locationOf({ publicUrl }: RenderContext, callId: string): string {
  return `${publicUrl}/sallyport/v1/calls/${callId}`;
}

/** A JSON response. Undefined headers are left out. */
export function json(
  status: number,
  headers: Readonly<Record<string, string | undefined>>,
  body: object,
  type = "application/json",
): Rendered {
  return { status, headers: withoutAbsent({ ...headers, "content-type": `${type}; charset=utf-8` }), body: `${JSON.stringify(body)}\n` };
}

function withoutAbsent(headers: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const present: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined) present[name] = value;
  }
  return present;
}
