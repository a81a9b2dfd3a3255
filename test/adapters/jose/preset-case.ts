/** Claims to change; undefined leaves one out. */
export type Changes = Readonly<Record<string, unknown>>;

export interface NearMiss {
  readonly title: string;
  readonly code: string;
  readonly claims?: Changes;
  readonly header?: Changes;
  /** Another algorithm than the preset's first, with a key of its own kind. */
  readonly signAs?: "ES256" | "RS256" | "ES384";
}

export interface PresetCase {
  readonly preset: string;
  /** The issuer's entry in the file, but for `preset`, `jwks` and `audience`. */
  readonly yaml: string;
  readonly audience: string;
  readonly header: Changes;
  /** A token of this provider for software, as the provider's own documents show one. */
  readonly claims: Changes;
  readonly signAs: "RS256" | "ES384" | "ES256";
  /** What the token says of who calls. */
  readonly principal: Changes;
  /** Tokens of other honest kinds, and what differs in the principal. */
  readonly alsoGood: readonly {
    readonly title: string;
    readonly header?: Changes;
    readonly claims: Changes;
    readonly principal: Changes;
  }[];
  readonly nearMisses: readonly NearMiss[];
}
