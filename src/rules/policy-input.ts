import { DateTime } from "luxon";
import type { Contract, FindingKind, Gate, Stage, Tool, Traits } from "./catalogue.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { Principal } from "./principal.ts";
import type { State } from "./states.ts";

/** Data in the arguments that must not leave as it is, as policy sees it: where and what, never the data itself. */
export interface PolicyFinding {
  /** JSON pointer into `args`. */
  readonly pointer: string;
  readonly kind: FindingKind;
}

/** Valid votes on a held call when it is judged again. Rules may only tighten by it: the gateway decides whether votes suffice. */
export interface PolicyApproval {
  readonly tiers: readonly string[];
  /** Person keys of those who approved. */
  readonly people: readonly string[];
}

/**
 * The one document that policy sees of a call. It is frozen by its version `v`; `policyInputSchema` is its JSON Schema and `docs/policies.md`
 * explains each field. Money is integer minor units, 0..2^53-1.
 */
export interface PolicyInput extends JsonObject {
  readonly v: 1;
  readonly call: { readonly id: string; readonly time_ms: number; readonly repeats: number; readonly dry_run: boolean };
  readonly time: PolicyTime;
  readonly agent: { readonly id: string; readonly workflow: string; readonly tenant: string; readonly environment: string };
  readonly user: { readonly id: string; readonly groups: readonly string[] } | null;
  readonly contract: { readonly stage: Stage; readonly gate: PolicyGate };
  readonly tool: {
    readonly name: string;
    readonly traits: PolicyTraits;
    readonly amount: { readonly minor: number; readonly currency: string } | null;
    readonly findings: readonly { readonly pointer: string; readonly kind: FindingKind }[];
  };
  readonly args: JsonObject;
  readonly headers: { readonly [name: string]: string };
  readonly run: { readonly id: string | null; readonly calls: readonly { readonly tool: string; readonly status: State }[] };
  readonly budgets: { readonly [name: string]: { readonly limit: number; readonly left: number } };
  readonly approval: { readonly tiers: readonly string[]; readonly people: readonly string[] } | null;
  /** Verified facts of this call. Absent keys were not looked up. */
  readonly facts: { readonly [name: string]: JsonObject };
  /** What the agent says of itself; always empty in this version. */
  readonly asserted: { readonly [name: string]: never };
}

/** The call's time in the gateway's zone, so that rules need no clock. `minute_of_day` is 0..1439 of local time. */
export interface PolicyTime extends JsonObject {
  readonly zone: string;
  /** Local date, `YYYY-MM-DD`. */
  readonly date: string;
  readonly weekday: string;
  readonly minute_of_day: number;
}

interface PolicyGate extends JsonObject {
  readonly allow: boolean;
  readonly up_to: { readonly [currency: string]: number } | null;
  readonly beyond: "hold" | "deny";
  readonly tier: string | null;
}

interface PolicyTraits extends JsonObject {
  readonly effect: "read" | "write";
  readonly reversible: boolean;
  readonly financial: "none" | "low" | "high";
  readonly data: string;
  readonly errors_detectable: boolean;
  readonly maturity: "experimental" | "beta" | "stable";
}

/** What the path knows of a call when it asks policy. */
export interface PolicyInputParts {
  readonly callId: string;
  /** Unix milliseconds of the decision. */
  readonly timeMs: number;
  /** IANA name of the gateway's `policy_zone`. An unknown one makes an input that fits no schema, so the call is denied. */
  readonly zone: string;
  readonly principal: Principal;
  readonly contract: Contract;
  /** The contract's gate for this tool. */
  readonly gate: Gate;
  readonly tool: Tool;
  readonly args: JsonObject;
  /** Money this call moves, minor units; null when the tool moves none. */
  readonly amount: { readonly minor: number; readonly currency: string } | null;
  readonly findings: readonly PolicyFinding[];
  /** Declared headers only, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Earlier calls of this run, oldest first; empty when the token names no run. */
  readonly runCalls: readonly { readonly tool: string; readonly status: State }[];
  /** Units of each budget's meter that are left before this call. */
  readonly budgets: readonly { readonly name: string; readonly limit: number; readonly left: number }[];
  readonly approval: PolicyApproval | null;
  /** The preview tool's answer, null when the tool has none. */
  readonly preview: JsonObject | null;
  /** How many equal calls came before in this run. */
  readonly repeats: number;
  readonly dryRun: boolean;
}

/** Assembles the input document. Pure: the same parts make the same document. */
export function buildPolicyInput(parts: PolicyInputParts): PolicyInput {
  const { principal, contract, tool } = parts;
  return {
    v: 1,
    call: { id: parts.callId, time_ms: parts.timeMs, repeats: parts.repeats, dry_run: parts.dryRun },
    time: localTime(parts.timeMs, parts.zone),
    agent: {
      id: principal.agent,
      workflow: principal.workflow ?? contract.workflow,
      tenant: principal.tenant,
      environment: principal.environment,
    },
    user: principal.user === null ? null : { id: principal.user.id, groups: principal.user.groups },
    contract: { stage: contract.stage, gate: gateView(parts.gate) },
    tool: {
      name: tool.name,
      traits: traitsView(tool.traits),
      amount: parts.amount === null ? null : { minor: parts.amount.minor, currency: parts.amount.currency },
      findings: parts.findings.map(({ pointer, kind }) => ({ pointer, kind })),
    },
    args: parts.args,
    headers: parts.headers,
    run: { id: principal.run, calls: parts.runCalls.map((call) => ({ tool: call.tool, status: call.status })) },
    budgets: Object.fromEntries(parts.budgets.map(({ name, limit, left }) => [name, { limit, left }])),
    approval: parts.approval === null ? null : { tiers: parts.approval.tiers, people: parts.approval.people },
    facts: parts.preview === null ? {} : { preview: parts.preview },
    asserted: {},
  };
}

const weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;

/** The last minute that was asked for: zone arithmetic costs as much as half an evaluation. The same question has the same answer. */
let lastAsked: { readonly minute: number; readonly time: PolicyTime } | null = null;

/** The local date, weekday and minute of a moment. An unknown zone gives an empty weekday, which the schema refuses. */
export function localTime(timeMs: number, zone: string): PolicyTime {
  const minute = Math.floor(timeMs / 60_000);
  if (lastAsked?.minute === minute && lastAsked.time.zone === zone) return lastAsked.time;
  const time = readLocalTime(minute * 60_000, zone);
  lastAsked = { minute, time };
  return time;
}

function readLocalTime(timeMs: number, zone: string): PolicyTime {
  const local = DateTime.fromMillis(timeMs, { zone, locale: "en-US" });
  if (!local.isValid) return { zone, date: "", weekday: "", minute_of_day: -1 };
  return { zone, date: local.toISODate(), weekday: weekdays[local.weekday - 1] ?? "", minute_of_day: local.hour * 60 + local.minute };
}

function gateView(gate: Gate): PolicyGate {
  return { allow: gate.allow, up_to: gate.upTo, beyond: gate.beyond, tier: gate.tier };
}

function traitsView(traits: Traits): PolicyTraits {
  return {
    effect: traits.effect,
    reversible: traits.reversible,
    financial: traits.financial,
    data: traits.data,
    errors_detectable: traits.errorsDetectable,
    maturity: traits.maturity,
  };
}

const depthMax = 64;

/**
 * The JSON pointer of the first value that would reach Rego as something else than it is, or null when there is none. `1e400` and NaN become
 * null on the way into Wasm and null sorts below every number, so `amount < 100` would be true; an integer beyond 2^53-1 has already lost its
 * last digits; a lone surrogate becomes another character. Also refuses what is no JSON at all, and nesting over 64.
 */
export function findUnfit(value: unknown): string | null {
  return isFit(value, 0) ? null : (pointToUnfit(value, "", 0) ?? "");
}

/** Whether there is nothing to point to; the pointers would cost four times as much as the look. */
function isFit(value: unknown, depth: number): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value === "number") return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
  if (value === null || typeof value === "boolean") return true;
  if (typeof value !== "object" || depth >= depthMax) return false;
  if (Array.isArray(value)) return areFit(value, depth);
  if (!isPlain(value)) return false;
  for (const key of Object.keys(value)) {
    if (!key.isWellFormed() || !isFit((value as Readonly<Record<string, unknown>>)[key], depth + 1)) return false;
  }
  return true;
}

/** By index: what is absent is unfit too. */
function areFit(items: readonly unknown[], depth: number): boolean {
  for (let index = 0; index < items.length; index += 1) if (!isFit(items[index], depth + 1)) return false;
  return true;
}

function isPlain(fields: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(fields);
  return (prototype === Object.prototype || prototype === null) && !("toJSON" in fields);
}

function pointToUnfit(value: unknown, pointer: string, depth: number): string | null {
  if (value === null || typeof value === "boolean") return null;
  if (typeof value === "string") return value.isWellFormed() ? null : pointer;
  if (typeof value === "number")
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value)) ? null : pointer;
  if (typeof value !== "object" || depth >= depthMax) return pointer;
  return Array.isArray(value) ? unfitItem(value, pointer, depth) : unfitField(value, pointer, depth);
}

function unfitItem(items: readonly JsonValue[], pointer: string, depth: number): string | null {
  for (let index = 0; index < items.length; index += 1) {
    const found = pointToUnfit(items[index], `${pointer}/${index}`, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

function unfitField(fields: object, pointer: string, depth: number): string | null {
  if (!isPlain(fields)) return pointer;
  for (const [key, value] of Object.entries(fields)) {
    if (!key.isWellFormed()) return pointer;
    const found = pointToUnfit(value, `${pointer}/${key}`, depth + 1);
    if (found !== null) return found;
  }
  return null;
}
