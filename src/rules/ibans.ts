import { type DigitRuns, isDigit, isSeparator } from "./digit-runs.ts";

/** National parts by country, in the IBAN registry's notation: `n` digits, `a` letters, `c` either. ISO 13616. */
const nationalParts: Readonly<Record<string, string>> = {
  AD: "8n12c",
  AE: "19n",
  AL: "8n16c",
  AT: "16n",
  AZ: "4a20c",
  BA: "16n",
  BE: "12n",
  BG: "4a6n8c",
  BH: "4a14c",
  BI: "23n",
  BR: "23n1a1c",
  BY: "4c4n16c",
  CH: "5n12c",
  CR: "18n",
  CY: "8n16c",
  CZ: "20n",
  DE: "18n",
  DJ: "23n",
  DK: "14n",
  DO: "4c20n",
  EE: "16n",
  EG: "25n",
  ES: "20n",
  FI: "14n",
  FK: "2a12n",
  FO: "14n",
  FR: "10n11c2n",
  GB: "4a14n",
  GE: "2a16n",
  GI: "4a15c",
  GL: "14n",
  GR: "7n16c",
  GT: "4c20c",
  HN: "4a20n",
  HR: "17n",
  HU: "24n",
  IE: "4a14n",
  IL: "19n",
  IQ: "4a15n",
  IS: "22n",
  IT: "1a10n12c",
  JO: "4a4n18c",
  KW: "4a22c",
  KZ: "3n13c",
  LB: "4n20c",
  LC: "4a24c",
  LI: "5n12c",
  LT: "16n",
  LU: "3n13c",
  LV: "4a13c",
  LY: "21n",
  MC: "10n11c2n",
  MD: "20c",
  ME: "18n",
  MK: "3n10c2n",
  MN: "16n",
  MR: "23n",
  MT: "4a5n18c",
  MU: "4a19n3a",
  NI: "4a20n",
  NL: "4a10n",
  NO: "11n",
  OM: "3n16c",
  PK: "4a16c",
  PL: "24n",
  PS: "4a21c",
  PT: "21n",
  QA: "4a21c",
  RO: "4a16c",
  RS: "18n",
  RU: "14n15c",
  SA: "2n18c",
  SC: "4a20n3a",
  SD: "14n",
  SE: "20n",
  SI: "15n",
  SK: "20n",
  SM: "1a10n12c",
  SO: "19n",
  ST: "21n",
  SV: "4a20n",
  TL: "19n",
  TN: "20n",
  TR: "6n16c",
  UA: "6n19c",
  VA: "18n",
  VG: "4a16n",
  XK: "16n",
  YE: "4a4n18c",
};

/** For each country the class of each character after the four leading ones: `n`, `a` or `c`. */
const forms: ReadonlyMap<string, string> = new Map(
  Object.entries(nationalParts).map(([country, parts]) => [
    country,
    [...parts.matchAll(/([0-9]+)([nac])/g)].map(([, count = "", kind = ""]) => kind.repeat(Number(count))).join(""),
  ]),
);

const gapMax = 3;

/** What an ASCII character is to an IBAN: the upper-case code of a letter, the code of a digit, 1 for a separator, 0 for anything else. */
const roles = Uint8Array.from({ length: 128 }, (_, code) => {
  const upper = String.fromCharCode(code).toUpperCase();
  return /[0-9A-Z]/.test(upper) ? upper.charCodeAt(0) : isSeparator(code) ? 1 : 0;
});
const letterA = 0x41;

/**
 * Spans of IBANs in folded text: a country of the registry, its own length and structure, check digits by mod 97, in any case, with up to three
 * separators between any two characters. No boundary is needed on either side. The check digits are the first after two letters, so each run of digits is
 * one place to look. Linear: at most 34 characters are taken from each.
 */
export function findIbans(chars: string, runs: DigitRuns): readonly { readonly from: number; readonly to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (let run = 0; run < runs.count; run += 1) {
    const check = runs.from[run] as number;
    const second = takenBefore(chars, check);
    const letter = second === -1 ? 0 : roleAt(chars, second);
    const from = letter < letterA ? -1 : takenBefore(chars, second);
    const first = from === -1 ? 0 : roleAt(chars, from);
    const form = first < letterA ? undefined : forms.get(String.fromCharCode(first, letter));
    const to = form === undefined ? -1 : ibanEnd(chars, check, (first - 55) * 100 + (letter - 55), form);
    if (to !== -1) found.push({ from, to });
  }
  return found;
}

/** Where the letter or digit before a place stands, at most three separators before it; -1 when something else does. */
function takenBefore(chars: string, before: number): number {
  for (let at = before - 1; at >= 0 && at >= before - 1 - gapMax; at -= 1) {
    const role = roleAt(chars, at);
    if (role > 1) return at;
    if (role === 0) return -1;
  }
  return -1;
}

function roleAt(chars: string, at: number): number {
  const code = chars.charCodeAt(at);
  return code < 128 ? (roles[code] as number) : isSeparator(code) ? 1 : 0;
}

/** Where the next letter or digit stands, after up to three separators; -1 when something else comes first. */
function nextTaken(chars: string, after: number): number {
  for (let at = after + 1; at < chars.length && at <= after + 1 + gapMax; at += 1) {
    const role = roleAt(chars, at);
    if (role > 1) return at;
    if (role === 0) return -1;
  }
  return -1;
}

/** Where an IBAN ends whose first check digit stands at `check`; -1 when it is none. `country` is its two letters as numbers, for mod 97. */
function ibanEnd(chars: string, check: number, country: number, form: string): number {
  const second = nextTaken(chars, check);
  if (second === -1 || !isDigit(chars.charCodeAt(second))) return -1;
  let at = second;
  let rest = 0;
  for (let index = 0; index < form.length; index += 1) {
    at = nextTaken(chars, at);
    if (at === -1) return -1;
    const role = roleAt(chars, at);
    const kind = form.charCodeAt(index);
    if (role < letterA ? kind === 0x61 : kind === 0x6e) return -1;
    rest = role < letterA ? (rest * 10 + role - 0x30) % 97 : (rest * 100 + role - 55) % 97;
  }
  const checkDigits = (chars.charCodeAt(check) - 0x30) * 10 + chars.charCodeAt(second) - 0x30;
  return (((rest * 10_000 + country) % 97) * 100 + checkDigits) % 97 === 1 ? at + 1 : -1;
}
