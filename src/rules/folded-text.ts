/** A text in plain spelling, with the way back to where each character stood. */
export interface FoldedText {
  /**
   * Full-width, mathematical and foreign digits are ASCII digits, compatibility letters are plain ones, Greek and Cyrillic letters that look Latin are
   * Latin, every space is `" "`, every dash `"-"`, every middle dot `"·"`, and invisible characters are gone.
   */
  readonly chars: string;
  /** The span of the original text that `chars.slice(from, to)` came from; `to` > `from`. */
  readonly spanOf: (from: number, to: number) => { readonly start: number; readonly end: number };
}

const plain = /^[\t-\r\x20-\x7e]*$/;
/** Controls, zero-width and format characters, variation selectors, and marks that only decorate the character before them. */
const invisible = /[\p{Cc}\p{Cf}\p{M}\p{Default_Ignorable_Code_Point}]/u;
const whiteSpace = /\s/;
const decimalDigit = /\p{Nd}/u;
/** A compatibility character may stand for up to 18 others; what digits and letters need is within these. */
const expansionMax = 4;
const stand = { unknown: 0, nothing: 1, several: 2 } as const;

/**
 * Single characters that a person reads as another one, as `from` + `to`. Only what helps a number or a key to look unlike itself: letters by which
 * account numbers and key prefixes are known.
 */
const lookAlikes = new Map(
  "АAВBЕEЅSІIЈJКKМMНHОOРPСCТTХXУYаaеeоoрpсcуyхxіiјjѕsкkԁdһhΑAΒBΕEΖZΗHΙIΚKΜMΝNΟOΡPΤTΥYΧXοoνvıi。.｡.··•·‧·∙·⋅·・·−-⁄/∕/"
    .match(/../gu)
    ?.map((pair) => [pair.charAt(0), pair.charAt(1)]),
);

/** The folded form of each character of the first two planes, once it was seen: one code unit, or a word of `stand`. 256 KiB. */
const foldedUnits = new Uint16Array(0x20000);
/** Those that fold to several characters; Unicode has some hundreds of them. */
const foldedTexts = new Map<number, string>();

/**
 * Folds a text for scanning. Threat: a card number in full-width or Arabic digits, or with zero-width characters between, reads the same to a
 * person and passes a scanner for ASCII. Linear in the text's length; the result has at most four characters for each one of the text.
 */
export function foldText(text: string): FoldedText {
  if (plain.test(text)) return { chars: text, spanOf: (start, end) => ({ start, end }) };
  let units = new Uint16Array(text.length + expansionMax);
  let starts = new Int32Array(units.length);
  let length = 0;
  for (let at = 0; at < text.length; ) {
    const codePoint = text.codePointAt(at) ?? 0;
    if (length + expansionMax > units.length) {
      units = grown(units, new Uint16Array(units.length * 2));
      starts = grown(starts, new Int32Array(starts.length * 2));
    }
    const unit = foldedUnit(codePoint);
    if (unit > stand.several) {
      starts[length] = at;
      units[length++] = unit;
    } else if (unit === stand.several) {
      const several = foldedTexts.get(codePoint) ?? "";
      for (let index = 0; index < several.length; index += 1) {
        starts[length] = at;
        units[length++] = several.charCodeAt(index);
      }
    }
    at += codePoint > 0xffff ? 2 : 1;
  }
  const endOf = (index: number): number => {
    const start = starts[index] ?? 0;
    return start + ((text.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
  };
  return { chars: textOf(units.subarray(0, length)), spanOf: (from, to) => ({ start: starts[from] ?? 0, end: endOf(to - 1) }) };
}

function grown<T extends Uint16Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

const unitsAtOnce = 4096;

function textOf(units: Uint16Array): string {
  let text = "";
  for (let at = 0; at < units.length; at += unitsAtOnce) text += String.fromCharCode(...units.subarray(at, at + unitsAtOnce));
  return text;
}

/** What a character becomes: one code unit, or a word of `stand`. */
function foldedUnit(codePoint: number): number {
  if (codePoint >= 0x20000) return beyondTwoPlanes(codePoint);
  const known = foldedUnits[codePoint] as number;
  if (known !== stand.unknown) return known;
  const folded = foldCharacter(String.fromCodePoint(codePoint));
  const unit = folded.length === 0 ? stand.nothing : folded.length === 1 ? folded.charCodeAt(0) : stand.several;
  if (unit === stand.several) foldedTexts.set(codePoint, folded);
  foldedUnits[codePoint] = unit;
  return unit;
}

/** Ideographs, tags and selectors that nobody sees, and private use. None of them is a digit or a Latin letter. */
function beyondTwoPlanes(codePoint: number): number {
  if (codePoint < 0x40000) return 0x5b57;
  return codePoint >= 0xe0000 && codePoint <= 0xe0fff ? stand.nothing : 0xfffd;
}

/** Zero to four plain characters of one UTF-16 unit each. */
function foldCharacter(character: string): string {
  if (whiteSpace.test(character)) return character <= "\x7f" ? character : " ";
  if (invisible.test(character)) return "";
  if (character <= "\x7f") return character;
  if (decimalDigit.test(character)) return String(digitValue(character.codePointAt(0) ?? 0));
  let folded = "";
  for (const each of character.normalize("NFKC")) {
    if (!invisible.test(each) && folded.length < expansionMax) folded += plainUnit(each);
  }
  return folded;
}

function plainUnit(character: string): string {
  if (character.length > 1) return /\p{L}/u.test(character) ? "字" : "\ufffd";
  if (/\p{Z}/u.test(character)) return " ";
  if (/\p{Pd}/u.test(character)) return "-";
  return lookAlikes.get(character) ?? character;
}

/** Unicode keeps each script's ten digits together and in order; neighbouring sets of ten follow without a break. */
function digitValue(codePoint: number): number {
  let first = codePoint;
  while (decimalDigit.test(String.fromCodePoint(first - 1))) first -= 1;
  return (codePoint - first) % 10;
}
