import type { AgentTokens, PeopleTokens } from "../../ports/tokens.ts";
import type { SubjectTable } from "../../rules/claim-sources.ts";
import { type ClaimMapping, personFromClaims, principalFromClaims } from "../../rules/claims.ts";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import type { JsonObject } from "../../rules/json.ts";
import type { Person, Principal } from "../../rules/principal.ts";
import { tokenLengthMax } from "./gate.ts";
import { completeIssuer, type IssuerConfig } from "./issuer.ts";
import { type KeySet, weakKeys } from "./key-set.ts";
import { type KeySourceReport, type KeyTimes, openKeySource } from "./key-source.ts";
import { nameOf, openVerifiedCache } from "./verified-cache.ts";
import { type TrustedIssuer, type Verified, verifyToken } from "./verify.ts";

export interface TokensOptions {
  /** Most verified tokens remembered; 0 remembers none. Default 10,000. */
  readonly cacheEntriesMax?: number;
  /** Most bytes they may take, as they are estimated. Default 16 MiB. */
  readonly cacheBytesMax?: number;
  /** Other times than the defaults for key sets from files and URLs. */
  readonly keyTimes?: Partial<KeyTimes>;
}

/** Counts since the start. */
export interface TokensReport {
  /** Tokens answered from the cache of verified ones. */
  readonly cacheHits: number;
  /** Tokens that were not, accepted or refused. */
  readonly cacheMisses: number;
  readonly cacheEntries: number;
  readonly cacheBytes: number;
  readonly sources: readonly KeySourceReport[];
}

/** What an opened verifier can besides verifying. */
export interface KeyedTokens {
  /** Reads every issuer's keys now; answers one sentence for each issuer that has none and for each key that is left out. */
  ready(nowMs: number): Promise<readonly string[]>;
  report(): TokensReport;
}

/** Opens the verifier of agents' tokens. Throws when an issuer's configuration is wrong, names a weak key, or an issuer stands twice. */
export function openAgentTokens(issuers: readonly IssuerConfig[], options: TokensOptions = {}): Pick<AgentTokens, "verify"> & KeyedTokens {
  return openTokens<Principal>(issuers, options, principalFromClaims);
}

/** Opens the verifier of people's tokens. Throws as `openAgentTokens` does. */
export function openPeopleTokens(issuers: readonly IssuerConfig[], options: TokensOptions = {}): PeopleTokens & KeyedTokens {
  return openTokens<Person>(issuers, options, personFromClaims);
}

type ReadSubject<T> = (claims: JsonObject, mapping: ClaimMapping, issuer: string, subjects: SubjectTable | null) => T | Denial;

/** Opens a verifier whose tokens stand for something else: `read` makes it of the claims of a token that holds. Throws as `openAgentTokens` does. */
export function openTokens<T>(configs: readonly IssuerConfig[], options: TokensOptions, read: ReadSubject<T>) {
  const trusted = trustedIssuers(configs, options.keyTimes ?? {}, read);
  const cache = openVerifiedCache<Verified<T>>({
    entriesMax: options.cacheEntriesMax ?? 10_000,
    bytesMax: options.cacheBytesMax ?? 16 * 1_048_576,
  });
  const counts = { hits: 0, misses: 0 };
  const judge = async (token: string, nowMs: number): Promise<T | Denial> => {
    // Hashing is cheap, but not for text that is refused unread.
    if (typeof token !== "string" || token.length > tokenLengthMax)
      return deny("ERR_TOKEN_MALFORMED", `The token is longer than ${tokenLengthMax} characters.`);
    const name = nameOf(token);
    const known = cache.find(name);
    if (known !== undefined && (await stillHolds(known, nowMs))) {
      counts.hits += 1;
      return known.subject;
    }
    cache.drop(name);
    counts.misses += 1;
    const verified = await verifyToken(token, trusted, nowMs);
    if (isDenial(verified)) return verified;
    cache.keep(name, verified, token.length);
    return verified.subject;
  };
  return {
    // The port promises that nothing a caller sends makes this throw; a fault of our own must refuse too.
    verify: (token: string, nowMs: number) =>
      judge(token, nowMs).catch(() => deny("ERR_TOKEN_UNTRUSTED", "The token could not be verified.")),
    ready: (nowMs: number) => problemsAt(nowMs, [...trusted.values()]),
    report: (): TokensReport => ({
      cacheHits: counts.hits,
      cacheMisses: counts.misses,
      cacheEntries: cache.size,
      cacheBytes: cache.bytes,
      sources: [...trusted.values()].map(({ source }) => source.report()),
    }),
  };
}

// A remembered verification counts only inside the token's own time, and only while the key that made it is still published.
function stillHolds(known: Verified<unknown>, nowMs: number): boolean | Promise<boolean> {
  const set = known.by.source.fresh(nowMs);
  return set === null ? holdsAfterWaiting(known, nowMs) : holdsAt(known, set, nowMs);
}

async function holdsAfterWaiting(known: Verified<unknown>, nowMs: number): Promise<boolean> {
  const startedMs = performance.now();
  const set = await known.by.source.current(nowMs);
  return holdsAt(known, set, nowMs + Math.floor(performance.now() - startedMs));
}

function holdsAt(known: Verified<unknown>, set: KeySet | null, nowMs: number): boolean {
  return set !== null && known.fromMs <= nowMs && nowMs < known.untilMs && set.prints.has(known.keyPrint);
}

async function problemsAt<T>(nowMs: number, trusted: readonly TrustedIssuer<T>[]): Promise<readonly string[]> {
  await Promise.all(trusted.map(({ source }) => source.current(nowMs)));
  return trusted.flatMap(({ issuer, source }) => {
    const { lastFailure, refusedKeys } = source.report();
    const told = lastFailure === null ? refusedKeys : [`key set not read: ${lastFailure}`];
    return told.map((problem) => `issuer ${JSON.stringify(issuer.issuer)}: ${problem}`);
  });
}

function trustedIssuers<T>(
  configs: readonly IssuerConfig[],
  times: Partial<KeyTimes>,
  read: ReadSubject<T>,
): ReadonlyMap<string, TrustedIssuer<T>> {
  const trusted = new Map<string, TrustedIssuer<T>>();
  for (const config of configs) {
    const issuer = completeIssuer(config);
    if (trusted.has(issuer.issuer)) throw new Error(`issuer ${JSON.stringify(issuer.issuer)} is configured twice`);
    const weak = "keys" in issuer.jwks ? weakKeys(issuer.jwks.keys) : [];
    if (weak.length > 0) throw new Error(`issuer ${JSON.stringify(issuer.issuer)}: ${weak.join("; ")}`);
    const source = openKeySource(issuer, times);
    trusted.set(issuer.issuer, { issuer, source, read: (claims) => read(claims, issuer.claims, issuer.issuer, issuer.subjects) });
  }
  return trusted;
}
