import type { CodeRow } from "./code-row.ts";
import { callCodes } from "./codes-of-calls.ts";
import { requestCodes } from "./codes-of-requests.ts";

export type { CodeRow } from "./code-row.ts";

/**
 * Every answer that is not the upstream's own, in one table. Codes are public API: they never change their meaning; titles and advice may.
 * `docs/errors.md` is generated from here and a test compares them.
 */
export const codes = { ...requestCodes, ...callCodes } as const satisfies Record<string, CodeRow>;

export type Code = keyof typeof codes;

/** The row of a code, typed as the general row. */
export function codeRow(code: Code): CodeRow {
  return codes[code];
}
