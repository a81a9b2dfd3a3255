import { type OpenedRun, type RunRequest, runTokenTtlMsMax } from "../../control/open-run.ts";
import type { Received } from "../../path/call.ts";
import { checkContentType } from "../../rules/content-type.ts";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import type { JsonObject } from "../../rules/json.ts";
import { readJsonObject } from "../../rules/strict-json.ts";

const secondsMax = runTokenTtlMsMax / 1000;

/**
 * What an agent asks of a new run: nothing, or `{"ttl": seconds}`. Who it is for comes from the token alone, so every other key is refused, and so is a
 * query: a token in it would be in logs. Codes: ERR_QUERY_INVALID, ERR_BODY_TYPE, the reader's, ERR_ARGUMENTS_INVALID.
 */
export function readRunRequest({ headers, body }: Pick<Received, "headers" | "body">, rawQuery: string): RunRequest | Denial {
  if (rawQuery !== "") return deny("ERR_QUERY_INVALID", "A run is opened without a query.");
  if (body === null || body.length === 0) return { ttlMs: null };
  const type = checkContentType(headers.get("content-type") ?? [], "json");
  if (type !== null) return type;
  const asked = readJsonObject(body);
  return isDenial(asked) ? asked : readTtl(asked);
}

function readTtl(asked: JsonObject): RunRequest | Denial {
  if (Object.keys(asked).some((key) => key !== "ttl"))
    return deny("ERR_ARGUMENTS_INVALID", "A run is opened with ttl alone; who it is for comes from the token.");
  const { ttl } = asked;
  if (ttl === undefined) return { ttlMs: null };
  if (typeof ttl !== "number" || !Number.isSafeInteger(ttl) || ttl < 1 || ttl > secondsMax)
    return deny("ERR_ARGUMENTS_INVALID", `ttl is a whole number of seconds from 1 to ${secondsMax}.`);
  return { ttlMs: ttl * 1000 };
}

/** An opened run as its agent gets it. */
export function describeRun({ run, token, expiresAtMs }: OpenedRun): object {
  return { run, token, token_type: "Bearer", expires_at: new Date(expiresAtMs).toISOString() };
}
