import type { Rate } from "../rules/catalogue.ts";
import type { RateStanding } from "../rules/rate-fields.ts";

export type { RateStanding };

export interface RateUse {
  /** `agent`, `tenant` or `tool`, or `runs` for openings: the name in the RateLimit fields. */
  readonly name: string;
  /** Counter key; carries the scope's ids, length-prefixed so that no two scopes collide (`rateKey`). */
  readonly key: string;
  readonly rate: Rate;
}

export interface RateResult {
  readonly granted: boolean;
  /** One for each use asked, in order; for a refusal up to and with the one that refused. */
  readonly standings: readonly RateStanding[];
}

/**
 * Counts requests. What is lost here costs rates, never money. A refused call must burn at most one point in one scope.
 * Throws when the counter store fails, or for a rate it cannot count; the path then denies.
 */
export interface Rates {
  consume(uses: readonly RateUse[]): Promise<RateResult>;
}
