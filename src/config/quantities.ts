/** A text that could not be read as a quantity; the message completes "<path> must be ...". */
export interface NotAQuantity {
  readonly wanted: string;
}

/** What a quantity's text stands for: an integer in the unit the kind names (see `quantityKinds`). */
export type Quantity = number | NotAQuantity;

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const unitBytes = { B: 1, KiB: 1024, MiB: 1024 ** 2 } as const;
const rateWindowMs = { s: 1_000, min: 60_000, h: 3_600_000, day: 86_400_000 } as const;

/** One US dollar is a million micros. */
const microsDigits = 6;

// ISO 4217 minor-unit exponents that are not 2. Kept here, not taken from ICU, so that a Node upgrade can never change what an amount means.
const exponents: Readonly<Record<string, number>> = {
  ...Object.fromEntries("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(" ").map((code) => [code, 0])),
  ...Object.fromEntries("BHD IQD JOD KWD LYD OMR TND".split(" ").map((code) => [code, 3])),
  ...Object.fromEntries("CLF UYW".split(" ").map((code) => [code, 4])),
};
const knownCurrencies = new Set([...Intl.supportedValuesOf("currency"), ...Object.keys(exponents)]);

/** Whether a text is an ISO 4217 code that is in use. */
export function isCurrency(code: string): boolean {
  return knownCurrencies.has(code);
}

/** Digits after the point in a currency's amounts, 0..4. */
export function minorDigits(currency: string): number {
  return exponents[currency] ?? 2;
}

/** `500ms`, `10s`, `5m`, `24h` or `30d` in milliseconds. */
export function parseDuration(text: string): Quantity {
  return parseWithUnit(text, unitMs, 'like "500ms", "10s", "5m", "24h" or "30d"');
}

/** `512B`, `256KiB` or `1MiB` in bytes. */
export function parseSize(text: string): Quantity {
  return parseWithUnit(text, unitBytes, 'like "512B", "256KiB" or "1MiB"');
}

/** `60/min` as a count and its window; windows are `s`, `min`, `h` and `day`. */
export function parseRate(text: string): { readonly limit: number; readonly windowMs: number } | NotAQuantity {
  const match = /^([1-9][0-9]{0,8})\/(s|min|h|day)$/.exec(text);
  if (match === null) return { wanted: 'like "60/min"' };
  return { limit: Number(match[1]), windowMs: rateWindowMs[match[2] as keyof typeof rateWindowMs] };
}

/** `5000.00 USD` as integer minor units. Never goes through a float: more digits than the currency has are refused, not rounded. */
export function parseMoney(text: string): { readonly minor: number; readonly currency: string } | NotAQuantity {
  const match = /^([^ ]+) ([A-Z]{3})$/.exec(text);
  if (match === null) return { wanted: 'like "5000.00 USD"' };
  const [, number = "", currency = ""] = match;
  if (!isCurrency(currency)) return { wanted: `in a currency of ISO 4217, and ${currency} is none` };
  const digits = minorDigits(currency);
  const minor = parseDecimal(number, digits);
  return typeof minor === "number" ? { minor, currency } : minor;
}

/** `0.40 USD` as integer micros of a US dollar, at most six digits after the point. */
export function parseUsd(text: string): Quantity {
  const match = /^([^ ]+) USD$/.exec(text);
  return match === null ? { wanted: 'like "0.40 USD"' } : parseDecimal(match[1] ?? "", microsDigits);
}

/** `0.01` as integer micros, at most six digits after the point. */
export function parseMicros(text: string): Quantity {
  return parseDecimal(text, microsDigits);
}

/** A decimal text as an integer of its last digit, by string: `0.40` with 2 digits is 40. */
export function parseDecimal(text: string, digits: number): Quantity {
  const match = /^(0|[1-9][0-9]{0,15})(?:\.([0-9]+))?$/.exec(text);
  if (match === null) return { wanted: 'a plain decimal like "0.40"' };
  const [, whole = "", fraction = ""] = match;
  if (fraction.length > digits) return { wanted: `a decimal with at most ${digits} digits after the point` };
  const units = Number(`${whole}${fraction.padEnd(digits, "0")}`);
  return Number.isSafeInteger(units) ? units : { wanted: "smaller: it does not fit an exact integer" };
}

function parseWithUnit(text: string, units: Readonly<Record<string, number>>, wanted: string): Quantity {
  const match = /^(0|[1-9][0-9]{0,11})([A-Za-z]+)$/.exec(text);
  const unit = match === null || !Object.hasOwn(units, match[2] ?? "") ? undefined : units[match[2] ?? ""];
  if (match === null || unit === undefined) return { wanted };
  const value = Number(match[1]) * unit;
  return Number.isSafeInteger(value) ? value : { wanted };
}

/** Minor units as people read them: 10000 and USD give `100.00 USD`. */
export function formatMinor(minor: number, currency: string): string {
  const digits = minorDigits(currency);
  if (digits === 0) return `${minor} ${currency}`;
  const text = String(minor).padStart(digits + 1, "0");
  return `${text.slice(0, -digits)}.${text.slice(-digits)} ${currency}`;
}

/** Milliseconds in the largest unit that divides them: 28800000 gives `8 h`. */
export function formatDuration(ms: number): string {
  const unit = (["d", "h", "m", "s"] as const).find((name) => ms >= unitMs[name] && ms % unitMs[name] === 0) ?? "ms";
  return `${ms / unitMs[unit]} ${unit}`;
}

/** The kinds of quantity a file may hold, by the name that schemas use. */
export const quantityKinds = {
  duration: parseDuration,
  size: parseSize,
  decimal: parseMicros,
  rate: (text: string): Quantity => {
    const rate = parseRate(text);
    return "wanted" in rate ? rate : rate.limit;
  },
} as const satisfies Record<string, (text: string) => Quantity>;

export type QuantityKind = keyof typeof quantityKinds;

/** The integer behind a quantity that validation already accepted; throws on anything else, which would be a fault of ours. */
export function accepted(kind: QuantityKind, text: string): number {
  const value = quantityKinds[kind](text);
  if (typeof value !== "number") throw new Error(`an unchecked ${kind} reached the builder`);
  return value;
}
