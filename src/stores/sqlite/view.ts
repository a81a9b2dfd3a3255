import type { AdmitRequest, Standing, StandingRequest } from "../../ports/calls.ts";
import { type Account, unitsLeft } from "../../rules/budgets.ts";
import type { State } from "../../rules/states.ts";
import type { Changes } from "./memory.ts";
import type { RunCall, View, ViewRequest } from "./messages.ts";
import { runCallsMax, toldCalls } from "./standing.ts";

/**
 * What the main thread knows of runs and accounts from the writer's own replies, so that policy is told of them without asking the writer. A reply is on disk
 * before it is seen here, and nobody else changes the file: this is as new as an answer from the writer would be when it arrives. It decides nothing about
 * money: the admission checks the budgets in its transaction.
 */
export interface StandingView {
  /** What policy is told, or what must be asked first. */
  read(request: StandingRequest): Standing | ViewRequest;
  /** Takes the answer to what was asked. In the order of the replies, before the changes of its batch. */
  fill(request: ViewRequest, view: View): void;
  /** A call that was just admitted. */
  add(request: AdmitRequest, status: State): void;
  apply(changes: Changes): void;
}

interface KnownRun {
  readonly calls: RunCall[];
}

/** Runs and accounts kept; beyond it the ones that were not asked for longest go. */
const runsMax = 2000;
const accountsMax = 20_000;

/** A view that knows nothing yet. */
export function emptyView(): StandingView {
  const runs = new Map<string, KnownRun>();
  const calls = new Map<string, { status: State }>();
  const accounts = new Map<string, Account>();
  const forgetRun = (name: string, known: KnownRun): void => {
    runs.delete(name);
    for (const { id } of known.calls) calls.delete(id);
  };
  const push = (known: KnownRun, call: RunCall): void => {
    if (known.calls.length >= runCallsMax) calls.delete(known.calls.shift()?.id ?? "");
    known.calls.push(call);
    calls.set(call.id, call);
  };
  return {
    read({ reservations, run, tenant, environment, agent, callDigest }) {
      const name = runName({ run, tenant, environment, agent });
      const known = name === null ? nothing : refresh(runs, name);
      const asked = reservations.map(({ key }) => refresh(accounts, key));
      if (known === undefined || asked.includes(undefined))
        return { run, tenant, environment, agent, accounts: reservations.map(({ key }) => key) };
      const left = reservations.map(({ limit }, at) => unitsLeft(asked[at] as Account, limit));
      return { left, ...toldCalls(known.calls, callDigest) };
    },
    fill({ run, tenant, environment, agent, accounts: keys }, view) {
      for (const [at, key] of keys.entries()) keep(accounts, key, view.accounts[at] as Account, accountsMax);
      const name = runName({ run, tenant, environment, agent });
      if (name === null) return;
      const before = runs.get(name);
      if (before !== undefined) forgetRun(name, before);
      const known: KnownRun = { calls: [] };
      for (const call of view.runCalls) push(known, { ...call });
      const oldest = runs.size >= runsMax ? runs.entries().next().value : undefined;
      if (oldest !== undefined) forgetRun(...oldest);
      runs.set(name, known);
    },
    add({ call: { id, tenant, environment, agent, run, tool, callDigest } }, status) {
      const name = runName({ run, tenant, environment, agent });
      const known = name === null ? undefined : runs.get(name);
      if (known !== undefined && !calls.has(id)) push(known, { id, tool, status, digest: callDigest });
    },
    apply(changes) {
      for (const [key, account] of changes.accounts) if (accounts.has(key)) accounts.set(key, account);
      for (const [id, state] of changes.states) {
        const call = calls.get(id);
        if (call !== undefined) call.status = state as State;
      }
    },
  };
}

const nothing: KnownRun = { calls: [] };

/** A run is one agent's, in one tenant and environment: an id is only as unique as its issuer. */
function runName({ run, tenant, environment, agent }: Omit<ViewRequest, "accounts">): string | null {
  return run === null ? null : JSON.stringify([environment, tenant, agent, run]);
}

/** A Map hands its keys out in the order they were set: setting anew marks an entry as just used. */
function refresh<Value>(map: Map<string, Value>, key: string): Value | undefined {
  const found = map.get(key);
  if (found === undefined) return undefined;
  map.delete(key);
  map.set(key, found);
  return found;
}

function keep<Value>(map: Map<string, Value>, key: string, value: Value, max: number): void {
  map.delete(key);
  const oldest = map.size >= max ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}
