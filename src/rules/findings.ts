import { findCardNumbers } from "./card-numbers.ts";
import type { FindingKind, OutboundRule } from "./catalogue.ts";
import { type Denial, deny } from "./denial.ts";
import { findEmailAddresses } from "./email-addresses.ts";
import { foldText } from "./folded-text.ts";
import { findIbans } from "./ibans.ts";
import { atPointer, isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { pointerTo, pointerTokens } from "./pointers.ts";

/** A part of a text that is sensitive. Offsets in UTF-16 units, `end` exclusive. */
export interface SensitiveSpan {
  readonly kind: FindingKind;
  readonly start: number;
  readonly end: number;
}

/** Where which kind was found. The pointer stops before a key that is no plain name, and the value is nowhere. */
export interface OutboundFinding {
  readonly pointer: string;
  readonly kind: FindingKind;
}

const finders: Readonly<Record<FindingKind, (chars: string) => readonly { readonly from: number; readonly to: number }[]>> = {
  pan: findCardNumbers,
  iban: findIbans,
  email: findEmailAddresses,
};

/**
 * Finds what these kinds name in a text, by start; overlapping finds of one kind are one. Sees through foreign digits, full-width letters and
 * invisible characters. Does not see through encodings (base64, percent), words for digits, or a value spread over several fields.
 * Time is linear in the text's length.
 */
export function findSensitive(text: string, kinds: readonly FindingKind[]): readonly SensitiveSpan[] {
  const folded = foldText(text);
  const spans = kinds.flatMap((kind) =>
    joinOverlaps(finders[kind](folded.chars).map(({ from, to }) => ({ kind, ...folded.spanOf(from, to) }))),
  );
  return spans.sort((a, b) => a.start - b.start || b.end - a.end);
}

/** The first span's kind names the union. */
function joinOverlaps(spans: readonly SensitiveSpan[]): SensitiveSpan[] {
  if (spans.length < 2) return [...spans];
  const joined: SensitiveSpan[] = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last === undefined || span.start >= last.end) joined.push(span);
    else joined[joined.length - 1] = { ...last, end: Math.max(last.end, span.end) };
  }
  return joined;
}

interface Sighting extends OutboundFinding {
  /** False for numbers, keys and card numbers cut into array items: no text stands there that could be replaced. */
  readonly maskable: boolean;
}

/**
 * Applies a tool's outbound rules to its arguments, before digest and policy. A rule speaks of all that stands at or below its pointer: texts,
 * numbers, keys, and card numbers cut into the items of one array. First all refusals, then all masks, so that no mask hides from a refusal.
 *
 * ERR_OUTBOUND_REFUSED, with a reason for each pointer and kind, for kinds to refuse, and for kinds to mask where nothing can be masked.
 * Otherwise the arguments with `[pan ...1111]`, `[iban]` or `[email]` in place of what is masked, and what was masked. Masked texts may no
 * longer fit the tool's schema.
 */
export function inspectOutbound(
  rules: readonly OutboundRule[],
  args: JsonObject,
): { readonly args: JsonObject; readonly findings: readonly OutboundFinding[] } | Denial {
  const { refusals, findings } = judge(rules, args);
  const masked = rules.reduce<JsonValue>((document, { pointer, mask }) => {
    return atPointer(document, pointer) === undefined
      ? document
      : changeAt(document, pointerTokens(pointer), (value) => maskTexts(value, mask));
  }, args);
  // What a mask took away may have been all that hid something from a refusal.
  if (findings.length > 0) refusals.push(...judge(rules, masked).refusals);
  if (refusals.length === 0) return { args: masked as JsonObject, findings: distinct(findings) };
  const reasons = distinct(refusals).map(({ pointer, kind }) => ({ rule: "outbound", message: `holds ${kindNames[kind]}`, pointer }));
  return deny("ERR_OUTBOUND_REFUSED", undefined, { reasons });
}

/** What these rules find, by what becomes of it. */
function judge(
  rules: readonly OutboundRule[],
  document: JsonValue,
): { readonly refusals: OutboundFinding[]; readonly findings: OutboundFinding[] } {
  const refusals: OutboundFinding[] = [];
  const findings: OutboundFinding[] = [];
  for (const rule of rules) {
    const below = atPointer(document, rule.pointer);
    for (const { pointer, kind, maskable } of below === undefined ? [] : sightings(below, rule)) {
      (rule.refuse.includes(kind) || !maskable ? refusals : findings).push({ pointer, kind });
    }
  }
  return { refusals, findings };
}

const kindNames: Readonly<Record<FindingKind, string>> = {
  pan: "a payment card number (pan)",
  iban: "a bank account number (iban)",
  email: "an e-mail address (email)",
};
const findingsMax = 20;

function distinct(findings: readonly OutboundFinding[]): readonly OutboundFinding[] {
  const byName = new Map(findings.map((finding) => [`${finding.kind} ${finding.pointer}`, finding]));
  return [...byName.values()].slice(0, findingsMax);
}

function sightings(value: JsonValue, rule: OutboundRule): readonly Sighting[] {
  const kinds = [...new Set([...rule.refuse, ...rule.mask])];
  const seen: Sighting[] = [];
  const look = (text: string, pointer: string, maskable: boolean): void => {
    for (const { kind } of findSensitive(text, kinds)) seen.push({ pointer, kind, maskable });
  };
  const visit = (here: JsonValue, pointer: string, named: boolean): void => {
    if (typeof here === "string") look(here, pointer, true);
    else if (typeof here === "number") look(String(here), pointer, false);
    else if (Array.isArray(here)) {
      if (kinds.includes("pan") && isCutCard(here)) seen.push({ pointer, kind: "pan", maskable: false });
      for (const [index, item] of here.entries()) visit(item, named ? `${pointer}/${index}` : pointer, named);
    } else if (isJsonObject(here)) {
      for (const [key, item] of Object.entries(here)) {
        look(key, pointer, false);
        const plain = named && /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(key);
        visit(item, plain ? pointer + pointerTo([key]) : pointer, plain);
      }
    }
  };
  visit(value, rule.pointer, true);
  return seen;
}

/** As many as a card number has digits. */
const cutPiecesMax = 19;

/** Whether the items of a short array spell one card number together, and hold no other digits. */
function isCutCard(items: readonly JsonValue[]): boolean {
  if (items.length < 2 || items.length > cutPiecesMax) return false;
  const pieces = items.map((item) =>
    typeof item === "string" || typeof item === "number" ? foldText(String(item)).chars.replace(/[^0-9]/g, "") : "",
  );
  if (pieces.filter((piece) => piece !== "").length < 2) return false;
  const digits = pieces.join("");
  return digits.length <= cutPiecesMax && findCardNumbers(digits).length > 0;
}

function maskTexts(value: JsonValue, kinds: readonly FindingKind[]): JsonValue {
  if (typeof value === "string") return maskText(value, kinds);
  if (Array.isArray(value)) return value.map((item) => maskTexts(item, kinds));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskTexts(item, kinds)]));
}

const maskPassesMax = 8;

/** Masks until nothing is left to find, since digits that stood beside a masked account number may be a card number now. */
function maskText(text: string, kinds: readonly FindingKind[]): string {
  let masked = text;
  for (let pass = 0; pass < maskPassesMax; pass += 1) {
    const spans = joinOverlaps(findSensitive(masked, kinds));
    if (spans.length === 0) return masked;
    masked = replaceSpans(masked, spans);
  }
  return `[${kinds.join(", ")}]`;
}

function replaceSpans(text: string, spans: readonly SensitiveSpan[]): string {
  let replaced = "";
  let from = 0;
  for (const { kind, start, end } of spans) {
    replaced += text.slice(from, start) + maskOf(kind, text.slice(start, end));
    from = end;
  }
  return replaced + text.slice(from);
}

/** The last four digits let a person tell one card from another; PCI DSS allows them. */
function maskOf(kind: FindingKind, sensitive: string): string {
  return kind === "pan"
    ? `[pan ...${foldText(sensitive)
        .chars.replace(/[^0-9]/g, "")
        .slice(-4)}]`
    : `[${kind}]`;
}

/** The document with the value at these keys changed. They exist: `atPointer` found a value there. */
function changeAt(document: JsonValue, tokens: readonly string[], change: (value: JsonValue) => JsonValue): JsonValue {
  const [token, ...rest] = tokens;
  if (token === undefined) return change(document);
  if (Array.isArray(document)) return document.map((item, index) => (String(index) === token ? changeAt(item, rest, change) : item));
  if (!isJsonObject(document)) return document;
  return { ...document, [token]: changeAt(document[token] as JsonValue, rest, change) };
}
