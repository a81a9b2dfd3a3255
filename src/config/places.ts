import type { ArgumentPlace, Tool } from "../rules/catalogue.ts";
import { isJsonObject, type JsonObject } from "../rules/json.ts";
import { didYouMean } from "./problems.ts";
import type { Report } from "./report.ts";
import type { ToolFile } from "./schema/routes.ts";

/** A tool's method and template, read from `match`. */
export interface Match {
  readonly method: Tool["method"];
  readonly template: Tool["template"];
  readonly parameters: readonly string[];
}

const literal = /^[A-Za-z0-9\-._~!$&'()*+,=:@]+$/;

/** Reads `GET /v1/charges/{charge}`, whose outer form is already checked; null after reporting what is wrong. */
export function readMatch(text: string, path: readonly string[], report: Report): Match | null {
  const [method, route = ""] = text.split(" ", 2);
  const template: (string | { readonly parameter: string })[] = [];
  const parameters: string[] = [];
  for (const segment of route.slice(1).split("/")) {
    const parameter = /^\{([A-Za-z_][A-Za-z0-9_]{0,62})\}$/.exec(segment)?.[1];
    if (parameter === undefined && (!literal.test(segment) || segment === "." || segment === "..")) {
      report(path, `has a segment that is neither plain text nor one {parameter}: ${JSON.stringify(segment)}`);
      return null;
    }
    if (parameter !== undefined && parameters.includes(parameter)) {
      report(path, `names the parameter ${parameter} twice`);
      return null;
    }
    template.push(parameter === undefined ? segment : { parameter });
    if (parameter !== undefined) parameters.push(parameter);
  }
  return { method: method as Tool["method"], template, parameters };
}

/** Whether two templates answer to one path with neither being more specific, so that no reader could say which tool it is. */
export function collide(left: Match, right: Match): boolean {
  if (left.method !== right.method || left.template.length !== right.template.length) return false;
  let leftMore = false;
  let rightMore = false;
  for (const [index, part] of left.template.entries()) {
    const other = right.template[index];
    if (typeof part === "string" && typeof other === "string" && part !== other) return false;
    if (typeof part === "string" && typeof other !== "string") leftMore = true;
    if (typeof part !== "string" && typeof other === "string") rightMore = true;
  }
  return leftMore === rightMore;
}

/** The declared properties of an input schema. */
export function propertiesOf(input: JsonObject): JsonObject {
  return isJsonObject(input["properties"]) ? input["properties"] : {};
}

/** The names that an input schema requires. */
export function requiredOf(input: JsonObject): readonly string[] {
  return Array.isArray(input["required"]) ? input["required"].filter((name) => typeof name === "string") : [];
}

// JSON Schema keywords that would accept members which `properties` does not declare, or move declarations to where they cannot be placed.
const openingKeywords = ["patternProperties", "$ref", "$dynamicRef", "unevaluatedProperties"];

/** Whether arguments of a method travel in its body unless the route file says otherwise. */
export function carriesBody(method: Tool["method"]): boolean {
  return method !== "GET" && method !== "DELETE";
}

/** What a tool of a route file says about its arguments. */
type Said = Pick<ToolFile, "input" | "in" | "query">;

/** Gives every input property its one place, reporting what cannot travel. Path parameters first, then `in`, then the method's own place. */
export function placeArguments(
  match: Match,
  { input, in: overrides = {}, query }: Said,
  tool: readonly (string | number)[],
  report: Report,
): ReadonlyMap<string, ArgumentPlace> {
  const path = [...tool, "input"];
  checkClosed(input, path, report);
  checkOverrides(match, input, overrides, [...tool, "in"], report);
  const properties = propertiesOf(input);
  const places = new Map<string, ArgumentPlace>();
  for (const parameter of match.parameters) {
    if (!Object.hasOwn(properties, parameter))
      report(path, `does not declare the path parameter ${parameter}`, "add it to properties", "key");
    else if (!requiredOf(input).includes(parameter)) report([...path, "required"], `must list the path parameter ${parameter}`);
  }
  const elsewhere = carriesBody(match.method) ? "body" : "query";
  for (const [name, schema] of Object.entries(properties)) {
    const place = match.parameters.includes(name) ? "path" : Object.hasOwn(overrides, name) ? (overrides[name] ?? elsewhere) : elsewhere;
    places.set(name, place);
    if (place === "path" || (place === "query" && query !== "brackets")) checkScalar(schema, place, [...path, "properties", name], report);
  }
  for (const name of requiredOf(input)) {
    if (!Object.hasOwn(properties, name)) report([...path, "required"], `names ${JSON.stringify(name)}, which properties does not declare`);
  }
  return places;
}

/** An override is for one declared argument that the path does not carry already. */
function checkOverrides(
  { method, parameters }: Match,
  input: JsonObject,
  overrides: NonNullable<ToolFile["in"]>,
  path: readonly (string | number)[],
  report: Report,
): void {
  const declared = propertiesOf(input);
  for (const [name, place] of Object.entries(overrides)) {
    if (!Object.hasOwn(declared, name))
      report([...path, name], "names an argument that input does not declare", didYouMean(name, Object.keys(declared)), "key");
    else if (parameters.includes(name)) report([...path, name], "is a path parameter, which the template places", null, "key");
    else if (place === "body" && method === "GET") report([...path, name], "must be query: a GET has no body");
  }
}

function checkClosed(input: JsonObject, path: readonly (string | number)[], report: Report): void {
  if (input["type"] !== "object") report([...path, "type"], "must be object", "arguments are one flat object");
  if (input["additionalProperties"] !== false) {
    report([...path, "additionalProperties"], "must be false", "an argument that no schema declares would reach the upstream unseen");
  }
  for (const keyword of openingKeywords) {
    if (Object.hasOwn(input, keyword))
      report([...path, keyword], "is refused at the top of an input schema", "declare each argument in properties", "key");
  }
  const lower = new Map<string, string>();
  for (const name of Object.keys(propertiesOf(input))) {
    const twin = lower.get(name.toLowerCase());
    if (twin !== undefined) report([...path, "properties", name], `differs from ${twin} only by case`, "rename one of the two", "key");
    lower.set(name.toLowerCase(), name);
  }
}

function checkScalar(schema: unknown, place: "path" | "query", path: readonly (string | number)[], report: Report): void {
  const type = isJsonObject(schema) ? schema["type"] : undefined;
  const allowed = place === "path" ? ["string", "integer"] : ["string", "integer", "number", "boolean"];
  if (typeof type === "string" && allowed.includes(type)) return;
  const typed = isJsonObject(schema) && Object.hasOwn(schema, "type");
  report(
    typed ? [...path, "type"] : path,
    `must be one of ${allowed.join(", ")}, since it travels in the ${place}`,
    null,
    typed ? "value" : "key",
  );
}

/** The schema that stands at a JSON pointer into the arguments, or null when the input schema does not declare that place. */
export function schemaAt(schema: JsonObject, pointer: string): JsonObject | null {
  let here: unknown = schema;
  for (const token of pointer.slice(1).split("/")) {
    if (!isJsonObject(here)) return null;
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    const inside: unknown = here["properties"];
    if (isJsonObject(inside) && Object.hasOwn(inside, key)) here = inside[key];
    else return null;
  }
  return isJsonObject(here) ? here : null;
}
