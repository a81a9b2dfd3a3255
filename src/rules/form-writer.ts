import { canonicalJson } from "./canonical.ts";
import { isDenial } from "./denial.ts";
import { type FormWire, formLimits } from "./form-pairs.ts";
import { readForm } from "./form-reader.ts";
import type { FormObject } from "./form-shape.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { encodePercent } from "./percent.ts";

/** Why arguments have no form: the top-level argument concerned, null when it is none in particular, and the end of a sentence about it. */
export interface Unwritable {
  readonly argument: string | null;
  readonly message: string;
}

/**
 * Writes arguments as a form in bracket style: the same arguments always give the same bytes. The members of every object are sorted by their names'
 * UTF-16 units, as RFC 8785 sorts them; lists are numbered from 0; numbers and booleans are spelled as in RFC 8785; all but RFC 3986's unreserved characters is
 * percent-encoded, a space as `%20`. The brackets themselves are raw in a body, as official SDKs write them, and encoded in a query, where RFC 3986
 * does not allow them.
 *
 * What was written is read back, and only what comes back the same is handed out: an empty list or map, null, a key with brackets, an index as a key, more
 * brackets or pairs than `formLimits`, or a text that its schema reads as something else cannot be said by a form, and nothing is dropped silently.
 */
export function writeForm(args: JsonObject, shape: FormObject, wire: FormWire): { readonly text: string } | Unwritable {
  const pairs: string[] = [];
  for (const argument of Object.keys(args).sort()) {
    const message = writePairs(encodePercent(argument), args[argument] as JsonValue, 0, pairs);
    if (message !== null) return { argument, message };
  }
  const body = pairs.join("&");
  // Whatever stood in a name or text is percent-encoded, so these brackets are the structure's own.
  const text = wire === "query" ? body.replaceAll("[", "%5B").replaceAll("]", "%5D") : body;
  const back = readForm(text, shape, wire);
  const same = !isDenial(back) && canonicalJson(back) === canonicalJson(args);
  return same ? { text } : { argument: null, message: "the arguments cannot be written as a form that reads the same" };
}

function writePairs(name: string, value: JsonValue, brackets: number, pairs: string[]): string | null {
  if (value === null) return "is or holds null, which a form cannot say";
  if (typeof value !== "object") {
    pairs.push(`${name}=${encodePercent(String(value))}`);
    return null;
  }
  if (brackets === formLimits.bracketsMax) return `is nested deeper than ${formLimits.bracketsMax} brackets`;
  const members = isJsonObject(value) ? Object.keys(value).sort() : value.map((_item, index) => String(index));
  if (members.length === 0) return "is or holds an empty list or map, which a form cannot say";
  for (const member of members) {
    const held = (value as Readonly<Record<string, JsonValue>>)[member] as JsonValue;
    const message = writePairs(`${name}[${encodePercent(member)}]`, held, brackets + 1, pairs);
    if (message !== null) return message;
    if (pairs.length > formLimits.pairsMax) return `has more than ${formLimits.pairsMax} values`;
  }
  return null;
}
