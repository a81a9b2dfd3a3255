import type { FindingKind, OutboundRule } from "../rules/catalogue.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../rules/json.ts";
import { pointerTokens } from "../rules/pointers.ts";
import { resolveReference } from "../rules/schema-walk.ts";
import type { Report } from "./report.ts";
import type { OutboundFile, RoutesFile, ToolFile } from "./schema/routes.ts";

type Path = readonly (string | number)[];

/** A tool's outbound rules, its mount's default last; reports what points nowhere, says nothing, or says two things of one kind. */
export function outboundOf(file: ToolFile, routes: RoutesFile, path: Path, report: Report): readonly OutboundRule[] {
  const rules = ownRules(file, path, report);
  const { refuse, mask } = routes.outbound_default;
  return refuse.length + mask.length === 0 ? rules : [...rules, { pointer: "", refuse, mask, isDefault: true }];
}

/** Checks a mount's default on its own; once for each route file. */
export function checkOutboundDefault({ outbound_default: { refuse, mask } }: RoutesFile, report: Report): void {
  checkKinds({ refuse, mask, allow: [] }, ["outbound_default"], report);
}

function ownRules(file: ToolFile, path: Path, report: Report): readonly OutboundRule[] {
  if (file.outbound === undefined) return [];
  const isList = Array.isArray(file.outbound);
  const rules = (isList ? file.outbound : [file.outbound]) as readonly OutboundFile[];
  const seen = new Set<string>();
  return rules.map((rule, index) => {
    const at = [...path, "outbound", ...(isList ? [index] : [])];
    const { refuse = [], mask = [], allow = [] } = rule as Partial<OutboundFile>;
    checkPlace(file.input, rule.pointer, [...at, "pointer"], report);
    if (seen.has(rule.pointer)) report([...at, "pointer"], "stands in two rules", "join them");
    seen.add(rule.pointer);
    if (refuse.length + mask.length + allow.length === 0) report(at, "must refuse, mask or allow something");
    checkKinds({ refuse, mask, allow }, at, report);
    return { pointer: rule.pointer, refuse, mask, ...(allow.length === 0 ? {} : { allow }) };
  });
}

function checkKinds(kinds: Readonly<Record<"refuse" | "mask" | "allow", readonly FindingKind[]>>, at: Path, report: Report): void {
  for (const kind of kinds.mask) if (kinds.refuse.includes(kind)) report([...at, "mask"], `names ${kind}, which is refused already`);
  for (const kind of kinds.allow)
    if (kinds.refuse.includes(kind) || kinds.mask.includes(kind))
      report([...at, "allow"], `names ${kind}, which is refused or masked already`);
}

/** A rule that points nowhere would protect nothing, so what the schema does not declare is a mistake. */
function checkPlace(input: JsonObject, pointer: string, at: Path, report: Report): void {
  const places = pointerTokens(pointer).reduce<readonly JsonValue[]>(
    (schemas, token) => schemas.flatMap((schema) => schemasBelow(schema, token, input)),
    [input],
  );
  const speaking = places.flatMap((schema) => membersOf(schema, input));
  if (speaking.length === 0) report(at, "points at no declared argument");
  else if (speaking.every(holdsNothing)) report(at, "must point at a text, a number, an array or an object");
}

function holdsNothing(schema: JsonValue): boolean {
  const type = isJsonObject(schema) ? schema["type"] : undefined;
  return schema === false || type === "boolean" || type === "null";
}

const membersMax = 64;

/** A schema with all that it combines or refers to at the same place. */
function membersOf(schema: JsonValue, root: JsonObject): readonly JsonValue[] {
  const members: JsonValue[] = [schema];
  for (let index = 0; index < members.length && members.length < membersMax; index += 1) {
    const each = members[index];
    if (!isJsonObject(each)) continue;
    const referred = typeof each["$ref"] === "string" ? resolveReference(root, each["$ref"]) : null;
    const combined = ["allOf", "anyOf", "oneOf"].flatMap((name) => (Array.isArray(each[name]) ? (each[name] as readonly JsonValue[]) : []));
    const conditional = ["then", "else"].flatMap((name) => (each[name] === undefined ? [] : [each[name]]));
    for (const member of [...combined, ...conditional, ...(referred === null ? [] : [referred])])
      if (!members.includes(member)) members.push(member);
  }
  return members;
}

/** What a schema says of a member or item; `*` is any of them. `true` stands for whatever an open object or array lets pass. */
function schemasBelow(schema: JsonValue, token: string, root: JsonObject): readonly JsonValue[] {
  return membersOf(schema, root).flatMap((each) => {
    if (each === true) return [true];
    if (!isJsonObject(each)) return [];
    const { type, properties, items, prefixItems, additionalProperties, patternProperties } = each;
    const below: JsonValue[] = [];
    const isAny = token === "*";
    if (isJsonObject(properties))
      below.push(...(isAny ? Object.values(properties) : Object.hasOwn(properties, token) ? [properties[token] as JsonValue] : []));
    const declared = isJsonObject(properties) && Object.hasOwn(properties, token);
    if (!declared && additionalProperties !== undefined && additionalProperties !== false) below.push(additionalProperties);
    if (!declared && type === "object" && additionalProperties === undefined) below.push(true);
    if (isJsonObject(patternProperties)) below.push(...Object.values(patternProperties));
    if (isAny || /^(0|[1-9][0-9]*)$/.test(token)) {
      if (items !== undefined) below.push(items);
      else if (type === "array") below.push(true);
      if (Array.isArray(prefixItems)) below.push(...(prefixItems as readonly JsonValue[]));
    }
    return below;
  });
}
