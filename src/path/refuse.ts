import { type CallFacts, type StoredCall, StoreOverloaded, StoreUnavailable } from "../ports/calls.ts";
import type { RateStanding } from "../ports/rates.ts";
import type { Answer } from "../rules/answer.ts";
import { type Code, codeRow } from "../rules/codes.ts";
import type { Denial } from "../rules/denial.ts";
import type { Admission } from "./admit-call.ts";
import { answerStored, problem, problemOf } from "./answers.ts";
import type { Decided, Identified, Received, Resolved, Started } from "./call.ts";
import type { Reply } from "./index.ts";
import type { PathPorts } from "./ports.ts";

/**
 * Refuses a call. A refusal of a known principal that says something about what it tried (403, 422) is evidence and goes on record; malformed requests, unknown
 * tokens and rate limits are only counted, or anybody could fill the ledger. A denial stays a denial when it cannot be recorded.
 */
export async function refuse(
  ports: PathPorts,
  call: Received | Identified,
  denial: Denial,
  standings: readonly RateStanding[] = [],
): Promise<Reply> {
  const { status } = codeRow(denial.denied);
  const recorded = "principal" in call && (status === 403 || status === 422) && (await record(ports, call, denial));
  return { answer: problemOf(call.id, denial, recorded), standings };
}

async function record(ports: PathPorts, call: Identified, denial: Denial): Promise<boolean> {
  const reasons = denial.reasons ?? [];
  try {
    await ports.calls.recordDenied({ call: deniedFacts(ports, call, denial), code: denial.denied, reasons, atMs: ports.clock.nowMs() });
    return true;
  } catch (error) {
    ports.onFault(call.id, error);
    return false;
  }
}

/** The facts of a refused call, as far as it got; empty where it did not. */
function deniedFacts(ports: PathPorts, call: Identified & Partial<Decided>, denial: Denial): CallFacts {
  const { principal, tool } = call;
  return {
    id: call.id,
    parent: null,
    tenant: principal.tenant,
    agent: principal.agent,
    workflow: call.governed?.contract.workflow ?? principal.workflow ?? "",
    environment: principal.environment,
    run: principal.run,
    user: principal.user?.id ?? null,
    tool: tool?.name ?? (call.target.by === "name" ? call.target.tool.slice(0, 200) : ""),
    effect: tool?.traits.effect ?? "read",
    callDigest: call.callDigest ?? "",
    binding: call.binding ?? "",
    bodyDigest: call.bodyDigest ?? "",
    receivedAtMs: call.receivedAtMs,
    amount: call.amount ?? null,
    priceMicros: tool?.priceMicros ?? 0,
    verdict: { verdict: "deny", reasons: denial.reasons ?? [], tiers: [], obligations: [] },
    policyDigest: ports.policy().digest,
    catalogueDigest: ports.catalogue().digest,
  };
}

/** The answer when the durable write made the call held, or found that it is an earlier one. */
export async function answerAdmission(
  ports: PathPorts,
  call: Decided,
  admission: Exclude<Admission, { kind: "started" }>,
): Promise<Answer> {
  if (admission.kind === "same") return answerStored(admission.call, await readAnswerBody(ports, admission.call), admission.attached);
  const { demands, reasons, expiresAtMs } = admission.hold;
  return {
    kind: "held",
    callId: call.id,
    state: "held",
    tiers: demands.map((demand) => demand.tier),
    reasons,
    expiresAtMs,
    attached: false,
  };
}

/** The kept bytes of a settled call's answer; null when there are none, or when they were erased. */
export async function readAnswerBody(ports: PathPorts, call: StoredCall): Promise<Uint8Array | null> {
  const digest = call.settled?.answerDigest ?? null;
  const payload = digest === null ? null : await ports.calls.payload(digest, call.tenant);
  return payload === null ? null : ports.cipher.open(payload);
}

/** A fault is never told in its own words. Before the admission nothing was executed; after it nobody knows, and the duty that looks after overdue calls will say. */
export function answerFault(ports: PathPorts, call: Received | Resolved | Started, error: unknown): Reply {
  ports.onFault(call.id, error);
  if ("sendByMs" in call) return { answer: problem(call.id, "ERR_OUTCOME_UNKNOWN", { recorded: true }), standings: [] };
  const code = faultCode(error);
  return { answer: problem(call.id, code, code === "ERR_INTERNAL" ? {} : { retryAfterMs: 2000 }), standings: [] };
}

function faultCode(error: unknown): Code {
  if (error instanceof StoreOverloaded) return "ERR_OVERLOADED";
  return error instanceof StoreUnavailable ? "ERR_STORE_UNAVAILABLE" : "ERR_INTERNAL";
}
