/** Who calls, as proved by a verified token. */
export interface Principal {
  readonly issuer: string;
  readonly agent: string;
  /** Null when the token does not say; then the contract's. */
  readonly workflow: string | null;
  readonly tenant: string;
  /** Absent in the token means `production`. */
  readonly environment: string;
  /** The run that the token proves, null when it names none. */
  readonly run: string | null;
  /** The person the agent acts for, by `person` key. */
  readonly user: { readonly id: string; readonly groups: readonly string[] } | null;
  readonly tokenId: string | null;
  /** When the token was issued, Unix milliseconds. Absent where the token does not say, and in records from before it was kept. */
  readonly issuedAtMs?: number;
  /** Who had acted before, last first, when the token says so (RFC 8693). A record; it gives nothing. */
  readonly earlierActors?: readonly string[];
  /** Unix milliseconds: the token's own end, or the end of its issuer's `max_age` when that is earlier. */
  readonly expiresAtMs: number;
  /** Set when the call came with a run token of our own, which it names. `issuer` and `tokenId` are then those of the token that opened the run. */
  readonly runToken?: { readonly issuer: string; readonly tokenId: string };
}

export const roles = ["viewer", "approver", "operator", "auditor", "admin"] as const;
export type Role = (typeof roles)[number];

/** A human, from a token of the people's issuers. */
export interface Person {
  /** The one key for this human across all issuers; what separation of duties compares. */
  readonly person: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  readonly expiresAtMs: number;
  /** The token that proved it: what revocations name. */
  readonly token?: { readonly issuer: string; readonly tokenId: string | null };
}
