import type { UsageReport } from "../../control/report-run.ts";
import { type Denial, deny } from "../../rules/denial.ts";
import type { JsonObject, JsonValue } from "../../rules/json.ts";

const textMax = 500;

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isText(value: JsonValue | undefined): value is string {
  return typeof value === "string" && value.length > 0 && Array.from(value).length <= textMax;
}

function unknownKey(body: JsonObject, known: readonly string[]): Denial | null {
  const unknown = Object.keys(body).find((key) => !known.includes(key));
  return unknown === undefined ? null : deny("ERR_ARGUMENTS_INVALID", `The report takes ${known.join(", ")}.`);
}

/** `{"model"?, "prompt_tokens", "completion_tokens", "usd_micros"?}`: whole numbers of at least 0, which are added up. */
export function readUsageReport(body: JsonObject): UsageReport | Denial {
  const unknown = unknownKey(body, ["model", "prompt_tokens", "completion_tokens", "usd_micros"]);
  if (unknown !== null) return unknown;
  const { model = null, prompt_tokens: promptTokens = 0, completion_tokens: completionTokens = 0, usd_micros: usdMicros = 0 } = body;
  if (model !== null && !isText(model)) return deny("ERR_ARGUMENTS_INVALID", "model is a text.");
  if (!isCount(promptTokens) || !isCount(completionTokens) || !isCount(usdMicros))
    return deny("ERR_ARGUMENTS_INVALID", "Usage is in whole numbers of at least 0.");
  return { model, promptTokens, completionTokens, usdMicros };
}

/** `{"status", "reason"}`, two texts. */
export function readOutcomeReport(body: JsonObject): { readonly status: string; readonly reason: string } | Denial {
  const unknown = unknownKey(body, ["status", "reason"]);
  if (unknown !== null) return unknown;
  const { status, reason = "" } = body;
  if (!isText(status) || (reason !== "" && !isText(reason)))
    return deny("ERR_ARGUMENTS_INVALID", `status and reason are texts of at most ${textMax} characters.`);
  return { status, reason };
}
