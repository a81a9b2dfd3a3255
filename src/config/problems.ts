/** Keys and list indexes from a file's root to a value. */
export type ConfigurationPath = readonly (string | number)[];

/** One mistake in one file, where it stands and what to do. */
export interface Problem {
  readonly file: string;
  /** 1-based; 1 when the file as a whole is meant. */
  readonly line: number;
  readonly column: number;
  /** Such as `rates[0].limit`; empty for the file as a whole. */
  readonly path: string;
  /** Completes a sentence that begins with the path. Never contains a secret. */
  readonly message: string;
  /** What to do, one sentence without a full stop, or null. */
  readonly hint: string | null;
}

/** A problem as one line for people and editors: `file:line:column path message; hint`. */
export function formatProblem(problem: Problem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  const what = problem.path === "" ? problem.message : `${problem.path} ${problem.message}`;
  return problem.hint === null ? `${place} ${what}` : `${place} ${what}; ${problem.hint}`;
}

/** A problem of a file as a whole, such as one that cannot be read. */
export function fileProblem(file: string, message: string, hint: string | null = null): Problem {
  return { file, line: 1, column: 1, path: "", message, hint };
}

/** A path as people write it: `tools["payments.refund"].up_to`, `rates[0].limit`. */
export function writePath(path: ConfigurationPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[A-Za-z_$][A-Za-z0-9_$-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

const shownLengthMax = 60;

/** A value as messages show it: short, on one line, with what is invisible escaped. */
export function showValue(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map";
  if (value === null || value === undefined) return "nothing";
  const text = escapeInvisible(typeof value === "string" ? JSON.stringify(value) : String(value));
  return text.length <= shownLengthMax ? text : `${text.slice(0, shownLengthMax - 1)}…`;
}

function escapeInvisible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, (found) => `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`);
}

/** The candidate nearest to a mistyped word as a hint, or null when none is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | null {
  let nearest: string | null = null;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.slice(0, 64).toLowerCase(), candidate.slice(0, 64).toLowerCase());
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest === null ? null : `did you mean ${nearest}?`;
}

// Optimal string alignment: a swap of neighbours counts as one slip, as people make it.
function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const cost = left[row - 1] === right[column - 1] ? 0 : 1;
      let best = Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (previous[column - 1] ?? 0) + cost);
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1])
        best = Math.min(best, (before[column - 2] ?? 0) + 1);
      current.push(best);
    }
    before = previous;
    previous = current;
  }
  return previous[right.length] ?? 0;
}
