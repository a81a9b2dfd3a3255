import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson } from "../../src/rules/canonical.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { foldKey, isForbiddenKey } from "../../src/rules/keys.ts";
import { readJsonObject } from "../../src/rules/strict-json.ts";
import { byteCases, textCases } from "./json-cases.ts";
import { propertyRuns } from "./property-runs.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const outcome = (read: unknown): string => (isDenial(read) ? read.denied.replace("ERR_JSON_", "") : "ok");
const head = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}... (${text.length})` : text);

test("each document of the table is read or refused as its row says", (context) => {
  for (const [expected, text] of textCases) {
    const read = readJsonObject(bytesOf(text));
    assert.equal(outcome(read), expected, head(text));
    if (expected === "ok") assert.deepStrictEqual(read, JSON.parse(text), head(text));
  }
  context.diagnostic(`${textCases.length} texts, ${textCases.filter(([expected]) => expected !== "ok").length} of them refused`);
  assert.ok(textCases.length >= 150);
});

test("bytes that are no UTF-8, or begin with a byte order mark, are malformed", () => {
  for (const text of byteCases) assert.equal(outcome(readJsonObject(Buffer.from(text, "latin1"))), "MALFORMED", JSON.stringify(text));
  assert.equal(byteCases.length, 21);
  assert.deepStrictEqual(readJsonObject(bytesOf('{"a":"é"}')), { a: "é" }, "a refusal leaves no trace in the decoder");
});

test("a denial tells the place and never the caller's text", () => {
  const read = readJsonObject(bytesOf('{"s3cret":"s3cret","s3cret":9}'));
  assert.ok(isDenial(read));
  assert.equal(read.detail, "a key that stands twice, or twice but for case, at character 20 of the body");
  for (const [expected, text] of textCases) {
    const refused = readJsonObject(bytesOf(text.replaceAll('"a"', '"s3cret"')));
    if (isDenial(refused)) assert.doesNotMatch(JSON.stringify(refused), /s3cret/, expected);
  }
});

test("a body that holds a key called denied is no denial", () => {
  const read = readJsonObject(bytesOf('{"denied":"ERR_HELD","detail":"x"}'));
  assert.equal(isDenial(read), false);
});

test("limits are the caller's to tighten, and depth never passes 256", () => {
  assert.equal(outcome(readJsonObject(bytesOf('{"a":{}}'), { depthMax: 1 })), "TOO_DEEP");
  assert.equal(outcome(readJsonObject(bytesOf('{"a":{}}'), { depthMax: 2 })), "ok");
  assert.equal(outcome(readJsonObject(bytesOf('{"a":1,"b":2}'), { valuesMax: 2 })), "TOO_DEEP");
  assert.equal(outcome(readJsonObject(bytesOf('{"a":1,"b":2}'), { valuesMax: 3 })), "ok");
  assert.equal(outcome(readJsonObject(bytesOf(`{"a":${"[".repeat(100_000)}`), { depthMax: 1e9, valuesMax: 1e9 })), "TOO_DEEP");
});

test("the time to read a megabyte is linear, whatever it holds", () => {
  const million = 1_000_000;
  const bodies = [
    `{"a":${"0".repeat(million)}1}`,
    `{"a":1.${"0".repeat(million)}1}`,
    `{"a":0.${"0".repeat(million)}1}`,
    `{"a":"${"\\n".repeat(million / 2)}"}`,
    `{"a":"${"\\ud83d\\ude00".repeat(million / 12)}"}`,
    `{"${"ﬁ".repeat(million / 3)}":1}`,
    `{"a":"${"\u200b".repeat(million / 3)}"}`,
    `{${" ".repeat(million)}}`,
  ];
  for (const body of bodies) {
    const started = performance.now();
    readJsonObject(bytesOf(body));
    assert.ok(performance.now() - started < 2_000, head(body));
  }
  assert.equal(bodies.length, 8);
});

const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(0, 1, -1, 0.1, 5e-324, 1e-7, 1e-6, 2 ** 53 - 1, 1 - 2 ** 53),
);
const exactNumber = number.map((value) => (value === 0 ? 0 : value));
const text = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }), fc.string());
const key = text.filter((name) => !isForbiddenKey(name));
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(exactNumber, text, fc.boolean(), fc.constant(null)),
    fc.array(tie("value"), { maxLength: 5 }),
    objectOf(tie("value")),
  ),
}));
const anyObject = objectOf(anyValue);

function objectOf(value: fc.Arbitrary<unknown>): fc.Arbitrary<Record<string, unknown>> {
  const entries = fc.uniqueArray(fc.tuple(key, value), { maxLength: 6, selector: ([name]) => foldKey(name) });
  return entries.map((list) => Object.fromEntries(list));
}

test("any value's canonical text is read as that value, and its canonical text is the same again", (context) => {
  const runs = propertyRuns(context, 5_000);
  let read = 0;
  fc.assert(
    fc.property(anyObject, (value) => {
      const canonical = canonicalJson(value as never);
      const again = readJsonObject(bytesOf(canonical));
      assert.deepStrictEqual(again, value);
      assert.equal(canonicalJson(again as never), canonical);
      read += 1;
    }),
    runs,
  );
  assert.ok(read >= runs.numRuns);
});

test("spaces, escapes and other spellings of numbers do not change what is read", (context) => {
  fc.assert(
    fc.property(anyObject, fc.infiniteStream(fc.nat(7)), (value, choices) => {
      const spelled = respell(value, () => choices.next().value ?? 0);
      assert.deepStrictEqual(readJsonObject(bytesOf(spelled)), value, spelled);
    }),
    propertyRuns(context, 2_000),
  );
});

function respell(value: unknown, choose: () => number): string {
  const space = (): string => ["", "", "", " ", "\n", "\t", "\r\n", "  "][choose()] ?? "";
  if (typeof value === "string") return respellString(value, choose);
  if (typeof value === "number") return respellNumber(value, choose());
  if (Array.isArray(value)) return `[${space()}${value.map((item) => space() + respell(item, choose) + space()).join(",")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const members = Object.entries(value).map(
    ([name, item]) => `${space()}${respellString(name, choose)}${space()}:${space()}${respell(item, choose)}`,
  );
  return `{${space()}${members.join(",")}${space()}}${space()}`;
}

function respellString(value: string, choose: () => number): string {
  const spelled = value.split("").map((unit) => (choose() === 0 ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}` : null));
  // A pair must be escaped as a whole: half of it raw is no UTF-8.
  return `"${value
    .split("")
    .map((unit, index) => (/[\ud800-\udfff]/.test(unit) ? unit : (spelled[index] ?? JSON.stringify(unit).slice(1, -1))))
    .join("")}"`;
}

function respellNumber(value: number, choice: number): string {
  const plain = String(value);
  if (choice === 1) return value.toExponential();
  if (choice === 2 && Number.isInteger(value)) return `${plain}.000`;
  if (choice === 3 && /^-?[0-9]+$/.test(plain)) return `${plain}e0`;
  if (choice === 4 && /^-?[1-9][0-9]*$/.test(plain)) return `${plain}0E-1`;
  return plain;
}

test("whatever is accepted equals what JSON.parse reads, and what JSON.parse refuses is refused", (context) => {
  let accepted = 0;
  let refused = 0;
  const mutation = fc.record({
    at: fc.nat(),
    remove: fc.nat(2),
    insert: fc.constantFrom("", ",", ":", '"', "{", "}", "[", "]", "0", "1", "-", "e", ".", "\\", "u", " ", "\n", "t", "é"),
  });
  fc.assert(
    fc.property(anyObject, fc.array(mutation, { maxLength: 2 }), (value, mutations) => {
      let mutated = JSON.stringify(value);
      for (const { at, remove, insert } of mutations) {
        const place = at % (mutated.length + 1);
        mutated = mutated.slice(0, place) + insert + mutated.slice(place + remove);
      }
      const bytes = bytesOf(mutated);
      const read = readJsonObject(bytes);
      if (isDenial(read)) refused += 1;
      else {
        accepted += 1;
        assert.deepStrictEqual(read, JSON.parse(Buffer.from(bytes).toString()));
      }
    }),
    propertyRuns(context, 5_000),
  );
  context.diagnostic(`${accepted} accepted, ${refused} refused`);
  assert.ok(accepted > 500 && refused > 500);
});

test("arbitrary bytes never make it throw", (context) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
      readJsonObject(noise);
      readJsonObject(Buffer.concat([Buffer.from('{"a":'), noise, Buffer.from("}")]));
    }),
    propertyRuns(context, 2_000),
  );
});

test("a body of 200 bytes is read in microseconds", (context) => {
  const body = bytesOf(
    '{"charge":"ch_1NirD82eZvKYlo2CIvbtLWuY","amount":90000,"reason":"requested_by_customer","metadata":{"note":"the parcel never came","ticket":48213,"tags":["late","vip"]},"notify":true,"rate":0.25}',
  );
  const batches = Array.from({ length: 15 }, () => {
    const started = performance.now();
    for (let count = 0; count < 5_000; count += 1) readJsonObject(body);
    return (performance.now() - started) / 5;
  });
  const median = batches.sort((a, b) => a - b)[7] ?? Number.NaN;
  context.diagnostic(`${body.length} bytes: ${median.toFixed(1)} µs per read`);
  assert.ok(median < 100, "far above the usual 4 µs, also for a busy machine");
});
