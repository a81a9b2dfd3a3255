import type { Account } from "../../src/rules/budgets.ts";
import { emptyAccount } from "../../src/rules/budgets.ts";

export interface Money {
  readonly key: string;
  readonly units: number;
  readonly limit: number;
  readonly heldMax: number;
}

/** A call as the model knows it. */
export interface ModelCall {
  readonly id: string;
  readonly key: string | null;
  readonly digest: string;
  readonly effect: "read" | "write";
  readonly wasHeld: boolean;
  readonly expiresAtMs: number;
  state: string;
  money: readonly Money[];
}

/** Everything that the model remembers of one tenant with one agent. */
export interface Model {
  readonly calls: ModelCall[];
  readonly settled: Map<string, number>;
  readonly overrun: Set<string>;
  stopped: boolean;
  nowMs: number;
}

const mayAct = (call: ModelCall): boolean => ["held", "approved", "started", "unknown"].includes(call.state);
const waits = (call: ModelCall): boolean => call.state === "held" || call.state === "approved";

/** An account is nothing but the sum over open calls, and what was settled. */
export function accountIn(model: Model, key: string, without?: ModelCall): Account {
  const open = model.calls.filter((call) => mayAct(call) && call !== without);
  const sum = (calls: readonly ModelCall[]): number =>
    calls.flatMap(({ money }) => money).reduce((total, one) => total + (one.key === key ? one.units : 0), 0);
  return { ...emptyAccount, taken: sum(open), held: sum(open.filter(waits)), settled: model.settled.get(key) ?? 0 };
}

function fits(model: Model, money: readonly Money[], forHold: boolean, without?: ModelCall): boolean {
  return money.every(({ key, units, limit, heldMax }) => {
    const { taken, held, settled } = accountIn(model, key, without);
    return taken + settled <= limit && units <= limit - taken - settled && (!forHold || held + units <= heldMax);
  });
}

/** What an admission must answer. */
export function admitInModel(model: Model, call: ModelCall, asks: { hold: boolean; tier: boolean; holdsMax: number }): string {
  if (model.stopped) return "stopped";
  const known = model.calls.find((one) => call.key !== null && one.key === call.key);
  if (known !== undefined) return known.digest === call.digest ? "same" : "mismatch";
  const alike = model.calls.filter((one) => one.digest === call.digest);
  const onItsWay = (one: ModelCall): boolean => one.effect === "write" && (one.state === "started" || one.state === "unknown");
  const decidedOn = (one: ModelCall): boolean => one.wasHeld && !["not_sent", "expired", "cancelled"].includes(one.state);
  if (call.key === null && alike.some((one) => decidedOn(one) || onItsWay(one))) return "same";
  const twin = call.effect === "write" && alike.some((one) => one.effect === "write" && mayAct(one));
  const hold = asks.hold || (twin && asks.tier);
  if (twin && !hold) return "same";
  if (hold && model.calls.filter(waits).length >= asks.holdsMax) return "holds_too_many";
  if (!fits(model, call.money, hold)) return "beyond";
  model.calls.push({ ...call, state: hold ? "held" : "started", wasHeld: hold });
  return hold ? "held" : "started";
}

/** What a start must answer; the money moves into the windows given. */
export function startInModel(model: Model, call: ModelCall, money: readonly Money[]): string {
  if (call.state !== "approved" || call.expiresAtMs <= model.nowMs) return "not_approved";
  if (model.stopped) return "stopped";
  if (!fits(model, money, false, call)) return "beyond";
  Object.assign(call, { state: "started", money });
  return "started";
}

/** Ends a call that is in one of the states; only a success costs something. */
export function endInModel(model: Model, call: ModelCall, from: readonly string[], to: string, actual: number | null): boolean {
  if (!from.includes(call.state)) return false;
  Object.assign(call, { state: to, key: to === "not_sent" ? null : call.key });
  if (to !== "succeeded") return true;
  for (const { key, units, limit } of call.money) {
    model.settled.set(key, (model.settled.get(key) ?? 0) + (actual ?? units));
    const { taken, settled } = accountIn(model, key);
    if (taken + settled > limit) model.overrun.add(key);
  }
  return true;
}
