import { isCardNumber } from "./card-numbers.ts";
import type { FindingKind, OutboundRule } from "./catalogue.ts";
import { type Denial, deny, type Reason } from "./denial.ts";
import { foldText } from "./folded-text.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { pointerTo, pointerTokens } from "./pointers.ts";
import { findSensitive, maskText } from "./sensitive-text.ts";

/** Where which kind was found. The pointer stops before a key that is no plain name, and the value is nowhere. */
export interface OutboundFinding {
  readonly pointer: string;
  readonly kind: FindingKind;
}

/** What to do with which kinds at one place. */
interface Orders {
  readonly refuse: readonly FindingKind[];
  readonly mask: readonly FindingKind[];
  readonly all: readonly FindingKind[];
}

/** Which rules speak of a place and of what is below it. */
interface Reach {
  readonly covering: readonly OutboundRule[];
  /** Rules whose pointer goes on below this place, with the keys that are left of it. */
  readonly below: readonly { readonly rule: OutboundRule; readonly tokens: readonly string[] }[];
  readonly orders: Orders;
}

/** Where a value stands. */
interface Place {
  readonly pointer: string;
  /** False below a key that is the caller's own text: the pointer has stopped there. */
  readonly named: boolean;
  /** The nearest key above. */
  readonly name: string;
}

/** What one inspection has gathered so far. */
interface Inspection {
  readonly refusals: Map<string, OutboundFinding>;
  readonly findings: Map<string, OutboundFinding>;
  /** Characters that may still be looked at. */
  charactersLeft: number;
}

/** Characters of one call's arguments and headers that are looked at. More than this is refused, never skipped. */
export const inspectedCharactersMax = 262_144;

const kindNames: Readonly<Record<FindingKind, string>> = {
  pan: "a payment card number (pan)",
  iban: "a bank account number (iban)",
  email: "an e-mail address (email)",
  ssn: "a social security number (ssn)",
  phone: "a telephone number (phone)",
  secret: "a key, token or password (secret)",
};
const findingsMax = 20;

/**
 * Applies a tool's outbound rules to its arguments, before digest and policy. A rule speaks of all that stands at or below its pointer: texts,
 * numbers, keys, and card numbers cut into the items of one array. First all refusals, then all masks, so that no mask hides from a refusal.
 * Declared headers are looked at by the mount's default alone, and what it would mask is refused there.
 *
 * ERR_OUTBOUND_REFUSED, with a reason for each pointer and kind, for kinds to refuse, and for kinds to mask where nothing can be masked.
 * ERR_OUTBOUND_TOO_LONG when more than `inspectedCharactersMax` would have to be looked at.
 * Otherwise the arguments with `[pan ...1111]`, `[iban]` and the like in place of what is masked, and what was masked. Masked texts may no
 * longer fit the tool's schema.
 */
export function inspectOutbound(
  rules: readonly OutboundRule[],
  args: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): { readonly args: JsonObject; readonly findings: readonly OutboundFinding[] } | Denial {
  if (rules.length === 0) return { args, findings: [] };
  const inspection: Inspection = { refusals: new Map(), findings: new Map(), charactersLeft: inspectedCharactersMax };
  const masked = inspect(args, reachOfRoot(rules), { pointer: "", named: true, name: "" }, inspection) as JsonObject;
  const inHeaders = inspectHeaders(rules, headers, inspection);
  if (inspection.charactersLeft < 0) return deny("ERR_OUTBOUND_TOO_LONG");
  const reasons = [...inspection.refusals.values()]
    .slice(0, findingsMax)
    .map(({ pointer, kind }): Reason => ({ rule: "outbound", message: `holds ${kindNames[kind]}`, pointer }));
  if (reasons.length + inHeaders.length > 0) return deny("ERR_OUTBOUND_REFUSED", undefined, { reasons: [...reasons, ...inHeaders] });
  return { args: masked, findings: [...inspection.findings.values()].slice(0, findingsMax) };
}

function inspectHeaders(
  rules: readonly OutboundRule[],
  headers: Readonly<Record<string, string>>,
  inspection: Inspection,
): readonly Reason[] {
  const kinds = rules.filter(({ isDefault }) => isDefault === true).flatMap(({ refuse, mask }) => [...refuse, ...mask]);
  if (kinds.length === 0) return [];
  return Object.entries(headers).flatMap(([name, value]) => {
    const found = new Set(look(value, kinds, name, inspection));
    return [...found].map((kind) => ({ rule: "outbound", message: `the header ${name} holds ${kindNames[kind]}` }));
  });
}

/** Notes what a value and all below it holds, and answers the value with its masks. */
function inspect(value: JsonValue, reach: Reach, place: Place, inspection: Inspection): JsonValue {
  if (reach.covering.length === 0 && reach.below.length === 0) return value;
  if (typeof value === "string") return inspectText(value, reach.orders, place, inspection);
  if (typeof value === "number") noteRefused(look(String(value), reach.orders.all, place.name, inspection), place.pointer, inspection);
  if (Array.isArray(value)) return inspectItems(value, reach, place, inspection);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      noteRefused(look(key, reach.orders.all, "", inspection), place.pointer, inspection);
      const named = place.named && /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(key);
      const below = { pointer: named ? place.pointer + pointerTo([key]) : place.pointer, named, name: key };
      return [key, inspect(item, reachBelow(reach, key), below, inspection)];
    }),
  );
}

function inspectItems(items: readonly JsonValue[], reach: Reach, place: Place, inspection: Inspection): JsonValue {
  const { pointer, named } = place;
  const kinds = [...reach.orders.all, ...reachBelow(reach, "0").orders.all];
  if (kinds.includes("pan") && isCutCard(items)) noteRefused(["pan"], pointer, inspection);
  return items.map((item, index) =>
    inspect(item, reachBelow(reach, String(index)), { ...place, pointer: named ? `${pointer}/${index}` : pointer }, inspection),
  );
}

function inspectText(text: string, { refuse, mask, all }: Orders, { pointer, name }: Place, inspection: Inspection): string {
  const kinds = look(text, all, name, inspection);
  noteRefused(
    kinds.filter((kind) => refuse.includes(kind)),
    pointer,
    inspection,
  );
  const maskable = kinds.filter((kind) => !refuse.includes(kind));
  if (maskable.length === 0) return text;
  for (const kind of maskable) note(inspection.findings, { pointer, kind });
  const masked = maskText(text, mask, name);
  // What a mask took away may have been all that hid something from a refusal.
  const uncovered = findSensitive(masked, refuse, name).map(({ kind }) => kind);
  noteRefused(uncovered, pointer, inspection);
  return masked;
}

/** The kinds that a text holds, in the order of their places. */
function look(text: string, kinds: readonly FindingKind[], name: string, inspection: Inspection): readonly FindingKind[] {
  if (kinds.length === 0) return [];
  inspection.charactersLeft -= text.length;
  return inspection.charactersLeft < 0 ? [] : findSensitive(text, kinds, name).map(({ kind }) => kind);
}

function noteRefused(kinds: readonly FindingKind[], pointer: string, { refusals }: Inspection): void {
  for (const kind of kinds) note(refusals, { pointer, kind });
}

function note(findings: Map<string, OutboundFinding>, finding: OutboundFinding): void {
  if (findings.size < findingsMax) findings.set(`${finding.kind} ${finding.pointer}`, finding);
}

function reachOfRoot(rules: readonly OutboundRule[]): Reach {
  const all = rules.map((rule) => ({ rule, tokens: pointerTokens(rule.pointer) }));
  return reachOf([], all);
}

function reachBelow(reach: Reach, key: string): Reach {
  if (reach.below.length === 0) return reach;
  const below = reach.below
    .filter(({ tokens: [token] }) => token === key || token === "*")
    .map(({ rule, tokens }) => ({ rule, tokens: tokens.slice(1) }));
  return reachOf(reach.covering, below);
}

function reachOf(above: readonly OutboundRule[], all: Reach["below"]): Reach {
  const here = all.filter(({ tokens }) => tokens.length === 0).map(({ rule }) => rule);
  const covering = [...above, ...here];
  return { covering, below: all.filter(({ tokens }) => tokens.length > 0), orders: ordersOf(covering) };
}

/** The orders of all rules that cover a place; the default's only for kinds that none of the others names. A kind that is refused is not masked. */
function ordersOf(covering: readonly OutboundRule[]): Orders {
  const own = covering.filter(({ isDefault }) => isDefault !== true);
  const named = new Set(own.flatMap(({ refuse, mask, allow = [] }) => [...refuse, ...mask, ...allow]));
  const kindsOf = (list: "refuse" | "mask"): readonly FindingKind[] => [
    ...new Set(covering.flatMap((rule) => (rule.isDefault === true ? rule[list].filter((kind) => !named.has(kind)) : rule[list]))),
  ];
  const refuse = kindsOf("refuse");
  const mask = kindsOf("mask").filter((kind) => !refuse.includes(kind));
  return { refuse, mask, all: [...refuse, ...mask] };
}

/** As many as a card number has digits. */
const cutPiecesMax = 19;

/** Whether the items of a short array spell one card number together, and hold no other digits. */
function isCutCard(items: readonly JsonValue[]): boolean {
  if (items.length < 2 || items.length > cutPiecesMax) return false;
  const pieces = items.map((item) =>
    (typeof item === "string" && item.length <= cutPiecesMax * 4) || typeof item === "number"
      ? foldText(String(item)).chars.replace(/[^0-9]/g, "")
      : "",
  );
  if (pieces.filter((piece) => piece !== "").length < 2) return false;
  return isCardNumber(Uint8Array.from(pieces.join(""), Number));
}
