/** What a reader makes of a form: texts in maps and lists. */
export type Tree = string | Tree[] | { [key: string]: Tree };

type Reader = (text: string) => Tree;

/** Names and texts in order, decoded as every form reader does. */
const pairsOf = (text: string): [string, string][] => [...new URLSearchParams(text)];

const bracketed = /^([^[]*)((?:\[[^\]]*\])*)/;
const stepsOf = (name: string): string[] => {
  const [, head = "", rest = ""] = bracketed.exec(name) ?? [];
  return [head, ...[...rest.matchAll(/\[([^\]]*)\]/g)].map(([, step = ""]) => step)];
};

/** A map that becomes a list when its keys are exactly 0, 1, 2, ... */
function settle(value: Tree | Map<string, unknown>): Tree {
  if (!(value instanceof Map)) return value;
  const entries = [...value].map(([key, held]) => [key, settle(held as Tree)] as const);
  const isList = entries.length > 0 && entries.every(([key], at) => key === String(at));
  return isList ? entries.map(([, held]) => held) : Object.fromEntries(entries);
}

function put(root: Map<string, unknown>, steps: readonly string[], text: string): void {
  let here = root;
  for (const [at, step] of steps.entries()) {
    const key = step === "" ? String(here.size) : step;
    if (at === steps.length - 1) return void here.set(key, text);
    const next = here.get(key);
    const map = next instanceof Map ? (next as Map<string, unknown>) : new Map<string, unknown>();
    here.set(key, map);
    here = map;
  }
}

function readInto(pairs: readonly (readonly [readonly string[], string])[]): Tree {
  const root = new Map<string, unknown>();
  for (const [steps, text] of pairs) put(root, steps, text);
  return settle(root);
}

/** PHP's `parse_str`: the last one wins, names end at a NUL, lose leading blanks, and have `.` and blanks before the first bracket turned into `_`. */
const php: Reader = (text) =>
  readInto(
    pairsOf(text).map(([name, value]) => {
      const [head = "", ...rest] = stepsOf((name.split("\u0000", 1)[0] ?? "").replace(/^ +/, ""));
      return [[head.replaceAll(/[. ]/g, "_"), ...rest.map((step) => step.replace(/^\s+/, ""))], value];
    }),
  );

/** Rack's nested query: the last one wins; `;` parts pairs too. */
const rack: Reader = (text) => readInto(pairsOf(text.replaceAll(";", "&")).map(([name, value]) => [stepsOf(name), value]));

/** `qs` of Express: keys of `Object.prototype` are dropped, brackets beyond five are text. */
const qs: Reader = (text) =>
  readInto(
    pairsOf(text).flatMap(([name, value]) => {
      const steps = stepsOf(name);
      if (steps.some((step) => step in {})) return [];
      return [[steps.length > 6 ? [...steps.slice(0, 6), steps.slice(6).join("")] : steps, value] as const];
    }),
  );

/** A reader that knows no brackets, of the last value of a name (Java servlets hand out the first). */
const flatLast: Reader = (text) => Object.fromEntries(pairsOf(text));
const flatFirst: Reader = (text) => Object.fromEntries(pairsOf(text).reverse());

/** How servers behind us read forms, by what they are written in. */
export const formReaders = { php, rack, qs } as const satisfies Record<string, Reader>;
export const flatReaders = { flatLast, flatFirst } as const satisfies Record<string, Reader>;

/** Arguments as texts, for comparison with what a reader saw. */
export function asTexts(value: unknown): Tree {
  if (Array.isArray(value)) return value.map(asTexts);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, asTexts(held)]));
  return String(value);
}
