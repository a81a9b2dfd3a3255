import { Ajv2020, type ErrorObject, type FuncKeywordDefinition } from "ajv/dist/2020.js";
import type { ConfigurationPath, Problem } from "./problems.ts";
import { didYouMean, showValue } from "./problems.ts";
import { accepted, type QuantityKind, quantityKinds } from "./quantities.ts";
import { type FileKind, fileKinds } from "./schema/files.ts";
import type { QuantityBounds } from "./schema/kinds.ts";
import type { Part, Source } from "./source.ts";

const checkQuantity: NonNullable<FuncKeywordDefinition["validate"]> = (
  bounds: QuantityBounds & { readonly kind: QuantityKind },
  text: string,
): boolean => {
  const value = quantityKinds[bounds.kind](text);
  const wanted = typeof value === "number" ? outsideBounds(value, bounds) : value.wanted;
  checkQuantity.errors = wanted === null ? [] : [{ keyword: "x-quantity", message: `must be ${wanted}`, params: {} }];
  return wanted === null;
};

function outsideBounds(value: number, bounds: QuantityBounds & { readonly kind: QuantityKind }): string | null {
  if (bounds.min !== undefined && value < accepted(bounds.kind, bounds.min)) return `at least ${bounds.min}`;
  if (bounds.max !== undefined && value > accepted(bounds.kind, bounds.max)) return `at most ${bounds.max}`;
  return null;
}

const quantityKeyword: FuncKeywordDefinition = {
  keyword: "x-quantity",
  type: "string",
  schemaType: "object",
  validate: checkQuantity,
  errors: true,
};
const ajv = new Ajv2020({ allErrors: true, verbose: true, strict: false, useDefaults: true, keywords: [quantityKeyword] });
const validators = new Map<FileKind, ReturnType<typeof ajv.compile>>();

/** A file's value with its defaults filled in, or null after adding every finding to `problems`. */
export function checkShape(kind: FileKind, source: Source, problems: Problem[]): unknown {
  const validate = validators.get(kind) ?? ajv.compile(fileKinds[kind].schema);
  validators.set(kind, validate);
  const value = structuredClone(source.value);
  if (validate(value)) return value;
  problems.push(...shapeProblems(source, validate.errors ?? []));
  return null;
}

function shapeProblems(source: Source, errors: readonly ErrorObject[]): Problem[] {
  const found = new Map<string, Problem>();
  for (const error of withoutForeignForms(errors)) {
    const finding = findingOf(error);
    if (finding === null) continue;
    const problem = source.problem(finding.path, finding.message, finding.hint ?? null, finding.part);
    // The first finding at one place says enough: a text of the wrong type needs no word about its pattern.
    if (!found.has(problem.path)) found.set(problem.path, problem);
  }
  return [...found.values()];
}

// Where a value may have several forms, only the form of the value's own JSON type is spoken of; a scalar gets the one sentence of `x-like`.
function withoutForeignForms(errors: readonly ErrorObject[]): ErrorObject[] {
  let kept = [...errors];
  for (const union of errors.filter((error) => error.keyword === "anyOf")) {
    const form = (union.schema as readonly { type?: string }[]).findIndex((branch) => branch.type === jsonType(union.data));
    const structured = form >= 0 && typeof union.data === "object";
    kept = kept.filter((error) => {
      const inside = error.instancePath === union.instancePath || error.instancePath.startsWith(`${union.instancePath}/`);
      if (!inside || !error.schemaPath.startsWith(`${union.schemaPath}/`)) return !(structured && error === union);
      return structured && error.schemaPath.startsWith(`${union.schemaPath}/${form}/`);
    });
  }
  return kept;
}

interface Finding {
  readonly path: ConfigurationPath;
  readonly message: string;
  readonly hint?: string | null;
  readonly part?: Part;
}

function findingOf(error: ErrorObject): Finding | null {
  const path = pathOf(error.instancePath);
  const schema = error.parentSchema ?? {};
  switch (error.keyword) {
    case "propertyNames":
      return null;
    case "additionalProperties": {
      const key = String(error.params["additionalProperty"]);
      return {
        path: [...path, key],
        message: "is not a known key",
        hint: didYouMean(key, Object.keys(schema["properties"] ?? {})),
        part: "key",
      };
    }
    case "required":
      return { path: [...path, String(error.params["missingProperty"])], message: "is required" };
    case "not":
      return { path, message: "is not supported yet", hint: "remove it", part: "key" };
    case "enum":
      return { path, ...enumFinding(error, schema) };
    default:
      return error.propertyName === undefined
        ? { path, message: `${sentenceOf(error, schema)} (got ${isSecret(error, schema) ? "a hidden value" : showValue(error.data)})` }
        : { path: [...path, error.propertyName], message: `must be ${String(schema["x-like"])}`, part: "key" };
  }
}

/** A file that is one text and no map may be anything, a key by mistake: it is not quoted. */
function isSecret(error: ErrorObject, schema: Readonly<Record<string, unknown>>): boolean {
  return schema["x-secret"] === true || (error.instancePath === "" && typeof error.data === "string");
}

function enumFinding(error: ErrorObject, schema: Readonly<Record<string, unknown>>): { message: string; hint?: string | null } {
  const words = (error.schema as readonly string[]).join(", ");
  const later = schema["x-later"];
  if (Array.isArray(later) && later.includes(error.data))
    return { message: `does not support ${showValue(error.data)} yet`, hint: `use ${words}` };
  const hint = typeof error.data === "string" ? didYouMean(error.data, error.schema as readonly string[]) : null;
  return { message: `must be ${words.includes(",") ? "one of " : ""}${words} (got ${showValue(error.data)})`, hint };
}

function sentenceOf(error: ErrorObject, schema: Readonly<Record<string, unknown>>): string {
  const limit = error.params["limit"];
  const kind = (schema["x-quantity"] as { kind: QuantityKind } | undefined)?.kind;
  if (kind !== undefined && error.keyword === "type") {
    const example = (schema["examples"] as readonly unknown[])[0];
    return `must be ${kind === "decimal" ? "quoted text" : "text"} like ${JSON.stringify(example)}`;
  }
  if (typeof schema["x-like"] === "string") return `must be ${schema["x-like"]}`;
  if (error.keyword === "type") return `must be ${typeWords[String(error.schema)] ?? String(error.schema)}`;
  if (error.keyword === "minimum") return `must be at least ${limit}`;
  if (error.keyword === "maximum") return `must be at most ${limit}`;
  if (error.keyword === "minLength" || error.keyword === "minItems") return "must not be empty";
  if (error.keyword === "uniqueItems") return `must name everything once: items ${error.params["j"]} and ${error.params["i"]} are equal`;
  if (error.keyword === "maxLength" || error.keyword === "maxItems")
    return `must have at most ${limit} ${error.keyword === "maxItems" ? "items" : "characters"}`;
  return error.message ?? "is not valid";
}

const typeWords: Readonly<Record<string, string>> = {
  object: "a map",
  array: "a list",
  string: "text",
  integer: "a whole number",
  boolean: "true or false",
};

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return value === null ? "null" : typeof value;
}

function pathOf(instancePath: string): (string | number)[] {
  if (instancePath === "") return [];
  return instancePath
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((step) => (/^(0|[1-9][0-9]*)$/.test(step) ? Number(step) : step));
}
