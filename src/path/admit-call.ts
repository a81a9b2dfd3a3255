import { type AdmitResult, type CallFacts, type Payload, StoreUnavailable } from "../ports/calls.ts";
import { type Denial, deny } from "../rules/denial.ts";
import type { HoldTerms } from "../rules/holds.ts";
import type { JsonObject } from "../rules/json.ts";
import type { Decided, KeptCall, Started, StoredCall } from "./call.ts";
import { denyStopped } from "./check-stops.ts";
import { deadlinesOf } from "./deadlines.ts";
import type { PathPorts } from "./ports.ts";

/** What the durable write made of a call: it may go on, it waits for people, or it is an earlier call. */
export type Admission =
  | { readonly kind: "started"; readonly call: Started }
  | { readonly kind: "held"; readonly hold: HoldTerms }
  | { readonly kind: "same"; readonly call: StoredCall; readonly attached: boolean };

/** The one durable write of a call: key, budgets, hold or intent and evidence, all or none. */
export async function admitCall(ports: PathPorts, call: Decided): Promise<Admission | Denial> {
  const { nowMs, sendByMs, settleByMs } = deadlinesOf(ports, call.tool);
  const facts = factsOf(call, null);
  const payload = keepCall(ports, call);
  const { key, keyMadeUp, hold, holdIfTwin, reservations } = call;
  const { openHoldsMax } = ports.settings;
  const result = await ports.calls.admit({
    call: facts,
    key,
    keyMadeUp,
    hold,
    holdIfTwin,
    // What is passed through was not read, so no two requests are known to be the same.
    alone: call.tool.pass !== undefined,
    reservations,
    settleByMs,
    payload,
    openHoldsMax,
    nowMs,
  });
  if (result.kind === "started") return { kind: "started", call: { ...call, sendByMs } };
  return result.kind === "held" || result.kind === "same" ? result : refusalOf(result, nowMs);
}

type Refusal = Exclude<AdmitResult, { kind: "started" | "held" | "same" }>;

function refusalOf(result: Refusal, nowMs: number): Denial {
  switch (result.kind) {
    case "mismatch":
      return deny("ERR_KEY_REUSED", `The key was used by ${result.callId} with other arguments.`);
    case "stopped":
      return denyStopped(result.stop);
    case "holds_too_many":
      return deny("ERR_HOLDS_TOO_MANY", `${result.open} calls are already held.`);
    case "beyond":
      return denyBeyond(result.reservation, result.left, nowMs);
  }
}

/** The denial of a call that a budget cannot carry. */
export function denyBeyond({ budget, units, endsAtMs }: Decided["reservations"][number], left: number, nowMs: number): Denial {
  const reasons = [{ rule: `budget/${budget}`, message: `this call needs ${units} and ${left} are left` }];
  const detail = `The budget ${budget} has ${left} left and this call needs ${units}.`;
  if (endsAtMs === null) return deny("ERR_BUDGET_EXHAUSTED", detail, { reasons });
  return deny("ERR_BUDGET_WINDOW", detail, { reasons, retryAfterMs: endsAtMs - nowMs });
}

/** The unchanging facts of a call, for the row and the ledger. */
export function factsOf(call: Decided, parent: string | null): CallFacts {
  const { principal, tool, governed } = call;
  return {
    id: call.id,
    parent,
    tenant: principal.tenant,
    agent: principal.agent,
    workflow: governed.contract.workflow,
    environment: principal.environment,
    run: principal.run,
    user: principal.user?.id ?? null,
    tool: tool.name,
    effect: tool.traits.effect,
    callDigest: call.callDigest,
    binding: call.binding,
    bodyDigest: call.bodyDigest,
    receivedAtMs: call.receivedAtMs,
    amount: call.amount,
    priceMicros: tool.priceMicros,
    verdict: call.verdict,
    policyDigest: call.policyDigest,
    catalogueDigest: call.catalogue.digest,
    ...(tool.pass !== undefined && tool.pass.usage !== null ? { metered: true } : {}),
  };
}

const encoder = new TextEncoder();

/** The encrypted document of a call: enough to run it after approval, and to show people what they sign. */
export function keepCall(ports: PathPorts, call: Decided): Payload {
  const { principal, tool, outbound, args, meantHeaders, findings, preview, policyInput } = call;
  const kept: KeptCall = {
    principal,
    tool: tool.name,
    method: tool.method,
    ...outbound,
    args,
    meantHeaders,
    findings,
    preview,
    policyInput: withoutArguments(policyInput),
  };
  try {
    return ports.cipher.seal(principal.tenant, encoder.encode(JSON.stringify(kept)));
  } catch (cause) {
    throw new StoreUnavailable("the call cannot be sealed: a tenant's key is made with its first call, and needs the disk", { cause });
  }
}

/** Policy is asked about the very arguments and headers that are kept beside its input: they need not be sealed and written twice. */
function withoutArguments(policyInput: JsonObject): JsonObject {
  const { args: _args, headers: _headers, ...rest } = policyInput;
  return rest;
}
