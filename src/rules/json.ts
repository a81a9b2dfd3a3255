/** Any JSON value, as the strict reader hands it out: finite numbers, well-formed strings, own keys only. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** True for objects, false for arrays, null and scalars. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The value that an RFC 6901 JSON pointer names, or undefined when nothing stands there.
 * Only own keys count; array indexes are canonical decimals. `""` is the whole document.
 */
export function atPointer(document: JsonValue, pointer: string): JsonValue | undefined {
  if (pointer === "") return document;
  let here: JsonValue | undefined = document;
  for (const token of pointer.slice(1).split("/")) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(here)) here = /^(0|[1-9][0-9]{0,9})$/.test(key) ? (here[Number(key)] as JsonValue | undefined) : undefined;
    else if (isJsonObject(here)) here = Object.hasOwn(here, key) ? here[key] : undefined;
    else return undefined;
  }
  return here;
}
