import type { Denial } from "../rules/denial.ts";
import type { Person, Principal } from "../rules/principal.ts";

/**
 * Verifies bearer tokens.
 *
 * Must check signature, issuer, audience, algorithm, `typ`, `exp`, `nbf`, `iat` and the claims that name the principal, and must never accept
 * a token past its expiry, from a cache or otherwise. Must never throw: whatever a caller sends is a `Denial` of one of
 * ERR_TOKEN_MALFORMED, ERR_TOKEN_UNTRUSTED, ERR_TOKEN_EXPIRED, ERR_TOKEN_CLAIMS, ERR_ISSUER_UNAVAILABLE. May wait for a key set, at most 5 s.
 */
export interface AgentTokens {
  verify(token: string, nowMs: number): Promise<Principal | Denial>;
}

/** The same for people's tokens. No (issuer, audience) pair may be shared with agents. */
export interface PeopleTokens {
  verify(token: string, nowMs: number): Promise<Person | Denial>;
}
