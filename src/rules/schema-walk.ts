import type { SchemaFinding } from "./catalogue.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { foldKey } from "./keys.ts";
import { decodePercent } from "./percent.ts";
import { pointerTo } from "./pointers.ts";

/** Keywords whose value holds further schemas: one, a list, or a map; and whether these speak of the same place, of places below, or of neither. */
const keywords: readonly {
  readonly name: string;
  readonly holds: "one" | "list" | "map";
  readonly speaksOf: "here" | "below" | "neither";
}[] = [
  { name: "allOf", holds: "list", speaksOf: "here" },
  { name: "anyOf", holds: "list", speaksOf: "here" },
  { name: "oneOf", holds: "list", speaksOf: "here" },
  { name: "if", holds: "one", speaksOf: "here" },
  { name: "then", holds: "one", speaksOf: "here" },
  { name: "else", holds: "one", speaksOf: "here" },
  { name: "dependentSchemas", holds: "map", speaksOf: "here" },
  { name: "additionalProperties", holds: "one", speaksOf: "below" },
  { name: "unevaluatedProperties", holds: "one", speaksOf: "below" },
  { name: "patternProperties", holds: "map", speaksOf: "below" },
  { name: "items", holds: "one", speaksOf: "below" },
  { name: "prefixItems", holds: "list", speaksOf: "below" },
  { name: "contains", holds: "one", speaksOf: "below" },
  { name: "unevaluatedItems", holds: "one", speaksOf: "below" },
  { name: "properties", holds: "map", speaksOf: "neither" },
  { name: "propertyNames", holds: "one", speaksOf: "neither" },
  { name: "not", holds: "one", speaksOf: "neither" },
  { name: "$defs", holds: "map", speaksOf: "neither" },
  { name: "definitions", holds: "map", speaksOf: "neither" },
];

/** Every object schema within a schema, itself included, in no order that matters. */
export function allSchemas(schema: JsonObject): readonly JsonObject[] {
  const found = [schema];
  for (const each of found) {
    for (const { name, holds } of keywords) found.push(...heldBy(each[name], holds));
  }
  return found;
}

function heldBy(value: JsonValue | undefined, holds: "one" | "list" | "map"): readonly JsonObject[] {
  if (value === undefined || value === null || typeof value !== "object") return [];
  const members = holds === "one" ? [value] : Object.values(value);
  return members.filter(isJsonObject);
}

/** The schema that a local reference (`#` or `#/...`) names, or null. */
export function resolveReference(root: JsonObject, reference: string): JsonObject | null {
  if (reference !== "#" && !reference.startsWith("#/")) return null;
  let here: JsonValue | undefined = root;
  for (const token of reference.split("/").slice(1)) {
    const key = (decodePercent(token) ?? token).replaceAll("~1", "/").replaceAll("~0", "~");
    here = typeof here === "object" && here !== null && Object.hasOwn(here, key) ? (here as JsonObject)[key] : undefined;
  }
  return isJsonObject(here) ? here : null;
}

/** All schemas that speak of one place: the given ones, what they combine, and what they refer to. */
interface Place {
  readonly properties: readonly JsonObject[];
  readonly below: readonly JsonObject[];
}

/**
 * Builds the check that no key of a document is a declared property in another spelling: other case, other Unicode form, invisible
 * characters. It matters where a schema lets undeclared properties pass, since the upstream may read `Amount` as the `amount` it knows.
 */
export function lookAlikeCheck(root: JsonObject): (value: JsonValue) => readonly SchemaFinding[] {
  const places = new Map<JsonObject, Place>();
  const known = (schema: JsonObject): Place => {
    const place = places.get(schema) ?? readPlace(schema, root);
    places.set(schema, place);
    return place;
  };
  return (value) => {
    const findings: SchemaFinding[] = [];
    findLookAlikes(value, [root], known, [], findings);
    return findings;
  };
}

function readPlace(schema: JsonObject, root: JsonObject): Place {
  const here = [schema];
  const below: JsonObject[] = [];
  const properties: JsonObject[] = [];
  for (const each of here) {
    for (const { name, holds, speaksOf } of keywords) {
      if (speaksOf === "below") below.push(...heldBy(each[name], holds));
      if (speaksOf !== "here") continue;
      for (const member of heldBy(each[name], holds)) if (!here.includes(member)) here.push(member);
    }
    const referred = typeof each["$ref"] === "string" ? resolveReference(root, each["$ref"]) : null;
    if (referred !== null && !here.includes(referred)) here.push(referred);
    if (isJsonObject(each["properties"])) properties.push(each["properties"]);
  }
  return { properties, below };
}

function findLookAlikes(
  value: JsonValue,
  schemas: readonly JsonObject[],
  known: (schema: JsonObject) => Place,
  path: readonly (string | number)[],
  findings: SchemaFinding[],
): void {
  if (value === null || typeof value !== "object" || schemas.length === 0) return;
  const places = schemas.map(known);
  const below = places.flatMap((place) => place.below);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) findLookAlikes(item, below, known, [...path, index], findings);
    return;
  }
  const properties = places.flatMap((place) => place.properties);
  for (const [key, item] of Object.entries(value)) {
    const declaring = properties.filter((each) => Object.hasOwn(each, key));
    const subschemas = declaring.map((each) => each[key]).filter(isJsonObject);
    if (declaring.length > 0) findLookAlikes(item, subschemas, known, [...path, key], findings);
    else {
      const meant = lookAlikeOf(key, properties);
      if (meant !== null) findings.push({ pointer: pointerTo(path), message: `has a key that looks like ${meant} and is not` });
      findLookAlikes(item, below, known, path, findings);
    }
  }
}

function lookAlikeOf(key: string, properties: readonly JsonObject[]): string | null {
  const fold = foldKey(key);
  for (const each of properties) for (const name of Object.keys(each)) if (foldKey(name) === fold) return name;
  return null;
}
