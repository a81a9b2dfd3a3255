import type { Standing, StandingRequest } from "../../ports/calls.ts";
import { unitsLeft } from "../../rules/budgets.ts";
import type { State } from "../../rules/states.ts";
import { accountWithout } from "./accounts.ts";
import type { Database } from "./database.ts";

/** A run's calls that policy is told of: the last ones. */
const runCallsMax = 100;

/** What policy is told of budgets and run before it decides. */
export function readStanding(database: Database, { callId, reservations, run, tenant, agent, callDigest }: StandingRequest): Standing {
  const left = reservations.map(({ key, limit }) => unitsLeft(accountWithout(database, key, callId), limit));
  if (run === null) return { left, runCalls: [], repeats: 0 };
  const calls = database.rows<{ tool: string; status: State; digest: string }>(
    `SELECT tool, state AS status, call_digest AS digest FROM calls WHERE tenant = ? AND run = ? AND agent = ? AND state <> 'denied' AND id <> ?
      ORDER BY created_ms DESC LIMIT ${runCallsMax}`,
    tenant,
    run,
    agent,
    callId,
  );
  const runCalls = [...calls].reverse().map(({ tool, status }) => ({ tool, status }));
  return { left, runCalls, repeats: calls.filter(({ digest }) => digest === callDigest).length };
}
