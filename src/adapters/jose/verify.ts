import { errors, jwtVerify } from "jose";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import type { JsonObject } from "../../rules/json.ts";
import { checkClaims, type Span } from "./claim-checks.ts";
import { type ShapedToken, shapeOf } from "./gate.ts";
import { type Issuer, shortType } from "./issuer.ts";
import { candidates, type KeySet, type VerifyingKey } from "./key-set.ts";
import type { KeySource } from "./key-source.ts";

/** An issuer with its keys. */
export interface TrustedIssuer<T> {
  readonly issuer: Issuer;
  readonly source: KeySource;
  /** Turns the claims of a verified token into what it stands for. */
  readonly read: (claims: JsonObject) => T | Denial;
}

/** What a verification proved, by whose keys, and for how long it may be remembered. */
export interface Verified<T> extends Span {
  readonly by: TrustedIssuer<T>;
  readonly subject: T;
  /** Print of the key that verified it: what is remembered dies with the key. */
  readonly keyPrint: string;
}

/**
 * Verifies a token from its first byte: shape, issuer, algorithm, type, signature, registered claims, then the claims that name the subject.
 * May wait for keys. Never throws for what a token says.
 */
export async function verifyToken<T>(
  token: string,
  trusted: ReadonlyMap<string, TrustedIssuer<T>>,
  nowMs: number,
): Promise<Verified<T> | Denial> {
  const shaped = shapeOf(token);
  if (isDenial(shaped)) return shaped;
  const by = trustedIssuerOf(shaped, trusted);
  if (isDenial(by)) return by;
  const startedMs = performance.now();
  const keys = await keysFor(shaped, by.source, nowMs);
  const waitedMs = Math.floor(performance.now() - startedMs);
  if (isDenial(keys)) return keys;
  const key = await signingKey(token, shaped, keys, by.issuer, nowMs);
  if (isDenial(key)) return key;
  // Waiting for keys takes up to seconds, in which a token may expire.
  const span = checkClaims(shaped.claims, by.issuer, nowMs + waitedMs);
  if (isDenial(span)) return span;
  const subject = by.read(shaped.claims);
  return isDenial(subject) ? subject : { by, subject, keyPrint: key.print, ...span };
}

// The issuer is read from a payload that nobody vouches for yet: it only chooses whose keys and rules the token must then stand up to.
function trustedIssuerOf<T>(shaped: ShapedToken, trusted: ReadonlyMap<string, TrustedIssuer<T>>): TrustedIssuer<T> | Denial {
  const iss = Object.hasOwn(shaped.claims, "iss") ? shaped.claims["iss"] : undefined;
  const by = typeof iss === "string" ? trusted.get(iss) : undefined;
  if (by === undefined) return untrusted("The token's issuer is not configured.");
  if (!by.issuer.algorithms.includes(shaped.alg)) return untrusted("The token's algorithm is not accepted for its issuer.");
  if (!by.issuer.typ.has(shortType(shaped.typ ?? ""))) return untrusted("The token's type is not accepted for its issuer.");
  return by;
}

async function keysFor(shaped: ShapedToken, source: KeySource, nowMs: number): Promise<readonly VerifyingKey[] | Denial> {
  const fit = (set: KeySet | null) => (set === null ? [] : candidates(set, shaped.alg, shaped.kid));
  const set = source.fresh(nowMs) ?? (await source.current(nowMs));
  const found = fit(set);
  if (found.length > 0) return found;
  if (set === null) return unavailable();
  const renewed = fit(await source.renewed(nowMs));
  if (renewed.length > 0) return renewed;
  // While the issuer cannot be asked, a key that we do not know may well be its newest.
  return source.failing() ? unavailable() : untrusted("No key of the issuer fits the token.");
}

/** The key whose signature the token bears, checked by jose together with issuer, audience and times. */
async function signingKey(
  token: string,
  shaped: ShapedToken,
  keys: readonly VerifyingKey[],
  issuer: Issuer,
  nowMs: number,
): Promise<VerifyingKey | Denial> {
  const options = {
    algorithms: [shaped.alg],
    issuer: issuer.issuer,
    audience: issuer.audience,
    requiredClaims: [...issuer.requiredClaims],
    clockTolerance: issuer.clockToleranceMs / 1000,
    currentDate: new Date(nowMs),
  };
  for (const key of keys) {
    const material = key.byAlgorithm.get(shaped.alg);
    if (material === undefined) continue;
    try {
      await jwtVerify(token, material, options);
      return key;
    } catch (fault) {
      if (!(fault instanceof errors.JWSSignatureVerificationFailed)) return denialOf(fault, shaped, issuer, nowMs);
    }
  }
  return untrusted("The token's signature does not verify.");
}

// jose checks the claims only after the signature, so these faults are about a token that its issuer did sign.
function denialOf(fault: unknown, shaped: ShapedToken, issuer: Issuer, nowMs: number): Denial {
  if (fault instanceof errors.JWTExpired || fault instanceof errors.JWTClaimValidationFailed) {
    const own = checkClaims(shaped.claims, issuer, nowMs);
    return isDenial(own) ? own : deny("ERR_TOKEN_CLAIMS", `The token's claim "${fault.claim}" is not accepted.`);
  }
  return untrusted("The token does not verify.");
}

function untrusted(detail: string): Denial {
  return deny("ERR_TOKEN_UNTRUSTED", detail);
}

function unavailable(): Denial {
  return deny("ERR_ISSUER_UNAVAILABLE", "The issuer's keys cannot be read right now.", { retryAfterMs: 5_000 });
}
