import type { Denial } from "../rules/denial.ts";
import type { Person, Principal } from "../rules/principal.ts";
import type { RevocableFacts } from "../rules/revocations.ts";

/**
 * Verifies bearer tokens.
 *
 * Must check signature, issuer, audience, algorithm, `typ`, `exp`, `nbf`, `iat` and the claims that name the principal, and must never accept
 * a token past its expiry, from a cache or otherwise. Must never throw: whatever a caller sends is a `Denial` of one of
 * ERR_TOKEN_MALFORMED, ERR_TOKEN_UNTRUSTED, ERR_TOKEN_EXPIRED, ERR_TOKEN_CLAIMS, ERR_SCOPE_INSUFFICIENT, ERR_TOKEN_REVOKED,
 * ERR_REVOCATIONS_STALE, ERR_ISSUER_UNAVAILABLE. May wait for a key set, at most 5 s.
 */
export interface AgentTokens {
  verify(token: string, nowMs: number): Promise<Principal | Denial>;
  /**
   * Whether a principal that was verified earlier, even before a restart, is revoked now, by token, agent or user; its expiry must not matter. Null when it is
   * not. Codes: ERR_TOKEN_REVOKED, and ERR_REVOCATIONS_STALE when that cannot be known. Never waits.
   */
  revoked(principal: Principal, nowMs: number): Denial | null;
}

/** The same for people's tokens. No (issuer, audience) pair may be shared with agents. */
export interface PeopleTokens {
  verify(token: string, nowMs: number): Promise<Person | Denial>;
}

/** What was revoked before its time. Must fail closed: when the list is older than the configuration allows, everything counts as revoked. */
export interface Revocations {
  /** The first denial among these facts, or null. Never waits. Codes: ERR_TOKEN_REVOKED, ERR_REVOCATIONS_STALE. */
  judge(facts: readonly RevocableFacts[], nowMs: number): Denial | null;
  /** Reads the list anew; keeps the last good one when that fails. Never rejects. */
  refresh(nowMs: number): Promise<void>;
}

/** What a run token says. */
export interface RunTokenRequest {
  /** Who opens the run, as the opening token proved it. */
  readonly principal: Principal;
  readonly run: string;
  readonly nowMs: number;
  /** Whole seconds, later than `nowMs`, and never later than the principal's own. */
  readonly expiresAtMs: number;
}

/** Mints tokens for runs that agents open. They must be accepted by this gateway alone, on the agents' listener alone, and say nothing but what was asked. */
export interface RunTokens {
  /** ERR_RUN_TOKEN when the principal is too large for a token. */
  mint(request: RunTokenRequest): Promise<string | Denial>;
}
