import fc from "fast-check";
import type { JsonObject, JsonValue } from "../../src/rules/json.ts";

/** A schema and arguments that fit it and that a form can say. */
export interface FormSample {
  readonly input: JsonObject;
  readonly args: JsonObject;
}

interface Typed {
  readonly schema: JsonObject;
  readonly value: JsonValue;
}

/** Texts that readers like to disagree about. */
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.string({ unit: "binary", maxLength: 8 }).map((raw) => raw.toWellFormed()),
  fc.constantFrom(
    "",
    "true",
    "1",
    "01",
    "null",
    "a&b=c",
    "a=b",
    "[0]",
    "a[b]",
    "%5B",
    "%",
    "+",
    " ",
    "é",
    "\u0000",
    "\u202e",
    "'",
    ";",
    "#",
    "&",
    "=",
    "🎉",
  ),
);
const integer = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -5, max: 5 })).map((value) => value || 0);
const number = fc
  .oneof(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }), fc.constantFrom(0.1, 1e-7, 5e-324, 1.5, -2.25))
  .map((value) => value || 0);
/** Keys that every reader takes for a key. */
const key = fc.oneof(
  fc.stringMatching(/^[a-z][a-z_]{0,7}$/),
  fc.stringMatching(/^[A-Z][a-z0-9]{0,4}( [a-z]{1,3})?$/),
  fc.constantFrom(
    "1000",
    "6735",
    "01",
    "-1",
    "a.b",
    "a&b",
    "a=b",
    "é",
    "日本",
    "a+b",
    "100%",
    "$x",
    "a;b",
    "a#b",
    "🎉",
    "toString",
    "length",
  ),
);

const scalar: fc.Arbitrary<Typed> = fc.oneof(
  text.map((value) => ({ schema: { type: "string" }, value })),
  integer.map((value) => ({ schema: { type: "integer" }, value })),
  number.map((value) => ({ schema: { type: "number" }, value })),
  fc.boolean().map((value) => ({ schema: { type: "boolean" }, value })),
  fc.constantFrom("now", "", "later").map((value) => ({ schema: { enum: ["now", "later", ""] }, value })),
  fc
    .oneof(fc.constantFrom<JsonValue>("now", ""), integer)
    .map((value) => ({ schema: { anyOf: [{ type: "integer" }, { type: "string", enum: ["now", ""] }] }, value })),
  fc.oneof(fc.boolean(), integer).map((value: JsonValue) => ({ schema: { type: ["boolean", "integer", "null"] }, value })),
);

/** `depth` more levels of brackets may follow. */
function typed(depth: number): fc.Arbitrary<Typed> {
  if (depth === 0) return scalar;
  const inner = typed(depth - 1);
  const list = inner.chain(({ schema, value }) =>
    // Items of one schema: the same value several times, or those of a scalar's own kind.
    fc
      .array(fc.constant(value), { minLength: 1, maxLength: 12 })
      .map((items) => ({ schema: { type: "array", items: schema }, value: items })),
  );
  const texts = fc
    .array(text, { minLength: 1, maxLength: 12 })
    .map((value) => ({ schema: { type: "array", items: { type: "string" } }, value }));
  const table = fc.dictionary(key, text, { minKeys: 1, maxKeys: 4, noNullPrototype: true }).filter(differ);
  const open = table.map((value) => ({ schema: { type: "object", additionalProperties: { type: "string" } }, value }));
  const unset = fc.oneof(table, fc.constant<JsonValue>("")).map((value) => ({
    schema: {
      anyOf: [
        { type: "object", additionalProperties: { type: "string" } },
        { type: "string", enum: [""] },
      ],
    },
    value,
  }));
  return fc.oneof({ weight: 3, arbitrary: scalar }, list, texts, open, unset, { weight: 2, arbitrary: closed(inner) });
}

function closed(inner: fc.Arbitrary<Typed>): fc.Arbitrary<Typed> {
  return fc
    .dictionary(key, inner, { minKeys: 1, maxKeys: 4, noNullPrototype: true })
    .filter(differ)
    .map((members) => ({
      schema: { type: "object", additionalProperties: false, properties: mapValues(members, ({ schema }) => schema) },
      value: mapValues(members, ({ value }) => value),
    }));
}

function mapValues<T>(members: Readonly<Record<string, T>>, read: (value: T) => JsonValue): JsonObject {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, read(value)]));
}

/** No two keys alike but for case; counted by ICU and not by the product. */
function differ(members: object): boolean {
  const folded = Object.keys(members).map((name) => name.normalize("NFKC").toLowerCase());
  return new Set(folded).size === folded.length;
}

/** Schemas of every supported kind, five brackets deep at most, with arguments that fit them. */
export const formSamples: fc.Arbitrary<FormSample> = closed(typed(5)).map(({ schema, value }) => ({
  input: schema,
  args: value as JsonObject,
}));
