import { readFileSync, statSync } from "node:fs";
import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import { type ConfigurationPath, fileProblem, type Problem, writePath } from "./problems.ts";

/** Which part of a key-value pair a position is asked for. */
export type Part = "key" | "value";

/** One YAML file that was read: its value as plain JSON, and where each part of it stands. */
export interface Source {
  readonly file: string;
  readonly value: unknown;
  /** A problem at a path. A path that is not in the file is placed at the nearest parent that is. */
  problem(path: ConfigurationPath, message: string, hint?: string | null, part?: Part): Problem;
  /** Whether the file itself says something at a path, defaults aside. */
  says(path: ConfigurationPath): boolean;
}

/** Larger files are refused: nobody reviews them, and parsing one stalls the process. */
export const fileBytesMax = 1024 * 1024;
/** Deeper nesting is refused, so that no later walk can run out of stack. */
const depthMax = 60;

/** One slip in the syntax can bring hundreds of followers, which help nobody. */
const syntaxProblemsMax = 10;

const forbiddenKeys = new Set(["__proto__", "constructor", "prototype"]);

/** Reads a text file of at most 1 MiB in UTF-8, or says in one clause why not. Never throws. */
export function readText(file: string): { readonly text: string } | { readonly cause: string; readonly missing: boolean } {
  try {
    const stat = statSync(file);
    if (!stat.isFile()) return { cause: "is not a file", missing: false };
    if (stat.size > fileBytesMax) return { cause: `is larger than ${fileBytesMax} bytes`, missing: false };
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file)) };
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === "ENOENT" || code === "ENOTDIR") return { cause: "does not exist", missing: true };
    return {
      cause: code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "is not UTF-8" : `cannot be read (${String(code ?? "unknown error")})`,
      missing: false,
    };
  }
}

/** Reads one YAML file strictly. Adds to `problems` and answers null when anything in it could be read in two ways. */
export function readSource(file: string, problems: Problem[]): Source | null {
  const read = readText(file);
  if ("text" in read) return parseSource(file, read.text, problems);
  problems.push(fileProblem(file, `this file ${read.cause}`));
  return null;
}

/** The same for a text that was read already. */
export function parseSource(file: string, text: string, problems: Problem[]): Source | null {
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    // `prettyErrors: false` keeps excerpts of the file, which may hold a credential, out of the messages.
    // The library looks for doubled keys by comparing all with all, which takes seconds for a few thousand tenants; `strictProblems` does it.
    document = parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      version: "1.2",
      schema: "core",
      merge: false,
    });
  } catch {
    problems.push(fileProblem(file, "this file is nested too deeply to be read"));
    return null;
  }
  const found = [...syntaxProblems(file, document, lines), ...strictProblems(file, document, lines)];
  if (found.length > 0) {
    problems.push(...found);
    return null;
  }
  return sourceOf(file, document, lines);
}

function sourceOf(file: string, document: Document.Parsed, lines: LineCounter): Source {
  return {
    file,
    value: document.toJS() ?? {},
    problem: (path, message, hint = null, part = "value") => {
      const { line, col } = lines.linePos(offsetOf(document, path, part));
      return { file, line: Math.max(1, line), column: Math.max(1, col), path: writePath(path), message, hint };
    },
    says: (path) => document.hasIn(path),
  };
}

function syntaxProblems(file: string, document: Document.Parsed, lines: LineCounter): Problem[] {
  return [...document.errors, ...document.warnings].slice(0, syntaxProblemsMax).map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return {
      file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      path: "",
      message: `is not valid YAML: ${error.message.split("\n", 1)[0] ?? error.code}`,
      hint: null,
    };
  });
}

// Anchors let one part of a file change another part far away, tags change what a value is, and other keys than text lose their spelling:
// a file that grants power must read the same to a person and to the machine.
function strictProblems(file: string, document: Document.Parsed, lines: LineCounter): Problem[] {
  const found: Problem[] = [];
  const add = (node: unknown, message: string, hint: string | null = null) => {
    const { line, col } = lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0);
    found.push({ file, line: Math.max(1, line), column: Math.max(1, col), path: "", message, hint });
  };
  visit(document, {
    Alias: (_key, node) => add(node, "an alias (*name) is refused", "write the value out"),
    Pair: (_key, pair) => strictKey(pair, add),
    Node: (_key, node, path) => {
      if (path.length > depthMax && path.filter(isCollection).length > depthMax) {
        add(node, `nesting deeper than ${depthMax} is refused`);
        return visit.BREAK;
      }
      if (isMap(node)) doubledKeys(node, add);
      if (!isAlias(node) && node.anchor !== undefined) add(node, "an anchor (&name) is refused", "write the value out where it is needed");
      if (!isAlias(node) && node.tag !== undefined) add(node, "a tag (!name) is refused", "write the plain value");
      if (isScalar(node)) strictScalar(node.value, (message) => add(node, message));
      return undefined;
    },
  });
  return found;
}

function doubledKeys(map: YAMLMap, add: (node: unknown, message: string, hint?: string | null) => void): void {
  const seen = new Set<unknown>();
  for (const { key } of map.items) {
    const name = isScalar(key) ? key.value : key;
    if (seen.has(name)) add(key, "a key stands twice in one map", "keep one of the two");
    seen.add(name);
  }
}

function strictKey(pair: Pair, add: (node: unknown, message: string, hint?: string | null) => void): void {
  if (!isScalar(pair.key) || typeof pair.key.value !== "string") add(pair.key ?? pair.value, "a key must be text", "put it in quotes");
  else if (forbiddenKeys.has(pair.key.value)) add(pair.key, `the key ${pair.key.value} is refused`);
  else if (pair.key.value === "<<") add(pair.key, "a merge key (<<) is refused", "write the values out");
}

function strictScalar(value: unknown, add: (message: string) => void): void {
  if (typeof value === "number" && !(Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER))
    add("a number must be finite and within ±(2^53-1)");
  if (typeof value === "string" && !value.isWellFormed()) add("a text must be well-formed Unicode");
}

function offsetOf(document: Document.Parsed, path: ConfigurationPath, part: Part): number {
  let here: Node | null = document.contents;
  let offset = startOf(here) ?? 0;
  for (const [depth, step] of path.entries()) {
    const last = depth === path.length - 1;
    if (isMap(here)) {
      const pair = here.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (pair === undefined) return offset;
      const keyAt = startOf(pair.key) ?? offset;
      here = isNode(pair.value) ? pair.value : null;
      // A key without a value has a value node of no width; the key is what an editor should show.
      const empty = here === null || (isScalar(here) && here.value === null && here.source === "");
      offset = (last && part === "key") || empty ? keyAt : (startOf(here) ?? keyAt);
    } else if (isSeq(here)) {
      const item: unknown = here.items[Number(step)];
      if (!isNode(item)) return offset;
      here = item;
      offset = startOf(here) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) && !isPair(node) ? node.range?.[0] : undefined;
}
