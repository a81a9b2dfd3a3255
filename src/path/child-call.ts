import { checkArguments } from "../rules/arguments.ts";
import type { Tool } from "../rules/catalogue.ts";
import { type Denial, deny, isDenial, type Reason } from "../rules/denial.ts";
import type { JsonObject } from "../rules/json.ts";
import { factsOf, keepCall } from "./admit-call.ts";
import type { Decided, Governable, Started } from "./call.ts";
import { deadlinesOf } from "./deadlines.ts";
import type { PathPorts } from "./ports.ts";
import { pinArguments } from "./resolve.ts";

/** A read that the gateway itself makes about a call. */
export interface ChildRead {
  readonly tool: Tool;
  readonly id: string;
  /** Why it is made, for the ledger. */
  readonly reason: Reason;
}

/**
 * The child call of a call: the arguments that the read tool declares, with the tenant's own credentials, under nobody's contract gate and budget. Nothing of the
 * parent but its principal, its account and these arguments goes into it. ERR_PREVIEW_FAILED when the arguments do not fit the read tool.
 */
export function childOf(ports: PathPorts, call: Governable, { tool, id, reason }: ChildRead): Decided | Denial {
  const args: JsonObject = Object.fromEntries(Object.entries(call.args).filter(([name]) => tool.places.has(name)));
  const checked = checkArguments(tool, args);
  if (isDenial(checked))
    return deny("ERR_PREVIEW_FAILED", `The arguments of this call do not fit ${tool.name}.`, { reasons: checked.reasons ?? [] });
  const pinned = pinArguments(call.principal, { tool, mount: call.mount }, args, {});
  if (isDenial(pinned)) return pinned;
  return {
    ...call,
    ...pinned,
    id,
    receivedAtMs: ports.clock.nowMs(),
    tool,
    meantHeaders: {},
    findings: [],
    key: null,
    keyMadeUp: false,
    amount: null,
    preview: null,
    policyInput: {},
    policyDigest: ports.policy().digest,
    verdict: { verdict: "allow", reasons: [reason], tiers: [], obligations: [] },
    reservations: [],
    left: [],
    hold: null,
    holdIfTwin: null,
  };
}

/** The child's own intent, durable before anything is sent. ERR_STOPPED when a stop covers it. */
export async function startChild(ports: PathPorts, child: Decided, parent: string): Promise<Started | Denial> {
  const facts = factsOf(child, parent);
  const payload = keepCall(ports, child);
  const { nowMs, sendByMs, settleByMs } = deadlinesOf(ports, child.tool);
  const admission = {
    call: facts,
    key: null,
    keyMadeUp: false,
    hold: null,
    holdIfTwin: null,
    alone: true,
    reservations: [],
    settleByMs,
    payload,
    nowMs,
  };
  const admitted = await ports.calls.admit({ ...admission, openHoldsMax: ports.settings.openHoldsMax });
  if (admitted.kind === "stopped") return deny("ERR_STOPPED");
  if (admitted.kind !== "started") return deny("ERR_PREVIEW_FAILED");
  return { ...child, sendByMs };
}
