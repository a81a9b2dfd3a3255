import { type FoldedText, foldText } from "./folded-text.ts";

const escapes = /%[0-9A-Fa-f]{2}|&#?[A-Za-z0-9]{1,8};|\\[ux][0-9A-Fa-f]{2}|\\u\{/;
const oneEscape =
  /(?:%[0-9A-Fa-f]{2})+|&#([0-9]{1,7});|&#[xX]([0-9A-Fa-f]{1,6});|&([A-Za-z]{2,8});|\\u([0-9A-Fa-f]{4})|\\u\{([0-9A-Fa-f]{1,6})\}|\\x([0-9A-Fa-f]{2})/g;
/** HTML's names for characters that stand in numbers and addresses, and for those that stand between and are not seen. */
const entities: Readonly<Record<string, string>> = {
  ...{ amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " ", ensp: " ", emsp: " ", thinsp: " ", Tab: " ", NewLine: " " },
  ...{
    commat: "@",
    period: ".",
    hyphen: "-",
    dash: "-",
    minus: "-",
    ndash: "-",
    mdash: "-",
    lowbar: "_",
    sol: "/",
    plus: "+",
    colon: ":",
    num: "#",
  },
  ...{ shy: "", zwj: "", zwnj: "", percnt: "%" },
};
const utf8 = new TextDecoder("utf-8");

/**
 * The text as somebody reads it who undoes percent-encoding, HTML entities and backslash escapes once; null when there are none. Linear. Offsets of the
 * result are those of the given text's own original.
 */
export function unescapeText(text: FoldedText): FoldedText | null {
  if (!escapes.test(text.chars)) return null;
  const { chars } = text;
  let plain = "";
  // Where each piece begins in `plain`, and where it stands in `chars`. Pieces that were escapes are one span each.
  const starts: number[] = [];
  const pieces: Piece[] = [];
  let at = 0;
  const add = (piece: string, from: number, to: number, isEscape: boolean): void => {
    if (piece === "") return;
    starts.push(plain.length);
    pieces.push({ begins: plain.length, from, to, isEscape });
    plain += piece;
  };
  for (const match of chars.matchAll(oneEscape)) {
    const decoded = decodeEscape(match);
    if (decoded === null) continue;
    add(chars.slice(at, match.index), at, match.index, false);
    at = match.index + match[0].length;
    if (!match[0].startsWith("%")) add(decoded, match.index, at, true);
    else addPercent(match[0], match.index, add);
  }
  add(chars.slice(at), at, chars.length, false);
  const folded = foldText(plain);
  return {
    chars: folded.chars,
    spanOf: (from, to) => {
      const { start, end } = folded.spanOf(from, to);
      const placeOf = (place: number): Pick<Piece, "from" | "to"> => placeIn(pieces[pieceAt(starts, place)] as Piece, place);
      return text.spanOf(placeOf(start).from, placeOf(end - 1).to);
    },
  };
}

interface Piece {
  readonly begins: number;
  readonly from: number;
  readonly to: number;
  readonly isEscape: boolean;
}

/** ASCII bytes are one piece each, so that a mask takes no more than it must; the others are decoded together. */
function addPercent(run: string, from: number, add: (piece: string, from: number, to: number, isEscape: boolean) => void): void {
  for (let at = 0; at < run.length; ) {
    let end = at + 3;
    const byte = Number.parseInt(run.slice(at + 1, end), 16);
    if (byte < 128) add(String.fromCharCode(byte), from + at, from + end, true);
    else {
      while (end < run.length && "89abcdefABCDEF".includes(run.charAt(end + 1))) end += 3;
      const bytes = run
        .slice(at + 1, end)
        .split("%")
        .map((pair) => Number.parseInt(pair, 16));
      add(utf8.decode(Uint8Array.from(bytes)), from + at, from + end, true);
    }
    at = end;
  }
}

function decodeEscape([whole, decimal, hexadecimal, name, four, braced, two]: RegExpExecArray): string | null {
  if (whole.startsWith("%")) return whole;
  if (name !== undefined) return Object.hasOwn(entities, name) ? (entities[name] ?? null) : null;
  const code = decimal === undefined ? Number.parseInt(hexadecimal ?? four ?? braced ?? two ?? "", 16) : Number(decimal);
  return code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : null;
}

/** Where the character at this place of the plain text stands: itself in a piece that was plain, the whole escape in one that was not. */
function placeIn(piece: Piece, at: number): Pick<Piece, "from" | "to"> {
  if (piece.isEscape) return piece;
  const from = piece.from + at - piece.begins;
  return { from, to: from + 1 };
}

/** Shortest text worth looking at behind an encoding, in characters: a short e-mail address is about as long. */
const decodedMin = 9;

interface Decoded {
  text: string;
  /** For each piece: where it begins in `text`, and the span of the encoded characters it came from. */
  readonly starts: number[];
  readonly spans: { readonly from: number; readonly to: number }[];
}

/**
 * All ASCII text of nine characters or more that stands in a text as base64 (either alphabet, padded or not, with white space within) or as hexadecimal,
 * whatever stands before it; null when there is none. Several pieces are joined by U+FFFD. Linear: base64 is read in four alignments and
 * hexadecimal in two, and only what decodes to ASCII is taken.
 */
export function decodeText(text: FoldedText): FoldedText | null {
  if (text.chars.length < decodedMin) return null;
  const decoded: Decoded = { text: "", starts: [], spans: [] };
  const run: Run = { values: new Uint8Array(text.chars.length), places: new Int32Array(text.chars.length), length: 0 };
  const digits = readEncoded(text.chars, sextets, 4, run, decoded);
  // Of the two hexadecimal characters of an ASCII byte the first is a digit.
  if (digits >= decodedMin) readEncoded(text.chars, nibbles, 2, run, decoded);
  if (decoded.starts.length === 0) return null;
  return {
    chars: decoded.text,
    spanOf: (from, to) => {
      const first = decoded.spans[pieceAt(decoded.starts, from)] ?? { from: 0, to: 1 };
      const last = decoded.spans[pieceAt(decoded.starts, to - 1)] ?? first;
      return text.spanOf(first.from, last.to);
    },
  };
}

/** The last of these ascending starts that is at or before a place. */
function pieceAt(starts: readonly number[], at: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] as number) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** What each ASCII character stands for; 254 is white space, which is passed over, and 255 ends an encoded run. */
const valuesOf = (alphabets: readonly string[]): Uint8Array => {
  const values = new Uint8Array(128).fill(255);
  for (const alphabet of alphabets) for (let value = 0; value < alphabet.length; value += 1) values[alphabet.charCodeAt(value)] = value;
  for (const space of " \t\r\n") values[space.charCodeAt(0)] = 254;
  return values;
};
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const sextets = valuesOf([`${letters}+/`, `${letters}-_`]);
const nibbles = valuesOf(["0123456789abcdef", "0123456789ABCDEF"]);
const passedOver = 254;

/** A run of encoded characters: what each stands for, and where. Used again for the next run. */
interface Run {
  readonly values: Uint8Array;
  readonly places: Int32Array;
  length: number;
}

/** Reads all runs of an encoding whose characters stand for 64 (`group` 4) or 16 (`group` 2) values. Answers how many digits the text has. */
function readEncoded(chars: string, alphabet: Uint8Array, group: 2 | 4, run: Run, decoded: Decoded): number {
  const { values, places } = run;
  let digits = 0;
  let length = 0;
  for (let at = 0; at <= chars.length; at += 1) {
    const code = at < chars.length ? chars.charCodeAt(at) : 128;
    const value = code < 128 ? (alphabet[code] as number) : 255;
    if (value < 64) {
      values[length] = value;
      places[length++] = at;
      if (code < 0x3a && code > 0x2f) digits += 1;
    } else if (value !== passedOver) {
      run.length = length;
      if (length >= unitsMin(group)) readRun(run, group, decoded);
      length = 0;
    }
  }
  return digits;
}

function unitsMin(group: 2 | 4): number {
  return group === 4 ? (decodedMin / 3) * 4 : decodedMin * 2;
}

/** In every alignment, the stretches of groups that decode to ASCII. */
function readRun(run: Run, group: 2 | 4, decoded: Decoded): void {
  const { values, length } = run;
  const isAscii = group === 4 ? isAsciiQuad : isAsciiPair;
  for (let alignment = 0; alignment < group; alignment += 1) {
    let start = alignment;
    for (let at = alignment; at <= length + group; at += group) {
      if (at < length && isAscii(values, at, length)) continue;
      const end = Math.min(at, length);
      if (end - start >= unitsMin(group)) keep(run, { start, end, group }, decoded);
      start = at + group;
    }
  }
}

/** Three bytes below 128 that are no controls but white space and NUL, which UTF-16 puts between ASCII characters. An incomplete last group counts as far as it goes. */
function isAsciiQuad(run: Uint8Array, at: number, length: number): boolean {
  const first = run[at] as number;
  if (first > 31 || (first < 8 && first !== 2 && first !== 0 && first !== 3)) return false;
  if (at + 1 < length && ((run[at + 1] as number) & 15) > 7) return false;
  return at + 2 >= length || ((run[at + 2] as number) & 3) < 2;
}

function isAsciiPair(run: Uint8Array, at: number, length: number): boolean {
  const first = run[at] as number;
  return (
    at + 1 < length && ((first > 1 && first < 8) || (first === 0 && ((run[at + 1] as number) === 10 || (run[at + 1] as number) === 0)))
  );
}

const codesAtOnce = 4096;

function keep({ values, places }: Run, { start, end, group }: { start: number; end: number; group: 2 | 4 }, decoded: Decoded): void {
  const codes: number[] = [];
  let text = "";
  const bits = group === 4 ? 6 : 4;
  let held = 0;
  let heldBits = 0;
  for (let at = start; at < end; at += 1) {
    held = ((held << bits) | (values[at] as number)) & 0xffff;
    heldBits += bits;
    if (heldBits < 8) continue;
    heldBits -= 8;
    const code = (held >> heldBits) & 0xff;
    if (code !== 0) codes.push(code);
    if (codes.length < codesAtOnce) continue;
    text += String.fromCharCode(...codes.splice(0));
  }
  text += String.fromCharCode(...codes);
  if (text.length < decodedMin) return;
  decoded.starts.push(decoded.text.length);
  decoded.spans.push({ from: places[start] as number, to: (places[end - 1] as number) + 1 });
  decoded.text += `${text}\ufffd`;
}
