import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What GitHub's own API description says of one operation, as its official types have it. */
export interface Shape {
  /** Parameter name → the type's text. */
  readonly path: ReadonlyMap<string, string>;
  readonly query: ReadonlyMap<string, string>;
  readonly body: ReadonlyMap<string, string>;
  readonly bodyRequired: readonly string[];
  readonly statuses: readonly number[];
}

// Octokit's own types, generated from GitHub's description; they come with @octokit/rest.
const types = readFileSync(join(import.meta.dirname, "../../node_modules", "@octokit", "openapi-types", "types.d.ts"), "utf8");
const operations = types.slice(types.indexOf("export interface operations {"));

/** Without comments, and with unions that stand on several lines on one. */
function plain(text: string): string {
  return text
    .replaceAll(/^ *\/\*\*[\s\S]*?\*\/\n/gm, "")
    .replaceAll(/:\n +(?:\| )?/g, ": ")
    .replaceAll(/\n *\| /g, " | ");
}

/** The operation of this id, such as `issues/create`. The file is generated, so its line breaks and indents can be relied on. */
export function shapeOf(operation: string): Shape {
  const begin = operations.indexOf(`\n  "${operation}": {\n`);
  if (begin === -1) throw new Error(`GitHub's description has no operation ${operation}`);
  const whole = plain(operations.slice(operations.indexOf("\n", begin + 1) + 1, operations.indexOf("\n  };", begin)));
  const parameters = blockOf(whole, 4, "parameters");
  const body = blockOf(blockOf(blockOf(whole, 4, "requestBody"), 6, "content"), 8, '"application/json"');
  const fields = fieldsOf(body, 10);
  return {
    path: typesOf(fieldsOf(blockOf(parameters, 6, "path"), 8)),
    query: typesOf(fieldsOf(blockOf(parameters, 6, "query"), 8)),
    body: typesOf(fields),
    bodyRequired: fields.filter(({ optional }) => !optional).map(({ name }) => name),
    statuses: [...blockOf(whole, 4, "responses").matchAll(/^ {6}([1-5][0-9]{2}): /gm)].map(([, status]) => Number(status)),
  };
}

/** The lines within `name: {` of this indent; empty when it is not there. */
function blockOf(text: string, indent: number, name: string): string {
  const begin = new RegExp(`^ {${indent}}${name}\\??: \\{\n`, "m").exec(text);
  if (begin === null) return "";
  const rest = text.slice(begin.index + begin[0].length);
  const end = new RegExp(`^ {${indent}}\\}`, "m").exec(rest);
  return rest.slice(0, end?.index ?? 0);
}

interface Field {
  readonly name: string;
  readonly optional: boolean;
  readonly type: string;
}

function fieldsOf(text: string, indent: number): readonly Field[] {
  const found = [...text.matchAll(new RegExp(`^ {${indent}}"?([a-z_]+)"?(\\?)?: (.*)$`, "gm"))];
  return found.map(([, name = "", optional, type = ""]) => ({ name, optional: optional === "?", type: type.replace(/;$/, "") }));
}

function typesOf(fields: readonly Field[]): ReadonlyMap<string, string> {
  return new Map(fields.map(({ name, type }) => [name, type]));
}

/** The texts that a union of literals allows; null when it is no such union. */
export function literalsOf(type: string): readonly string[] | null {
  return /^"[^"]*"( \| ("[^"]*"|null))*$/.test(type) ? [...type.matchAll(/"([^"]*)"/g)].map(([, literal = ""]) => literal) : null;
}

/** Whether a value is of a type, as far as its text says: unions of literals, the plain types and lists of texts; any other type takes all. */
export function fitsType(value: unknown, type: string): boolean {
  const literals = literalsOf(type);
  if (literals !== null) return typeof value === "string" && literals.includes(value);
  const kinds = type.split(" | ");
  if (kinds.every((one) => ["string", "number", "boolean", "null", "string[]"].includes(one)))
    return kinds.some((one) =>
      one === "string[]" ? Array.isArray(value) && value.every((item) => typeof item === "string") : kindOf(value) === one,
    );
  return true;
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}
