import type { DigitRuns } from "./digit-runs.ts";
import { labelFollower } from "./label-follower.ts";

/** ITU-T E.164 country calling codes by their first two digits; 1 and 7 stand alone, and the ones with three digits share their first two. */
const isCallingCode = Uint8Array.from({ length: 100 }, (_, lead) => {
  const unused = [28, 83, 89];
  return lead >= 10 && !unused.includes(lead) ? 1 : 0;
});
const digitsMin = 7;
/** E.164's 15, and three of an international prefix such as 011. */
const digitsMax = 18;
/** Behind a plus sign or a word, groups of one digit each are a number spelled out. Without them only written forms count: a national one, or NXX NXX XXXX. */
const groupsMax = { marked: 18, national: 8, northAmerican: 4 } as const;
/** Not the word that our own mask leaves. */
const labels = /(?<!\[)phone|\btel\b|mobil|\bcell|\bfax|whats ?app|\bsms\b|telefon|handy\b|\bcall me|\bmsisdn/gi;
const labelReach = 24;

/** Whether the name of an argument says that it holds such a number. */
export function namesPhone(name: string): boolean {
  return /phone|mobil|whatsapp|telefon|msisdn|(?:^|_)(?:tel|cell|fax|sms)(?:_|$)/i.test(name);
}

/** Joined groups of digits that may be one number: `digits` from `start`, `length` of them. */
interface Candidate {
  readonly digits: Uint8Array;
  readonly start: number;
  length: number;
  /** Lengths of its groups as decimal digits, the first in front: 334 is NXX NXX XXXX. A long group counts as 9. Exact for up to eight groups. */
  shape: number;
  groups: number;
  readonly hasPlus: boolean;
  readonly labelled: boolean;
}

/**
 * Spans of telephone numbers in folded text: `+`, `00` or `011` and a country calling code with 8 to 15 digits; North American numbers in their groups;
 * national numbers with a leading 0 in two groups or more; and 7 to 15 digits in any grouping behind a word such as "phone". Bare digits
 * without a mark or a word are not taken for one. Linear: from each group at most 18 groups are looked at.
 *
 * `labelled`: the argument's name says what it is.
 */
export function findPhoneNumbers(
  chars: string,
  runs: DigitRuns,
  labelled: boolean,
): readonly { readonly from: number; readonly to: number }[] {
  const found: { from: number; to: number }[] = [];
  if (runs.digits.length < digitsMin) return found;
  const follows = labelFollower(chars, labels, labelReach);
  for (let first = 0; first < runs.count; first += 1) {
    const from = runs.from[first] as number;
    const plus = markBefore(chars, from);
    const behindLabel = labelled || follows(from);
    const last = lastGroup(chars, runs, first, { hasPlus: plus !== -1, labelled: behindLabel });
    if (last === -1) continue;
    found.push({ from: plus === -1 ? from : plus, to: runs.to[last] as number });
    first = last;
  }
  return found;
}

/** Where the plus sign right before a group stands, `(` and a space between permitted; -1 when there is none. */
function markBefore(chars: string, from: number): number {
  for (let at = from - 1; at >= 0 && at >= from - 3; at -= 1) {
    const code = chars.charCodeAt(at);
    if (code === 0x2b) return at;
    if (code !== 0x28 && code !== 0x20) return -1;
  }
  return -1;
}

/** The last group of the longest number that starts with this group; -1 when none does. A plus sign begins another number. */
function lastGroup(chars: string, runs: DigitRuns, first: number, { hasPlus, labelled }: Pick<Candidate, "hasPlus" | "labelled">): number {
  const { count, from, to, joins, offset, digits } = runs;
  const candidate: Candidate = { digits, start: offset[first] as number, length: 0, shape: 0, groups: 0, hasPlus, labelled };
  if (!hasPlus && !labelled && !mayStart(digits[candidate.start] as number, (to[first] as number) - (from[first] as number))) return -1;
  const most = hasPlus || labelled ? groupsMax.marked : digits[candidate.start] === 0 ? groupsMax.national : groupsMax.northAmerican;
  let best = -1;
  for (let next = first; next < count && candidate.groups < most; next += 1) {
    const start = from[next] as number;
    if (next > first && (joins[next] === 0 || markBefore(chars, start) !== -1)) break;
    const own = (to[next] as number) - start;
    candidate.length += own;
    if (candidate.length > digitsMax) break;
    candidate.groups += 1;
    candidate.shape = candidate.shape * 10 + Math.min(own, 9);
    if (isPhone(candidate)) best = next;
  }
  return best;
}

/** Whether a group of this length can begin a number that nothing marks: `0` and more in one group, `1` alone, or three digits of an area. */
function mayStart(digit: number, length: number): boolean {
  return digit === 0 ? length > 1 : digit === 1 ? length === 1 : length === 3;
}

function isPhone({ digits, start, length, shape, groups, hasPlus, labelled }: Candidate): boolean {
  if (length < digitsMin) return false;
  if (hasPlus) return isInternational(digits, start, length);
  if (labelled && length <= 15) return true;
  const lead = (digits[start] as number) * 10 + (digits[start + 1] as number);
  if (lead === 0) return isInternational(digits, start + 2, length - 2) && (groups > 1 || length > 11);
  if (lead === 1 && digits[start + 2] === 1 && groups > 1 && isInternational(digits, start + 3, length - 3)) return true;
  if (shape === 334) return isNorthAmerican(digits, start);
  if (shape === 1334) return digits[start] === 1 && isNorthAmerican(digits, start + 1);
  return lead < 10 && isNational(length, groups, shape);
}

function isInternational(digits: Uint8Array, start: number, length: number): boolean {
  // A trunk 0 in brackets, as in +44 (0)20 ..., adds one digit to E.164's 15.
  if (length < digitsMin || length > 16) return false;
  const lead = (digits[start] as number) * 10 + (digits[start + 1] as number);
  return isCallingCode[lead] === 1;
}

/** NXX NXX XXXX; N is 2 to 9, and N11 is no area. */
function isNorthAmerican(digits: Uint8Array, start: number): boolean {
  const at = (index: number): number => digits[start + index] as number;
  return at(0) > 1 && at(3) > 1 && !(at(1) === 1 && at(2) === 1);
}

/** A trunk 0 and 9 to 12 digits in two to six groups, which is no date such as 01.02.2026, and no month and year. */
function isNational(length: number, groups: number, shape: number): boolean {
  const leading = (count: number): number => (groups < count ? 0 : Math.trunc(shape / 10 ** (groups - count)));
  return length >= 9 && length <= 12 && groups > 1 && groups < 7 && leading(1) > 1 && leading(2) !== 24 && leading(3) !== 224;
}
