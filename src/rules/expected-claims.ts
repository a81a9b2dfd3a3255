import type { JsonValue } from "./json.ts";

/** What a claim must be: this very value, one of these, or text that begins and ends so. */
export type ExpectedClaim =
  | string
  | number
  | boolean
  | { readonly oneOf: readonly (string | number | boolean)[] }
  | { readonly begins?: string; readonly ends?: string };

/** Whether a claim's value is what is expected; an absent one (undefined) never is. Compared by type and case. */
export function isExpected(value: JsonValue | undefined, expected: ExpectedClaim): boolean {
  if (typeof expected !== "object") return value === expected;
  if ("oneOf" in expected) return expected.oneOf.some((one) => value === one);
  return typeof value === "string" && value.startsWith(expected.begins ?? "") && value.endsWith(expected.ends ?? "");
}
