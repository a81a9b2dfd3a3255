const localMax = 64;
const domainMax = 255;
const ascii = (characters: RegExp): Uint8Array =>
  Uint8Array.from({ length: 128 }, (_, code) => (characters.test(String.fromCharCode(code)) ? 1 : 0));
const localCharacters = ascii(/[A-Za-z0-9.!#$%&'*+/=?^_`{|}~"-]/);
const domainCharacters = ascii(/[A-Za-z0-9.-]/);
/** What each character beyond ASCII was found to be: 0 not asked yet, 1 a letter or digit, 2 something else. 64 KiB. */
const foreign = new Uint8Array(0x10000);
const dot = 0x2e;
const dash = 0x2d;

/**
 * Spans of e-mail addresses in folded text, of the forms people write, international ones too, also with ` at ` or `(at)` for the `@` where a dot
 * follows. Linear: at most 64 + 255 characters around each `@`, and no character is in the reach of two of them twice.
 */
export function findEmailAddresses(chars: string): readonly { readonly from: number; readonly to: number }[] {
  const found: { from: number; to: number }[] = [];
  for (let mark = chars.indexOf("@"); mark !== -1; mark = chars.indexOf("@", mark + 1)) {
    const from = localStart(chars, mark);
    const to = from === mark ? mark : domainEnd(chars, mark + 1);
    if (to > mark) found.push({ from, to });
  }
  for (const { index, 0: whole } of chars.matchAll(spelledMark)) {
    const from = localStart(chars, index);
    const to = from === index ? index : domainEnd(chars, index + whole.length);
    if (to > index) found.push({ from, to });
  }
  return found;
}

/** `(at)`, `[at]`, `{at}`, with up to two spaces around. A bare `at` is an English word. */
const spelledMark = / {0,2}[([{] ?at ?[)\]}] {0,2}/gi;

function localStart(chars: string, mark: number): number {
  let from = mark;
  while (from > 0 && mark - from < localMax && isOf(localCharacters, chars.charCodeAt(from - 1))) from -= 1;
  return from;
}

/** White space beyond ASCII never belongs to an address. */
function isOf(characters: Uint8Array, code: number): boolean {
  if (code < 128) return characters[code] === 1;
  const known = foreign[code] as number;
  if (known !== 0) return known === 1;
  const isLetter = /[\p{L}\p{N}]/u.test(String.fromCharCode(code));
  foreign[code] = isLetter ? 1 : 2;
  return isLetter;
}

/**
 * Where a domain of two labels or more ends that starts here; -1 when none does. A last label that is a number, or one character long, is no domain,
 * and then the labels before it are looked at.
 */
function domainEnd(chars: string, start: number): number {
  let end = -1;
  let labels = 0;
  let labelStart = start;
  let isNumber = true;
  const stop = Math.min(chars.length, start + domainMax);
  for (let at = start; at <= stop; at += 1) {
    const code = at < stop ? chars.charCodeAt(at) : dot;
    if (code !== dot && isOf(domainCharacters, code)) {
      if (code !== dash && (code < 0x30 || code > 0x39)) isNumber = false;
      continue;
    }
    let labelEnd = at;
    while (labelEnd > labelStart && chars.charCodeAt(labelEnd - 1) === dash) labelEnd -= 1;
    if (labelEnd === labelStart) return end;
    labels += 1;
    if (labels > 1 && !isNumber && labelEnd - labelStart > 1) end = labelEnd;
    if (code !== dot || labelEnd < at) return end;
    labelStart = at + 1;
    isNumber = true;
  }
  return end;
}
