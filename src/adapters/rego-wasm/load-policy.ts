import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { Policy } from "../../ports/policy.ts";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import { isJsonObject, type JsonObject } from "../../rules/json.ts";
import { openBundle, type PolicyBundle } from "../../rules/policy-bundle.ts";
import { findUnfit } from "../../rules/policy-input.ts";
import { policyInputSchema } from "../../rules/policy-input-schema.ts";
import { compileSchema } from "../../rules/schema.ts";
import { readTar } from "../../rules/tar.ts";
import { readVerdict, type Verdict } from "../../rules/verdict.ts";
import { createEngine, type Engine } from "./engine.ts";

export interface PolicyOptions {
  /** Most memory of one evaluation in Wasm pages of 64 KiB, 4..65536. Default 512 (32 MiB). */
  readonly memoryPagesMax?: number;
  /** Told why an evaluation faulted, for the operator's log; must not throw. The caller of the gateway never sees it. */
  readonly onFault?: (cause: string) => void;
}

const bundleBytesMax = 16 * 1024 * 1024;
const archiveBytesMax = 64 * 1024 * 1024;
const memoryPagesDefault = 512;

const inputFindings = compileSchema(policyInputSchema, "output");

/** The policy of a gateway that has none: every call is denied with ERR_POLICY_UNLOADED. */
export const noPolicy: Policy = { evaluate: () => deny("ERR_POLICY_UNLOADED"), digest: "" };

/**
 * Loads a standard OPA bundle (tar.gz, target wasm). A bundle that breaks a rule of `docs/policies.md` is a Denial of ERR_POLICY_UNLOADED whose
 * reasons name every fault; nothing of it is used. Never throws. The digest is of the bundle's bytes as given.
 */
export function loadPolicy(bundle: Uint8Array, options: PolicyOptions = {}): Policy | Denial {
  const opened = readBundle(bundle);
  if (isFaults(opened)) return refuseBundle(opened);
  const engine = createEngine(opened.wasm, opened.documents, { memoryPagesMax: options.memoryPagesMax ?? memoryPagesDefault });
  if ("fault" in engine) return refuseBundle([engine.fault]);
  const digest = createHash("sha256").update(bundle).digest("hex");
  const onFault = options.onFault ?? (() => undefined);
  return { digest, evaluate: (input) => evaluateSafely(engine, input, onFault) };
}

const isFaults = (opened: PolicyBundle | readonly string[]): opened is readonly string[] => Array.isArray(opened);

/** The checked parts of a bundle, or what is wrong with it. Bundles of more than 16 MiB, 64 MiB unpacked, are refused. */
export function readBundle(bundle: Uint8Array): PolicyBundle | readonly string[] {
  if (bundle.length > bundleBytesMax) return [`the bundle is larger than ${bundleBytesMax} bytes`];
  try {
    const entries = readTar(gunzipSync(bundle, { maxOutputLength: archiveBytesMax }));
    return typeof entries === "string" ? [entries] : openBundle(entries);
  } catch {
    return ["the bundle is not a gzip archive, or too large"];
  }
}

function refuseBundle(faults: readonly string[]): Denial {
  const detail = `The policy bundle is refused: ${faults[0] ?? "unknown"}${faults.length > 1 ? `, and ${faults.length - 1} more` : ""}`;
  return deny("ERR_POLICY_UNLOADED", detail, { reasons: faults.map((message) => ({ rule: "bundle_refused", message })) });
}

/** One evaluation, from the untrusted input to a verdict; whatever goes wrong on the way denies. */
export function evaluateSafely(engine: Engine, input: JsonObject, onFault: (cause: string) => void): Verdict | Denial {
  try {
    const misfit = findMisfit(input);
    if (misfit !== null) return fault(misfit, onFault);
    const outcome = engine.run(input);
    if ("fault" in outcome) return fault(outcome.fault, onFault);
    const verdict = readVerdict(outcome.result, input);
    if (isDenial(verdict)) onFault(verdict.detail ?? verdict.denied);
    return verdict;
  } catch {
    return deny("ERR_POLICY_FAULT");
  }
}

function fault(cause: string, onFault: (cause: string) => void): Denial {
  onFault(cause);
  return deny("ERR_POLICY_FAULT");
}

/** Why this is not a policy input, or null. No rule sees a field that was not checked (Rego compares null, booleans and numbers silently). */
function findMisfit(input: JsonObject): string | null {
  if (!isJsonObject(input)) return "the policy input is not an object";
  const unfit = findUnfit(input);
  if (unfit !== null) return `the policy input holds a value at ${unfit} that Rego cannot hold`;
  const [first] = inputFindings(input);
  return first === undefined ? null : `the policy input does not fit its schema at ${first.pointer}: ${first.message}`;
}
