import { type Denial, deny } from "../../rules/denial.ts";
import type { JsonObject, JsonValue } from "../../rules/json.ts";

/**
 * Whether a token has the scope that its issuer's tokens must have: in `scope`, scopes with single blanks between them (RFC 8693 section 4.2), or in `scp`,
 * the same or a list, as some issuers write it. Scopes are compared whole and by case. A claim of another type gives nothing. Code: ERR_SCOPE_INSUFFICIENT.
 */
export function checkScope(claims: JsonObject, requiredScope: string | null): Denial | null {
  if (requiredScope === null) return null;
  const granted = [...wordsOf(own(claims, "scope")), ...listOf(own(claims, "scp"))];
  if (granted.includes(requiredScope)) return null;
  return deny("ERR_SCOPE_INSUFFICIENT", `The token lacks the scope ${requiredScope}.`, { scope: requiredScope });
}

/** A scope as RFC 6749 section 3.3 writes one: visible ASCII without quote and backslash, at most 200 characters. */
export function isScope(text: string): boolean {
  return /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(text);
}

function own(claims: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : wordsOf(value);
}

function wordsOf(value: JsonValue | undefined): readonly string[] {
  return typeof value === "string" ? value.split(" ") : [];
}
