import { canonicalJson } from "./canonical.ts";
import type { Tool } from "./catalogue.ts";
import { type Denial, deny, isDenial } from "./denial.ts";
import type { FormWire } from "./form-pairs.ts";
import type { FormObject } from "./form-shape.ts";
import { writeForm } from "./form-writer.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { isPlainSegment } from "./paths.ts";
import { encodePercent } from "./percent.ts";
import { pointerTo } from "./pointers.ts";

/** A request as the upstream will see it, without headers. */
export interface EncodedRequest {
  readonly url: string;
  /** The arguments that travel in the body, as RFC 8785 text or as a form; null when the tool has none. */
  readonly body: string | null;
}

/**
 * Builds the one URL and body that stand for these arguments: template and path parameters, query parameters sorted by name, JSON or form body.
 * Each argument travels exactly once, and nothing travels that is no argument. The same arguments always give the same bytes.
 *
 * ERR_ARGUMENTS_INVALID when a path parameter is absent or is not one plain segment, when an argument of the path or a flat query is no scalar, when
 * a form cannot say an argument (see `writeForm`), and when an argument has no place to travel in.
 */
export function encodeRequest(tool: Tool, baseUrl: string, args: JsonObject): EncodedRequest | Denial {
  const path = encodePath(tool, args);
  if (typeof path !== "string") return path;
  const inQuery: Record<string, JsonValue> = {};
  const inBody: Record<string, JsonValue> = {};
  for (const name of Object.keys(args)) {
    const place = placeOf(tool, name);
    if (place === null) return misplaced(tool, name, "has no place in this tool's request");
    if (place !== "path") (place === "query" ? inQuery : inBody)[name] = args[name] as JsonValue;
  }
  const query = tool.queryForm === undefined ? encodeFlatQuery(tool, inQuery) : encodeForm(tool, inQuery, tool.queryForm, "query");
  if (typeof query !== "string") return query;
  const body = encodeBody(tool, inBody);
  return isDenial(body) ? body : { url: `${baseUrl}${path}${query === "" ? "" : `?${query}`}`, body };
}

function encodeBody(tool: Tool, args: JsonObject): string | null | Denial {
  if (tool.body === "none") return null;
  return tool.body === "json"
    ? canonicalJson(args)
    : encodeForm(tool, args, tool.bodyForm ?? { properties: new Map(), others: null }, "body");
}

function encodeFlatQuery(tool: Tool, args: JsonObject): string | Denial {
  const pairs: string[] = [];
  for (const name of Object.keys(args).sort()) {
    const text = scalarText(args[name] as JsonValue);
    if (text === null) return misplaced(tool, name, "must be a string, number or boolean, since it travels in the query");
    pairs.push(`${encodePercent(name)}=${encodePercent(text)}`);
  }
  return pairs.join("&");
}

function encodeForm(tool: Tool, args: JsonObject, shape: FormObject, wire: FormWire): string | Denial {
  const written = writeForm(args, shape, wire);
  return "text" in written ? written.text : misplaced(tool, written.argument, written.message);
}

/**
 * Where an argument travels. What the schema lets pass without declaring it belongs to the body. Null: nowhere, since the tool has no body, or
 * its template does not hold this path parameter.
 */
export function placeOf(tool: Tool, name: string): "path" | "query" | "body" | null {
  const place = tool.places.get(name) ?? "body";
  if (place === "body") return tool.body === "none" ? null : "body";
  if (place === "query") return "query";
  return tool.template.some((part) => typeof part !== "string" && part.parameter === name) ? "path" : null;
}

function encodePath(tool: Tool, args: JsonObject): string | Denial {
  let path = "";
  for (const part of tool.template) {
    if (typeof part === "string") {
      path += `/${encodeLiteral(part)}`;
      continue;
    }
    const name = part.parameter;
    const text = Object.hasOwn(args, name) ? scalarText(args[name] as JsonValue) : null;
    if (text === null) return misplaced(tool, name, "must be a string, number or boolean, since it travels in the path");
    if (!isPlainSegment(text))
      return misplaced(tool, name, "must be one plain path segment: not empty, no dots alone, no slash, no escapes");
    path += `/${encodePercent(text)}`;
  }
  return path;
}

/** Route authors may write `:`, `@` and the like in a literal, and an upstream may want them raw. */
function encodeLiteral(text: string): string {
  return encodePercent(text).replace(/%(?:3A|40|24|26|2B|2C|3D|21|27|28|29|2A)/g, decodeURIComponent);
}

/** Numbers as RFC 8785 writes them, which is as JavaScript does. */
function scalarText(value: JsonValue): string | null {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : null;
}

/** Names only what the tool declares: other names are the caller's own text, which a denial must not carry into the ledger. */
function misplaced(tool: Tool, name: string | null, message: string): Denial {
  const reason =
    name !== null && tool.places.has(name) ? { rule: "place", message, pointer: pointerTo([name]) } : { rule: "place", message };
  return deny("ERR_ARGUMENTS_INVALID", undefined, { reasons: [reason] });
}
