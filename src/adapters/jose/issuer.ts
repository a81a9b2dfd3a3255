import { isClaimSource, type SubjectTable } from "../../rules/claim-sources.ts";
import { isClaimPlace } from "../../rules/claim-values.ts";
import { type ClaimMapping, defaultClaims } from "../../rules/claims.ts";
import type { ExpectedClaim } from "../../rules/expected-claims.ts";
import { isScope } from "./scopes.ts";

/** The signature algorithms an issuer may be given: asymmetric ones only, so that a public key can never act as a secret. */
export const knownAlgorithms = [
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "EdDSA",
  "Ed25519",
] as const;
export type Algorithm = (typeof knownAlgorithms)[number];

/** A JWK set as its owner publishes it. */
export interface JwksObject {
  readonly keys: readonly object[];
}

export type JwksPlace =
  | { readonly file: string }
  /** https, or http on loopback; `ca` is the PEM of a private CA, which is then the only one trusted. */
  | { readonly url: string; readonly ca?: string }
  | { readonly keys: JwksObject };

/** A claim, by name or pointer, and what it must be. */
export type ExpectedPair = readonly [place: string, expected: ExpectedClaim];

/** One trusted issuer of tokens. What is absent has the default named. */
export interface IssuerConfig {
  /** Compared with `iss` character by character. */
  readonly issuer: string;
  readonly jwks: JwksPlace;
  /** Our names at this issuer: `aud` must be one of them, or a list with one of them and nothing but them and `audiencesBeside`. */
  readonly audience: string | readonly string[];
  /** Other audiences that may stand beside ours. Default: none. */
  readonly audiencesBeside?: readonly string[];
  /** Default ES256, RS256, PS256, EdDSA. */
  readonly algorithms?: readonly Algorithm[];
  /** Accepted header types, compared as media types; `""` accepts a token without one. Default `at+jwt` and `JWT`. */
  readonly typ?: readonly string[];
  /** Claims that must be there besides `iss` and `aud`; `exp` and, unless `iatOptional`, `iat` always must. Names or pointers. Default none more. */
  readonly requiredClaims?: readonly string[];
  /** Claims that must have a certain value, by name or pointer. Default none. */
  readonly expect?: readonly ExpectedPair[];
  /** Claims of ID tokens that this issuer writes into other tokens too. Default none. */
  readonly tolerates?: readonly string[];
  /** This issuer need not write `iat`; a token without it may not end later than `maxAgeMs` from now. Default false. */
  readonly iatOptional?: boolean;
  /** Oldest token accepted, counted from `iat`, whatever its `exp`: 1 s to 400 days in ms. Default 24 hours. */
  readonly maxAgeMs?: number;
  /** Grace for `nbf` and `iat` when clocks differ: 0 to 60,000 ms, default 5,000. `exp` gets none. */
  readonly clockToleranceMs?: number;
  readonly claims?: Partial<ClaimMapping>;
  /** The only subjects that may call. Default: all that the claims name. */
  readonly subjects?: SubjectTable | null;
  /** While its keys cannot be read, the last good set is used until it is this old: 1 minute to 24 hours in ms. Default 1 hour. */
  readonly jwksStaleMaxMs?: number;
  /** A scope that the token must have in `scope` or `scp`. Default: none. */
  readonly requiredScope?: string | null;
}

/** An issuer after its configuration was checked and completed. */
export interface Issuer {
  readonly issuer: string;
  readonly jwks: JwksPlace;
  readonly audiences: ReadonlySet<string>;
  readonly audiencesBeside: ReadonlySet<string>;
  readonly algorithms: readonly Algorithm[];
  /** Lower case, without `application/`. */
  readonly typ: ReadonlySet<string>;
  readonly requiredClaims: readonly string[];
  readonly expect: readonly ExpectedPair[];
  readonly tolerates: ReadonlySet<string>;
  readonly iatOptional: boolean;
  readonly maxAgeMs: number;
  readonly clockToleranceMs: number;
  readonly claims: ClaimMapping;
  readonly subjects: SubjectTable | null;
  readonly jwksStaleMaxMs: number;
  readonly requiredScope: string | null;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const defaultAlgorithms: readonly Algorithm[] = ["ES256", "RS256", "PS256", "EdDSA"];
const defaultTypes: readonly string[] = ["at+jwt", "JWT"];

/** A header type as a media type in its short form: `application/at+jwt` and `AT+JWT` are `at+jwt` (RFC 7515 section 4.1.9). */
export function shortType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, "");
}

/** Checks one issuer's configuration and fills in the defaults. Throws an error that names the issuer and what is wrong with it. */
export function completeIssuer(config: IssuerConfig): Issuer {
  const wrong = firstWrong(config);
  if (wrong !== null) throw new Error(`issuer ${JSON.stringify(config.issuer)}: ${wrong}`);
  return {
    issuer: config.issuer,
    jwks: config.jwks,
    audiences: new Set(audiencesOf(config)),
    audiencesBeside: new Set(config.audiencesBeside),
    algorithms: config.algorithms ?? defaultAlgorithms,
    typ: new Set((config.typ ?? defaultTypes).map(shortType)),
    requiredClaims: [...new Set(["exp", ...(config.iatOptional === true ? [] : ["iat"]), ...(config.requiredClaims ?? [])])],
    expect: config.expect ?? [],
    tolerates: new Set(config.tolerates),
    iatOptional: config.iatOptional ?? false,
    maxAgeMs: config.maxAgeMs ?? dayMs,
    clockToleranceMs: config.clockToleranceMs ?? 5_000,
    claims: { ...defaultClaims, ...config.claims },
    subjects: config.subjects ?? null,
    jwksStaleMaxMs: config.jwksStaleMaxMs ?? hourMs,
    requiredScope: config.requiredScope ?? null,
  };
}

function firstWrong(config: IssuerConfig): string | null {
  const { algorithms = defaultAlgorithms, typ = defaultTypes, maxAgeMs = dayMs, clockToleranceMs = 0, claims = {} } = config;
  const audiences = audiencesOf(config);
  if (config.issuer === "" || audiences.length === 0 || audiences.includes("")) return "issuer and audience must not be empty";
  const foreign = algorithms.find((name) => !knownAlgorithms.includes(name));
  if (foreign !== undefined) return `algorithm ${JSON.stringify(foreign)} is not one of ${knownAlgorithms.join(", ")}`;
  if (algorithms.length === 0 || typ.length === 0) return "algorithms and typ must name at least one";
  if (!within(maxAgeMs, 1_000, 400 * dayMs)) return "maxAgeMs must be 1,000 to 34,560,000,000";
  if (!within(config.jwksStaleMaxMs ?? hourMs, 60_000, dayMs)) return "jwksStaleMaxMs must be 60,000 to 86,400,000";
  if (!within(clockToleranceMs, 0, 60_000)) return "clockToleranceMs must be 0 to 60,000";
  const place = Object.values(claims).find((source) => !isClaimSource(source));
  if (place !== undefined) return `claims: ${JSON.stringify(place)} is neither a claim's name, a JSON pointer nor a fixed value`;
  const named = [...(config.requiredClaims ?? []), ...(config.expect ?? []).map(([name]) => name)].find((name) => !isClaimPlace(name));
  if (named !== undefined) return `${JSON.stringify(named)} is neither a claim's name nor a JSON pointer`;
  if (typeof config.requiredScope === "string" && !isScope(config.requiredScope)) return "requiredScope is not one scope";
  return "url" in config.jwks ? wrongUrl(config.jwks.url) : null;
}

function within(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

// Over plain http anybody on the way could hand us keys of their own; on loopback there is no way to stand on.
function wrongUrl(text: string): string | null {
  if (!URL.canParse(text)) return "jwks.url is not a URL";
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.hash !== "") return "jwks.url must not carry credentials or a fragment";
  if (url.protocol === "https:") return null;
  const loopback = url.hostname === "localhost" || url.hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(url.hostname);
  return url.protocol === "http:" && loopback ? null : "jwks.url must be https (or http on loopback)";
}

/** Our names at an issuer. */
export function audiencesOf({ audience }: Pick<IssuerConfig, "audience">): readonly string[] {
  return typeof audience === "string" ? [audience] : audience;
}

/** The (issuer, audience) pairs that two lists share. Agents and people must share none, else one's token would open the other's door. */
export function sharedPairs(agents: readonly IssuerConfig[], people: readonly IssuerConfig[]): readonly string[] {
  const pairs = (issuer: IssuerConfig): readonly string[] =>
    audiencesOf(issuer).map((audience) => JSON.stringify([issuer.issuer, audience]));
  const theirs = new Set(people.flatMap(pairs));
  return agents.flatMap(pairs).filter((name) => theirs.has(name));
}
