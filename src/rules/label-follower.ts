/**
 * Answers, for places asked in ascending order, whether a word of the pattern ends at most `reach` characters before them. The text is searched once,
 * and only when somebody asks. The pattern must be global, and its matches short.
 */
export function labelFollower(chars: string, labels: RegExp, reach: number): (at: number) => boolean {
  let matches: IterableIterator<RegExpExecArray> | null = null;
  let before = -1;
  let next = -1;
  return (at) => {
    matches ??= chars.matchAll(labels);
    while (next < at) {
      before = Math.max(before, next);
      const { value } = matches.next() as { value?: RegExpExecArray };
      next = value === undefined ? Number.POSITIVE_INFINITY : value.index + value[0].length;
    }
    if (next === at) return true;
    return before !== -1 && at - before <= reach;
  };
}
