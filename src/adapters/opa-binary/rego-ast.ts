import { isJsonObject, type JsonObject, type JsonValue } from "../../rules/json.ts";

/** One rule of a parsed module, with its `else` branches. */
export interface RegoRule {
  readonly name: string;
  /** True when an undefined body still gives a value: `default`, or an `else`. */
  readonly falls: boolean;
  /** True for a set or an object made of parts: a part that is undefined is missing from it, and the rest stays. */
  readonly partial: boolean;
  readonly head: JsonObject;
  readonly bodies: readonly JsonValue[];
  /** Keys and values of the head and of each `else`. */
  readonly values: readonly JsonValue[];
}

/** A module as `opa parse --format json` tells it. */
export interface RegoModule {
  readonly path: string;
  /** Package path below `data`, such as `policies.contract`. */
  readonly spoken: string;
  /** Alias → dotted path that begins with `data` or `input`. */
  readonly imports: ReadonlyMap<string, string>;
  readonly rules: readonly RegoRule[];
}

/** Reads the JSON that `opa parse` wrote. Null when it is not in the form of opa 1.22. */
export function readModule(path: string, text: string): RegoModule | null {
  const module: unknown = JSON.parse(text);
  if (!isJsonObject(module) || !isJsonObject(module["package"])) return null;
  const spoken = staticPath(module["package"]["path"])?.slice(1).join(".");
  if (spoken === undefined) return null;
  return { path, spoken, imports: readImports(module), rules: list(module["rules"]).filter(isJsonObject).map(readRule) };
}

function readImports(module: JsonObject): ReadonlyMap<string, string> {
  const pairs = list(module["imports"])
    .filter(isJsonObject)
    .flatMap((one) => {
      const target = isJsonObject(one["path"]) ? staticPath(one["path"]["value"]) : null;
      const alias = typeof one["alias"] === "string" ? one["alias"] : target?.at(-1);
      return target === null || alias === undefined ? [] : [[alias, target.join(".")] as const];
    });
  return new Map(pairs);
}

function readRule(rule: JsonObject): RegoRule {
  const head = isJsonObject(rule["head"]) ? rule["head"] : {};
  const branch = isJsonObject(rule["else"]) ? readRule(rule["else"]) : null;
  const ref = list(head["ref"]);
  const name = isJsonObject(ref[0]) ? String(ref[0]["value"]) : String(head["name"]);
  return {
    name,
    falls: rule["default"] === true || branch !== null,
    partial: head["key"] !== undefined || ref.length > 1,
    head,
    bodies: [rule["body"] ?? [], ...(branch?.bodies ?? [])],
    values: [...[head["key"], head["value"]].filter((value) => value !== undefined), ...ref.slice(1), ...(branch?.values ?? [])],
  };
}

/** The names of a reference as far as they are constant; `*` for each part that is computed. */
export function refPath(ref: JsonValue | undefined): readonly string[] {
  return list(ref).map((part, index) => {
    if (!isJsonObject(part)) return "*";
    const constant = part["type"] === "string" || (index === 0 && part["type"] === "var");
    return constant ? String(part["value"]) : "*";
  });
}

function staticPath(ref: JsonValue | undefined): readonly string[] | null {
  const path = refPath(ref);
  return path.length === 0 || path.includes("*") ? null : path;
}

/** An array as it is, anything else as no items. */
export function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}
