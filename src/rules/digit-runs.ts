/** The runs of digits in a folded text, as columns: run `index` is `chars.slice(from[index], to[index])`. */
export interface DigitRuns {
  readonly count: number;
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** How many digits of the text stand before each run. */
  readonly offset: Int32Array;
  /** 1 where only a few separators stand between a run and the one before. */
  readonly joins: Uint8Array;
  /** All digits of the text in order, 0..9. */
  readonly digits: Uint8Array;
}

/** Characters between two groups of digits, such as `" - "`. */
const gapMax = 3;
/** What people and machines put between groups of digits. No comma and no colon: lists of numbers and times of day are no card numbers. */
const separators = Uint8Array.from({ length: 128 }, (_, code) => (/[\s\-._/|\\*~'"`#^+()[\]]/.test(String.fromCharCode(code)) ? 1 : 0));
const middleDot = 0xb7;

/** True for a code unit that may stand between two groups of one number, in folded text. */
export function isSeparator(code: number): boolean {
  return code < 128 ? separators[code] === 1 : code === middleDot;
}

/** True for an ASCII digit. */
export function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Finds the runs of digits in folded text. Linear. */
export function readDigitRuns(chars: string): DigitRuns {
  let count = 0;
  let digitCount = 0;
  let inRun = false;
  for (let at = 0; at < chars.length; at += 1) {
    const digit = isDigit(chars.charCodeAt(at));
    if (digit) digitCount += 1;
    if (digit && !inRun) count += 1;
    inRun = digit;
  }
  const runs = {
    count,
    from: new Int32Array(count),
    to: new Int32Array(count),
    offset: new Int32Array(count),
    joins: new Uint8Array(count),
    digits: new Uint8Array(digitCount),
  };
  if (count > 0) fillRuns(chars, runs);
  return runs;
}

function fillRuns(chars: string, { count, from, to, offset, joins, digits }: DigitRuns): void {
  let at = 0;
  let seen = 0;
  for (let run = 0; run < count; run += 1) {
    const end = at;
    let gapped = run > 0;
    while (!isDigit(chars.charCodeAt(at))) {
      if (gapped && (at - end >= gapMax || !isSeparator(chars.charCodeAt(at)))) gapped = false;
      at += 1;
    }
    from[run] = at;
    offset[run] = seen;
    joins[run] = gapped ? 1 : 0;
    for (; at < chars.length && isDigit(chars.charCodeAt(at)); at += 1) digits[seen++] = chars.charCodeAt(at) - 0x30;
    to[run] = at;
  }
}
