import { canonicalJson } from "./canonical.ts";
import { isPlainStep, listIndex } from "./form-pairs.ts";
import type { FormObject, FormScalar, FormShape } from "./form-shape.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "./json.ts";
import { decodePercent } from "./percent.ts";
import { pointerTokens } from "./pointers.ts";
import { readScalar, type ScalarType } from "./query.ts";
import { resolveReference } from "./schema-walk.ts";

/** Keys and list indexes from the input schema's root. */
type SchemaPath = readonly (string | number)[];

/** Why a schema does not say how a form's texts are read. */
export interface FormFault {
  readonly path: SchemaPath;
  /** Completes a sentence that begins with the path. */
  readonly message: string;
}

/** What a schema says of the values at one place, with where it says so. */
interface Said {
  readonly types: ReadonlySet<ScalarType>;
  readonly texts: ReadonlySet<string>;
  readonly objects: readonly Placed[];
  readonly arrays: readonly Placed[];
}

interface Placed {
  readonly schema: JsonObject;
  readonly path: SchemaPath;
}

interface Walk {
  readonly root: JsonObject;
  readonly faults: FormFault[];
  /** By schema; a schema that refers to itself finds its own, still unfinished shape here. */
  readonly known: Map<JsonObject, FormShape>;
}

type Building = { -readonly [Key in keyof FormShape]: FormShape[Key] };

const nothing: FormShape = { scalar: null, object: null, array: null };
const refusedKeywords = ["patternProperties", "unevaluatedItems", "prefixItems", "$dynamicRef"] as const;

/**
 * Reads from an input schema how the form's texts of these top-level properties are typed, once, when the configuration is read. A form has texts only, so
 * every place must say its type, and two readings of one text are a fault: nothing is guessed per call. Understood are `type`, `enum`, `const`, local
 * `$ref`, `anyOf`, `oneOf`, `allOf`, `properties`, `additionalProperties` and `items`; other keywords only narrow what was read. `null` is passed over: a form
 * cannot say it. The shape is usable only when there is no fault.
 */
export function shapeForm(
  input: JsonObject,
  names: readonly string[],
): { readonly shape: FormObject; readonly faults: readonly FormFault[] } {
  const walk: Walk = { root: input, faults: [], known: new Map() };
  const declared = isJsonObject(input["properties"]) ? input["properties"] : {};
  const properties = new Map<string, FormShape>();
  for (const name of names) {
    const path = ["properties", name];
    if (!isPlainStep(name)) fault(walk, path, "has a name that a form cannot carry");
    properties.set(name, shapeOf(walk, declared[name], path));
  }
  return { shape: { properties, others: null }, faults: walk.faults };
}

function fault({ faults }: Walk, path: SchemaPath, message: string): void {
  const at = JSON.stringify(path);
  if (!faults.some((one) => JSON.stringify(one.path) === at)) faults.push({ path, message });
}

function shapeOf(walk: Walk, schema: JsonValue | undefined, path: SchemaPath): FormShape {
  if (schema === false) return nothing;
  if (!isJsonObject(schema)) {
    fault(walk, path, "must say a type, since a form has texts only");
    return nothing;
  }
  const known = walk.known.get(schema);
  if (known !== undefined) return known;
  const shape: Building = { ...nothing };
  walk.known.set(schema, shape);
  const said = saidBy(walk, { schema, path }, []);
  if (said === null) {
    fault(walk, path, "must say a type, since a form has texts only");
    return shape;
  }
  shape.scalar = scalarOf(walk, said, path);
  shape.object = said.objects.length === 0 ? null : objectOf(walk, said.objects);
  shape.array = said.arrays.length === 0 ? null : arrayOf(walk, said.arrays);
  if (shape.object !== null && shape.array !== null) fault(walk, path, "may be a map or a list, which a form cannot always tell");
  return shape;
}

/** Everything that speaks of this place; null when nothing says a type. */
function saidBy(walk: Walk, { schema, path }: Placed, through: readonly JsonObject[]): Said | null {
  if (through.includes(schema)) {
    fault(walk, path, "refers to itself");
    return null;
  }
  const keyword = refusedKeywords.find((name) => Object.hasOwn(schema, name));
  if (keyword !== undefined) fault(walk, [...path, keyword], "is not supported where a form is read");
  const speakers = [saidByItself(walk, { schema, path }), ...saidByOthers(walk, { schema, path }, [...through, schema])].filter(
    (said) => said !== null,
  );
  if (speakers.length > 1) fault(walk, path, "says its type in more than one place, and a form needs one");
  return speakers[0] ?? null;
}

function saidByOthers(walk: Walk, { schema, path }: Placed, through: readonly JsonObject[]): readonly (Said | null)[] {
  const reference = schema["$ref"];
  const target = typeof reference === "string" ? resolveReference(walk.root, reference) : null;
  const referred = target === null ? null : saidBy(walk, { schema: target, path: referencePath(reference as string) }, through);
  const members = (keyword: string): readonly (Said | null)[] => {
    const list = schema[keyword];
    const held = Array.isArray(list) ? [...list.entries()].filter((entry): entry is [number, JsonObject] => isJsonObject(entry[1])) : [];
    return held.map(([index, member]) => saidBy(walk, { schema: member, path: [...path, keyword, index] }, through));
  };
  return [referred, ...members("allOf"), union(members("anyOf")), union(members("oneOf"))];
}

function referencePath(reference: string): SchemaPath {
  return pointerTokens(decodePercent(reference.slice(1)) ?? "");
}

/** Alternatives that say no type only narrow the others. */
function union(members: readonly (Said | null)[]): Said | null {
  const said = members.filter((member) => member !== null);
  if (said.length === 0) return null;
  return {
    types: new Set(said.flatMap(({ types }) => [...types])),
    texts: new Set(said.flatMap(({ texts }) => [...texts])),
    objects: said.flatMap(({ objects }) => objects),
    arrays: said.flatMap(({ arrays }) => arrays),
  };
}

/** `type`, narrowed by `enum` or `const` to texts where these list some. */
function saidByItself(walk: Walk, { schema, path }: Placed): Said | null {
  const type = schema["type"];
  const listed = Object.hasOwn(schema, "const") ? [schema["const"] as JsonValue] : schema["enum"];
  const named = type === undefined ? null : new Set(Array.isArray(type) ? type : [type]);
  if (Array.isArray(listed)) return saidByValues(walk, listed, named, path);
  if (named === null) return null;
  const types = new Set([...named].filter(isScalarType));
  if (types.has("number")) types.delete("integer");
  const here = [{ schema, path }];
  return { types, texts: new Set(), objects: named.has("object") ? here : [], arrays: named.has("array") ? here : [] };
}

function saidByValues(walk: Walk, listed: readonly JsonValue[], named: ReadonlySet<JsonValue> | null, path: SchemaPath): Said {
  const types = new Set<ScalarType>();
  const texts = new Set<string>();
  for (const value of listed) {
    if (typeof value === "string" && named?.has("string") !== false) texts.add(value);
    if (typeof value === "boolean") types.add("boolean");
    if (typeof value === "number") types.add(Number.isInteger(value) ? "integer" : "number");
    if (typeof value === "object" && value !== null) fault(walk, path, "lists a map or list, which a form cannot be compared with");
  }
  if (types.has("number")) types.delete("integer");
  return { types, texts, objects: [], arrays: [] };
}

function isScalarType(type: unknown): type is ScalarType {
  return type === "string" || type === "integer" || type === "number" || type === "boolean";
}

function scalarOf(walk: Walk, { types, texts }: Said, path: SchemaPath): FormScalar | null {
  if (types.size === 0 && texts.size === 0) return null;
  const others = [...types].filter((type) => type !== "string");
  if (types.has("string") && others.length > 0)
    fault(walk, path, `may be a string or ${others.join(" or ")}, and a form cannot say which: list the strings with enum`);
  const twin = [...texts].find((text) => others.some((type) => readScalar(text, type) !== null));
  if (twin !== undefined) fault(walk, path, `lists the text ${JSON.stringify(twin)}, which also reads as ${others.join(" or ")}`);
  return { types: others.length === 0 && types.has("string") ? ["string"] : others, texts: types.has("string") ? new Set() : texts };
}

function objectOf(walk: Walk, objects: readonly Placed[]): FormObject {
  const properties = new Map<string, FormShape>();
  const seen = new Map<string, string>();
  let others: FormShape | null = null;
  for (const { schema, path } of objects) {
    others ??= othersOf(walk, { schema, path });
    for (const [name, property] of Object.entries(isJsonObject(schema["properties"]) ? schema["properties"] : {})) {
      const at = [...path, "properties", name];
      if (!isPlainStep(name) || listIndex(name) !== null) fault(walk, at, "has a name that a form cannot carry as a map's key");
      const text = canonicalJson(property);
      if (seen.has(name) && seen.get(name) !== text)
        fault(walk, at, "is declared in another way by an alternative, and a form cannot say which");
      seen.set(name, text);
      properties.set(name, shapeOf(walk, property, at));
    }
  }
  if (others !== null && objects.length > 1)
    fault(walk, (objects[0] as Placed).path, "is one of several maps, so none may take undeclared keys");
  return { properties, others };
}

function othersOf(walk: Walk, { schema, path }: Placed): FormShape | null {
  const others = schema["additionalProperties"];
  if (others === false || (others === undefined && schema["unevaluatedProperties"] === false)) return null;
  if (isJsonObject(others)) return shapeOf(walk, others, [...path, "additionalProperties"]);
  fault(walk, path, "must say what undeclared keys are: additionalProperties is false or a schema with a type");
  return null;
}

function arrayOf(walk: Walk, arrays: readonly Placed[]): FormShape {
  const [first, ...more] = arrays as readonly [Placed, ...Placed[]];
  const items = (placed: Placed): JsonValue => placed.schema["items"] ?? null;
  const other = more.find((placed) => canonicalJson(items(placed)) !== canonicalJson(items(first)));
  if (other !== undefined) fault(walk, other.path, "is a list of other items than an alternative, and a form cannot say which");
  return shapeOf(walk, first.schema["items"], [...first.path, "items"]);
}
