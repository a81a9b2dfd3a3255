import fc from "fast-check";
import type { JsonObject } from "../../src/rules/json.ts";

const text = { type: "string", maxLength: 5000 };
const unset = { type: "string", enum: [""] };
const closed = (properties: JsonObject): JsonObject => ({ type: "object", additionalProperties: false, properties });

/** Parameters in the kinds and depths that Stripe's API has: five brackets, maps, lists of maps, timestamps that may be `now`, texts that unset. */
export const stripeInput: JsonObject = {
  ...closed({
    amount: { type: "integer", minimum: 0 },
    currency: text,
    customer: text,
    description: text,
    percent_off: { type: "number" },
    confirm: { type: "boolean" },
    trial_end: { anyOf: [{ type: "integer" }, { type: "string", enum: ["now"] }] },
    metadata: { anyOf: [{ type: "object", additionalProperties: text }, unset] },
    expand: { type: "array", items: text, maxItems: 50 },
    automatic_tax: closed({ enabled: { type: "boolean" } }),
    shipping: { anyOf: [closed({ name: text, phone: text, address: { $ref: "#/$defs/address" } }), unset] },
    line_items: { type: "array", items: { $ref: "#/$defs/line" }, maxItems: 50 },
    created: { anyOf: [closed({ gt: { type: "integer" }, gte: { type: "integer" }, lt: { type: "integer" } }), { type: "integer" }] },
    limit: { type: "integer" },
    starting_after: text,
  }),
  $defs: {
    address: closed({ line1: text, city: text, postal_code: text }),
    line: closed({
      price: text,
      quantity: { type: "integer" },
      price_data: closed({
        currency: text,
        unit_amount: { type: "integer" },
        unit_amount_decimal: text,
        product_data: closed({
          name: text,
          images: { type: "array", items: text },
          metadata: { type: "object", additionalProperties: text },
        }),
        recurring: closed({ interval: { enum: ["day", "month"] }, interval_count: { type: "integer" } }),
      }),
      adjustable_quantity: closed({ enabled: { type: "boolean" }, maximum: { type: "integer" } }),
    }),
  },
};

const anyText = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "grapheme", maxLength: 10 }),
  fc.constantFrom("", "a b", "a+b", "é", "100%", "[x]", "a&b=c", "🎉", "it's(1)*~!", "1", "true", "line\nbreak", "%5B", "ß", "\u00a0"),
);
const id = fc.stringMatching(/^(?:cus|ch|price)_[A-Za-z0-9]{4,14}$/);
const whole = fc.oneof(fc.integer({ min: 0 }), fc.maxSafeNat());
const keys = fc.oneof(
  fc.stringMatching(/^[a-z][a-z_]{0,12}$/),
  fc.constantFrom("order id", "6735", "sku.1", "é", "a&b", "x-y", "k=v", "日本"),
);
const metadata = fc.dictionary(keys, anyText, { minKeys: 1, maxKeys: 6, noNullPrototype: true });

function some(model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<JsonObject> {
  return (fc.record(model, { requiredKeys: [], noNullPrototype: true }) as fc.Arbitrary<JsonObject>).filter(
    (value) => Object.keys(value).length > 0,
  );
}

const line = some({
  price: id,
  quantity: whole,
  price_data: some({
    currency: fc.constantFrom("usd", "eur"),
    unit_amount: whole,
    unit_amount_decimal: fc.constantFrom("0.05", "12.5", "1e-7"),
    product_data: some({ name: anyText, images: fc.array(fc.webUrl(), { minLength: 1, maxLength: 3 }), metadata }),
    recurring: some({ interval: fc.constantFrom("day", "month"), interval_count: whole }),
  }),
  adjustable_quantity: some({ enabled: fc.boolean(), maximum: whole }),
});

/** Parameters that fit `stripeInput`, as a program would give them to an SDK. */
export const stripeParams: fc.Arbitrary<JsonObject> = some({
  amount: whole,
  currency: fc.constantFrom("usd", "eur"),
  customer: id,
  description: anyText,
  percent_off: fc.oneof(
    fc.integer({ min: 1, max: 10_000 }).map((value) => value / 100),
    fc.constantFrom(1e-7, 0.1),
  ),
  confirm: fc.boolean(),
  trial_end: fc.oneof(whole, fc.constant("now")),
  metadata: fc.oneof(metadata, fc.constant("")),
  expand: fc.array(fc.constantFrom("customer", "data.invoice", "line_items"), { minLength: 1, maxLength: 12 }),
  automatic_tax: some({ enabled: fc.boolean() }),
  shipping: fc.oneof(
    some({ name: anyText, phone: anyText, address: some({ line1: anyText, city: anyText, postal_code: anyText }) }),
    fc.constant(""),
  ),
  line_items: fc.array(line, { minLength: 1, maxLength: 12 }),
  created: fc.oneof(some({ gt: whole, gte: whole, lt: whole }), whole),
  limit: whole,
  starting_after: id,
});
