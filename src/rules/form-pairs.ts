import { type Denial, deny } from "./denial.ts";
import { isForbiddenKey } from "./keys.ts";
import { decodePercent } from "./percent.ts";

/** Bounds of one form. What official SDKs send stays far below them. */
export const formLimits = {
  /** Pairs in one body or query. */
  pairsMax: 1000,
  /** Brackets behind a name: `a[b][c][d][e][f]` has five. */
  bracketsMax: 5,
} as const;

/** One `name=text` of a form, decoded. */
export interface FormPair {
  /** `items[0][price]` is `items`, `0`, `price`; an empty last step is `[]`. No other step is ever empty. */
  readonly steps: readonly string[];
  readonly text: string;
}

/** Where a form stands: what may stand raw in it differs. */
export type FormWire = "body" | "query";

/**
 * What no encoder of this place leaves raw. A body: all but what WHATWG's, `encodeURIComponent`, Python's and Ruby's encoders keep, and brackets.
 * A query: RFC 3986 `query` without `;`, which some servers take for `&`, and brackets, which official SDKs write raw.
 */
const strangers: Readonly<Record<FormWire, RegExp>> = {
  body: /[^A-Za-z0-9\-._~!'()*+&=%[\]]|%(?![0-9A-Fa-f]{2})/,
  query: /[^A-Za-z0-9\-._~!$&'()*+,=:@/?%[\]]|%(?![0-9A-Fa-f]{2})/,
};

/**
 * Splits a form into its pairs in the order they were written. A `+` is a space; brackets may stand raw or percent-encoded, since SDKs differ.
 *
 * ERR_FORM_MALFORMED: a raw character that no form encoder writes (a body's second `=` of a pair is one), bad percent-encoding or UTF-8, an empty pair,
 * a pair without `=`, an empty name, brackets that do not pair up, and a name that readers could take for another: with control characters, a byte order
 * mark, spaces at an end, or a second layer of percent-encoding. ERR_FORM_TOO_DEEP: more pairs or brackets than `formLimits`.
 * ERR_FORM_KEY_FORBIDDEN: `__proto__` and the like, on any level. A denial tells the number of the pair and never its text. Time is linear.
 */
export function readPairs(text: string, wire: FormWire): readonly FormPair[] | Denial {
  if (strangers[wire].test(text)) return deny("ERR_FORM_MALFORMED", "a raw character that a form does not have, or a bad percent-encoding");
  const written = text.split("&", formLimits.pairsMax + 1);
  if (written.length > formLimits.pairsMax) return deny("ERR_FORM_TOO_DEEP", `more than ${formLimits.pairsMax} pairs`);
  const pairs: FormPair[] = [];
  for (const [index, pair] of written.entries()) {
    const read = readPair(pair, wire);
    if (typeof read === "string") return deny(read, `pair ${index + 1} ${faults[read]}`);
    pairs.push(read);
  }
  return pairs;
}

const faults = {
  ERR_FORM_MALFORMED: "is no name=value whose name is plain and whose brackets pair up, [] only at the end",
  ERR_FORM_TOO_DEEP: `has more than ${formLimits.bracketsMax} brackets`,
  ERR_FORM_KEY_FORBIDDEN: "has a forbidden name",
} as const;

type PairCode = keyof typeof faults;

function readPair(pair: string, wire: FormWire): FormPair | PairCode {
  const mark = pair.indexOf("=");
  if (mark < 1 || (wire === "body" && pair.includes("=", mark + 1))) return "ERR_FORM_MALFORMED";
  const name = decodeForm(pair.slice(0, mark));
  const text = decodeForm(pair.slice(mark + 1));
  if (name === null || text === null) return "ERR_FORM_MALFORMED";
  const steps = readName(name);
  return typeof steps === "string" ? steps : { steps, text };
}

function decodeForm(text: string): string | null {
  return decodePercent(text.replaceAll("+", " "));
}

const bracketedName = /^[^[\]]+(?:\[[^[\]]*\])*$/;

function readName(name: string): readonly string[] | PairCode {
  if (!bracketedName.test(name)) return "ERR_FORM_MALFORMED";
  const steps = name.split("[").map((step, index) => (index === 0 ? step : step.slice(0, -1)));
  if (steps.length - 1 > formLimits.bracketsMax) return "ERR_FORM_TOO_DEEP";
  for (const [index, step] of steps.entries()) {
    if (step === "" && index === steps.length - 1) continue;
    if (!isPlainStep(step)) return "ERR_FORM_MALFORMED";
    if (isForbiddenKey(step)) return "ERR_FORM_KEY_FORBIDDEN";
  }
  return steps;
}

/** What makes a reader behind us cut, trim, or decode a name once more. */
const unplain = /[\p{Cc}\ufeff[\]]|^\s|\s$|%[0-9A-Fa-f]{2}/u;

/** Whether a text can be a name, or a key between brackets, that every reader takes for itself. */
export function isPlainStep(step: string): boolean {
  return step !== "" && !unplain.test(step);
}

/** The index that a step between brackets is (0 to 999, one spelling each), or null. */
export function listIndex(step: string): number | null {
  return /^(?:0|[1-9][0-9]{0,2})$/.test(step) ? Number(step) : null;
}
