import type { PathPorts } from "../path/ports.ts";
import { answerRecorded } from "../path/refuse.ts";
import type { StoredCall } from "../ports/calls.ts";
import type { Notices } from "../ports/notices.ts";
import type { Answer } from "../rules/answer.ts";
import { type Denial, deny } from "../rules/denial.ts";
import type { Principal } from "../rules/principal.ts";

/** The call of this id, if it is this principal's: same agent, tenant, environment and user. Anybody else gets the very answer of an unknown id. */
export async function findOwnCall(ports: PathPorts, principal: Principal, callId: string): Promise<StoredCall | Denial> {
  const call = await ports.calls.find(callId);
  return call !== null && isOwn(call, principal) && call.parent === null ? call : deny("ERR_CALL_NOT_FOUND");
}

function isOwn(call: StoredCall, { agent, tenant, environment, user }: Principal): boolean {
  return call.agent === agent && call.tenant === tenant && call.environment === environment && call.user === (user?.id ?? null);
}

/** What became of a call: held, on its way, or its real answer. */
export async function collectCall(ports: PathPorts, call: StoredCall): Promise<Answer> {
  return answerRecorded(ports, call, false);
}

const waitingStates = new Set(["held", "approved", "started"]);

/** A wake-up may be lost, or come between the look and the wait: look again this often. */
const lookAgainMs = 500;

/** Waits until a call is no longer open, at most `waitMs` or until `isOver` says so; answers what it is then. */
export async function waitForCall(
  ports: PathPorts & { readonly notices: Notices },
  callId: string,
  waitMs: number,
  isOver: () => boolean,
): Promise<Answer | null> {
  const untilMs = ports.clock.monotonicMs() + waitMs;
  for (;;) {
    const call = await ports.calls.find(callId);
    if (call === null) return null;
    const leftMs = untilMs - ports.clock.monotonicMs();
    if (!waitingStates.has(call.state) || leftMs <= 0 || isOver()) return collectCall(ports, call);
    await ports.notices.wait(callId, Math.min(leftMs, lookAgainMs));
  }
}
