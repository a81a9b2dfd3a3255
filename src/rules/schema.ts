import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import type { SchemaFinding, Validate } from "./catalogue.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { foldKey, isForbiddenKey } from "./keys.ts";
import { repeatsRepetition } from "./patterns.ts";
import { pointerTo, pointerTokens } from "./pointers.ts";
import { allSchemas, lookAlikeCheck, resolveReference } from "./schema-walk.ts";

const findingsMax = 20;
/** Ajv compares every pair of items that are no scalars; the square of this is still fast. */
const uniqueItemsMax = 256;

/** One compiler for all schemas. It refuses unknown keywords and formats, and changes no value: no coercion, no defaults, nothing removed. */
const settings = { strict: true, strictRequired: false, allowUnionTypes: true, ownProperties: true, logger: false } as const;
const ajv = new Ajv2020({ ...settings, allErrors: true, verbose: true });
/** Compiles the same schemas into checks that end at the first finding and say nothing about it: what fits, which is almost everything, fits at half the cost. */
const brief = new Ajv2020({ ...settings, allErrors: false, messages: false });

/**
 * Compiles a JSON Schema (2020-12) into a pure check that never throws and never changes the value. At most 20 findings come back; they name
 * declared properties and array indexes only, never the value or a key that the caller made up.
 *
 * For `input` (the default) a key that is a declared property in other case or Unicode form is a finding too.
 * Throws an Error with one helpful sentence for a schema that cannot be held to: unknown keywords, any `format` (none is supported: use
 * `pattern`), references out of the document, `$async`, `uniqueItems` without `maxItems` of at most 256, a required property that is not
 * declared, forbidden property names, and names that differ only by case.
 */
export function compileSchema(schema: JsonObject, use: "input" | "output" = "input"): Validate {
  const names = checkSchemas(schema);
  const find = compile(ajv, schema);
  const fits = compile(brief, schema);
  const lookAlikes = use === "input" ? lookAlikeCheck(schema) : () => [];
  return (value) => {
    try {
      const fit: unknown = fits(value);
      if (fit === true) return lookAlikes(value).slice(0, findingsMax);
      // Whatever the brief check refuses stays refused.
      if (find(value)) return [{ pointer: "", message: "cannot be checked" }];
      return (find.errors ?? []).slice(0, findingsMax).map((error) => readFinding(error, names));
    } catch {
      // A value nested deeper than the stack, which only a lenient reader lets through.
      return [{ pointer: "", message: "cannot be checked" }];
    }
  };
}

function compile(compiler: Ajv2020, schema: JsonObject) {
  try {
    return compiler.compile(schema);
  } catch (cause) {
    throw new Error(`the schema is not valid: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  } finally {
    compiler.removeSchema(schema);
  }
}

/** Refuses what Ajv would take and we cannot hold to. Answers all declared names. */
function checkSchemas(root: JsonObject): ReadonlySet<string> {
  const schemas = allSchemas(root);
  const names = new Set(schemas.flatMap((schema) => (isJsonObject(schema["properties"]) ? Object.keys(schema["properties"]) : [])));
  for (const schema of schemas) {
    const fault = faultOf(schema, root) ?? faultOfNames(schema, names);
    if (fault !== null) throw new Error(`the schema is not valid: ${fault}`);
  }
  return names;
}

const unsupported = ["$async", "$id", "$anchor", "$dynamicRef", "$dynamicAnchor"];

function faultOf(schema: JsonObject, root: JsonObject): string | null {
  const keyword = unsupported.find((name) => Object.hasOwn(schema, name));
  if (keyword !== undefined) return `${keyword} is not supported`;
  if (Object.hasOwn(schema, "format")) return "no format is supported; say it with `pattern`";
  const { $ref: reference, uniqueItems, maxItems, pattern, patternProperties } = schema;
  const patterns = [pattern, ...Object.keys(isJsonObject(patternProperties) ? patternProperties : {})].filter(
    (one) => typeof one === "string",
  );
  const slow = patterns.find(repeatsRepetition);
  if (slow !== undefined) return `the pattern ${slow} repeats a repetition, so that a short text can take minutes to match`;
  if (typeof reference === "string" && resolveReference(root, reference) === null)
    return `$ref ${reference} names nothing in this document`;
  if (uniqueItems === true && !(typeof maxItems === "number" && maxItems <= uniqueItemsMax))
    return `uniqueItems needs maxItems of at most ${uniqueItemsMax}`;
  return null;
}

function faultOfNames({ properties, required }: JsonObject, names: ReadonlySet<string>): string | null {
  if (!isJsonObject(properties)) return null;
  const folds = new Set<string>();
  for (const name of Object.keys(properties)) {
    const fold = foldKey(name);
    if (isForbiddenKey(name)) return `${name} cannot be a property, since no reader accepts it`;
    if (folds.has(fold)) return `${name} differs from another property only by case or Unicode form`;
    folds.add(fold);
  }
  const missing = Array.isArray(required) ? required.find((name) => typeof name === "string" && !names.has(name)) : undefined;
  return missing === undefined ? null : `${missing} is required and is no property`;
}

/** The pointer stops before the first key that the schema does not declare: such keys are the caller's own text. */
function readFinding(error: ErrorObject, names: ReadonlySet<string>): SchemaFinding {
  const tokens: string[] = [];
  for (const token of pointerTokens(error.instancePath)) {
    if (!names.has(token) && !/^(0|[1-9][0-9]{0,3})$/.test(token)) break;
    tokens.push(token);
  }
  return { pointer: pointerTo(tokens), message: messageOf(error) };
}

const listedMax = 200;

/** Ajv's messages speak of the schema only; where they hide what the schema asks for, ours say it. */
function messageOf(error: ErrorObject): string {
  const { keyword, message = "does not fit", params, parentSchema } = error;
  if (keyword === "enum") return `must be one of ${JSON.stringify(params["allowedValues"]).slice(0, listedMax)}`;
  if (keyword === "const") return `must be ${JSON.stringify(params["allowedValue"]).slice(0, listedMax)}`;
  if (keyword !== "additionalProperties" && keyword !== "unevaluatedProperties") return message;
  const declared = Object.keys((parentSchema?.["properties"] ?? {}) as JsonObject);
  return `has a property that is not declared; declared are: ${declared.join(", ").slice(0, listedMax)}`;
}
