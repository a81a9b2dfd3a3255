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
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
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
}
