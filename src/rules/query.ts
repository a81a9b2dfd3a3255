import { type Denial, deny } from "./denial.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { isForbiddenKey } from "./keys.ts";
import { decodePercent } from "./percent.ts";

/** What a text outside a JSON body may be read as. */
export type ScalarType = "string" | "integer" | "number" | "boolean";

/** RFC 3986 `query`, without `;`, which some servers take for `&`. */
const queryText = /^(?:[A-Za-z0-9\-._~!$&'()*+,=:@/?]|%[0-9A-Fa-f]{2})*$/;

/**
 * Reads a raw query string, without its `?`, into one flat object. Names and values are compared after decoding; `+` is a space, as in the
 * URL standard's form encoding (a plus travels as `%2B`). The upstream gets our own encoding, so nobody has to guess again.
 *
 * ERR_QUERY_INVALID for a name that is not declared, repeated or empty, a pair without `=`, an empty pair, a raw character that RFC 3986 does
 * not allow, bad percent-encoding or UTF-8, and a value that is not the canonical spelling of its type (see `readScalar`).
 */
export function readQuery(raw: string, declared: ReadonlyMap<string, ScalarType>): JsonObject | Denial {
  const read: Record<string, JsonValue> = {};
  if (raw === "") return read;
  if (!queryText.test(raw)) return deny("ERR_QUERY_INVALID", "the query string is malformed");
  for (const pair of raw.split("&")) {
    const mark = pair.indexOf("=");
    const name = mark < 1 ? null : decodeForm(pair.slice(0, mark));
    const text = decodeForm(pair.slice(mark + 1));
    if (name === null || text === null) return deny("ERR_QUERY_INVALID", "the query string is malformed");
    const type = declared.get(name);
    if (type === undefined || isForbiddenKey(name)) return deny("ERR_QUERY_INVALID", "a query parameter is not declared");
    if (Object.hasOwn(read, name)) return deny("ERR_QUERY_INVALID", `the query parameter ${name} stands twice`);
    const value = readScalar(text, type);
    if (value === null) return deny("ERR_QUERY_INVALID", `the query parameter ${name} is not a canonical ${type}`);
    read[name] = value;
  }
  return read;
}

function decodeForm(text: string): string | null {
  return decodePercent(text.replaceAll("+", " "));
}

/**
 * Reads a text as its declared type, or answers null. Each value has one spelling: `true` and `false`; integers as RFC 8785 writes them, within
 * ±(2^53-1); numbers likewise (`1.5`, never `1.50`, `1e3`, `01`, `+1` or `-0`). Any text is a string.
 */
export function readScalar(text: string, type: ScalarType): string | number | boolean | null {
  if (type === "string") return text;
  if (type === "boolean") return text === "true" ? true : text === "false" ? false : null;
  const value = Number(text);
  const exact = String(value) === text && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return exact && (type === "number" || Number.isInteger(value)) ? value : null;
}
