import { denyStopped } from "../path/check-stops.ts";
import { StoreOverloaded, StoreUnavailable } from "../ports/calls.ts";
import type { RateStanding } from "../ports/rates.ts";
import type { Contract } from "../rules/catalogue.ts";
import { contractOf } from "../rules/contract.ts";
import { type Denial, deny, isDenial } from "../rules/denial.ts";
import type { Principal } from "../rules/principal.ts";
import { rateKey } from "../rules/rate-fields.ts";
import type { ControlPorts } from "./ports.ts";

/** What an agent may ask of its new run. */
export interface RunRequest {
  /** 1,000 to 3,600,000 ms; null for as long as may be. A longer time than may be is cut, and the answer says the real one. */
  readonly ttlMs: number | null;
}

export interface OpenedRun {
  readonly run: string;
  /** The bearer token of the run. A secret: it is told once, and kept nowhere. */
  readonly token: string;
  /** Unix milliseconds, a whole second. */
  readonly expiresAtMs: number;
}

export interface RunAnswer {
  readonly opened: OpenedRun | Denial;
  /** Where the agent's rate of openings stands; empty when it was not asked. */
  readonly standings: readonly RateStanding[];
}

/** Longest life of a run token whatever is configured: one hour. */
export const runTokenTtlMsMax = 3_600_000;

/**
 * Opens a run for an agent and mints its token: the same principal with the run, no longer than the token that asks. The run is on record before the token
 * is told. Not idempotent: asked again, it opens another run. Codes: ERR_RUN_TOKEN, ERR_CONTRACT_NONE, ERR_STOPPED, ERR_STOPS_STALE, ERR_RATE_LIMITED,
 * ERR_TOKEN_EXPIRED, ERR_STORE_UNAVAILABLE, ERR_OVERLOADED. A refusal is only counted: nothing of it is in the ledger, and no money moves.
 */
export async function openRun(ports: ControlPorts, principal: Principal, { ttlMs }: RunRequest): Promise<RunAnswer> {
  const contract = admitOpening(ports, principal);
  if (isDenial(contract)) return { opened: contract, standings: [] };
  const { granted, standings } = await ports.rates.consume([rateOf(ports, principal)]);
  if (!granted) {
    const retryAfterMs = standings.at(-1)?.resetMs ?? 1000;
    return { opened: deny("ERR_RATE_LIMITED", "The agent opens runs faster than it may.", { retryAfterMs }), standings };
  }
  return { opened: await open(ports, principal, contract, ttlMs), standings };
}

/** A token that names a run has its run: another would take it out of that run's budgets and stops. */
function admitOpening(ports: ControlPorts, principal: Principal): Contract | Denial {
  if (principal.run !== null || principal.runToken !== undefined) return deny("ERR_RUN_TOKEN");
  const contract = contractOf(ports.catalogue(), principal);
  if (contract === undefined || (principal.workflow !== null && principal.workflow !== contract.workflow)) return deny("ERR_CONTRACT_NONE");
  const { tenant, agent } = principal;
  const blocking = ports.stops.blocking({ tenant, agent, workflow: contract.workflow, tool: "", run: null }, ports.clock.nowMs());
  if (blocking === null) return contract;
  return blocking === "stale" ? deny("ERR_STOPS_STALE") : denyStopped(blocking);
}

function rateOf({ runLimits }: ControlPorts, { agent, tenant, environment }: Principal) {
  const rate = { scope: "agent", limit: runLimits.openPerMinute, windowMs: 60_000 } as const;
  return { name: "runs", key: rateKey(["runs", environment, agent, tenant]), rate };
}

async function open(ports: ControlPorts, principal: Principal, contract: Contract, ttlMs: number | null): Promise<OpenedRun | Denial> {
  const nowMs = ports.clock.nowMs();
  const wishedMs = Math.min(ttlMs ?? runTokenTtlMsMax, ports.runLimits.tokenTtlMs, runTokenTtlMsMax);
  const expiresAtMs = Math.floor(Math.min(nowMs + wishedMs, principal.expiresAtMs) / 1000) * 1000;
  if (expiresAtMs <= nowMs) return deny("ERR_TOKEN_EXPIRED", "The token ends within this second.");
  const run = ports.ids.runId();
  const token = await ports.runTokens.mint({ principal, run, nowMs, expiresAtMs });
  if (isDenial(token)) return token;
  const { tenant, agent, environment, user, issuer, tokenId } = principal;
  const request = {
    ...{ run, tenant, agent, environment, workflow: contract.workflow, user: user?.id ?? null },
    ...{ openedBy: { issuer, tokenId }, expiresAtMs },
  };
  try {
    const stop = await ports.runs.open(request, nowMs);
    return stop === null ? { run, token, expiresAtMs } : denyStopped(stop);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    ports.onFault("", error);
    return deny(error instanceof StoreOverloaded ? "ERR_OVERLOADED" : "ERR_STORE_UNAVAILABLE");
  }
}
