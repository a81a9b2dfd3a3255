import type { DigitRuns } from "./digit-runs.ts";
import { labelFollower } from "./label-follower.ts";

const digitCount = 9;
/** Words that make nine bare digits a social security number, and how far before it they may stand. Not the one that our own mask leaves. */
const labels = /(?<!\[)ssn|social.?sec|ss ?(?:#|no\b)|itin\b|tax.{0,5}(?:id|no\b|number)|\btin\b/gi;
const labelReach = 32;

/** Whether the name of an argument says that it holds such a number. */
export function namesSocialSecurity(name: string): boolean {
  return /ssn|social_?-?sec|itin|tax.{0,5}(?:id|number)|^tin$/i.test(name);
}

/**
 * Spans of US social security numbers, and of the taxpayer numbers (ITIN) that are used like them, in folded text: groups of three, two and four
 * digits with separators between, or nine digits in any grouping close behind a word such as "SSN". Area 000 and 666, group 00 and serial 0000 are never
 * issued; areas from 900 only as ITIN, with the groups 50 to 65, 70 to 88, 90 to 92 and 94 to 99. Linear: at most nine groups are looked at from each.
 *
 * `labelled`: the argument's name says what it is.
 */
export function findSocialSecurityNumbers(
  chars: string,
  runs: DigitRuns,
  labelled: boolean,
): readonly { readonly from: number; readonly to: number }[] {
  const found: { from: number; to: number }[] = [];
  if (runs.digits.length < digitCount) return found;
  const follows = labelFollower(chars, labels, labelReach);
  for (let first = 0; first < runs.count; first += 1) {
    const from = runs.from[first] as number;
    const isLabelled = labelled || follows(from);
    const last = isLabelled ? groupsOfNine(runs, first) : isGrouped(runs, first) ? first + 2 : -1;
    if (last !== -1 && isIssued(runs.digits, runs.offset[first] as number)) found.push({ from, to: runs.to[last] as number });
  }
  return found;
}

/** The last of the joined runs, from `first` on, that have nine digits together; -1 when no runs do. */
function groupsOfNine({ count, from, to, joins }: DigitRuns, first: number): number {
  let digits = 0;
  for (let next = first; next < count && (next === first || joins[next] === 1); next += 1) {
    digits += (to[next] as number) - (from[next] as number);
    if (digits === digitCount) return next;
    if (digits > digitCount) return -1;
  }
  return -1;
}

/** Three, two and four digits, joined. */
function isGrouped({ count, from, to, joins }: DigitRuns, first: number): boolean {
  const lengthOf = (run: number): number => (to[run] as number) - (from[run] as number);
  if (lengthOf(first) !== 3 || first + 2 >= count) return false;
  return joins[first + 1] === 1 && joins[first + 2] === 1 && lengthOf(first + 1) === 2 && lengthOf(first + 2) === 4;
}

function isIssued(digits: Uint8Array, start: number): boolean {
  const area = numberAt(digits, start, 3);
  const group = numberAt(digits, start + 3, 2);
  if (area === 0 || area === 666 || group === 0 || numberAt(digits, start + 5, 4) === 0) return false;
  return area < 900 || (group >= 50 && group <= 65) || (group >= 70 && group !== 89 && group !== 93);
}

function numberAt(digits: Uint8Array, start: number, length: number): number {
  let number = 0;
  for (let index = start; index < start + length; index += 1) number = number * 10 + (digits[index] as number);
  return number;
}
