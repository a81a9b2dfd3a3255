import type { ArgumentPlace, Tool } from "./catalogue.ts";
import { checkContentType } from "./content-type.ts";
import { type Denial, deny, isDenial } from "./denial.ts";
import { placeOf } from "./encode-request.ts";
import { readForm, readFormBody } from "./form-reader.ts";
import type { FormObject } from "./form-shape.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { pointerTo } from "./pointers.ts";
import { readQuery, readScalar, type ScalarType } from "./query.ts";
import { readJsonObject } from "./strict-json.ts";

/** What an HTTP request on a mount says, in the parts it says it in. */
export interface MountParts {
  /** Decoded path segments by the template's parameter names. */
  readonly pathParameters: Readonly<Record<string, string>>;
  /** Without the `?`; empty when there is none. */
  readonly rawQuery: string;
  /** Every Content-Type header, unjoined. */
  readonly contentTypes: readonly string[];
  /** Null, or of length zero: no body. */
  readonly body: Uint8Array | null;
}

/** What a call by name says: all arguments are one JSON body. */
export type NamedParts = Omit<MountParts, "pathParameters">;

/**
 * Reads a request on a tool's own URL into one flat object: path parameters, query, JSON or form body, each property from its declared place and
 * no other. An absent body is an empty one. Denials are those of the readers (ERR_QUERY_INVALID, ERR_BODY_TYPE, ERR_JSON_*, ERR_FORM_*),
 * ERR_BODY_UNEXPECTED for a body that the tool has no use for, and ERR_ARGUMENTS_INVALID with reasons.
 */
export function readMountArguments(tool: Tool, parts: MountParts): JsonObject | Denial {
  const path = readPathParameters(tool, parts.pathParameters);
  if (isDenial(path)) return path;
  const query =
    tool.queryForm === undefined ? readQuery(parts.rawQuery, declaredScalars(tool, "query")) : readBrackets(parts, tool.queryForm);
  if (isDenial(query)) return query;
  if (tool.body === "none" && hasBody(parts.body)) return deny("ERR_BODY_UNEXPECTED");
  const body = tool.body === "form" ? readFormOf(tool, parts) : readJsonBody(parts);
  if (isDenial(body)) return body;
  const misplaced = Object.keys(body).find((name) => (tool.places.get(name) ?? "body") !== "body");
  if (misplaced !== undefined) return astray(misplaced, `travels in the ${tool.places.get(misplaced)}, not in the body`);
  return checkArguments(tool, { ...path, ...query, ...body });
}

/** Reads a call by name: all arguments, wherever they will travel, are one JSON object. No body means no arguments; any query is refused. */
export function readNamedArguments(tool: Tool, parts: NamedParts): JsonObject | Denial {
  if (parts.rawQuery !== "") return deny("ERR_QUERY_INVALID", "a call by name takes its arguments in the body only");
  const body = readJsonBody(parts);
  return isDenial(body) ? body : checkArguments(tool, body);
}

/**
 * Holds arguments, from wherever they came, to the tool's input schema: the same object, or ERR_ARGUMENTS_INVALID with the schema's findings.
 * Also refuses what the schema lets pass but no part of the tool's request could carry.
 */
export function checkArguments(tool: Tool, args: JsonObject): JsonObject | Denial {
  const findings = tool.validateInput(args);
  if (findings.length > 0)
    return deny("ERR_ARGUMENTS_INVALID", undefined, { reasons: findings.map((finding) => ({ rule: "schema", ...finding })) });
  const homeless = Object.keys(args).some((name) => placeOf(tool, name) === null);
  if (homeless)
    return deny("ERR_ARGUMENTS_INVALID", undefined, {
      reasons: [{ rule: "place", message: "an argument has no place in this tool's request", pointer: "" }],
    });
  return args;
}

type BodyParts = Pick<MountParts, "body" | "contentTypes">;

function readJsonBody({ body, contentTypes }: BodyParts): JsonObject | Denial {
  if (!hasBody(body)) return {};
  return checkContentType(contentTypes, "json") ?? readJsonObject(body);
}

const emptyForm: FormObject = { properties: new Map(), others: null };

function readFormOf({ bodyForm = emptyForm }: Tool, { body, contentTypes }: BodyParts): JsonObject | Denial {
  if (!hasBody(body)) return {};
  return checkContentType(contentTypes, "form") ?? readFormBody(body, bodyForm);
}

/** Whatever is wrong with a query has one code, as it has when the query is flat. */
function readBrackets({ rawQuery }: MountParts, shape: FormObject): JsonObject | Denial {
  const read = readForm(rawQuery, shape, "query");
  if (!isDenial(read)) return read;
  return deny("ERR_QUERY_INVALID", read.reasons?.[0]?.message ?? read.detail, read.reasons === undefined ? {} : { reasons: read.reasons });
}

function hasBody(body: Uint8Array | null): body is Uint8Array {
  return body !== null && body.length > 0;
}

function readPathParameters(tool: Tool, parameters: Readonly<Record<string, string>>): JsonObject | Denial {
  const types = declaredScalars(tool, "path");
  const read: Record<string, JsonValue> = {};
  for (const [name, text] of Object.entries(parameters)) {
    const type = types.get(name);
    const value = type === undefined ? null : readScalar(text, type);
    if (value === null) return astray(name, `is not a canonical ${type ?? "value"} in the path`);
    read[name] = value;
  }
  return read;
}

function declaredScalars(tool: Tool, place: ArgumentPlace): ReadonlyMap<string, ScalarType> {
  const types = new Map<string, ScalarType>();
  for (const [name, standsIn] of tool.places) {
    const type = standsIn === place ? scalarTypeOf(tool.input, name) : null;
    if (type !== null) types.set(name, type);
  }
  return types;
}

/**
 * What a property of the path or query is read as: its schema's `type`, or a string when the schema names none. Null when the schema asks for
 * what no path or query can carry (objects, arrays, null, several types); such a route must not start.
 */
export function scalarTypeOf(input: JsonObject, name: string): ScalarType | null {
  const { properties } = input;
  const schema = isJsonObject(properties) && Object.hasOwn(properties, name) ? properties[name] : undefined;
  const type = isJsonObject(schema) ? schema["type"] : undefined;
  if (type === undefined) return "string";
  return type === "string" || type === "integer" || type === "number" || type === "boolean" ? type : null;
}

/** Only for names that the tool declares. */
function astray(name: string, message: string): Denial {
  return deny("ERR_ARGUMENTS_INVALID", undefined, { reasons: [{ rule: "place", message, pointer: pointerTo([name]) }] });
}
