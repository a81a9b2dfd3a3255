import { claimAt, isNumericDate } from "../../rules/claim-values.ts";
import { type Denial, deny } from "../../rules/denial.ts";
import { isExpected } from "../../rules/expected-claims.ts";
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
  auth_time: "an ID token",
  events: "an event or logout token",
  cnf: "bound to a key, and this gateway takes bearer tokens",
  _sd: "a selective disclosure",
};

/**
 * Judges the claims of a token whose signature holds: `exp` is always required and gets no grace, `iat` may not lie in the future and is required
 * unless the issuer never writes it, `aud` may name nobody that the configuration does not, and the claims that the configuration pins must have
 * the values it names. `typ` is the header's, in its short form: a token that says there that it is an access token may have `auth_time` (RFC 9068
 * section 2.2.1). Codes: ERR_TOKEN_CLAIMS, ERR_TOKEN_EXPIRED, ERR_TOKEN_UNTRUSTED.
 */
export function checkClaims(claims: JsonObject, typ: string, issuer: Issuer, nowMs: number): Span | Denial {
  const missing = issuer.requiredClaims.find((place) => claimAt(claims, place) === undefined);
  if (missing !== undefined) return unfit(missing, "is missing");
  const foreign = Object.keys(foreignClaims).find((name) => Object.hasOwn(claims, name) && !isTolerated(name, typ, issuer));
  if (foreign !== undefined)
    return deny("ERR_TOKEN_UNTRUSTED", `The token's claim "${foreign}" shows that it is ${foreignClaims[foreign]}.`);
  if (claims["iss"] !== issuer.issuer && !mayBeUnnamed(claims, issuer))
    return deny("ERR_TOKEN_UNTRUSTED", "The token's issuer is not the configured one.");
  return checkAudience(claims["aud"], issuer) ?? checkExpected(claims, issuer) ?? checkTimes(claims, issuer, nowMs);
}

function isTolerated(name: string, typ: string, issuer: Issuer): boolean {
  return issuer.tolerates.has(name) || (name === "auth_time" && typ === "at+jwt");
}

// Only an issuer that is known by its trust domain alone; the domain is then the beginning of the subject, which `expect` holds it to.
function mayBeUnnamed(claims: JsonObject, { issuer }: Issuer): boolean {
  const sub = claimAt(claims, "sub");
  return issuer.startsWith("spiffe://") && !Object.hasOwn(claims, "iss") && typeof sub === "string" && sub.startsWith(`${issuer}/`);
}

function checkAudience(aud: JsonValue | undefined, issuer: Issuer): Denial | null {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!named.some((name) => typeof name === "string" && issuer.audiences.has(name))) return unfit("aud", "does not name this gateway");
  const isStranger = (name: unknown) => typeof name !== "string" || !(issuer.audiences.has(name) || issuer.audiencesBeside.has(name));
  if (named.some(isStranger) || new Set(named).size !== named.length) return unfit("aud", "names others than this gateway");
  return null;
}

function checkExpected(claims: JsonObject, issuer: Issuer): Denial | null {
  for (const [place, expected] of issuer.expect) {
    if (!isExpected(claimAt(claims, place), expected)) return unfit(place, "is not what the configuration expects");
  }
  return null;
}

function checkTimes(claims: JsonObject, issuer: Issuer, nowMs: number): Span | Denial {
  const { exp } = claims;
  // Without `iat` there is no age to count, so the whole time a token has left is what may not be longer than the maximum age.
  const { iat = issuer.iatOptional ? Math.floor(nowMs / 1000) : undefined } = claims;
  const { nbf = iat } = claims;
  if (!isNumericDate(exp)) return unfit("exp", "must be a date in Unix seconds");
  if (!isNumericDate(iat)) return unfit("iat", "must be a date in Unix seconds");
  if (!isNumericDate(nbf)) return unfit("nbf", "must be a date in Unix seconds");
  return Object.hasOwn(claims, "iat") ? spanOf({ exp, iat, nbf }, issuer, nowMs) : spanWithoutStart({ exp, nbf }, issuer, nowMs);
}

function spanOf({ exp, iat, nbf }: { exp: number; iat: number; nbf: number }, issuer: Issuer, nowMs: number): Span | Denial {
  if (exp <= iat || exp <= nbf) return unfit("exp", "must be later than iat and nbf");
  const fromMs = Math.ceil(Math.max(iat, nbf) * 1000) - issuer.clockToleranceMs;
  const untilMs = Math.min(Math.floor(exp * 1000), Math.floor(iat * 1000) + issuer.maxAgeMs);
  return within({ fromMs, untilMs }, nowMs);
}

function spanWithoutStart({ exp, nbf }: { exp: number; nbf: number }, issuer: Issuer, nowMs: number): Span | Denial {
  const untilMs = Math.floor(exp * 1000);
  if (untilMs - nowMs > issuer.maxAgeMs) return unfit("exp", "is later than the maximum age allows");
  return within({ fromMs: Math.ceil(nbf * 1000) - issuer.clockToleranceMs, untilMs }, nowMs);
}

function within(span: Span, nowMs: number): Span | Denial {
  if (nowMs < span.fromMs) return deny("ERR_TOKEN_EXPIRED", "The token is not valid yet.", { retryAfterMs: span.fromMs - nowMs });
  return nowMs < span.untilMs ? span : deny("ERR_TOKEN_EXPIRED", "The token has expired or is too old.");
}

function unfit(claim: string, problem: string): Denial {
  return deny("ERR_TOKEN_CLAIMS", `The token's claim "${claim}" ${problem}.`);
}
