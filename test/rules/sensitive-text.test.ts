import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { getExampleNumber } from "libphonenumber-js/min";
import examples from "libphonenumber-js/mobile/examples";
import type { FindingKind } from "../../src/rules/catalogue.ts";
import { inspectedCharactersMax } from "../../src/rules/findings.ts";
import { secretForms } from "../../src/rules/secret-forms.ts";
import { findSensitive, maskText } from "../../src/rules/sensitive-text.ts";
import { caught, through } from "../attack/evasions.ts";
import { propertyRuns } from "./property-runs.ts";

const kinds: readonly FindingKind[] = ["pan", "iban", "email", "ssn", "phone", "secret"];
const found = (text: string, kind: FindingKind, name = ""): readonly string[] =>
  findSensitive(text, [kind], name).map(({ start, end }) => text.slice(start, end));

interface Rows {
  readonly kind: FindingKind;
  readonly yes: readonly string[];
  readonly no: readonly string[];
}

const letters = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6";

const tables: readonly Rows[] = [
  {
    kind: "ssn",
    yes: [
      "123-45-6789",
      "123 45 6789",
      "123.45.6789",
      "001-01-0001",
      "899-99-9999",
      "900-70-0001",
      "999-88-9999",
      "912-50-1234",
      "SSN 123456789",
      "Social Security Number: 123456789",
      "tax id 123456789",
      "itin: 912 701234",
    ],
    no: [
      "000-12-3456",
      "666-12-3456",
      "123-00-4567",
      "123-45-0000",
      "900-49-1234",
      "900-66-1234",
      "999-89-1234",
      "999-93-1234",
      "123456789",
      "12-345-6789",
      "1234-5-6789",
      "123-45-67890",
      "123-456-789",
      "123,45,6789",
      "ssn pending, order 12345678",
      "the ssn is on file; this order, which came in much later, has 123456789",
    ],
  },
  {
    kind: "phone",
    yes: [
      "+491701234567",
      "+49 170 1234567",
      "+49 (0)170 1234567",
      "+44 20 7946 0958",
      "+1 212 555 0143",
      "+1-212-555-0143",
      "+1 (212) 555-0143",
      "+33 1 23 45 67 89",
      "+971 4 123 4567",
      "(212) 555-0143",
      "212-555-0143",
      "212.555.0143",
      "1-212-555-0143",
      "00491701234567",
      "0049 170 1234567",
      "011 44 20 7946 0958",
      "0170 1234567",
      "030 12345678",
      "06 12 34 56 78",
      "020 7946 0958",
      "phone 2125550143",
      "Tel.: 1234567",
      "mobile: 170 12 34 567",
      "WhatsApp 1701234567",
    ],
    no: [
      "2125550143",
      "1234567",
      "2026-11-22 10:15:30",
      "01.02.2026 1000",
      "01-02-2026",
      "order 1001-2002-3003",
      "012-345",
      "112-555-0143",
      "211-555-0143",
      "212-155-0143",
      "+12345",
      "+0 123 456 789",
      "+28 123 456 789",
      "192.168.100.200",
      "3.1415926535",
      "00-11-22",
      "ch_1001",
      "1700000000000",
      "amount 1,000,000.00",
    ],
  },
  {
    kind: "secret",
    yes: [
      `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.${letters}`,
      "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
      "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
      "-----BEGIN OPENSSH PRIVATE KEY-----",
      "-----BEGIN EC PRIVATE KEY-----",
      "-----BEGIN PGP PRIVATE KEY BLOCK-----",
      `https://hooks.slack.com/services/T0AB1CD2E/B0AB1CD2E/${letters.slice(0, 24)}`,
      `https://discord.com/api/webhooks/123456789012345678/${letters}`,
      "amqp://user:passw0rd@host",
      "https://:tokentoken@host/x",
      "password=hunter2hunter2",
      "password: 'abc12345'",
      "api_key = a1b2c3d4e5",
      'client "secret": "a1b2c3d4e5"',
      "Bearer 0123456789abcdefghij",
      "Basic dXNlcjpwYXNzd29yZDEyMw==",
    ],
    no: [
      "risk-based approach to the market of today",
      "sk-learn is a library that many people use",
      "the secret is out",
      "password: please reset it",
      "your password is not correct",
      "a bearer of news",
      "https://example.com/a:b/c",
      "mailto:a@b.de",
      "AKIA",
      "ghp_short",
      "eyJ and eyJhbGciOiJFUzI1NiJ9",
      "BEGIN CERTIFICATE",
      "-----BEGIN PUBLIC KEY-----",
      "task-12345678901234567890",
      "ch_1NirD82eZvKYlo2CIvbtLWuY",
      "basic information about tokens",
    ],
  },
];

test("numbers and keys are found in the forms people write, and what only looks like them is not", (context) => {
  let cases = 0;
  for (const { kind, yes, no } of tables) {
    for (const text of yes)
      for (const around of [text, `see ${text}, please`, `"${text}"`]) {
        assert.equal(found(around, kind).length, 1, `${kind}: ${around}`);
        cases += 1;
      }
    for (const text of no) {
      assert.deepEqual(found(text, kind), [], `${kind}: ${text}`);
      cases += 1;
    }
  }
  context.diagnostic(`${cases} texts`);
  assert.ok(cases >= 200, `${cases}`);
});

/** A text that fits the body of a form. */
function fitting(body: string): string {
  if (body.startsWith("(?:services")) return "services/T0AB1CD2E";
  if (body.includes("PRIVATE")) return " PRIVATE KEY";
  if (body.includes("\\.")) return `${letters.slice(0, 22)}.${letters.slice(0, 43)}`;
  return body.replace(/(\[[^\]]+\])(?:\{([0-9]+)\})?/g, (_, set: string, count = "1") => {
    const allowed = new RegExp(set);
    const fit = Array.from(letters.repeat(3)).filter((each) => allowed.test(each));
    return fit.slice(0, Number(count)).join("").padEnd(Number(count), fit[0]);
  });
}

test("every key or token of the table is found, alone, in a sentence and in a URL, and its mask keeps nothing of it", (context) => {
  for (const { prefix, body } of secretForms) {
    const key = prefix + fitting(body);
    assert.ok(new RegExp(body).test(key), `the example does not fit: ${key}`);
    for (const text of [key, `use ${key} now`, `https://x.example/?k=${key}`, `"${key}"`]) {
      assert.equal(found(text, "secret").length, 1, text);
      const masked = maskText(text, ["secret"]);
      assert.ok(masked.includes("[secret]") && !masked.includes(key.slice(-8)), masked);
    }
  }
  context.diagnostic(`${secretForms.length} forms`);
  assert.ok(secretForms.length >= 90);
});

test("the name of an argument tells what bare digits in it are", () => {
  for (const name of ["ssn", "customer_ssn", "social_security_number", "taxId", "itin"])
    assert.deepEqual(found("123456789", "ssn", name), ["123456789"], name);
  for (const name of ["phone", "mobile_number", "telephone", "tel", "fax", "customer_phone"])
    assert.deepEqual(found("2125550143", "phone", name), ["2125550143"], name);
  for (const name of ["", "note", "hotel", "session", "cancelled"]) {
    assert.deepEqual(found("123456789", "ssn", name), []);
    assert.deepEqual(found("2125550143", "phone", name), []);
  }
});

test("a mobile number of every country is found in international form", (context) => {
  const countries = Object.keys(examples) as (keyof typeof examples)[];
  let nationally = 0;
  for (const country of countries) {
    const number = getExampleNumber(country, examples);
    assert.ok(number !== undefined);
    for (const text of [number.number, number.formatInternational(), number.getURI()])
      assert.equal(found(text, "phone").length, 1, `${country} ${text}`);
    if (found(number.formatNational(), "phone").length > 0) nationally += 1;
  }
  context.diagnostic(`${countries.length} countries; ${nationally} of them also in national form`);
  assert.ok(countries.length >= 200);
});

test("a mask keeps at most the last four digits of a card, and nothing of what was encoded", () => {
  const visa = "4111 1111 1111 1234";
  const card = "4000056655665556";
  assert.equal(maskText(`pay ${card} now`, kinds), "pay [pan ...5556] now");
  assert.equal(maskText(`pay ${Buffer.from(card).toString("base64")} now`, kinds), "pay [pan]== now");
  assert.equal(maskText(`pay %34${card.slice(1)} now`, kinds), "pay [pan] now");
  assert.equal(maskText(visa, kinds), visa, "its check digit is wrong");
  assert.equal(maskText("call +49 170 1234567 or 123-45-6789", kinds), "call [phone] or [ssn]");
});

const pieces = fc.oneof(
  fc.constantFrom(...caught.map(({ text }) => text), ...through.map(({ text }) => text)),
  fc.constantFrom(" ", ", ", "-", "+", "1", "0049", "tel ", "SSN ", "@", "%", "sk-", "x"),
  fc.string({ unit: "grapheme", maxLength: 4 }),
);

test("after masking nothing is left to find, of any kind and in any disguise", (context) => {
  let masked = 0;
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 4 }), (parts) => {
      const text = parts.join("");
      const after = maskText(text, kinds);
      assert.deepEqual(findSensitive(after, kinds), [], `${text} became ${after}`);
      if (after !== text) masked += 1;
    }),
    propertyRuns(context, 2_000),
  );
  context.diagnostic(`${masked} texts masked`);
  assert.ok(masked > 500);
});

test("spans lie within the text, in order, and looking twice finds the same", (context) => {
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 5 }), (parts) => {
      const text = parts.join("");
      const spans = findSensitive(text, kinds);
      for (const { start, end } of spans) assert.ok(start >= 0 && start < end && end <= text.length, `${text} ${start} ${end}`);
      assert.deepEqual(findSensitive(text, kinds), spans);
    }),
    propertyRuns(context, 1_000),
  );
});

test("as much as one call may bring is looked into in bounded time, whatever it says", (context) => {
  const units = [
    "4 ",
    "01 ",
    "0 ",
    "+1 ",
    "tel 1 1 ",
    "ssn 1 2 3 ",
    "a@",
    "a(at)b.cc ",
    "DE12 ",
    "GT12",
    "sk-",
    "eyJ",
    "eyJaaaaaaaaa.",
    "SG.",
    "BEGIN",
    "://",
    "://a:b",
  ].concat([
    "password=",
    "%34",
    "%2534",
    "&#52;",
    "NDEx",
    "34",
    "3431",
    "AAAA",
    "\u0664",
    "\u5b57",
    "\u33af",
    "\ufdfa",
    "\u{1d7d8}",
    "YWJjZGVmZ2hpamts ",
    "xox",
    "Bearer ",
  ]);
  let worst = 0;
  for (const unit of units) {
    const text = unit.repeat(Math.ceil(inspectedCharactersMax / unit.length)).slice(0, inspectedCharactersMax);
    findSensitive(text.slice(0, 16_384), kinds);
    const spent = Math.min(...[1, 2].map(() => cpuMsOf(() => findSensitive(text, kinds))));
    worst = Math.max(worst, spent);
    // A search that looks at every later character from every twentieth one takes seconds.
    assert.ok(spent < 700, `${JSON.stringify(unit)}: ${spent.toFixed(1)} ms`);
  }
  context.diagnostic(`${units.length} texts of ${inspectedCharactersMax} characters, all six kinds; the worst took ${worst.toFixed(1)} ms`);
  assert.equal(units.length, 33);
});

/** CPU time of this process: what else runs on the machine does not count. */
function cpuMsOf(work: () => unknown): number {
  const started = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}
