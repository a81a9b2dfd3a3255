import type { Standing, StandingRequest } from "../../ports/calls.ts";
import { unitsLeft } from "../../rules/budgets.ts";
import type { State } from "../../rules/states.ts";
import { accountWithout } from "./accounts.ts";
import type { Database } from "./database.ts";

/** What policy is told of budgets and run before it decides. */
export function readStanding(database: Database, { callId, reservations, run, tenant, callDigest }: StandingRequest): Standing {
  const left = reservations.map(({ key, limit }) => unitsLeft(accountWithout(database, key, callId), limit));
  if (run === null) return { left, runCalls: [], repeats: 0 };
  const runCalls = database.rows<{ tool: string; status: State }>(
    "SELECT tool, state AS status FROM calls WHERE tenant = ? AND run = ? AND state <> 'denied' AND id <> ? ORDER BY created_ms DESC LIMIT 100",
    tenant,
    run,
    callId,
  );
  const repeats = database.row<{ n: number }>(
    "SELECT count(*) AS n FROM calls WHERE call_digest = ? AND tenant = ? AND run = ? AND state <> 'denied' AND id <> ?",
    callDigest,
    tenant,
    run,
    callId,
  );
  return { left, runCalls: [...runCalls].reverse(), repeats: repeats?.n ?? 0 };
}
