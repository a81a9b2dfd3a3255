import type { Catalogue } from "./catalogue.ts";
import { type Code, codeRow } from "./codes.ts";
import type { JsonObject } from "./json.ts";
import { type Address, mountAt } from "./routing.ts";

/** The dialects of refusals: which members and headers a vendor's SDK needs beside the problem document (RFC 9457) in order to throw. */
export const dialectNames = ["problem", "stripe", "github", "openai", "anthropic"] as const;

export type DialectName = (typeof dialectNames)[number];

/** A refusal, as far as its wire form goes. */
export interface Refusal {
  readonly code: Code;
  readonly callId: string;
  /** Begins with whether anything was executed. It is what the SDK's exception says. */
  readonly message: string;
  /** Absolute URL that explains the code. */
  readonly typeUrl: string;
  readonly retryAfterMs: number | null;
}

/** What a dialect makes of a refusal. `members` stand beside those of the problem document and never in their place. */
export interface Spoken {
  readonly status: number;
  readonly contentType: "application/problem+json" | "application/json";
  readonly headers: Readonly<Record<string, string>>;
  readonly members: JsonObject;
}

interface Dialect {
  readonly contentType: Spoken["contentType"];
  readonly members: (refusal: Refusal) => JsonObject;
  /** In which header the SDK looks for the request's id, when telling it does no harm. */
  readonly idHeader: string | null;
  /** The status of an answer that must not be sent again, for SDKs that look at nothing else; null keeps the code's own. */
  readonly unsafeStatus: 422 | null;
}

/**
 * One record is one dialect. Each has an `error` object, so that no SDK takes a refusal for a success on a mount whose dialect is another's. What the SDKs
 * look at, read in their sources and held by test/sdk:
 *
 * - `stripe`: throws when the body has an `error` object and **not** otherwise, whatever the status; says `error.message`. Sends 409 and 5xx again (three
 *   requests in all) unless told by header. No request id: the Python SDK would write it before the message.
 * - `github`: throws from 400 on, and says the whole text of a body that does not call itself `application/json`. Knows no header; its retry plug-in sends
 *   all but 400, 401, 403, 404, 410, 422 and 451 again, four requests in all, so what may have been executed is 422 here.
 * - `openai`, `anthropic`: throw from 400 on; openai says `error.message`, anthropic the document's own `message`. Both send 408, 409, 429 and 5xx again.
 * - `problem`: for a mount whose clients are not known, and for addresses that lead to no mount: all that makes any of the SDKs above throw once.
 */
const dialects: Readonly<Record<DialectName, Dialect>> = {
  problem: {
    contentType: "application/problem+json",
    members: generalError,
    idHeader: null,
    unsafeStatus: null,
  },
  stripe: {
    contentType: "application/json",
    members: ({ code, message, typeUrl }) => ({ error: { type: stripeType(code), code, message, doc_url: typeUrl } }),
    idHeader: null,
    unsafeStatus: null,
  },
  github: {
    contentType: "application/json",
    members: generalError,
    idHeader: "x-github-request-id",
    unsafeStatus: 422,
  },
  openai: {
    contentType: "application/json",
    members: ({ code, message }) => ({ error: { message, type: errorType(code, "server_error"), param: null, code } }),
    idHeader: "x-request-id",
    unsafeStatus: null,
  },
  anthropic: {
    contentType: "application/json",
    members: ({ code, message, callId }) => ({
      error: { type: errorType(code, "api_error"), message, details: { error_code: code } },
      request_id: callId,
    }),
    idHeader: "request-id",
    unsafeStatus: null,
  },
};

/** By which SDKs are told not to send a request again: Stripe's, and those of openai and anthropic. Others do not know them. */
const noRetryHeaders = { "stripe-should-retry": "false", "x-should-retry": "false" } as const;

/** The wire form of a refusal in a dialect. */
export function speak(name: DialectName, refusal: Refusal): Spoken {
  const { contentType, members, idHeader, unsafeStatus } = dialects[name];
  const { status, executed } = codeRow(refusal.code);
  const headers = mayResend(refusal.code, refusal.retryAfterMs) ? {} : noRetryHeaders;
  return {
    status: executed === false ? status : (unsafeStatus ?? status),
    contentType,
    headers: idHeader === null ? headers : { ...headers, [idHeader]: refusal.callId },
    members: members(refusal),
  };
}

/** Statuses on which SDKs come again by themselves, and on which time alone can help. */
const passingStatuses: readonly number[] = [408, 429, 502, 503];

/** Longest Retry-After that SDKs may be left to obey, milliseconds: openai comes at once when it is longer, and anthropic sleeps for hours. */
const obeyedMsMax = 60_000;

/** Whether an SDK may send this request again by itself: nothing was executed, and a short time may help. Never when something was or may have been. */
export function mayResend(code: Code, retryAfterMs: number | null): boolean {
  const { retryable, executed, status } = codeRow(code);
  return retryable && executed === false && passingStatuses.includes(status) && (retryAfterMs ?? 0) <= obeyedMsMax;
}

/** True when this dialect's SDKs can read a 2xx as anything else than done. Then a client that says so may be told "held" by 202. */
export function knowsHeld(name: DialectName | null): boolean {
  return name === null || name === "problem";
}

/**
 * The dialect in which an address is refused; null, the bare document, for our own resources. The segments are raw: a path that is refused because of how
 * it is written still shows which SDK wrote it. What leads to no mount is `problem`: threat: with a misspelt base URL the Stripe SDK would take a bare 404
 * for a success.
 */
export function dialectAt(catalogue: Catalogue, address: Address): DialectName | null {
  const [first = ""] = address.segments;
  if (["sallyport", ".well-known"].includes(first.toLowerCase())) return null;
  return mountAt(catalogue, address)?.dialect ?? "problem";
}

/** The vendors' words for what kind of error a status is; both openai and anthropic share most of them. */
const typeByStatus: Readonly<Partial<Record<number, string>>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  408: "timeout_error",
  413: "request_too_large",
  429: "rate_limit_error",
};

function errorType(code: Code, ofServer: string): string {
  const { status } = codeRow(code);
  return typeByStatus[status] ?? (status >= 500 ? ofServer : "invalid_request_error");
}

function generalError({ code, message }: Refusal): JsonObject {
  return { error: { type: errorType(code, "api_error"), code, message } };
}

function stripeType(code: Code): string {
  if (code === "ERR_KEY_REUSED" || code === "ERR_KEY_MALFORMED" || code === "ERR_KEY_REQUIRED") return "idempotency_error";
  return codeRow(code).status >= 500 ? "api_error" : "invalid_request_error";
}
