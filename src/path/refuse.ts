import { type CallFacts, type StoredCall, StoreOverloaded, StoreUnavailable } from "../ports/calls.ts";
import type { RateStanding } from "../ports/rates.ts";
import type { Answer } from "../rules/answer.ts";
import { type Code, codeRow } from "../rules/codes.ts";
import type { Denial } from "../rules/denial.ts";
import { rateKey } from "../rules/rate-fields.ts";
import type { Admission } from "./admit-call.ts";
import { answerStored, problem, problemOf } from "./answers.ts";
import type { Decided, Identified, Received, Resolved, Started } from "./call.ts";
import type { Reply } from "./index.ts";
import type { PathPorts } from "./ports.ts";

/**
 * Refuses a call. A refusal of a known principal that says something about what it tried (403, 422) is evidence and goes on record. Before the contract's rates were asked, only so many a minute do; malformed
 * requests, unknown tokens and rate limits are only counted, or anybody could fill the ledger. A denial stays a denial when it cannot be recorded.
 *
 * A call whose key was used before is that call, whatever is refused now: what was executed is never told as "NOT executed".
 */
export async function refuse(
  ports: PathPorts,
  call: Received | Identified | Resolved,
  denial: Denial,
  standings: readonly RateStanding[] | null = null,
): Promise<Reply> {
  const earlier = "key" in call && !call.dryRun ? await answerEarlier(ports, call) : null;
  if (earlier !== null) return { answer: earlier, standings: standings ?? [] };
  const { status } = codeRow(denial.denied);
  const recorded = "principal" in call && (status === 403 || status === 422) && (await record(ports, call, denial, standings !== null));
  return { answer: problemOf(call.id, denial, recorded), standings: standings ?? [] };
}

/** The answer of the call that took this key with these arguments, null when there is none. */
async function answerEarlier(ports: PathPorts, call: Resolved): Promise<Answer | null> {
  if (call.key === null) return null;
  const { tenant, environment, agent, user } = call.principal;
  try {
    const earlier = await ports.calls.findByKey({ tenant, environment, agent, user: user?.id ?? null }, call.key);
    return earlier?.callDigest === call.callDigest ? await answerRecorded(ports, earlier, false) : null;
  } catch (error) {
    ports.onFault(call.id, error);
    return problem(call.id, "ERR_ANSWER_UNREADABLE");
  }
}

/** Refusals of one agent, tenant and environment, before its rates were asked, that go on record in a minute; more are only counted. */
const recordedPerMinuteMax = 30;

async function mayRecord(ports: PathPorts, { principal: { agent, tenant, environment } }: Identified): Promise<boolean> {
  const rate = { scope: "agent", limit: recordedPerMinuteMax, windowMs: 60_000 } as const;
  return (await ports.rates.consume([{ name: "agent", key: rateKey(["refusals", environment, agent, tenant]), rate }])).granted;
}

async function record(ports: PathPorts, call: Identified, denial: Denial, rated: boolean): Promise<boolean> {
  const reasons = denial.reasons ?? [];
  try {
    if (!rated && !(await mayRecord(ports, call))) return false;
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
  if (admission.kind === "same") return answerRecorded(ports, admission.call, admission.attached);
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

/** The answer of a call that the store knows. When it cannot be read, nobody is told that nothing was executed. */
export async function answerRecorded(ports: PathPorts, call: StoredCall, attached: boolean): Promise<Answer> {
  try {
    return answerStored(call, await readAnswerBody(ports, call), attached);
  } catch (error) {
    ports.onFault(call.id, error);
    return problem(call.id, "ERR_ANSWER_UNREADABLE", { recorded: true, attachedTo: attached ? call.id : null });
  }
}

/** The kept bytes of a settled call's answer; null when there are none, or when they were erased. */
async function readAnswerBody(ports: PathPorts, call: StoredCall): Promise<Uint8Array | null> {
  const digest = call.settled?.answerDigest ?? null;
  const payload = digest === null ? null : await ports.calls.payload(call.id, digest);
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
