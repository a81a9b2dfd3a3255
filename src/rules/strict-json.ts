import { type Denial, deny } from "./denial.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { isExactNumber } from "./json-numbers.ts";
import { foldKey, isForbiddenFold } from "./keys.ts";

/** Bounds of one document. */
export interface JsonLimits {
  /** Levels of objects and arrays, the outermost object being the first. 1..256 (more is cut to 256); absent means 32. */
  readonly depthMax?: number;
  /** Values of all kinds, the outermost object included. Absent means 10,000. */
  readonly valuesMax?: number;
}

type JsonCode =
  | "ERR_JSON_MALFORMED"
  | "ERR_JSON_DUPLICATE_KEY"
  | "ERR_JSON_KEY_FORBIDDEN"
  | "ERR_JSON_TOO_DEEP"
  | "ERR_JSON_NUMBER"
  | "ERR_JSON_STRING";

interface Cursor {
  readonly text: string;
  readonly depthMax: number;
  readonly valuesMax: number;
  at: number;
  depth: number;
  values: number;
  denial: Denial | null;
}

/** What a part of the reader returns after it has left a denial at the cursor. */
const refused = Symbol("refused");
type Refused = typeof refused;

const depthCeiling = 256;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the bytes of one JSON object (RFC 8259) so that no other reader can understand them differently.
 *
 * What comes back has own keys only, well-formed strings, and numbers that are exactly what was written. Denials: ERR_JSON_MALFORMED (no UTF-8,
 * a byte order mark, no object, any slip of grammar), ERR_JSON_DUPLICATE_KEY (also when two keys differ only by case or Unicode form),
 * ERR_JSON_KEY_FORBIDDEN, ERR_JSON_TOO_DEEP (levels or number of values), ERR_JSON_NUMBER, ERR_JSON_STRING (an escaped lone surrogate).
 * A denial tells the place as a character offset and never repeats the caller's text. Time is linear in the bytes; the stack is bounded by
 * `depthMax`.
 */
export function readJsonObject(bytes: Uint8Array, limits: JsonLimits = {}): JsonObject | Denial {
  const text = decodeUtf8(bytes);
  if (text === null) return deny("ERR_JSON_MALFORMED", "the body is not valid UTF-8");
  const cursor: Cursor = {
    text,
    depthMax: Math.min(limits.depthMax ?? 32, depthCeiling),
    valuesMax: limits.valuesMax ?? 10_000,
    at: 0,
    depth: 0,
    values: 0,
    denial: null,
  };
  skipSpace(cursor);
  if (text.charCodeAt(cursor.at) !== 0x7b) return deny("ERR_JSON_MALFORMED", "the body does not begin with a JSON object");
  const value = readValue(cursor);
  skipSpace(cursor);
  if (value !== refused && cursor.at < text.length) refuse(cursor, "ERR_JSON_MALFORMED", "text after the object");
  return cursor.denial ?? (value as JsonObject);
}

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    return null;
  }
}

function refuse(cursor: Cursor, code: JsonCode, what: string, at: number = cursor.at): Refused {
  cursor.denial ??= deny(code, `${what} at character ${at + 1} of the body`);
  return refused;
}

function skipSpace(cursor: Cursor): void {
  const { text } = cursor;
  let { at } = cursor;
  let code = text.charCodeAt(at);
  while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
    at += 1;
    code = text.charCodeAt(at);
  }
  cursor.at = at;
}

function readValue(cursor: Cursor): JsonValue | Refused {
  cursor.values += 1;
  if (cursor.values > cursor.valuesMax) return refuse(cursor, "ERR_JSON_TOO_DEEP", `more than ${cursor.valuesMax} values`);
  switch (cursor.text.charCodeAt(cursor.at)) {
    case 0x22:
      return readString(cursor);
    case 0x7b:
    case 0x5b:
      return readNested(cursor);
    case 0x74:
      return readWord(cursor, "true", true);
    case 0x66:
      return readWord(cursor, "false", false);
    case 0x6e:
      return readWord(cursor, "null", null);
    default:
      return readNumber(cursor);
  }
}

function readWord(cursor: Cursor, word: string, value: JsonValue): JsonValue | Refused {
  if (!cursor.text.startsWith(word, cursor.at)) return refuse(cursor, "ERR_JSON_MALFORMED", "no value");
  cursor.at += word.length;
  return value;
}

function readNested(cursor: Cursor): JsonValue | Refused {
  cursor.depth += 1;
  if (cursor.depth > cursor.depthMax) return refuse(cursor, "ERR_JSON_TOO_DEEP", `more than ${cursor.depthMax} levels`);
  const value = cursor.text.charCodeAt(cursor.at) === 0x7b ? readObject(cursor) : readArray(cursor);
  cursor.depth -= 1;
  return value;
}

function readArray(cursor: Cursor): JsonValue | Refused {
  const items: JsonValue[] = [];
  cursor.at += 1;
  skipSpace(cursor);
  if (take(cursor, 0x5d)) return items;
  for (;;) {
    const item = readValue(cursor);
    if (item === refused) return refused;
    items.push(item);
    skipSpace(cursor);
    if (take(cursor, 0x5d)) return items;
    if (!take(cursor, 0x2c)) return refuse(cursor, "ERR_JSON_MALFORMED", "neither a comma nor the end of the array");
    skipSpace(cursor);
  }
}

function readObject(cursor: Cursor): JsonObject | Refused {
  const object: Record<string, JsonValue> = {};
  const folds = new Set<string>();
  cursor.at += 1;
  skipSpace(cursor);
  if (take(cursor, 0x7d)) return object;
  for (;;) {
    const key = readKey(cursor, folds);
    if (key === refused) return refused;
    const value = readValue(cursor);
    if (value === refused) return refused;
    object[key] = value;
    skipSpace(cursor);
    if (take(cursor, 0x7d)) return object;
    if (!take(cursor, 0x2c)) return refuse(cursor, "ERR_JSON_MALFORMED", "neither a comma nor the end of the object");
    skipSpace(cursor);
  }
}

/** Reads a key and its colon, and leaves the cursor at the value. */
function readKey(cursor: Cursor, folds: Set<string>): string | Refused {
  const start = cursor.at;
  if (cursor.text.charCodeAt(start) !== 0x22) return refuse(cursor, "ERR_JSON_MALFORMED", "no key");
  const key = readString(cursor);
  if (key === refused) return refused;
  const fold = foldKey(key);
  if (isForbiddenFold(fold)) return refuse(cursor, "ERR_JSON_KEY_FORBIDDEN", "a forbidden key", start);
  const known = folds.size;
  if (folds.add(fold).size === known)
    return refuse(cursor, "ERR_JSON_DUPLICATE_KEY", "a key that stands twice, or twice but for case,", start);
  skipSpace(cursor);
  if (!take(cursor, 0x3a)) return refuse(cursor, "ERR_JSON_MALFORMED", "no colon after the key");
  skipSpace(cursor);
  return key;
}

function take(cursor: Cursor, code: number): boolean {
  if (cursor.text.charCodeAt(cursor.at) !== code) return false;
  cursor.at += 1;
  return true;
}

function readString(cursor: Cursor): string | Refused {
  const { text } = cursor;
  const start = cursor.at;
  let from = start + 1;
  let read = "";
  for (let at = from; ; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      cursor.at = at + 1;
      if (from === start + 1) return text.slice(from, at);
      read += text.slice(from, at);
      // UTF-8 cannot carry a lone surrogate, so only strings with escapes need the look.
      return read.isWellFormed() ? read : refuse(cursor, "ERR_JSON_STRING", "a string with a lone surrogate", start);
    }
    if (code === 0x5c) {
      const escaped = readEscape(text, at);
      if (escaped === null) return refuse(cursor, "ERR_JSON_MALFORMED", "an unknown escape", at);
      read += text.slice(from, at) + escaped;
      from = at + (text.charCodeAt(at + 1) === 0x75 ? 6 : 2);
      at = from - 1;
    } else if (!(code >= 0x20)) {
      return refuse(cursor, "ERR_JSON_MALFORMED", at < text.length ? "a raw control character" : "a string without an end", at);
    }
  }
}

const escapes: Readonly<Record<string, string>> = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const fourHex = /^[0-9A-Fa-f]{4}$/;

function readEscape(text: string, at: number): string | null {
  const letter = text.charAt(at + 1);
  if (letter !== "u") return Object.hasOwn(escapes, letter) ? (escapes[letter] ?? null) : null;
  const hex = text.slice(at + 2, at + 6);
  return fourHex.test(hex) ? String.fromCharCode(Number.parseInt(hex, 16)) : null;
}

function readNumber(cursor: Cursor): number | Refused {
  const { text } = cursor;
  const start = cursor.at;
  const end = endOfNumber(text, start);
  if (end === -1) return refuse(cursor, "ERR_JSON_MALFORMED", "no value", start);
  cursor.at = end;
  const written = text.slice(start, end);
  const value = Number(written);
  return isExactNumber(written, value) ? value : refuse(cursor, "ERR_JSON_NUMBER", "a number that is not exact", start);
}

/** The offset after the number that begins here, by RFC 8259 section 6; -1 when none does. */
function endOfNumber(text: string, start: number): number {
  let at = text.charCodeAt(start) === 0x2d ? start + 1 : start;
  const whole = at;
  at = endOfDigits(text, whole);
  if (at === whole || (at > whole + 1 && text.charCodeAt(whole) === 0x30)) return -1;
  if (text.charCodeAt(at) === 0x2e) {
    const fraction = at + 1;
    at = endOfDigits(text, fraction);
    if (at === fraction) return -1;
  }
  if ((text.charCodeAt(at) | 0x20) === 0x65) {
    const sign = text.charCodeAt(at + 1);
    const power = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
    at = endOfDigits(text, power);
    if (at === power) return -1;
  }
  return at;
}

function endOfDigits(text: string, start: number): number {
  let at = start;
  let code = text.charCodeAt(at);
  while (code >= 0x30 && code <= 0x39) {
    at += 1;
    code = text.charCodeAt(at);
  }
  return at;
}
