import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { JsonValue } from "./json.ts";

/**
 * The RFC 8785 (JCS) text of a value: one spelling for each value, keys sorted by UTF-16 units.
 * Throws on what no strict reader hands out: a lone surrogate or a number that is not finite.
 */
export function canonicalJson(value: JsonValue): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("this value has no JSON text");
  return text;
}

/** SHA-256 in lower-case hex; of the UTF-8 bytes when given text. */
export function sha256Hex(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
