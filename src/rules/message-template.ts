import { isJsonObject, type JsonValue } from "./json.ts";

/** What stands for a reference whose value is absent. */
const absentMark = "(absent)";

const messageLengthMax = 500;
const valueLengthMax = 120;
const reference = /\{([a-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*)\}/g;

/**
 * Fills `{args.amount}` and the like from the policy input. A rule's message is a template, filled here and not in Rego, because there an absent
 * value would make the whole rule undefined and the rule would be silent. Total: an absent value becomes `(absent)`.
 * At most 120 characters for a value and 500 for the message; control, bidirectional and other invisible characters are escaped, so that a
 * value cannot rewrite the sentence around it on an approver's screen.
 */
export function fillMessage(template: string, input: JsonValue): string {
  const filled = template.slice(0, 4 * messageLengthMax).replace(reference, (_whole, path: string) => showValue(atPath(input, path)));
  return cut(escapeInvisible(filled), messageLengthMax);
}

/** Own keys and array indexes only, so that no name reaches into a prototype. */
function atPath(input: JsonValue, path: string): JsonValue | undefined {
  let here: JsonValue | undefined = input;
  for (const key of path.split(".")) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key) || (Array.isArray(here) && key === "length"))
      return undefined;
    here = (here as Readonly<Record<string, JsonValue>>)[key];
  }
  return here;
}

function showValue(value: JsonValue | undefined): string {
  if (value === undefined) return absentMark;
  if (typeof value === "string") return cut(escapeInvisible(value), valueLengthMax);
  if (Array.isArray(value)) return `(list of ${value.length})`;
  return isJsonObject(value) ? "(object)" : String(value);
}

/** Line breaks and other controls, format characters (bidi, zero width), separators other than the space, surrogates, private use, unassigned. */
const invisible = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** Printable ASCII, which most messages are: looked at first because the classes above cost microseconds. */
const plain = /^[ -~]*$/;

/** Writes every character that cannot be seen as `\u{...}`. */
export function escapeInvisible(text: string): string {
  if (plain.test(text)) return text;
  return text.replace(invisible, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

function cut(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  return `${text.slice(0, lengthMax - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
