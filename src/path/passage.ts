import type { RateStanding } from "../ports/rates.ts";
import type { StreamExchange, StreamRequest, UpstreamOutcome } from "../ports/upstream.ts";
import type { ProblemAnswer } from "../rules/answer.ts";
import type { Code } from "../rules/codes.ts";
import { isDenial } from "../rules/denial.ts";
import { type PassEnd, readPassOutcome, wasUsed } from "../rules/pass-outcome.ts";
import type { Settled, Transfer } from "../rules/settled.ts";
import { costOf, type Usage } from "../rules/usage.ts";
import { problem } from "./answers.ts";
import type { Started } from "./call.ts";
import { stopSubject } from "./check-stops.ts";
import { refuseToSend } from "./forward.ts";
import type { PathPorts } from "./ports.ts";
import { readContentHeaders } from "./resolve-pass.ts";
import { writeSettlement } from "./settle.ts";

/** An edge's proxy: takes an admitted call over, sends it by `open`, and must call `settle` whatever happens. */
export type Proxy = (passage: Passage, standings: readonly RateStanding[]) => void;

/** What passed, as the proxy saw it. */
export interface Passed {
  readonly transfer: Transfer;
  /** What the answer told, null when it told nothing that can be believed. */
  readonly usage: Usage | null;
}

/** What the end means for the agent: a problem in place of an answer that has not begun, and whether a clean end may be shown. */
export interface PassSettlement {
  readonly problem: ProblemAnswer | null;
  /** False for a write whose outcome is not on disk: its agent must not read an end as a success. */
  readonly mayEnd: boolean;
}

/** One admitted call on its way through a proxy. */
export interface Passage {
  readonly call: Started;
  /** Begins the one exchange, with the tenant's credentials. Asked again, for a retry say, it sends nothing. */
  open(body: Pick<StreamRequest, "body" | "bodyBytes">): StreamExchange;
  /** Books the end, durably for a write. The first one counts; asked again it answers the same. Never rejects. */
  settle(end: PassEnd, passed: Passed): Promise<PassSettlement>;
  /** Whether people have stopped this call, or nobody can say. */
  isStopped(): boolean;
}

/** The way from the admission to the end of the stream. */
export function openPassage(ports: PathPorts, call: Started): Passage {
  const startedMs = ports.clock.monotonicMs();
  let opened = false;
  let refused: UpstreamOutcome | null = null;
  let settled: Promise<PassSettlement> | null = null;
  return {
    call,
    open(body) {
      const again = opened;
      opened = true;
      const maySend = (): boolean => {
        refused = again ? { kind: "not_sent", cause: "malformed", detail: "the call was sent already" } : refuseToSend(ports, call);
        if (refused === null) ports.reach("before_socket_write");
        return refused === null;
      };
      return ports.upstreams.open({ ...requestOf(call), ...body, maySend });
    },
    settle(end, passed) {
      // The upstream adapter knows only that it was not allowed to send; why is known here.
      const told = end.kind === "not_sent" && refused?.kind === "not_sent" ? refused : end;
      settled ??= settlePassage(ports, call, told, passed, Math.round(ports.clock.monotonicMs() - startedMs));
      return settled;
    },
    isStopped: () => ports.stops.blocking(stopSubject(call), ports.clock.nowMs()) !== null,
  };
}

/** Declared headers, the content's own and the tenant's: nothing else of the agent's request goes on. */
function requestOf(call: Started): Omit<StreamRequest, "body" | "bodyBytes" | "maySend"> {
  const { tool, mount, outbound, principal, governed, pass } = { ...call, pass: call.tool.pass };
  const content = readContentHeaders(call.headers);
  return {
    upstream: mount.upstream.name,
    tenant: principal.tenant,
    method: outbound.method ?? tool.method,
    url: outbound.url,
    headers: { ...(isDenial(content) ? {} : content), ...call.meantHeaders, ...mount.upstream.headersFor.get(principal.tenant) },
    headTimeoutMs: Math.min(tool.timeoutMs, governed.contract.callTimeoutMs),
    idleTimeoutMs: pass?.idleMs ?? 1,
    wholeTimeoutMs: pass?.wholeMs ?? 1,
  };
}

async function settlePassage(
  ports: PathPorts,
  call: Started,
  end: PassEnd,
  { transfer, usage }: Passed,
  latencyMs: number,
): Promise<PassSettlement> {
  ports.reach("after_upstream_answer");
  const reading = readPassOutcome(call.tool, end);
  const cost = usage === null || call.tool.pass === undefined ? null : costOf(usage, call.tool.pass.prices);
  const priced = reading.outcome === "succeeded" && cost !== null;
  const settled: Settled = {
    outcome: reading.outcome,
    code: reading.code,
    detail: reading.detail ?? (priced ? overrunOf(call, cost) : null),
    reasons: [],
    status: "status" in end ? end.status : null,
    contentType: null,
    answerDigest: null,
    latencyMs,
    by: null,
    transfer,
    ...(usage === null ? {} : { usage: { ...usage, costMicros: cost } }),
  };
  const metered = (call.tool.pass?.usage ?? null) !== null;
  const durable = await writeSettlement(ports, {
    callId: call.id,
    settled,
    actual: priced ? costActual(call, cost) : {},
    ...(wasUsed(end, metered) ? { used: true as const } : {}),
    answer: null,
    nowMs: ports.clock.nowMs(),
  });
  return tell(call, settled, durable);
}

/** What a cost budget counts, in place of the ceiling that was reserved. */
function costActual({ governed, reservations }: Started, cost: number): Readonly<Record<string, number>> {
  const costly = new Set(governed.contract.budgets.filter(({ meter }) => meter === "cost").map(({ name }) => name));
  return Object.fromEntries(reservations.filter(({ budget }) => costly.has(budget)).map(({ budget }) => [budget, cost]));
}

function overrunOf({ tool }: Started, cost: number): string | null {
  return cost > tool.priceMicros ? `overrun: the usage cost ${cost} USD micros, and ${tool.priceMicros} were reserved` : null;
}

function tell(call: Started, settled: Settled, durable: boolean): PassSettlement {
  const isWrite = call.tool.traits.effect === "write";
  if (!durable && isWrite) {
    const detail = "The upstream has answered, but the record of it could not be written yet.";
    return { problem: problem(call.id, "ERR_OUTCOME_UNKNOWN", { detail, recorded: true }), mayEnd: false };
  }
  if (settled.code === null) return { problem: null, mayEnd: true };
  return { problem: problem(call.id, settled.code as Code, { detail: settled.detail, recorded: true }), mayEnd: true };
}
