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

interface NationalForm {
  /** Characters of the whole IBAN. */
  readonly length: number;
  readonly pattern: RegExp;
}

const classes: Readonly<Record<string, string>> = { n: "[0-9]", a: "[A-Z]", c: "[A-Z0-9]" };
const forms: ReadonlyMap<string, NationalForm> = new Map(
  Object.entries(nationalParts).map(([country, parts]) => {
    const fields = [...parts.matchAll(/([0-9]+)([nac])/g)].map(([, count = "", kind = ""]) => ({ count: Number(count), kind }));
    const source = fields.map(({ count, kind }) => `${classes[kind]}{${count}}`).join("");
    const length = fields.reduce((sum, { count }) => sum + count, 4);
    return [country, { length, pattern: new RegExp(`^[A-Z]{2}[0-9]{2}${source}$`) }];
  }),
);

/** Norway's. */
const lengthMin = 15;
const gapMax = 3;
const separator = /[\s\p{Z}\p{Pd}._/·•−]/u;

/**
 * Spans of IBANs in folded text: a country of the registry, its own length and structure, check digits by mod 97, in any case, with up to three
 * separators between any two characters. No boundary is needed on either side. Linear: at most 34 characters are taken from each letter.
 */
export function findIbans(chars: string): readonly { readonly from: number; readonly to: number }[] {
  if (chars.length < lengthMin) return [];
  const upper = chars.toUpperCase();
  // A few letters grow when upper-cased, which would shift all that follows.
  const text = upper.length === chars.length ? upper : chars.replace(/[a-z]/g, (letter) => letter.toUpperCase());
  const found: { from: number; to: number }[] = [];
  for (let from = 0; from <= text.length - lengthMin; from += 1) {
    if (!isLetter(text.charCodeAt(from)) || (isLetter(text.charCodeAt(from + 1)) && isLetter(text.charCodeAt(from + 2)))) continue;
    const head = takeAlphanumerics(text, from, 4);
    const form = head === null || !/^[A-Z]{2}[0-9]{2}$/.test(head.taken) ? undefined : forms.get(head.taken.slice(0, 2));
    const whole = form === undefined ? null : takeAlphanumerics(text, from, form.length);
    if (whole !== null && form?.pattern.test(whole.taken) && hasMod97Check(whole.taken)) found.push({ from, to: whole.to });
  }
  return found;
}

function isLetter(code: number): boolean {
  return code >= 0x41 && code <= 0x5a;
}

function takeAlphanumerics(text: string, from: number, count: number): { readonly taken: string; readonly to: number } | null {
  let taken = "";
  let gap = 0;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isLetter(code) || (code >= 0x30 && code <= 0x39)) {
      taken += text.charAt(at);
      gap = 0;
      if (taken.length === count) return { taken, to: at + 1 };
    } else {
      gap += 1;
      if (gap > gapMax || !separator.test(text.charAt(at))) return null;
    }
  }
  return null;
}

function hasMod97Check(iban: string): boolean {
  let rest = 0;
  for (const letter of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(letter, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
