import { type Denial, deny, type Reason } from "./denial.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { fillMessage } from "./message-template.ts";

/** What policy says of one call. Tiers are all those that must sign; empty unless `hold`. */
export interface Verdict {
  readonly verdict: "allow" | "hold" | "deny";
  readonly reasons: readonly Reason[];
  readonly tiers: readonly string[];
  readonly obligations: readonly string[];
}

/** What a `require` rule may ask of the gateway: check the effect afterwards, or redact the answer. */
export const obligationNames = ["verify", "redact"] as const;

/** More reasons than these are cut; the verdict does not depend on them. */
const reasonsMax = 20;
const listMax = 1000;

/**
 * Reads what the evaluation of `sallyport/verdict` gave: exactly `[{result: {verdict, reasons, tiers, obligations}}]`. Everything else, truthy or
 * not, is a Denial of ERR_POLICY_SHAPE: an empty result set, a missing result, an extra key, an unknown word, a verdict without a reason, a
 * hold without tiers. Never throws. Messages are filled from `input`.
 */
export function readVerdict(result: unknown, input: JsonObject): Verdict | Denial {
  const said = onlyResult(result);
  if (said === null) return misshapen("the result set is not one result");
  if (!hasExactly(said, ["obligations", "reasons", "tiers", "verdict"])) return misshapen("the result has other fields than a verdict");
  const { verdict } = said;
  const reasons = readReasons(said["reasons"], input);
  const tiers = readNames(said["tiers"]);
  const obligations = readNames(said["obligations"]);
  if (verdict !== "allow" && verdict !== "hold" && verdict !== "deny") return misshapen("the verdict is not allow, hold or deny");
  if (reasons === null) return misshapen("the reasons are not a list of rule, package and message");
  if (tiers === null || tiers.length > 0 !== (verdict === "hold")) return misshapen("the tiers do not fit the verdict");
  if (obligations === null || !obligations.every(isObligation)) return misshapen("an obligation is not known");
  return { verdict, reasons, tiers, obligations };
}

const misshapen = (detail: string): Denial => deny("ERR_POLICY_SHAPE", detail);

const isObligation = (word: string): boolean => (obligationNames as readonly string[]).includes(word);

function onlyResult(result: unknown): JsonObject | null {
  if (!Array.isArray(result) || result.length !== 1) return null;
  const row: unknown = result[0];
  if (!isJsonObject(row) || !hasExactly(row, ["result"])) return null;
  const said = row["result"];
  return isJsonObject(said) ? said : null;
}

function hasExactly(value: JsonObject, keys: readonly string[]): boolean {
  return Object.keys(value).length === keys.length && keys.every((key) => Object.hasOwn(value, key));
}

function readNames(value: JsonValue | undefined): readonly string[] | null {
  if (!Array.isArray(value) || value.length > listMax) return null;
  if (value.length === 0) return [];
  const names = value as readonly JsonValue[];
  const fit = names.every((name): name is string => typeof name === "string" && name !== "");
  return fit && new Set(names).size === names.length ? [...names] : null;
}

function readReasons(value: JsonValue | undefined, input: JsonObject): readonly Reason[] | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > listMax) return null;
  const reasons: Reason[] = [];
  for (const row of value as readonly JsonValue[]) {
    const reason = isJsonObject(row) ? readReason(row, input) : null;
    if (reason === null) return null;
    if (reasons.length < reasonsMax) reasons.push(reason);
  }
  return reasons;
}

const plainName = /^[A-Za-z0-9_.-]{1,200}$/;

function readReason(row: JsonObject, input: JsonObject): Reason | null {
  const { rule, package: spoken, message } = row;
  if (!hasExactly(row, ["message", "package", "rule"])) return null;
  if (typeof rule !== "string" || typeof spoken !== "string" || typeof message !== "string" || rule === "") return null;
  const named = spoken === "sallyport" || spoken === "" ? rule : `${spoken}.${rule}`;
  const shown = plainName.test(named) ? named : fillMessage(named, {});
  return { rule: shown, message: message === "" ? `rule ${shown}` : fillMessage(message, input) };
}
