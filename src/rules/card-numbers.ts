import type { DigitRuns } from "./digit-runs.ts";

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

/** For each four leading digits, the lengths in use as bits, so that a start that no scheme issues costs one look. */
const lengthsByPrefix = Uint32Array.from({ length: 10_000 }, (_, number) => {
  const prefix = String(number).padStart(4, "0");
  const issuing = schemes.filter(({ from, to }) => prefix.slice(0, from.length) >= from && prefix.slice(0, to.length) <= to);
  return issuing.flatMap(({ lengths }) => lengths).reduce((bits, length) => bits | (1 << length), 0);
});

/** Sums of all digits before an index, with every digit at an even (or odd) index doubled as ISO/IEC 7812 does. */
interface LuhnSums {
  readonly evenDoubled: Int32Array;
  readonly oddDoubled: Int32Array;
}

/**
 * Spans of payment card numbers in folded text: 13 to 19 digits in one or more whole groups, with spaces, dashes, dots and the like between
 * groups, a prefix that schemes issue, and a right check digit (ISO/IEC 7812). A number inside a longer run of digits is not looked for,
 * except after leading zeros. Spans may overlap. Linear: from each group at most 19 groups are looked at, each in constant time.
 */
export function findCardNumbers(runs: DigitRuns): readonly { readonly from: number; readonly to: number }[] {
  if (runs.digits.length < digitsMin) return [];
  const sums = luhnSums(runs.digits);
  const found: { from: number; to: number }[] = [];
  for (let index = 0; index < runs.count; index += 1) cardsFrom(runs, index, sums, found);
  return found;
}

/** Whether these digits, 0..9 each, are one card number as a whole. */
export function isCardNumber(digits: Uint8Array): boolean {
  const { length } = digits;
  return ((lengthsAt(digits, 0) >> length) & 1) === 1 && length <= digitsMax && hasLuhnCheck(luhnSums(digits), 0, length);
}

function lengthsAt(digits: Uint8Array, start: number): number {
  if (start + 4 > digits.length) return 0;
  let prefix = 0;
  for (let index = start; index < start + 4; index += 1) prefix = prefix * 10 + (digits[index] as number);
  return lengthsByPrefix[prefix] ?? 0;
}

function cardsFrom(
  { count, from, to, offset, joins, digits }: DigitRuns,
  index: number,
  sums: LuhnSums,
  found: { from: number; to: number }[],
): void {
  const first = offset[index] as number;
  const firstLength = (to[index] as number) - (from[index] as number);
  let zeros = 0;
  while (zeros < firstLength - 1 && digits[first + zeros] === 0) zeros += 1;
  const start = first + zeros;
  const lengths = lengthsAt(digits, start);
  if (lengths === 0) return;
  for (let next = index; next < count; next += 1) {
    const length = (offset[next] as number) + (to[next] as number) - (from[next] as number) - start;
    if (length > digitsMax || (next > index && joins[next] === 0)) return;
    if (((lengths >> length) & 1) === 1 && hasLuhnCheck(sums, start, length))
      found.push({ from: (from[index] as number) + zeros, to: to[next] as number });
  }
}

function luhnSums(digits: Uint8Array): LuhnSums {
  const evenDoubled = new Int32Array(digits.length + 1);
  const oddDoubled = new Int32Array(digits.length + 1);
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits[index] as number;
    const doubled = digit > 4 ? digit * 2 - 9 : digit * 2;
    const isEven = index % 2 === 0;
    evenDoubled[index + 1] = (evenDoubled[index] as number) + (isEven ? doubled : digit);
    oddDoubled[index + 1] = (oddDoubled[index] as number) + (isEven ? digit : doubled);
  }
  return { evenDoubled, oddDoubled };
}

/** The last digit is not doubled, so the doubled ones are those whose index differs from its in evenness. */
function hasLuhnCheck({ evenDoubled, oddDoubled }: LuhnSums, start: number, length: number): boolean {
  const end = start + length;
  const sums = end % 2 === 0 ? evenDoubled : oddDoubled;
  return ((sums[end] as number) - (sums[start] as number)) % 10 === 0;
}
