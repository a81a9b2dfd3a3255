import type { Standing, StandingRequest } from "../../ports/calls.ts";
import { unitsLeft } from "../../rules/budgets.ts";
import type { State } from "../../rules/states.ts";
import { accountWithout, readAccount } from "./accounts.ts";
import type { Database } from "./database.ts";
import type { RunCall, View, ViewRequest } from "./messages.ts";
import { findCall, readReservations } from "./rows.ts";

/** A run's calls that policy is told of: the last ones. */
export const runCallsMax = 100;

/** What policy is told of budgets and run before it decides on a call that the store knows: the call itself and its money are left out. */
export function readStanding(database: Database, request: StandingRequest): Standing {
  const { callId, reservations, callDigest } = request;
  const stored = callId === null ? null : findCall(database, "id = ?", callId);
  const own = stored === null ? null : { ...stored, reservations: readReservations(database, stored.booked) };
  const left = reservations.map(({ key, limit }) => unitsLeft(accountWithout(database, key, own), limit));
  return { left, ...toldCalls(readRunCalls(database, request, callId ?? ""), callDigest) };
}

/** A run's calls in the form that policy gets. */
export function toldCalls(calls: readonly RunCall[], callDigest: string): Pick<Standing, "runCalls" | "repeats"> {
  let repeats = 0;
  const runCalls = calls.map(({ tool, status, digest }) => {
    if (digest === callDigest) repeats += 1;
    return { tool, status };
  });
  return { runCalls, repeats };
}

/** A run and accounts, for the main thread to keep in view. */
export function readView(database: Database, request: ViewRequest): View {
  return { accounts: request.accounts.map((key) => readAccount(database, key)), runCalls: readRunCalls(database, request, "") };
}

function readRunCalls(database: Database, request: Omit<ViewRequest, "accounts">, butId: string): readonly RunCall[] {
  const { run, tenant, environment, agent } = request;
  if (run === null) return [];
  const calls = database.rows<{ id: string; tool: string; status: State; digest: string }>(
    `SELECT id, tool, state AS status, call_digest AS digest FROM calls
      WHERE tenant = ? AND run = ? AND run <> '' AND agent = ? AND environment = ? AND state <> 'denied' AND id <> ? ORDER BY told DESC LIMIT ${runCallsMax}`,
    ...[tenant, run, agent, environment, butId],
  );
  return [...calls].reverse();
}
