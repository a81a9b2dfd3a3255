import type { Catalogue, Contract } from "./catalogue.ts";
import { type Denial, deny } from "./denial.ts";
import type { HoldTerms, TierDemand } from "./holds.ts";
import type { Principal } from "./principal.ts";
import type { Verdict } from "./verdict.ts";

/** What a hold verdict asks of people. A tier that nobody configured cannot be signed, so it denies. The hold ends with its shortest-lived tier. */
export function termsOfHold(
  catalogue: Catalogue,
  contract: Contract,
  principal: Principal,
  verdict: Verdict,
  nowMs: number,
): HoldTerms | Denial {
  const tiers = verdict.tiers.map((name) => catalogue.tiers.get(name) ?? name);
  const unknown = tiers.find((tier) => typeof tier === "string");
  if (unknown !== undefined || tiers.length === 0) {
    return deny(
      "ERR_POLICY_FAULT",
      `The verdict asks for a tier that is not configured: ${typeof unknown === "string" ? unknown : "none"}.`,
    );
  }
  const known = tiers.filter((tier) => typeof tier !== "string");
  return {
    demands: known.map(({ name, group, people }): TierDemand => ({ tier: name, group, people })),
    expiresAtMs: nowMs + Math.min(...known.map((tier) => tier.expiresMs)),
    reasons: verdict.reasons,
    excluded: [contract.owner, ...(principal.user === null ? [] : [principal.user.id])],
  };
}
