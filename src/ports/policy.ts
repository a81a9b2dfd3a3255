import type { Denial } from "../rules/denial.ts";
import type { JsonObject } from "../rules/json.ts";
import type { Verdict } from "../rules/verdict.ts";

/**
 * Evaluates the active policy bundle over one frozen input document.
 *
 * Must be synchronous and pure: same input, same bundle, same verdict. Must never throw: an error, a result that is not exactly a verdict, or
 * no bundle is a `Denial` of ERR_POLICY_FAULT, ERR_POLICY_SHAPE or ERR_POLICY_UNLOADED.
 */
export interface Policy {
  evaluate(input: JsonObject): Verdict | Denial;
  /** SHA-256 (hex) of the active bundle; empty when none is loaded. */
  readonly digest: string;
}
