import { canonicalJson } from "./canonical.ts";
import type { Tool } from "./catalogue.ts";
import { type Denial, deny } from "./denial.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { isPlainSegment } from "./paths.ts";
import { encodePercent } from "./percent.ts";
import { pointerTo } from "./pointers.ts";

/** A request as the upstream will see it, without headers. */
export interface EncodedRequest {
  readonly url: string;
  /** The RFC 8785 text of the arguments that travel in the body; null when the tool has none. */
  readonly body: string | null;
}

/**
 * Builds the one URL and body that stand for these arguments: template and path parameters, query parameters sorted by name, body.
 * Each argument travels exactly once, and nothing travels that is no argument. The same arguments always give the same bytes.
 *
 * ERR_ARGUMENTS_INVALID when a path parameter is absent or is not one plain segment, when an argument of the path or query is no scalar, and
 * when an argument has no place to travel in.
 */
export function encodeRequest(tool: Tool, baseUrl: string, args: JsonObject): EncodedRequest | Denial {
  const path = encodePath(tool, args);
  if (typeof path !== "string") return path;
  const query: string[] = [];
  const body: Record<string, JsonValue> = {};
  for (const name of Object.keys(args).sort()) {
    const place = placeOf(tool, name);
    const value = args[name] as JsonValue;
    if (place === null) return misplaced(tool, name, "has no place in this tool's request");
    if (place === "body") body[name] = value;
    if (place !== "query") continue;
    const text = scalarText(value);
    if (text === null) return misplaced(tool, name, "must be a string, number or boolean, since it travels in the query");
    query.push(`${encodePercent(name)}=${encodePercent(text)}`);
  }
  const url = `${baseUrl}${path}${query.length === 0 ? "" : `?${query.join("&")}`}`;
  return { url, body: tool.body === "json" ? canonicalJson(body) : null };
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
function misplaced(tool: Tool, name: string, message: string): Denial {
  const reason = tool.places.has(name) ? { rule: "place", message, pointer: pointerTo([name]) } : { rule: "place", message };
  return deny("ERR_ARGUMENTS_INVALID", undefined, { reasons: [reason] });
}
