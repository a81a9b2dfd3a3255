/** A form as a stranger reads it: texts only, no schema. */
export type FormTree = string | FormTree[] | { [key: string]: FormTree };

/**
 * Reads a form or query in bracket style without a line of the product's code: character by character, with Node's own decoder, and lists told by their
 * keys alone. Throws on what it cannot read.
 */
export function readFormAsStranger(text: string): { [key: string]: FormTree } {
  const root = new Map<string, unknown>();
  let rest = text;
  while (rest.length > 0) {
    const end = rest.indexOf("&") === -1 ? rest.length : rest.indexOf("&");
    const [name = "", value = ""] = cutOnce(rest.slice(0, end), "=").map(decode);
    put(root, keysOf(name), value);
    rest = rest.slice(end + 1);
  }
  return solid(root) as { [key: string]: FormTree };
}

function cutOnce(text: string, mark: string): string[] {
  const at = text.indexOf(mark);
  if (at === -1) throw new Error(`no ${mark}`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function decode(text: string): string {
  const bytes: number[] = [];
  const wire = Buffer.from(text, "utf8");
  for (let at = 0; at < wire.length; at += 1) {
    const byte = wire[at] as number;
    if (byte === 0x2b) bytes.push(0x20);
    else if (byte === 0x25) {
      bytes.push(Number.parseInt(wire.toString("latin1", at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(byte);
  }
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

function keysOf(name: string): string[] {
  const keys: string[] = [];
  let key = "";
  let inside = false;
  for (const character of name) {
    if (character === "[" && !inside) {
      if (keys.length === 0) keys.push(key);
      [key, inside] = ["", true];
    } else if (character === "]" && inside) {
      keys.push(key);
      [key, inside] = ["", false];
    } else key += character;
  }
  return keys.length === 0 ? [name] : keys;
}

function put(root: Map<string, unknown>, keys: readonly string[], value: string): void {
  let here = root;
  for (const [index, written] of keys.entries()) {
    const key = written === "" ? String(here.size) : written;
    if (index === keys.length - 1) {
      if (here.has(key)) throw new Error("twice");
      here.set(key, value);
      return;
    }
    const next = here.get(key) ?? new Map<string, unknown>();
    if (!(next instanceof Map)) throw new Error("a text and a map");
    here.set(key, next);
    here = next as Map<string, unknown>;
  }
}

function solid(value: unknown, top = true): FormTree {
  if (!(value instanceof Map)) return value as string;
  const entries = [...(value as Map<string, unknown>)].map(([key, held]): [string, FormTree] => [key, solid(held, false)]);
  const isList = !top && entries.every(([key], index) => key === String(index));
  return isList ? entries.map(([, held]) => held) : Object.fromEntries(entries);
}

/** Arguments as a form would show them to somebody without a schema. */
export function asTexts(value: unknown): FormTree {
  if (Array.isArray(value)) return value.map(asTexts);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, asTexts(held)]));
  return String(value);
}
