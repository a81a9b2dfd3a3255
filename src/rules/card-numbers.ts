/** Prefixes that schemes issue, as inclusive ranges of the leading digits, with the lengths in use. */
const schemes: readonly { readonly from: string; readonly to: string; readonly lengths: readonly number[] }[] = [
  { from: "4", to: "4", lengths: [13, 16, 19] },
  { from: "51", to: "55", lengths: [16] },
  { from: "2221", to: "2720", lengths: [16] },
  { from: "34", to: "34", lengths: [15] },
  { from: "37", to: "37", lengths: [15] },
  { from: "300", to: "305", lengths: [14, 15, 16, 17, 18, 19] },
  { from: "3095", to: "3095", lengths: [14, 15, 16, 17, 18, 19] },
  { from: "36", to: "36", lengths: [14, 15, 16, 17, 18, 19] },
  { from: "38", to: "39", lengths: [14, 15, 16, 17, 18, 19] },
  { from: "3528", to: "3589", lengths: [16, 17, 18, 19] },
  { from: "2200", to: "2205", lengths: [16, 17, 18, 19] },
  { from: "50", to: "50", lengths: [13, 14, 15, 16, 17, 18, 19] },
  { from: "56", to: "69", lengths: [13, 14, 15, 16, 17, 18, 19] },
  { from: "81", to: "82", lengths: [16, 17, 18, 19] },
  { from: "9792", to: "9792", lengths: [16] },
];

const digitsMin = 13;
const digitsMax = 19;
/** Characters between two groups of digits, such as `" - "`. */
const gapMax = 3;
const separator = /^[\s\p{Z}\p{Pd}._/|·•‧−]+$/u;

/** For each four leading digits, the lengths in use as bits, so that a start that no scheme issues costs one look. */
const lengthsByPrefix = Uint32Array.from({ length: 10_000 }, (_, number) => {
  const prefix = String(number).padStart(4, "0");
  const issuing = schemes.filter(({ from, to }) => prefix.slice(0, from.length) >= from && prefix.slice(0, to.length) <= to);
  return issuing.flatMap(({ lengths }) => lengths).reduce((bits, length) => bits | (1 << length), 0);
});

interface DigitRun {
  readonly from: number;
  readonly to: number;
  /** How many digits of the text stand before this run. */
  readonly offset: number;
  /** Whether only separators stand between this run and the one before. */
  readonly joins: boolean;
}

/**
 * Spans of payment card numbers in folded text: 13 to 19 digits in one or more whole groups, with spaces, dashes, dots and the like between
 * groups, a prefix that schemes issue, and a right check digit (ISO/IEC 7812). A number inside a longer run of digits is not looked for,
 * except after leading zeros. Spans may overlap. Linear: from each group at most 19 groups are looked at.
 */
export function findCardNumbers(chars: string): readonly { readonly from: number; readonly to: number }[] {
  if (chars.length < digitsMin) return [];
  const digits = chars.replace(/[^0-9]+/g, "");
  if (digits.length < digitsMin) return [];
  const runs = digitRuns(chars);
  const found: { from: number; to: number }[] = [];
  for (let index = 0; index < runs.length; index += 1) cardsFrom(runs, index, digits, found);
  return found;
}

function digitRuns(chars: string): readonly DigitRun[] {
  const runs: DigitRun[] = [];
  let end = 0;
  let offset = 0;
  for (const match of chars.matchAll(/[0-9]+/g)) {
    const from = match.index;
    const to = from + match[0].length;
    const joins = runs.length > 0 && from - end <= gapMax && separator.test(chars.slice(end, from));
    runs.push({ from, to, offset, joins });
    offset += to - from;
    end = to;
  }
  return runs;
}

function cardsFrom(runs: readonly DigitRun[], index: number, digits: string, found: { from: number; to: number }[]): void {
  const first = runs[index] as DigitRun;
  let zeros = 0;
  while (zeros < first.to - first.from - 1 && digits.charCodeAt(first.offset + zeros) === 0x30) zeros += 1;
  const start = first.offset + zeros;
  const lengths = lengthsByPrefix[Number(digits.slice(start, start + 4))] ?? 0;
  if (lengths === 0) return;
  for (let next = index; next < runs.length; next += 1) {
    const run = runs[next] as DigitRun;
    const length = run.offset + run.to - run.from - start;
    if (length > digitsMax || (next > index && !run.joins)) return;
    if (((lengths >> length) & 1) === 1 && hasLuhnCheck(digits, start, length)) found.push({ from: first.from + zeros, to: run.to });
  }
}

function hasLuhnCheck(digits: string, start: number, length: number): boolean {
  let sum = 0;
  for (let back = 1; back <= length; back += 1) {
    const digit = digits.charCodeAt(start + length - back) - 0x30;
    const doubled = back % 2 === 0 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
