import type { RateStanding } from "../ports/rates.ts";
import type { Answer } from "../rules/answer.ts";
import { isDenial } from "../rules/denial.ts";
import { admitCall } from "./admit-call.ts";
import { answerSettled } from "./answers.ts";
import type { Executed, Received, Started } from "./call.ts";
import { checkContract } from "./check-contract.ts";
import { checkStops } from "./check-stops.ts";
import { decide } from "./decide.ts";
import { forward } from "./forward.ts";
import { identify } from "./identify.ts";
import { limitRate } from "./limit-rate.ts";
import { openPassage, type Proxy } from "./passage.ts";
import type { PathPorts } from "./ports.ts";
import { propose } from "./propose.ts";
import { answerAdmission, answerFault, refuse } from "./refuse.ts";
import { resolve } from "./resolve.ts";
import { settle as settleOutcome } from "./settle.ts";

/** What the caller gets, and where its rates stand. */
export interface Reply {
  readonly answer: Answer;
  readonly standings: readonly RateStanding[];
}

/**
 * A call's path, top to bottom: admit, execute, settle. Each step takes the stage before it and returns the next one, or a denial; the types keep the order.
 * Every fault before the admission is "not executed"; every fault after it leaves the call on record as on its way.
 */
export async function answerCall(ports: PathPorts, received: Received): Promise<Reply> {
  const admitted = await admit(ports, received).catch((error: unknown) => answerFault(ports, received, error));
  if ("answer" in admitted) return admitted;
  const answer = await execute(ports, admitted.started)
    .then((executed) => settle(ports, executed))
    .catch((error: unknown) => answerFault(ports, admitted.started, error).answer);
  return { answer, standings: admitted.standings };
}

/**
 * The way of what is passed through: the same admission without arguments; the edge's proxy then sends it and, at the end of the stream, settles it. Answers
 * null when the proxy has taken the call over.
 */
export async function passCall(ports: PathPorts, received: Received, proxy: Proxy): Promise<Reply | null> {
  const admitted = await admit(ports, { ...received, passes: true }).catch((error: unknown) => answerFault(ports, received, error));
  if ("answer" in admitted) return admitted;
  proxy(openPassage(ports, admitted.started), admitted.standings);
  return null;
}

/** Everything up to the one durable write. Answers at once when the call is refused, held, a dry run or an earlier call. */
export async function admit(
  ports: PathPorts,
  received: Received,
): Promise<Reply | { readonly started: Started; readonly standings: readonly RateStanding[] }> {
  const identified = await identify(ports, received);
  if (isDenial(identified)) return refuse(ports, received, identified);
  const resolved = resolve(ports, identified);
  if (isDenial(resolved)) return refuse(ports, identified, resolved);
  const governable = checkContract(resolved);
  if (isDenial(governable)) return refuse(ports, resolved, governable);
  const stopped = checkStops(ports, governable);
  if (stopped !== null) return refuse(ports, governable, stopped);
  const standings = await limitRate(ports, governable);
  if (isDenial(standings)) return refuse(ports, governable, standings);
  const decided = await decide(ports, governable);
  if (isDenial(decided)) return refuse(ports, governable, decided, standings);
  if (decided.dryRun) return { answer: propose(decided), standings };
  const admission = await admitCall(ports, decided);
  if (isDenial(admission)) return refuse(ports, decided, admission, standings);
  if (admission.kind === "started") return { started: admission.call, standings };
  return { answer: await answerAdmission(ports, decided, admission), standings };
}

/** One attempt, with the canonical bytes. Never throws for what an upstream does. */
export function execute(ports: PathPorts, call: Started): Promise<Executed> {
  return forward(ports, call);
}

/** Books the outcome, then says it. */
export async function settle(ports: PathPorts, call: Executed): Promise<Answer> {
  return answerSettled(call.id, await settleOutcome(ports, call));
}
