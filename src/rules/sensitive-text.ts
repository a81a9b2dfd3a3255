import { findCardNumbers } from "./card-numbers.ts";
import type { FindingKind } from "./catalogue.ts";
import { type DigitRuns, readDigitRuns } from "./digit-runs.ts";
import { findEmailAddresses } from "./email-addresses.ts";
import { type FoldedText, foldText } from "./folded-text.ts";
import { findIbans } from "./ibans.ts";
import { findPhoneNumbers, namesPhone } from "./phone-numbers.ts";
import { findPrefixed, findSecrets } from "./secrets.ts";
import { findSocialSecurityNumbers, namesSocialSecurity } from "./social-security-numbers.ts";
import { decodeText, unescapeText } from "./wrapped-texts.ts";

/** A part of a text that is sensitive. Offsets in UTF-16 units, `end` exclusive. */
export interface SensitiveSpan {
  readonly kind: FindingKind;
  readonly start: number;
  readonly end: number;
}

interface Sight {
  readonly chars: string;
  readonly runs: DigitRuns;
  /** The name of the argument the text stands in, "" when it has none. */
  readonly name: string;
}

type Finder = (sight: Sight) => readonly { readonly from: number; readonly to: number }[];

const finders: Readonly<Record<FindingKind, Finder>> = {
  pan: ({ runs }) => findCardNumbers(runs),
  iban: ({ chars, runs }) => findIbans(chars, runs),
  email: ({ chars }) => findEmailAddresses(chars),
  ssn: ({ chars, runs, name }) => findSocialSecurityNumbers(chars, runs, namesSocialSecurity(name)),
  phone: ({ chars, runs, name }) => findPhoneNumbers(chars, runs, namesPhone(name)),
  secret: ({ chars }) => findSecrets(chars),
};

/** No form of any kind is shorter: `a@b.de`. */
const lengthMin = 6;
const noRuns = readDigitRuns("");

/**
 * Finds what these kinds name in a text, by start; overlapping finds of one kind are one. Sees through foreign digits, full-width letters, look-alikes and
 * invisible characters, and through one or two layers of percent-encoding, HTML entities, backslash escapes, base64 and hexadecimal. Does not
 * see through other encodings, words for digits, or a value spread over several fields. Time is linear in the text's length.
 *
 * `name`: the argument's own name, which tells what nine bare digits are.
 */
export function findSensitive(text: string, kinds: readonly FindingKind[], name = ""): readonly SensitiveSpan[] {
  if (text.length < lengthMin && /^[ -~]*$/.test(text)) return [];
  const spans: SensitiveSpan[] = [];
  for (const view of viewsOf(text)) spans.push(...findIn(view, kinds, name));
  if (spans.length < 2) return spans;
  return kinds
    .flatMap((kind) => joinOverlaps(spans.filter((span) => span.kind === kind)))
    .sort((a, b) => a.start - b.start || b.end - a.end);
}

/** The text as it reads, then as it reads once and twice unescaped, then what is encoded in that, unescaped and decoded once more. At most six. */
function viewsOf(text: string): readonly FoldedText[] {
  const views = [foldText(text)];
  for (let round = 0; round < 2; round += 1) {
    const unescaped = unescapeText(views.at(-1) as FoldedText);
    if (unescaped === null) break;
    views.push(unescaped);
  }
  const decoded = decodeText(views.at(-1) as FoldedText);
  if (decoded === null) return views;
  const more = [decoded, unescapeText(decoded), decodeText(decoded)];
  return [...views, ...more.filter((view) => view !== null)];
}

function findIn(view: FoldedText, kinds: readonly FindingKind[], name: string): readonly SensitiveSpan[] {
  const { chars } = view;
  const needsDigits = kinds.some((kind) => kind !== "email" && kind !== "secret");
  const sight = { chars, runs: needsDigits ? readDigitRuns(chars) : noRuns, name };
  const spans = kinds.flatMap((kind) => finders[kind](sight).map(({ from, to }) => ({ kind, ...view.spanOf(from, to) })));
  return kinds.includes("secret") ? [...spans, ...findBrokenSecrets(view)] : spans;
}

/** Keys that white space was put into. */
function findBrokenSecrets(view: FoldedText): readonly SensitiveSpan[] {
  const { chars } = view;
  if (!/\s/.test(chars)) return [];
  const compact = chars.replace(/\s+/g, "");
  const found = findPrefixed(compact);
  if (found.length === 0) return [];
  const places: number[] = [];
  for (let at = 0; at < chars.length; at += 1) if (!isSpace(chars.charCodeAt(at))) places.push(at);
  return found.map(({ from, to }) => ({ kind: "secret", ...view.spanOf(places[from] ?? 0, (places[to - 1] ?? chars.length - 1) + 1) }));
}

function isSpace(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d);
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

const maskPassesMax = 4;

/**
 * The text with `[pan ...1111]`, `[iban]` and the like in place of what is found. Masks until nothing is left to find, since digits that stood beside a
 * masked account number may be a card number now; a text that still has something after four rounds becomes the names of the kinds alone.
 */
export function maskText(text: string, kinds: readonly FindingKind[], name = ""): string {
  let masked = text;
  for (let pass = 0; pass < maskPassesMax; pass += 1) {
    const spans = joinOverlaps(findSensitive(masked, kinds, name));
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

/** The last four digits let a person tell one card from another; PCI DSS permits them. Nothing of any other kind is kept. */
function maskOf(kind: FindingKind, sensitive: string): string {
  if (kind !== "pan") return `[${kind}]`;
  const folded = foldText(sensitive).chars;
  // Behind an encoding the last digits are not those of the card.
  const digits = /[a-z%&]/i.test(folded) ? "" : folded.replace(/[^0-9]/g, "");
  return digits.length > 12 && digits.length < 20 ? `[pan ...${digits.slice(-4)}]` : "[pan]";
}
