/**
 * Whether a regular expression repeats a group that itself repeats without bound, such as `^(a+)+$`. JavaScript's matcher tries every way to split a text between
 * the two, so that some thirty letters can hold the process for minutes. A scan, not a parser: it may refuse a harmless pattern, and does not see every harmful one.
 */
export function repeatsRepetition(pattern: string): boolean {
  const groups: { repeats: boolean }[] = [{ repeats: false }];
  for (let at = 0; at < pattern.length; at += 1) {
    const letter = pattern[at];
    if (letter === "\\") at += 1;
    else if (letter === "[") at = endOfClass(pattern, at);
    else if (letter === "(") groups.push({ repeats: false });
    else if (letter === ")") {
      const inner = groups.pop();
      const outer = groups.at(-1);
      if (inner === undefined || outer === undefined) return false;
      const { times } = quantifierAt(pattern, at + 1);
      if (inner.repeats && times > 1) return true;
      outer.repeats ||= inner.repeats || times === Number.POSITIVE_INFINITY;
    } else if (quantifierAt(pattern, at).times === Number.POSITIVE_INFINITY) (groups.at(-1) ?? { repeats: false }).repeats = true;
  }
  return false;
}

function endOfClass(pattern: string, from: number): number {
  for (let at = from + 1; at < pattern.length; at += 1) {
    if (pattern[at] === "\\") at += 1;
    else if (pattern[at] === "]") return at;
  }
  return pattern.length;
}

/** How often the quantifier at this place lets what is before it stand, 1 when there is none. */
function quantifierAt(pattern: string, at: number): { readonly times: number } {
  const letter = pattern[at];
  if (letter === "*" || letter === "+") return { times: Number.POSITIVE_INFINITY };
  const braces = /^\{([0-9]+)(,([0-9]*))?\}/.exec(pattern.slice(at, at + 24));
  if (braces === null) return { times: 1 };
  if (braces[2] === undefined) return { times: Number(braces[1]) };
  return { times: braces[3] === "" ? Number.POSITIVE_INFINITY : Number(braces[3]) };
}
