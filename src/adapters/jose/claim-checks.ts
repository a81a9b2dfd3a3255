import { isNumericDate } from "../../rules/claims.ts";
import { type Denial, deny } from "../../rules/denial.ts";
import type { JsonObject, JsonValue } from "../../rules/json.ts";
import type { Issuer } from "./issuer.ts";

/** When a token holds: from `fromMs`, before `untilMs`. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

// ID tokens and logout tokens are about a login, not a right to call; `cnf` binds a token to a key that a bearer request does not prove, so
// taking it would undo what its issuer asked for (RFC 9449 section 7.2, RFC 8705 section 3).
const foreignClaims: Readonly<Record<string, string>> = {
  nonce: "an ID token",
  at_hash: "an ID token",
  c_hash: "an ID token",
  s_hash: "an ID token",
  events: "an event or logout token",
  cnf: "bound to a key, and this gateway takes bearer tokens",
  _sd: "a selective disclosure",
};

/**
 * Judges the registered claims of a token whose signature holds. jose looks at most of them too; this is stricter: `exp` and `iat` are always
 * required, `exp` gets no grace, `iat` may not lie in the future, and `aud` may name nobody that the configuration does not.
 * Codes: ERR_TOKEN_CLAIMS, ERR_TOKEN_EXPIRED, ERR_TOKEN_UNTRUSTED.
 */
export function checkClaims(claims: JsonObject, issuer: Issuer, nowMs: number): Span | Denial {
  const missing = issuer.requiredClaims.find((name) => !Object.hasOwn(claims, name));
  if (missing !== undefined) return unfit(missing, "is missing");
  const foreign = Object.keys(foreignClaims).find((name) => Object.hasOwn(claims, name));
  if (foreign !== undefined)
    return deny("ERR_TOKEN_UNTRUSTED", `The token's claim "${foreign}" shows that it is ${foreignClaims[foreign]}.`);
  if (claims["iss"] !== issuer.issuer) return deny("ERR_TOKEN_UNTRUSTED", "The token's issuer is not the configured one.");
  return checkAudience(claims["aud"], issuer) ?? checkTimes(claims, issuer, nowMs);
}

function checkAudience(aud: JsonValue | undefined, issuer: Issuer): Denial | null {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!named.includes(issuer.audience)) return unfit("aud", "does not name this gateway");
  const strangers = named.some((name) => typeof name !== "string" || !issuer.audiences.has(name));
  if (strangers || new Set(named).size !== named.length) return unfit("aud", "names others than this gateway");
  return null;
}

function checkTimes(claims: JsonObject, issuer: Issuer, nowMs: number): Span | Denial {
  const { exp, iat, nbf = iat } = claims;
  if (!isNumericDate(exp)) return unfit("exp", "must be a date in Unix seconds");
  if (!isNumericDate(iat)) return unfit("iat", "must be a date in Unix seconds");
  if (!isNumericDate(nbf)) return unfit("nbf", "must be a date in Unix seconds");
  if (exp <= iat || exp <= nbf) return unfit("exp", "must be later than iat and nbf");
  const fromMs = Math.ceil(Math.max(iat, nbf) * 1000) - issuer.clockToleranceMs;
  const untilMs = Math.min(Math.floor(exp * 1000), Math.floor(iat * 1000) + issuer.maxAgeMs);
  if (nowMs < fromMs) return deny("ERR_TOKEN_EXPIRED", "The token is not valid yet.", { retryAfterMs: fromMs - nowMs });
  if (nowMs >= untilMs) return deny("ERR_TOKEN_EXPIRED", "The token has expired or is too old.");
  return { fromMs, untilMs };
}

function unfit(claim: string, problem: string): Denial {
  return deny("ERR_TOKEN_CLAIMS", `The token's claim "${claim}" ${problem}.`);
}
