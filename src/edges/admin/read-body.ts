import type { ReconcileRequest } from "../../control/reconcile-call.ts";
import { type Refusal, refuseRequest } from "../../control/refusal.ts";
import type { StopRequest } from "../../control/set-stop.ts";
import type { VoteRequest } from "../../control/vote-on-hold.ts";
import { isDenial } from "../../rules/denial.ts";
import type { JsonObject, JsonValue } from "../../rules/json.ts";
import { type StopScope, stopScopeKeys } from "../../rules/stops.ts";
import { readJsonObject } from "../../rules/strict-json.ts";

const reasonMax = 500;
/** A hundred years: what is meant to last longer lasts until it is cleared. */
const stopSecondsMax = 3_155_760_000;

function readBody(body: unknown, known: readonly string[]): JsonObject | Refusal {
  const read = body instanceof Uint8Array ? readJsonObject(body) : null;
  if (read === null || isDenial(read)) return refuseRequest("ERR_INVALID", "the body is one JSON object");
  const unknown = Object.keys(read).find((key) => !known.includes(key));
  return unknown === undefined ? read : refuseRequest("ERR_INVALID", `the body takes ${known.join(", ")}`);
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value.trim().length > 0 && Array.from(value).length <= reasonMax;
}

const needsReason = refuseRequest("ERR_INVALID", `reason is a text of 1 to ${reasonMax} characters`);

/** `{"reason"}` */
export function readReason(body: unknown): string | Refusal {
  const read = readBody(body, ["reason"]);
  if ("refused" in read) return read as Refusal;
  const { reason } = read;
  return isText(reason) ? reason : needsReason;
}

/** `{"approve", "reason", "binding"}` */
export function readVote(body: unknown): Omit<VoteRequest, "callId"> | Refusal {
  const read = readBody(body, ["approve", "reason", "binding"]);
  if ("refused" in read) return read as Refusal;
  const { approve, reason, binding } = read;
  if (typeof approve !== "boolean" || typeof binding !== "string")
    return refuseRequest("ERR_INVALID", "approve is true or false, binding is the one shown with the hold");
  return isText(reason) ? { approve, reason, binding } : needsReason;
}

/** `{"outcome", "reason"}` */
export function readReconcile(body: unknown): Omit<ReconcileRequest, "callId"> | Refusal {
  const read = readBody(body, ["outcome", "reason"]);
  if ("refused" in read) return read as Refusal;
  const { outcome, reason } = read;
  if (outcome !== "succeeded" && outcome !== "failed" && outcome !== "not_sent")
    return refuseRequest("ERR_INVALID", "outcome is succeeded, failed or not_sent");
  return isText(reason) ? { outcome, reason } : needsReason;
}

/** `{"scope": {...}, "reason", "expires_in_s"?}`; an empty scope stops everything. */
export function readStop(body: unknown): StopRequest | Refusal {
  const read = readBody(body, ["scope", "reason", "expires_in_s"]);
  if ("refused" in read) return read as Refusal;
  const { scope, reason, expires_in_s: expires = null } = read;
  const entries = typeof scope === "object" && scope !== null && !Array.isArray(scope) ? Object.entries(scope) : null;
  if (entries === null || entries.some(([key, value]) => !(stopScopeKeys as readonly string[]).includes(key) || !isText(value))) {
    return refuseRequest("ERR_INVALID", `scope is an object of ${stopScopeKeys.join(", ")}; {} stops everything`);
  }
  if (expires !== null && !(typeof expires === "number" && Number.isSafeInteger(expires) && expires > 0 && expires <= stopSecondsMax))
    return refuseRequest("ERR_INVALID", `expires_in_s is a whole number of seconds, at most ${stopSecondsMax}`);
  return isText(reason)
    ? { scope: Object.fromEntries(entries) as StopScope, reason, expiresInMs: expires === null ? null : expires * 1000 }
    : needsReason;
}
