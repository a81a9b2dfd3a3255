/** What one code says, on every edge. */
export interface CodeRow {
  /** HTTP status on the agents' side. */
  readonly status: 400 | 401 | 403 | 404 | 405 | 408 | 409 | 413 | 415 | 417 | 421 | 422 | 429 | 431 | 500 | 502 | 503 | 504;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean;
  /** Whether the upstream acted: false = nothing was sent, unknown = something may have been. */
  readonly executed: true | false | "unknown";
  /** What it means, one clause. */
  readonly title: string;
  /** What the agent, or the person behind it, should do. One sentence. */
  readonly advice: string;
}

/** One row of a table of codes. */
export const row = (
  status: CodeRow["status"],
  retryable: boolean,
  executed: CodeRow["executed"],
  title: string,
  advice: string,
): CodeRow => ({
  status,
  retryable,
  executed,
  title,
  advice,
});
