import { isJsonObject, type JsonValue } from "./json.ts";

/**
 * Writes out what could mislead the eye of somebody who signs: control, bidirectional, invisible and combining characters, and letters beyond Latin in a text
 * that also has Latin ones (look-alikes, OWASP ASI09). Everything else stays as it is; the executed bytes are not touched.
 */
export function escapeForPeople(value: JsonValue): JsonValue {
  if (typeof value === "string") return escapeText(value);
  if (Array.isArray(value)) return value.map(escapeForPeople);
  if (isJsonObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [escapeText(key), escapeForPeople(inner)]));
  return value;
}

const misleading = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Mn}\p{Me}]|(?! )\p{Zs}/gu;
const lookAlike = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\uff01-\uff5e]/gu;
const latin = /[A-Za-z]/;

function escapeText(text: string): string {
  const plain = text.replace(misleading, writeOut);
  return latin.test(text) ? plain.replace(lookAlike, writeOut) : plain;
}

function writeOut(character: string): string {
  return `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
}
