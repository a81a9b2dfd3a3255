/** A text in plain spelling, with the way back to where each character stood. */
export interface FoldedText {
  /** Full-width, mathematical and foreign digits are ASCII digits, compatibility letters are plain ones, invisible characters are gone. */
  readonly chars: string;
  /** The span of the original text that `chars.slice(from, to)` came from; `to` > `from`. */
  readonly spanOf: (from: number, to: number) => { readonly start: number; readonly end: number };
}

const ascii = /^[\x00-\x7f]*$/;
/** Zero-width and format characters, variation selectors, and marks that only decorate the character before them. */
const invisible = /[\p{Cf}\p{M}\p{Default_Ignorable_Code_Point}]/u;
const decimalDigit = /\p{Nd}/u;

/**
 * Folds a text for scanning. Threat: a card number in full-width or Arabic digits, or with zero-width characters between, reads the same to a
 * person and passes a scanner for ASCII. Linear in the text's length.
 */
export function foldText(text: string): FoldedText {
  if (ascii.test(text)) return { chars: text, spanOf: (start, end) => ({ start, end }) };
  const chars: string[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  const known = new Map<string, string>();
  let at = 0;
  for (const character of text) {
    const end = at + character.length;
    const folded = known.get(character) ?? foldCharacter(character);
    known.set(character, folded);
    for (const plain of folded) {
      chars.push(plain);
      starts.push(at);
      ends.push(end);
    }
    at = end;
  }
  return { chars: chars.join(""), spanOf: (from, to) => ({ start: starts[from] ?? 0, end: ends[to - 1] ?? 0 }) };
}

/** Zero or more plain characters of one UTF-16 unit each. */
function foldCharacter(character: string): string {
  if (character <= "\x7f" && character.length === 1) return character;
  if (invisible.test(character)) return "";
  if (decimalDigit.test(character)) return String(digitValue(character.codePointAt(0) ?? 0));
  let folded = "";
  for (const plain of character.normalize("NFKC")) {
    if (!invisible.test(plain)) folded += plain.length === 1 ? plain : /\p{L}/u.test(plain) ? "字" : "\ufffd";
  }
  return folded;
}

/** Unicode keeps each script's ten digits together and in order; neighbouring sets of ten follow without a break. */
function digitValue(codePoint: number): number {
  let first = codePoint;
  while (decimalDigit.test(String.fromCodePoint(first - 1))) first -= 1;
  return (codePoint - first) % 10;
}
