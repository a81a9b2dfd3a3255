import Type, { type Static, type TProperties, type TSchema } from "typebox";
import type { JsonObject } from "../../rules/json.ts";
import type { QuantityKind } from "../quantities.ts";

/** What every field says of itself; the reference page, the editors' schemas and the messages are made from it. */
export interface FieldWords {
  /** One or two sentences: what it is and what absent means. */
  readonly description: string;
  /** A valid value, as it is written. */
  readonly example: unknown;
  /** Taken when the key is absent. A field without one is required, unless it is wrapped in `absentable`. */
  readonly default?: unknown;
  /** What a number counts, or how a text is read. */
  readonly unit?: string;
}

/** Bounds of a quantity, as they are written in the file. */
export interface QuantityBounds {
  readonly min?: string;
  readonly max?: string;
}

const words = ({ example, unit, ...rest }: FieldWords) => ({
  ...rest,
  examples: [example],
  ...(unit === undefined ? {} : { "x-unit": unit }),
});

/** A duration, size, rate or decimal, kept as text and read by `quantities.ts`: no float ever stands between the file and the integer. */
export function quantity(kind: QuantityKind, field: FieldWords, bounds: QuantityBounds = {}) {
  return Type.String({ ...words({ unit: kind, ...field }), "x-quantity": { kind, ...bounds } });
}

/** Text that fits a pattern; `like` completes the message "must be ...". */
export function text(field: FieldWords, more: { readonly pattern?: string; readonly like?: string; readonly lengthMax?: number } = {}) {
  return Type.String({
    ...words(field),
    minLength: 1,
    maxLength: more.lengthMax ?? 1000,
    ...(more.pattern === undefined ? {} : { pattern: more.pattern }),
    ...(more.like === undefined ? {} : { "x-like": more.like }),
  });
}

/** Text that may hold a secret: no message shows it. */
export function secretText(field: FieldWords) {
  return Type.String({ ...words(field), minLength: 1, maxLength: 1000, "x-secret": true });
}

/** An integer between two bounds. */
export function count(field: FieldWords, min: number, max: number) {
  return Type.Integer({ ...words({ unit: "count", ...field }), minimum: min, maximum: max });
}

/** Yes or no. */
export function flag(field: FieldWords) {
  return Type.Boolean(words(field));
}

/** One word of a list. `later` are words of the design that this version refuses by name. */
export function oneOf<const W extends string[]>(field: FieldWords, wordsAllowed: readonly [...W], later: readonly string[] = []) {
  return Type.Enum(wordsAllowed, { ...words(field), ...(later.length === 0 ? {} : { "x-later": later }) });
}

/** A list of at most `max` items. */
export function list<S extends TSchema>(
  field: FieldWords,
  items: S,
  bounds: { readonly min?: number; readonly max: number; readonly unique?: boolean },
) {
  return Type.Array(items, {
    ...words(field),
    maxItems: bounds.max,
    ...(bounds.min === undefined ? {} : { minItems: bounds.min }),
    ...(bounds.unique === true ? { uniqueItems: true } : {}),
  });
}

/** A map from names that fit a pattern to values of one kind. */
export function byName<S extends TSchema>(field: FieldWords & { readonly key: string }, keys: NamePattern, values: S) {
  const { key, ...rest } = field;
  return Type.Unsafe<Readonly<Record<string, Static<S>>>>({
    type: "object",
    ...words(rest),
    "x-key": key,
    propertyNames: { pattern: keys.pattern, "x-like": keys.like },
    additionalProperties: values,
  });
}

/** A JSON Schema (2020-12) inside the file; its own validity is checked when it is compiled. */
export function jsonSchema(field: FieldWords) {
  return Type.Unsafe<JsonObject>({ type: "object", ...words(field) });
}

/** An object of exactly these fields. Fields with a default may be left out, and are there after reading. */
export function fields<P extends TProperties>(properties: P, field?: FieldWords) {
  const schema = Type.Object(properties, { ...(field === undefined ? {} : words(field)), additionalProperties: false });
  const required =
    (schema.required as readonly string[] | undefined)?.filter((key) => !Object.hasOwn(properties[key] ?? {}, "default")) ?? [];
  const { required: _all, ...rest } = schema as typeof schema & { required?: unknown };
  return (required.length === 0 ? rest : { ...rest, required }) as typeof schema;
}

/** The same for fields around a secret: what stands in their place by mistake is not shown either. */
export function secretFields<P extends TProperties>(properties: P, field: FieldWords) {
  return { ...fields(properties, field), "x-secret": true };
}

/** A field that may be left out and then means nothing. */
export const absentable = Type.Optional;

/** A key of the design that this version does not do yet: written, it is an error, never silently ignored. */
export function notYet(description: string, example: unknown) {
  return Type.Optional(
    Type.Unsafe<undefined>({
      ...words({ description: `${description} Not supported yet: refused when present.`, example }),
      not: {},
      "x-not-yet": true,
    }),
  );
}

/** One of several forms; the form of the value's own JSON type is the one that messages speak of. */
export function anyForm<S extends TSchema[]>(field: FieldWords & { readonly like: string }, forms: readonly [...S]) {
  const { like, ...rest } = field;
  return Type.Union(forms as unknown as [...S], { ...words(rest), "x-like": like });
}

/** A pattern for names, with the words of its message. */
export interface NamePattern {
  readonly pattern: string;
  readonly like: string;
}

/** Patterns of the names that several files use. */
export const names = {
  tool: {
    pattern: "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)*$",
    like: 'a name like "payments.refund": lower case, digits, underscores and dots',
  },
  tenant: { pattern: "^[a-z0-9][a-z0-9_-]{0,62}$", like: 'a name like "acme_co": lower case, digits, underscores and dashes' },
  tier: { pattern: "^[a-z0-9][a-z0-9_-]{0,62}$", like: 'a name like "finance": lower case, digits, underscores and dashes' },
  id: { pattern: "^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}$", like: 'an id like "billing-dispute-v3": letters, digits and . _ : @ / -' },
  valueName: { pattern: "^[a-z][a-z0-9_]{0,62}$", like: 'a name like "payments_account": lower case, digits and underscores' },
  header: { pattern: "^[A-Za-z0-9][A-Za-z0-9-]{0,62}$", like: 'a header name like "Stripe-Version"' },
  currency: { pattern: "^[A-Z]{3}$", like: 'a currency code like "USD"' },
  pointer: { pattern: "^(/([^~/]|~[01])*)+$", like: 'a JSON pointer like "/amount"' },
  model: { pattern: "^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}\\*?$|^\\*$", like: 'a model like "gpt-5", or a beginning like "gpt-*"' },
  argument: { pattern: "^.{1,200}$", like: 'an argument of input, like "expand"' },
  environment: { pattern: "^[a-z][a-z0-9_-]{0,62}$", like: 'a name like "production"' },
} as const satisfies Record<string, NamePattern>;
