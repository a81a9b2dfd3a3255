import { claimAt } from "../../rules/claim-values.ts";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import type { JsonObject } from "../../rules/json.ts";
import { checkClaims, type Span } from "./claim-checks.ts";
import { type ShapedToken, shapeOf } from "./gate.ts";
import { type Issuer, shortType } from "./issuer.ts";
import { candidates, type KeySet, type VerifyingKey } from "./key-set.ts";
import type { KeySource } from "./key-source.ts";
import { checkScope } from "./scopes.ts";
import { verifySignature } from "./signature.ts";

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
  const key = await signingKey(shaped, keys);
  if (isDenial(key)) return key;
  // Waiting for keys takes up to seconds, in which a token may expire.
  const span = checkClaims(shaped.claims, shortType(shaped.typ ?? ""), by.issuer, nowMs + waitedMs);
  if (isDenial(span)) return span;
  const unscoped = checkScope(shaped.claims, by.issuer.requiredScope);
  if (unscoped !== null) return unscoped;
  // A token ends by its issuer's `max_age` too, and nothing that is made of it may outlive it.
  const subject = by.read(
    span.untilMs < Number(shaped.claims["exp"]) * 1000 ? { ...shaped.claims, exp: span.untilMs / 1000 } : shaped.claims,
  );
  return isDenial(subject) ? subject : { by, subject, keyPrint: key.print, ...span };
}

// The issuer is read from a payload that nobody vouches for yet: it only chooses whose keys and rules the token must then stand up to.
function trustedIssuerOf<T>(shaped: ShapedToken, trusted: ReadonlyMap<string, TrustedIssuer<T>>): TrustedIssuer<T> | Denial {
  const iss = claimAt(shaped.claims, "iss") ?? trustDomainOf(shaped.claims);
  const by = typeof iss === "string" ? trusted.get(iss) : undefined;
  if (by === undefined) return untrusted("The token's issuer is not configured.");
  if (!by.issuer.algorithms.includes(shaped.alg)) return untrusted("The token's algorithm is not accepted for its issuer.");
  if (!by.issuer.typ.has(shortType(shaped.typ ?? ""))) return untrusted("The token's type is not accepted for its issuer.");
  return by;
}

// A JWT-SVID need not name its issuer: its subject's trust domain does (SPIFFE JWT-SVID section 3). Such an issuer is configured under that name.
function trustDomainOf(claims: JsonObject): string | undefined {
  const sub = Object.hasOwn(claims, "iss") ? undefined : claimAt(claims, "sub");
  return typeof sub === "string" ? /^spiffe:\/\/[a-z0-9._-]+(?=\/)/.exec(sub)?.[0] : undefined;
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

/** The key whose signature the token bears. */
async function signingKey(shaped: ShapedToken, keys: readonly VerifyingKey[]): Promise<VerifyingKey | Denial> {
  for (const key of keys) {
    const material = key.byAlgorithm.get(shaped.alg);
    if (material !== undefined && (await verifySignature(shaped.alg, material, shaped.input, shaped.signature))) return key;
  }
  return untrusted("The token's signature does not verify.");
}

function untrusted(detail: string): Denial {
  return deny("ERR_TOKEN_UNTRUSTED", detail);
}

function unavailable(): Denial {
  return deny("ERR_ISSUER_UNAVAILABLE", "The issuer's keys cannot be read right now.", { retryAfterMs: 5_000 });
}
