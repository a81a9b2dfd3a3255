import type { Reservation } from "../rules/budgets.ts";
import { contractFloor, stricterVerdict } from "../rules/contract.ts";
import { type Denial, deny, isDenial } from "../rules/denial.ts";
import { termsOfHold } from "../rules/hold-terms.ts";
import type { JsonObject } from "../rules/json.ts";
import { type Money, readAmount } from "../rules/money.ts";
import { buildPolicyInput, type PolicyApproval } from "../rules/policy-input.ts";
import { reservationsFor } from "../rules/reservations.ts";
import type { Verdict } from "../rules/verdict.ts";
import type { Decided, Governable } from "./call.ts";
import type { PathPorts } from "./ports.ts";
import { readPreview } from "./preview.ts";

/** The verdict on exactly these arguments: contract floor and policy, the stricter of the two, and what it would take from the budgets. */
export async function decide(ports: PathPorts, call: Governable, approval: PolicyApproval | null = null): Promise<Decided | Denial> {
  const nowMs = ports.clock.nowMs();
  const preview = await readPreview(ports, call);
  if (isDenial(preview)) return preview;
  const amount = call.tool.amount === null ? null : readAmount(call.tool.amount, call.args, preview);
  if (isDenial(amount)) return amount;
  const reservations = reserveFor(call, amount, nowMs);
  if (isDenial(reservations)) return reservations;
  const floor = contractFloor(call.governed, call.tool, amount);
  if (isDenial(floor) && !(call.dryRun && floor.denied === "ERR_STAGE_DRAFT")) return floor;
  const judged = await askPolicy(ports, call, { preview, amount, reservations, approval, nowMs });
  if (isDenial(judged)) return judged;
  const verdict = isDenial(floor) ? judged.verdict : stricterVerdict(floor, judged.verdict);
  if (verdict.verdict === "deny") return deny("ERR_POLICY_DENIED", undefined, { reasons: verdict.reasons });
  const [obligation] = verdict.obligations;
  if (obligation !== undefined) return deny("ERR_POLICY_FAULT", `Policy requires ${obligation}, which this gateway cannot do yet.`);
  if (verdict.verdict === "hold" && call.tool.pass !== undefined)
    return deny("ERR_HOLD_PASSTHROUGH", undefined, { reasons: verdict.reasons });
  const hold = verdict.verdict === "hold" ? termsOfHold(call.catalogue, call.governed.contract, call.principal, verdict, nowMs) : null;
  if (isDenial(hold)) return hold;
  const { policyInput, left } = judged;
  const decided = { ...call, amount, preview, policyInput, policyDigest: ports.policy().digest, verdict, reservations, left, hold };
  return { ...decided, holdIfTwin: holdForTwin(decided, nowMs) };
}

function reserveFor(call: Governable, amount: Money | null, nowMs: number): readonly Reservation[] | Denial {
  const { agent, tenant, environment, run } = call.principal;
  const { workflow, budgets } = call.governed.contract;
  const unread = call.tool.pass !== undefined && call.tool.traits.effect === "write";
  if (unread && budgets.some(({ meter }) => meter === "amount"))
    return deny("ERR_AMOUNT_UNDETERMINED", "A write that is passed through may move money that no amount budget can count.");
  return reservationsFor(
    budgets,
    { agent, tenant, environment, workflow, run, calls: 1, costMicros: call.tool.priceMicros, amount },
    nowMs,
  );
}

interface Judged {
  readonly verdict: Verdict;
  readonly policyInput: JsonObject;
  readonly left: readonly number[];
}

interface Known {
  readonly preview: JsonObject | null;
  readonly amount: Money | null;
  readonly reservations: readonly Reservation[];
  readonly approval: PolicyApproval | null;
  readonly nowMs: number;
}

async function askPolicy(ports: PathPorts, call: Governable, known: Known): Promise<Judged | Denial> {
  const { principal, tool, governed, callDigest } = call;
  const { run, tenant, environment, agent } = principal;
  const standing = await ports.calls.standing({
    callId: known.approval === null ? null : call.id,
    reservations: known.reservations,
    run,
    tenant,
    environment,
    agent,
    callDigest,
  });
  const policyInput = buildPolicyInput({
    callId: call.id,
    timeMs: known.nowMs,
    zone: ports.settings.policyZone,
    repeats: standing.repeats,
    dryRun: call.dryRun,
    principal,
    contract: governed.contract,
    gate: governed.gate,
    tool,
    amount: known.amount,
    findings: call.findings,
    args: call.args,
    headers: call.meantHeaders,
    runCalls: standing.runCalls,
    budgets: known.reservations.map(({ budget, limit }, index) => ({ name: budget, limit, left: standing.left[index] ?? 0 })),
    approval: known.approval,
    preview: known.preview,
  });
  const verdict = ports.policy().evaluate(policyInput);
  return isDenial(verdict) ? verdict : { verdict, policyInput, left: standing.left };
}

/** Who is asked when this write turns out to be the twin of an open one: the gate's tier. */
function holdForTwin(call: Omit<Decided, "holdIfTwin">, nowMs: number): Decided["holdIfTwin"] {
  const { tier } = call.governed.gate;
  if (call.tool.traits.effect === "read" || tier === null || call.hold !== null) return call.hold;
  const reasons = [{ rule: "sameness/twin", message: "another call with these very arguments is open or unknown" }];
  const terms = termsOfHold(
    call.catalogue,
    call.governed.contract,
    call.principal,
    { ...call.verdict, verdict: "hold", tiers: [tier], reasons },
    nowMs,
  );
  return isDenial(terms) ? null : terms;
}
