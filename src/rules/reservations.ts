import { DateTime } from "luxon";
import type { Reservation } from "./budgets.ts";
import type { Budget } from "./catalogue.ts";
import { type Denial, deny } from "./denial.ts";
import type { Money } from "./money.ts";

/** What a call uses, and of whom. */
export interface Usage {
  readonly tenant: string;
  readonly environment: string;
  readonly agent: string;
  readonly workflow: string;
  readonly run: string | null;
  readonly calls: number;
  /** USD micros. */
  readonly costMicros: number;
  readonly amount: Money | null;
}

/** A budget's window around a moment: its start and, unless it is a run's, the moment it turns. Unix ms. DST and leap days are the zone's. */
export function windowAt(budget: Pick<Budget, "window" | "zone">, nowMs: number): Window {
  if (budget.window === "run") return { startMs: 0, endMs: null };
  const name = `${budget.window} ${budget.zone}`;
  const last = lastWindows.get(name);
  if (last !== undefined && last.startMs <= nowMs && nowMs < (last.endMs ?? 0)) return last;
  const window = computeWindow(budget.window, budget.zone, nowMs);
  lastWindows.set(name, window);
  return window;
}

interface Window {
  readonly startMs: number;
  readonly endMs: number | null;
}

// The window of a zone that was asked for last: it stays the answer until it turns, and computing it takes 30 us. As many as the configuration has zones.
const lastWindows = new Map<string, Window>();

function computeWindow(window: Exclude<Budget["window"], "run">, zone: string, nowMs: number): Window {
  const start = DateTime.fromMillis(nowMs, { zone }).startOf(window);
  const next = start.plus({ [window]: 1 });
  if (window === "minute" || window === "hour") return { startMs: start.toMillis(), endMs: next.toMillis() };
  return { startMs: firstOf(start), endMs: firstOf(next.startOf(window)) };
}

/** Where clocks go back over midnight (Azores, Havana), midnight comes twice. The day has begun at the first, else its budget would open again. */
function firstOf(midnight: DateTime): number {
  return Math.min(...midnight.getPossibleOffsets().map((one) => one.toMillis()));
}

/** All reservations that a contract's budgets ask of a call. An amount in a currency that no amount budget counts is denied: it would be uncapped. */
export function reservationsFor(budgets: readonly Budget[], usage: Usage, nowMs: number): readonly Reservation[] | Denial {
  const amountBudgets = budgets.filter((budget) => budget.meter === "amount");
  if (usage.amount !== null && amountBudgets.length > 0 && !amountBudgets.some((budget) => budget.currency === usage.amount?.currency)) {
    return deny("ERR_AMOUNT_UNDETERMINED", `No budget of the contract counts ${usage.amount.currency}.`);
  }
  return budgets.flatMap((budget) => {
    const units = unitsOf(budget, usage);
    return units === null ? [] : [reserve(budget, usage, units, nowMs)];
  });
}

/** Units of one budget's meter that a call uses, null when the budget does not concern it. */
function unitsOf(budget: Budget, usage: Usage): number | null {
  switch (budget.meter) {
    case "calls":
      return usage.calls;
    case "cost":
      return usage.costMicros;
    case "amount":
      return usage.amount !== null && usage.amount.currency === budget.currency ? usage.amount.minor : null;
  }
}

function reserve(budget: Budget, usage: Usage, units: number, nowMs: number): Reservation {
  const { startMs, endMs } = windowAt(budget, nowMs);
  const { meter, currency, scope, window, zone, limit } = budget;
  return {
    key: JSON.stringify([meter, currency, scope, ...scopeIds(budget, usage), window, zone, startMs]),
    budget: budget.name,
    units,
    limit,
    heldMax: Math.floor((limit * budget.heldShareMax) / 100),
    endsAtMs: endMs,
  };
}

/**
 * The ids that a scope counts by. No counter crosses a tenant or an environment. An agent's run counts for that agent alone: a run id is only as unique as its
 * issuer.
 */
function scopeIds({ scope }: Budget, { environment, tenant, agent, workflow, run }: Usage): readonly (string | null)[] {
  switch (scope) {
    case "run":
      return [environment, tenant, agent, run];
    case "agent":
      return [environment, tenant, agent];
    case "workflow":
      return [environment, tenant, workflow];
    case "tenant":
      return [environment, tenant];
  }
}
