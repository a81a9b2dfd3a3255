/** A word, a string constant, or a single other character of Rego source. */
export interface RegoToken {
  readonly kind: "word" | "string" | "template" | "mark";
  readonly text: string;
  /** 1 is the first. */
  readonly line: number;
  /** True for what begins at the first column outside of all brackets: the beginning of a statement in formatted source. */
  readonly opens: boolean;
}

const nestingMax = 200;

interface Scan {
  readonly source: string;
  readonly tokens: RegoToken[];
  at: number;
  line: number;
  depth: number;
}

/**
 * Splits Rego source into tokens, or answers null when it ends inside a string or bracket. Comments vanish; what stands inside a string does not
 * count; the expressions inside a template string do. This is what the gateway can check of a bundle without the `opa` program.
 */
export function readRegoTokens(source: string): readonly RegoToken[] | null {
  const scan: Scan = { source, tokens: [], at: 0, line: 1, depth: 0 };
  while (scan.at < source.length) if (!step(scan)) return null;
  return scan.depth === 0 ? scan.tokens : null;
}

function step(scan: Scan): boolean {
  const here = scan.source.charAt(scan.at);
  if (here === "\n") scan.line += 1;
  if (/\s/.test(here)) return advance(scan, 1);
  if (here === "#") return skipComment(scan);
  if (here === '"' || here === "`") return readString(scan, here);
  const next = scan.source.charAt(scan.at + 1);
  if (here === "$" && (next === '"' || next === "`")) return readTemplate(scan, next);
  const word = /[A-Za-z_0-9]+/y;
  word.lastIndex = scan.at;
  const found = word.exec(scan.source);
  return found === null ? readMark(scan, here) : push(scan, "word", found[0], found[0].length);
}

function advance(scan: Scan, length: number): boolean {
  scan.at += length;
  return true;
}

function push(scan: Scan, kind: RegoToken["kind"], text: string, length: number): boolean {
  const opens = scan.depth === 0 && (scan.at === 0 || scan.source.charAt(scan.at - 1) === "\n");
  scan.tokens.push({ kind, text, line: scan.line, opens });
  return advance(scan, length);
}

function skipComment(scan: Scan): boolean {
  const end = scan.source.indexOf("\n", scan.at);
  scan.at = end === -1 ? scan.source.length : end;
  return true;
}

function readMark(scan: Scan, mark: string): boolean {
  push(scan, "mark", mark, 1);
  if ("([{".includes(mark)) scan.depth += 1;
  if (")]}".includes(mark)) scan.depth -= 1;
  return scan.depth >= 0 && scan.depth < nestingMax;
}

function readString(scan: Scan, quote: string): boolean {
  let end = scan.at + 1;
  while (end < scan.source.length && scan.source.charAt(end) !== quote) end += quote === '"' && scan.source.charAt(end) === "\\" ? 2 : 1;
  if (end >= scan.source.length) return false;
  const text = scan.source.slice(scan.at + 1, end);
  push(scan, "string", text, end + 1 - scan.at);
  scan.line += text.split("\n").length - 1;
  return true;
}

function readTemplate(scan: Scan, quote: string): boolean {
  push(scan, "template", "", 2);
  while (scan.at < scan.source.length) {
    const here = scan.source.charAt(scan.at);
    if (here === quote) return advance(scan, 1);
    if (here === "{" && !readTemplateExpression(scan)) return false;
    if (here !== "{") {
      if (here === "\n") scan.line += 1;
      advance(scan, here === "\\" ? 2 : 1);
    }
  }
  return false;
}

/** Tokens up to the brace that closes the one here; they are inside a bracket, so none of them opens a statement. */
function readTemplateExpression(scan: Scan): boolean {
  const outside = scan.depth;
  if (!readMark(scan, "{")) return false;
  while (scan.depth > outside && scan.at < scan.source.length) if (!step(scan)) return false;
  return scan.depth === outside;
}
