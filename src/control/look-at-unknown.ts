import { checkContract } from "../path/check-contract.ts";
import { childOf, startChild } from "../path/child-call.ts";
import { restoreCall } from "../path/execute-approved.ts";
import { forward } from "../path/forward.ts";
import { settle } from "../path/settle.ts";
import type { StoredCall } from "../ports/calls.ts";
import { isDenial } from "../rules/denial.ts";
import { escapeForPeople } from "../rules/escape-for-people.ts";
import type { JsonValue } from "../rules/json.ts";
import type { State } from "../rules/states.ts";
import type { ControlPorts } from "./ports.ts";

/** One look at an upstream for what became of a call: evidence for people, and never more than that. */
export interface LookView {
  /** The look's own call, whose intent and end stand in the ledger. */
  readonly callId: string;
  readonly tool: string;
  readonly atMs: number;
  readonly state: State;
  readonly status: number | null;
  /** What the upstream answered, escaped for people; null for all looks but the newest that was answered in JSON, and when it was erased. */
  readonly answer: JsonValue;
}

/**
 * When the reconcile tool is asked, in ms after the time when nobody may think the call on its way any more: soon, when a slow upstream has caught up, and when
 * its lists have. An early look that finds nothing proves nothing.
 */
const looksAfterMs = [5_000, 60_000, 600_000] as const;
/** A look that could not be made by then, because of a stop or a standstill, is not made. */
const looksUntilMs = 3_600_000;
/** More unknown calls than this, the oldest wait for a person without a look. */
const callsMax = 1000;
const looksPerTurnMax = 20;

/** The id of a look is made of its call's, so that each is made once, whoever starts again in between. */
function lookIdOf(callId: string, turn: number): string {
  return `${callId}-look-${turn}`;
}

/** The newest look whose time has come, from 1; null before the first and after the last one's end. */
function turnDue({ settleByMs, updatedAtMs }: StoredCall, nowMs: number): number | null {
  const waitedMs = nowMs - Math.max(settleByMs ?? 0, updatedAtMs);
  const turn = looksAfterMs.findLastIndex((afterMs) => waitedMs >= afterMs) + 1;
  return turn === 0 || waitedMs > looksUntilMs ? null : turn;
}

/** Begins the looks whose time has come, at most 20, and waits for none. Rejects only when the store does. */
export async function lookAtUnknown(ports: ControlPorts): Promise<void> {
  const nowMs = ports.clock.nowMs();
  let begun = 0;
  for (const call of await ports.calls.list({ states: ["unknown"], limit: callsMax })) {
    if (begun === looksPerTurnMax) return;
    const turn = turnDue(call, nowMs);
    if (turn === null || ports.catalogue().tools.get(call.tool)?.reconcile === undefined) continue;
    const id = lookIdOf(call.id, turn);
    if ((await ports.calls.find(id)) !== null || ports.executing.has(id)) continue;
    begun += 1;
    ports.executing.set(id, lookOnce(ports, call, id));
  }
}

async function lookOnce(ports: ControlPorts, call: StoredCall, id: string): Promise<void> {
  try {
    await look(ports, call, id);
  } catch (error) {
    ports.onFault(id, error);
  } finally {
    ports.executing.delete(id);
    ports.notices.changed(call.id);
  }
}

/** Asks once. Threat: an account or upstream that has changed since has never heard of the call, and its silence would read as "it did not happen". */
async function look(ports: ControlPorts, stored: StoredCall, id: string): Promise<void> {
  const resolved = await restoreCall(ports, stored);
  const governable = isDenial(resolved) ? resolved : checkContract(resolved);
  if (isDenial(governable) || governable.binding !== stored.binding) return;
  const tool = governable.catalogue.tools.get(governable.tool.reconcile ?? "");
  if (tool === undefined) return;
  const child = childOf(ports, governable, { tool, id, reason: { rule: "reconcile", message: `what became of ${stored.id}` } });
  const started = isDenial(child) ? child : await startChild(ports, child, stored.id);
  if (!isDenial(started)) await settle(ports, await forward(ports, started));
}

/** The looks made for a call, oldest first, with the newest answer. */
export async function showLooks(ports: ControlPorts, call: StoredCall): Promise<readonly LookView[]> {
  if (call.effect === "read" || call.settled === null) return [];
  const found = await Promise.all(looksAfterMs.map((_, index) => ports.calls.find(lookIdOf(call.id, index + 1))));
  const looks = found.filter((one) => one !== null);
  const answers = await Promise.all(looks.map((one) => readAnswer(ports, one)));
  const newest = answers.findLastIndex((answer) => answer !== null);
  return looks.map(({ id, tool, receivedAtMs, state, settled }, index) => ({
    callId: id,
    tool,
    atMs: receivedAtMs,
    state,
    status: settled?.status ?? null,
    answer: index === newest ? (answers[index] ?? null) : null,
  }));
}

async function readAnswer(ports: ControlPorts, { id, settled }: StoredCall): Promise<JsonValue> {
  if (settled === null || settled.answerDigest === null || settled.outcome !== "succeeded") return null;
  const payload = await ports.calls.payload(id, settled.answerDigest);
  const plain = payload === null ? null : ports.cipher.open(payload);
  if (plain === null) return null;
  try {
    return escapeForPeople(JSON.parse(new TextDecoder().decode(plain)) as JsonValue);
  } catch {
    return null;
  }
}
