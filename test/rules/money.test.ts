import assert from "node:assert/strict";
import { test } from "node:test";
import type { AmountSource } from "../../src/rules/catalogue.ts";
import { isDenial } from "../../src/rules/denial.ts";
import type { JsonObject, JsonValue } from "../../src/rules/json.ts";
import { readAmount } from "../../src/rules/money.ts";

const eur: AmountSource = { pointer: "/amount", currency: { is: "EUR" } };
const fromPreview: AmountSource = { pointer: "/amount", currency: { fromPreview: "/charge/currency" } };

const amounts: readonly JsonObject[] = [
  {},
  { amount: -1 },
  { amount: -0.01 },
  { amount: 0.5 },
  { amount: 1e-9 },
  { amount: 2 ** 53 },
  { amount: -(2 ** 53) },
  { amount: 1e308 },
  { amount: "5" },
  { amount: "" },
  { amount: null },
  { amount: true },
  { amount: [] },
  { amount: [5] },
  { amount: { minor: 5 } },
  { Amount: 5 },
  { "/amount": 5 },
];

test("an amount that is not a whole number of minor units is denied, never zero", () => {
  for (const args of amounts) {
    const read = readAmount(eur, args, null);
    assert.ok(isDenial(read) && read.denied === "ERR_AMOUNT_UNDETERMINED", JSON.stringify(args));
  }
  assert.equal(amounts.length, 17);
});

const previews: readonly (JsonValue | null)[] = [
  null,
  {},
  [],
  "EUR",
  { charge: null },
  { charge: {} },
  { charge: "EUR" },
  { charge: [{ currency: "EUR" }] },
  ...["", " ", "E", "EU", "EURO", "EUR ", " EUR", "E R", "€", "EU1", "EUR\n", "ЕUR", "ßs", "uſd", "ıdr"].map((currency) => ({
    charge: { currency },
  })),
  ...[null, 978, true, ["EUR"], { code: "EUR" }].map((currency) => ({ charge: { currency } })),
];

test("a currency that the preview does not tell is denied", () => {
  for (const preview of previews) {
    const read = readAmount(fromPreview, { amount: 5 }, preview);
    assert.ok(isDenial(read) && read.denied === "ERR_AMOUNT_UNDETERMINED", JSON.stringify(preview));
  }
  assert.equal(previews.length, 28);
});

test("a preview does not change a currency that the tool declares", () => {
  assert.deepEqual(readAmount(eur, { amount: 5 }, { currency: "USD", charge: { currency: "USD" } }), { minor: 5, currency: "EUR" });
});

test("whole minor units of a known currency are read, in capital letters", () => {
  for (const minor of [0, 1, 90_000, Number.MAX_SAFE_INTEGER])
    assert.deepEqual(readAmount(eur, { amount: minor }, null), { minor, currency: "EUR" });
  assert.deepEqual(readAmount(fromPreview, { amount: 5 }, { charge: { currency: "usd" } }), { minor: 5, currency: "USD" });
  assert.deepEqual(readAmount({ ...eur, pointer: "/sum/minor" }, { sum: { minor: 7 } }, null), { minor: 7, currency: "EUR" });
});
