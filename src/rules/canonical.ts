import { hash } from "node:crypto";
import canonicalize from "canonicalize";
import type { JsonValue } from "./json.ts";

/**
 * The RFC 8785 (JCS) text of a value: one spelling for each value, keys sorted by UTF-16 units.
 * Throws on what no strict reader hands out: a lone surrogate or a number that is not finite.
 */
export function canonicalJson(value: JsonValue): string {
  // The engine writes strings and numbers as RFC 8785 does, and keys in the order they have: for sorted plain JSON its text is the canonical one.
  const sorted = sortPlain(value, 0);
  const text = sorted === strange ? canonicalize(value) : JSON.stringify(sorted);
  if (text === undefined) throw new TypeError("this value has no JSON text");
  return text;
}

/** Deeper nesting is left to the library, which needs no stack. */
const depthMax = 64;

/** Insertion sort takes the square of this; larger objects are left to the library too. */
const keysMax = 64;

/** What is not plain JSON (other prototypes, `toJSON`, undefined, great depth, what must be refused) is the library's to judge. */
const strange = Symbol("not plain JSON");

/** The same value with its keys in order: itself where they are already. */
function sortPlain(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.isWellFormed() ? value : strange;
  if (typeof value === "number") return Number.isFinite(value) ? value : strange;
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value !== "object" || depth >= depthMax) return strange;
  return Array.isArray(value) ? sortItems(value, depth) : sortFields(value as Readonly<Record<string, unknown>>, depth);
}

function sortItems(items: readonly unknown[], depth: number): unknown {
  if ("toJSON" in items) return strange;
  let copy: unknown[] | null = null;
  for (let index = 0; index < items.length; index += 1) {
    const item = items[index];
    const sorted = sortPlain(item, depth + 1);
    if (sorted === strange) return strange;
    if (sorted !== item) copy ??= items.slice();
    if (copy !== null) copy[index] = sorted;
  }
  return copy ?? items;
}

function sortFields(fields: Readonly<Record<string, unknown>>, depth: number): unknown {
  const prototype: unknown = Object.getPrototypeOf(fields);
  if (prototype !== Object.prototype && prototype !== null) return strange;
  const keys = Object.keys(fields);
  if (keys.length > keysMax) return strange;
  const values: unknown[] = [];
  let same = true;
  for (let index = 0; index < keys.length; index += 1) {
    const key = keys[index] as string;
    const value = fields[key];
    const sorted = isOrderly(key) ? sortPlain(value, depth + 1) : strange;
    if (sorted === strange) return strange;
    // Insertion sort: keys are few and mostly in order, and the built-in sort takes longer than all the rest.
    let at = index;
    for (; at > 0 && (keys[at - 1] as string) > key; at -= 1) {
      keys[at] = keys[at - 1] as string;
      values[at] = values[at - 1];
    }
    keys[at] = key;
    values[at] = sorted;
    same &&= at === index && sorted === value;
  }
  return same ? fields : withFields(keys, values);
}

/** Engines order keys that begin with a digit in a way of their own, and `__proto__` is no key of a literal. */
function isOrderly(key: string): boolean {
  const first = key.charCodeAt(0);
  return (first < 0x30 || first > 0x39) && first !== 0x5f && key.isWellFormed();
}

function withFields(keys: readonly string[], values: readonly unknown[]): unknown {
  const copy: Record<string, unknown> = {};
  for (let index = 0; index < keys.length; index += 1) copy[keys[index] as string] = values[index];
  return copy;
}

/** SHA-256 in lower-case hex; of the UTF-8 bytes when given text. */
export function sha256Hex(content: string | Uint8Array): string {
  return hash("sha256", content, "hex");
}
