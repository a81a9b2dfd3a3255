/**
 * Every answer that is not the upstream's own, in one table. Codes are public API: they never change their meaning; titles and advice may.
 * `docs/errors.md` is generated from here and a test compares them.
 */
export interface CodeRow {
  /** HTTP status on the agents' side. */
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 422 | 429 | 500 | 502 | 503 | 504;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean;
  /** Whether the upstream acted: false = nothing was sent, unknown = something may have been. */
  readonly executed: true | false | "unknown";
  /** What it means, one clause. */
  readonly title: string;
  /** What the agent, or the person behind it, should do. One sentence. */
  readonly advice: string;
}

const row = (status: CodeRow["status"], retryable: boolean, executed: CodeRow["executed"], title: string, advice: string): CodeRow => ({
  status,
  retryable,
  executed,
  title,
  advice,
});

export const codes = {
  // identify
  ERR_TOKEN_MISSING: row(401, false, false, "no bearer token", "Send `Authorization: Bearer <token>` from a trusted issuer, once."),
  ERR_TOKEN_MALFORMED: row(
    401,
    false,
    false,
    "the token is not a canonical signed JWT",
    "Get a new token from the issuer and send it unchanged.",
  ),
  ERR_TOKEN_UNTRUSTED: row(
    401,
    false,
    false,
    "no configured issuer, key or algorithm verifies this token",
    "Use a token of a configured issuer, signed with one of its keys.",
  ),
  ERR_TOKEN_EXPIRED: row(401, true, false, "the token is expired or not yet valid", "Get a fresh token and send the call again."),
  ERR_TOKEN_CLAIMS: row(
    401,
    false,
    false,
    "the token lacks a claim that names the agent, tenant or audience",
    "Ask the issuer's owner to add the claim that the message names.",
  ),
  ERR_ISSUER_UNAVAILABLE: row(
    503,
    true,
    false,
    "the issuer's keys cannot be read",
    "Wait and try again; the platform team must restore the issuer's key set.",
  ),
  // resolve
  ERR_ROUTE_UNKNOWN: row(
    404,
    false,
    false,
    "no tool answers to this path and method",
    "Use a path and method of a listed tool; see GET /sallyport/v1/tools.",
  ),
  ERR_TOOL_UNKNOWN: row(404, false, false, "no tool has this name", "Use a name from GET /sallyport/v1/tools."),
  ERR_CALL_NOT_FOUND: row(
    404,
    false,
    false,
    "no call of yours has this id",
    "Check the id; only the same agent, tenant and user may see a call.",
  ),
  ERR_PATH_NOT_CANONICAL: row(
    400,
    false,
    false,
    "the path is not in canonical form",
    "Send the path without encoded slashes, dot segments, empty segments or raw control characters.",
  ),
  ERR_QUERY_INVALID: row(
    400,
    false,
    false,
    "the query string is malformed, repeated or not declared",
    "Send each declared query parameter once.",
  ),
  ERR_HEADER_REFUSED: row(
    400,
    false,
    false,
    "a header is not declared for this tool",
    "Remove the header that the message names, or declare it in the route.",
  ),
  ERR_BODY_TYPE: row(
    415,
    false,
    false,
    "the body's content type is not the tool's",
    "Send `Content-Type: application/json` and a JSON object.",
  ),
  ERR_BODY_TOO_LARGE: row(413, false, false, "the body is larger than the limit", "Send smaller arguments."),
  ERR_BODY_UNEXPECTED: row(400, false, false, "this tool takes no body", "Send the arguments in the query or path."),
  ERR_JSON_MALFORMED: row(
    400,
    false,
    false,
    "the body is not one JSON object in UTF-8",
    "Send one RFC 8259 JSON object, without a byte order mark.",
  ),
  ERR_JSON_DUPLICATE_KEY: row(400, false, false, "a key stands twice, or twice but for case", "Send each key once."),
  ERR_JSON_KEY_FORBIDDEN: row(400, false, false, "a key such as __proto__ is never accepted", "Rename the key."),
  ERR_JSON_TOO_DEEP: row(
    400,
    false,
    false,
    "the arguments are nested too deeply or have too many values",
    "Send flatter or fewer arguments.",
  ),
  ERR_JSON_NUMBER: row(
    400,
    false,
    false,
    "a number cannot be represented exactly",
    "Send integers within ±(2^53-1), and decimals that a double holds exactly as written, or use a string.",
  ),
  ERR_JSON_STRING: row(400, false, false, "a string holds a lone surrogate", "Send well-formed Unicode."),
  ERR_ARGUMENTS_INVALID: row(
    422,
    false,
    false,
    "the arguments do not fit the tool's input schema",
    "Correct the arguments that the reasons name.",
  ),
  ERR_OUTBOUND_REFUSED: row(
    422,
    false,
    false,
    "the arguments contain data that must not leave",
    "Remove the data that the reasons name and send the call again.",
  ),
  ERR_AMOUNT_UNDETERMINED: row(
    403,
    false,
    false,
    "the amount or currency of this call cannot be determined",
    "Send an amount in the declared unit, in a currency the contract knows.",
  ),
  ERR_DRY_RUN_HEADER: row(
    400,
    false,
    false,
    "Sallyport-Dry-Run takes only `true`",
    "Send `Sallyport-Dry-Run: true`, or leave it out to execute.",
  ),
  ERR_KEY_MALFORMED: row(
    400,
    false,
    false,
    "the idempotency key is malformed",
    "Send one Idempotency-Key of 1 to 255 visible ASCII characters.",
  ),
  ERR_KEY_REQUIRED: row(
    400,
    false,
    false,
    "an irreversible or financial write needs an idempotency key",
    "Send an Idempotency-Key header; the model's tool-call id is a good one.",
  ),
  // contract, stops, rates
  ERR_CONTRACT_NONE: row(
    403,
    false,
    false,
    "no contract names this agent, tenant, workflow and environment",
    "Ask the agent's owner for a contract.",
  ),
  ERR_TOOL_NOT_IN_CONTRACT: row(
    403,
    false,
    false,
    "the agent's contract does not name this tool",
    "Use another tool, or ask the agent's owner to add this one.",
  ),
  ERR_STAGE_DRAFT: row(
    403,
    false,
    false,
    "the contract is at stage draft, where writes are only proposed",
    "Send `Sallyport-Dry-Run: true` to get the proposal.",
  ),
  ERR_RUN_REQUIRED: row(403, false, false, "the contract has a run budget and the token names no run", "Use a token that carries a run."),
  ERR_CREDENTIAL_NONE: row(
    403,
    false,
    false,
    "the tenant has no account or credential at this upstream",
    "Ask the platform team to add the tenant's credential.",
  ),
  ERR_STOPPED: row(403, true, false, "a stop is in force", "Do not try again until people have cleared the stop."),
  ERR_RATE_LIMITED: row(429, true, false, "a rate limit is reached", "Wait for the seconds in Retry-After."),
  // decide
  ERR_PREVIEW_FAILED: row(
    403,
    false,
    false,
    "the object of this call could not be looked up in the tenant's account",
    "Check the id; it must belong to the tenant of the token.",
  ),
  ERR_PREVIEW_UNAVAILABLE: row(
    503,
    true,
    false,
    "the object of this call could not be read right now",
    "Wait and send the same call again.",
  ),
  ERR_POLICY_DENIED: row(403, false, false, "policy denies this call", "Read the reasons; change the arguments or use another way."),
  ERR_POLICY_FAULT: row(
    403,
    false,
    false,
    "the policy could not be evaluated, so the call is denied",
    "Tell the security team; the call id is in the answer.",
  ),
  ERR_POLICY_SHAPE: row(
    403,
    false,
    false,
    "the policy's result is not a verdict, so the call is denied",
    "Tell the security team; the call id is in the answer.",
  ),
  ERR_POLICY_UNLOADED: row(
    403,
    true,
    false,
    "no policy is loaded, so every call is denied",
    "Tell the security team; the call id is in the answer.",
  ),
  // admit
  ERR_HELD: row(
    403,
    true,
    false,
    "the call waits for people to approve it",
    "Do not repeat it with other words; ask its Location again, or send the same call later, to collect the result.",
  ),
  ERR_HOLDS_TOO_MANY: row(
    429,
    true,
    false,
    "too many calls of this agent or run are already held",
    "Wait until people have decided on the open holds.",
  ),
  ERR_BUDGET_EXHAUSTED: row(
    403,
    false,
    false,
    "the budget of this run is used up",
    "Finish the run without this tool; the budget does not come back.",
  ),
  ERR_BUDGET_WINDOW: row(429, true, false, "the budget of this window is used up", "Wait until the window turns; Retry-After says when."),
  ERR_CALL_IN_FLIGHT: row(409, true, "unknown", "the same call is being executed right now", "Ask its Location again in a moment."),
  ERR_KEY_REUSED: row(422, false, false, "this idempotency key belongs to a call with other arguments", "Use a new key for a new call."),
  ERR_STORE_UNAVAILABLE: row(
    503,
    true,
    false,
    "the store of record cannot write, so nothing is executed",
    "Wait and send the same call again.",
  ),
  ERR_OVERLOADED: row(503, true, false, "too many calls are waiting", "Wait and send the same call again."),
  ERR_DRAINING: row(503, true, false, "this process is shutting down", "Send the same call again; another process will answer."),
  ERR_STOPS_STALE: row(
    503,
    true,
    false,
    "the stops could not be read lately, so nothing is executed",
    "Wait and send the same call again.",
  ),
  // holds
  ERR_HOLD_REJECTED: row(403, false, false, "people rejected this call", "Read the reason and do not send the same call again."),
  ERR_HOLD_EXPIRED: row(403, false, false, "nobody approved this call in time", "Send the call again if it is still wanted."),
  ERR_HOLD_REFUSED: row(403, false, false, "the approved call was judged again before execution and refused", "Read the reasons."),
  ERR_CALL_CANCELLED: row(403, false, false, "the call was cancelled", "Send a new call if it is still wanted."),
  ERR_RECONCILED_EXECUTED: row(
    409,
    false,
    true,
    "a person found out that the call was executed",
    "Do NOT send it again; it was executed and its answer is not known.",
  ),
  ERR_RECONCILED_FAILED: row(
    409,
    false,
    false,
    "a person found out that the call had no effect",
    "Send a new call with a new key if it is still wanted.",
  ),
  // forward and settle
  ERR_UPSTREAM_UNREACHABLE: row(
    502,
    true,
    false,
    "the upstream could not be reached, nothing was sent",
    "Wait and send the same call again.",
  ),
  ERR_UPSTREAM_TLS: row(502, false, false, "the upstream's certificate is not trusted, nothing was sent", "Tell the platform team."),
  ERR_START_EXPIRED: row(
    503,
    true,
    false,
    "the call could not be sent in time after it was admitted, nothing was sent",
    "Send the same call again.",
  ),
  ERR_UPSTREAM_FAILED: row(502, true, false, "the upstream failed to answer a read", "Wait and send the same call again."),
  ERR_OUTCOME_UNKNOWN: row(
    502,
    false,
    "unknown",
    "the upstream was asked to act and its outcome is not known",
    "Do NOT send it again; ask its Location, and let people reconcile it.",
  ),
  ERR_UPSTREAM_TIMEOUT: row(
    504,
    false,
    "unknown",
    "the upstream did not answer in time and may have acted",
    "Do NOT send it again; ask its Location, and let people reconcile it.",
  ),
  ERR_OUTPUT_INVALID: row(
    502,
    false,
    true,
    "the call was executed and its answer does not fit the tool's output schema",
    "Do NOT send it again; it was executed.",
  ),
  ERR_ANSWER_WITHHELD: row(
    502,
    false,
    true,
    "the call was executed and its answer is larger than the limit, so it is withheld",
    "Do NOT send it again; it was executed. Ask for fewer items next time.",
  ),
  ERR_ANSWER_ERASED: row(
    403,
    false,
    true,
    "the answer's retention has passed, or its key was destroyed",
    "The call was executed; its answer is no longer kept.",
  ),
  ERR_ANSWER_UNREADABLE: row(
    503,
    true,
    "unknown",
    "the call is on record, and what became of it cannot be read right now",
    "Do NOT send it again under another key; ask its Location, or send the same call with the same key, a little later.",
  ),
  ERR_INTERNAL: row(500, false, false, "an internal fault, nothing was sent", "Tell the platform team; the call id is in the answer."),
} as const satisfies Record<string, CodeRow>;

export type Code = keyof typeof codes;

/** The row of a code, typed as the general row. */
export function codeRow(code: Code): CodeRow {
  return codes[code];
}
