import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { FindingKind, OutboundRule } from "../../src/rules/catalogue.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { inspectOutbound } from "../../src/rules/findings.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { findSensitive } from "../../src/rules/sensitive-text.ts";
import { propertyRuns } from "./property-runs.ts";

const kinds: readonly FindingKind[] = ["pan", "iban", "email"];
const found = (text: string, of: readonly FindingKind[] = kinds): readonly string[] =>
  findSensitive(text, of).map(({ kind, start, end }) => `${kind}:${text.slice(start, end)}`);

const shifted = (digits: string, zero: number): string =>
  Array.from(digits, (digit) => String.fromCodePoint(zero + Number(digit))).join("");
const visa = "4111111111111111";

const cards: readonly string[] = [
  visa,
  "4111 1111 1111 1111",
  "4111-1111-1111-1111",
  "4111.1111.1111.1111",
  "4111_1111_1111_1111",
  "4111/1111/1111/1111",
  "4111 - 1111 - 1111 - 1111",
  "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
  "4111\n1111\n1111\n1111",
  "4111\u00a01111\u20031111\u30001111",
  "4111\u20131111\u20141111\u22121111",
  "4111\u200b1111\u200d1111\ufeff1111",
  "4111\u00ad1111\u20601111\u180e1111",
  Array.from(visa).join("\u200b"),
  Array.from(visa).join("\u0301"),
  Array.from(visa, (digit) => `${digit}\ufe0f\u20e3`).join(""),
  shifted(visa, 0xff10),
  shifted(visa, 0x0660),
  shifted(visa, 0x06f0),
  shifted(visa, 0x0966),
  shifted(visa, 0x1d7ce),
  shifted(visa, 0x1d7d8),
  shifted(visa, 0x1d7f6),
  "4\u2460\u00b9\u2081111111111111",
  "4222222222222",
  "4000000000000000006",
  "5555555555554444",
  "5105105105105100",
  "2223003122003222",
  "2720999999999996",
  "378282246310005",
  "3782 822463 10005",
  "371449635398431",
  "6011111111111117",
  "6011000990139424",
  "6500000000000002",
  "30569309025904",
  "38520000023237",
  "36227206271667",
  "3530111333300000",
  "3566002020360505",
  "6200000000000005",
  "6759649826438453",
  "2200000000000004",
];

test("card numbers are found in every spelling that a person reads as one", (context) => {
  for (const card of cards) {
    for (const text of [card, `pay ${card}, please`, `x${card}y`, `"${card}"`, `${card}\u3002`]) {
      const spans = findSensitive(text, ["pan"]);
      assert.equal(spans.length, 1, text);
      assert.ok(
        card.includes(text.slice(spans[0]?.start, spans[0]?.end)) && card.startsWith(text.slice(spans[0]?.start).slice(0, 1)),
        text,
      );
    }
  }
  context.diagnostic(`${cards.length} spellings, five surroundings each`);
  assert.ok(cards.length >= 44);
});

test("leading zeros and neighbours do not hide a card number", () => {
  assert.deepEqual(found(`000${visa}`), [`pan:${visa}`]);
  assert.deepEqual(found(`12 ${visa}`), [`pan:${visa}`]);
  assert.deepEqual(found(`${visa} 12/29 123`), [`pan:${visa}`]);
  assert.deepEqual(found(`${visa}=29121010000`), [`pan:${visa}`]);
  assert.deepEqual(found(`${visa},5555555555554444`), [`pan:${visa}`, "pan:5555555555554444"]);
});

const noCards: readonly string[] = [
  "",
  "4111111111111112",
  "411111111111111",
  "41111111111111111111",
  "1234567890123456",
  "0000000000000000",
  "9999999999999995",
  "2026-11-22 10:15:30",
  "+49 170 1234567",
  "4111,1111,1111,1111",
  "4111 x 1111 x 1111 x 1111",
  "4111     1111     1111     1111",
  "ch_4111",
  "1700000000000",
  "8a7f4c11-1111-4111-8111-111111111111",
];

test("other numbers are no card numbers", () => {
  for (const text of noCards) assert.deepEqual(found(text, ["pan"]), [], text);
  assert.equal(noCards.length, 15);
});

const ibans: readonly string[] = [
  "DE89370400440532013000",
  "DE89 3704 0044 0532 0130 00",
  "de89 3704 0044 0532 0130 00",
  "DE-89-3704-0044-0532-0130-00",
  "D E 8 9 3 7 0 4 0 0 4 4 0 5 3 2 0 1 3 0 0 0",
  "DE89\u200b3704\u200b0044\u200b0532\u200b0130\u200b00",
  "\uff24\uff2589370400440532013000",
  `DE${shifted("89370400440532013000", 0x0660)}`,
  "GB29NWBK60161331926819",
  "GB82 WEST 1234 5698 7654 32",
  "FR1420041010050500013M02606",
  "NL91ABNA0417164300",
  "CH9300762011623852957",
  "ES9121000418450200051332",
  "IT60X0542811101000000123456",
  "BE68539007547034",
  "AT611904300234573201",
  "SE4550000000058398257466",
  "NO9386011117947",
  "MT84MALT011000012345MTLCAST001S",
  "SA0380000000608010167519",
  "PL61109010140000071219812874",
];
const noIbans: readonly string[] = [
  "DE88370400440532013000",
  "DE8937040044053201300",
  "XX89370400440532013000",
  "GB29 1234 6016 1331 9268 19",
  "DE",
  "de89 and 3704",
  "ab12cd34ef56",
  "in 12 hours at 1900 BE 12",
];

test("bank account numbers are found by country, length and check digits", () => {
  for (const iban of ibans) {
    for (const text of [iban, `to ${iban}.`, `IBAN${iban}`, `x${iban}y`]) {
      const spans = findSensitive(text, ["iban"]);
      assert.equal(spans.length, 1, text);
      assert.ok(text.slice(spans[0]?.start, spans[0]?.end).includes(iban.slice(1, -1)), text);
    }
  }
  for (const text of noIbans) assert.deepEqual(found(text, ["iban"]), [], text);
  assert.equal(ibans.length + noIbans.length, 30);
});

const emails: readonly string[] = [
  "a@b.de",
  "john.doe+tag@mail.example.co.uk",
  "o'brien@example.com",
  "JOHN@EXAMPLE.COM",
  "j\u00f6rg@b\u00fccher.de",
  "\u7528\u6237@\u4f8b\u5b50.\u516c\u53f8",
  "a@x-y.example",
  "a\uff20b.de",
  "a@b\uff0ede",
  "a\u200b@b.\u200bde",
];
const noEmails: readonly string[] = ["a@b", "@b.de", "a@", "a@.de", "a@b.", "a@1.2.3.4", "@handle", "a @ b.de", "x@y.z", "npm@11.6.1"];

test("e-mail addresses are found, also international and disguised ones", () => {
  for (const email of emails)
    for (const text of [email, `mail ${email}, or call`, `<${email}>`, `${email}.`]) assert.equal(found(text, ["email"]).length, 1, text);
  for (const text of noEmails) assert.deepEqual(found(text, ["email"]), [], text);
  assert.deepEqual(found("a@b.de, c@d.fr"), ["email:a@b.de", "email:c@d.fr"]);
  assert.equal(emails.length + noEmails.length, 20);
});

test("a quarter of a megabyte of anything is scanned in bounded time", () => {
  const units = [
    "4 ",
    "4111 1111 ",
    "4",
    "0",
    "a@",
    "@@@",
    "a.a@a.",
    ".",
    "a ",
    "D E 8 9 ",
    "aa12 ",
    "DE12 ",
    "\u0664",
    "\u5b57",
    "\u200b4",
    "e\u0301",
    "FR12 1234512345ABCD",
  ];
  for (const unit of units) {
    const text = unit.repeat(Math.floor(250_000 / unit.length));
    const started = performance.now();
    findSensitive(text, kinds);
    assert.ok(performance.now() - started < 1_000, JSON.stringify(unit));
  }
  assert.equal(units.length, 17);
});

const all: OutboundRule = { pointer: "", refuse: kinds, mask: [] };
const mask = (pointer: string, ...masked: FindingKind[]): OutboundRule => ({ pointer, refuse: [], mask: masked });

const refusals: readonly (readonly [readonly OutboundRule[], JsonObject, string, FindingKind])[] = [
  [[{ pointer: "/note", refuse: ["pan"], mask: [] }], { note: `card ${visa}` }, "/note", "pan"],
  [[{ pointer: "/note", refuse: ["pan"], mask: [] }], { note: { deep: [{ x: visa }] } }, "/note/deep/0/x", "pan"],
  [[{ pointer: "/note", refuse: ["pan"], mask: [] }], { note: 4111111111111111 }, "/note", "pan"],
  [[{ pointer: "/note", refuse: ["pan"], mask: [] }], { note: [4111111111111111] }, "/note/0", "pan"],
  [[all], { [visa]: "x" }, "", "pan"],
  [[all], { a: { "a@b.de": "x" } }, "/a", "email"],
  [[all], { a: { "a@b.de": visa } }, "/a", "pan"],
  [[all], { "any text of the caller": { x: visa } }, "", "pan"],
  [[all], { a: ["4111 1111", "1111 1111"] }, "/a", "pan"],
  [[all], { a: [4111, 1111, 1111, 1111] }, "/a", "pan"],
  [[all], { a: Array.from(visa, Number) }, "/a", "pan"],
  [[mask("", "pan")], { a: 4111111111111111 }, "/a", "pan"],
  [[mask("", "pan")], { [visa]: 1 }, "", "pan"],
  [[mask("", "email")], { a: { "a@b.de": 1 } }, "/a", "email"],
  [[mask("/a", "pan"), all], { a: visa }, "/a", "pan"],
  [[all, mask("/a", "pan")], { a: visa }, "/a", "pan"],
  [[{ pointer: "/a", refuse: ["pan"], mask: ["iban"] }], { a: `DE89370400440532013000${visa}` }, "/a", "pan"],
  [[{ pointer: "/a", refuse: ["pan"], mask: ["pan"] }], { a: visa }, "/a", "pan"],
];

test("what must not leave is refused, and the answer names place and kind and never the value", () => {
  for (const [rules, args, pointer, kind] of refusals) {
    const inspected = inspectOutbound(rules, args);
    assert.ok(isDenial(inspected) && inspected.denied === "ERR_OUTBOUND_REFUSED", JSON.stringify(args));
    const reason = inspected.reasons?.find((each) => each.pointer === pointer && each.message.includes(`(${kind})`));
    assert.ok(reason !== undefined, JSON.stringify([args, inspected.reasons]));
    assert.doesNotMatch(JSON.stringify(inspected), /4111|1111|a@b|any text/);
  }
  assert.equal(refusals.length, 18);
});

const masks: readonly (readonly [readonly OutboundRule[], JsonObject, JsonObject])[] = [
  [[mask("/a", "pan")], { a: `card ${visa}!`, b: visa }, { a: "card [pan ...1111]!", b: visa }],
  [[mask("/a", "pan")], { a: { x: ["y", "4111 1111 1111 1111"] } }, { a: { x: ["y", "[pan ...1111]"] } }],
  [[mask("", "pan")], { a: shifted(visa, 0xff10) }, { a: "[pan ...1111]" }],
  [[mask("", "iban", "email")], { a: "DE89 3704 0044 0532 0130 00 of a@b.de" }, { a: "[iban] of [email]" }],
  [[mask("/a/0", "email")], { a: ["a@b.de", "c@d.fr"] }, { a: ["[email]", "c@d.fr"] }],
  [[mask("/a~1b/~0c", "email")], { "a/b": { "~c": "a@b.de" } }, { "a/b": { "~c": "[email]" } }],
  [
    [mask("/a", "email"), mask("/b", "pan")],
    { a: `a@b.de ${visa}`, b: `a@b.de ${visa}` },
    { a: `[email] ${visa}`, b: "a@b.de [pan ...1111]" },
  ],
  [[mask("", "pan", "email")], { a: `${visa}@b.de` }, { a: "[email]" }],
  [[mask("", "pan", "iban")], { a: `DE89370400440532013000${visa}` }, { a: "[iban][pan ...1111]" }],
  [[mask("/absent", "pan")], { a: visa }, { a: visa }],
  [[], { a: visa }, { a: visa }],
];

test("masking replaces exactly what was found, where the rule points, before anyone else looks", () => {
  for (const [rules, args, expected] of masks) {
    const before = structuredClone(args);
    const inspected = inspectOutbound(rules, args);
    assert.ok(!isDenial(inspected), JSON.stringify(args));
    assert.deepStrictEqual(inspected.args, expected);
    assert.deepStrictEqual(args, before, "the given arguments stay as they are");
    assert.equal(inspected.findings.length > 0, JSON.stringify(args) !== JSON.stringify(expected));
  }
  assert.equal(masks.length, 11);
  const seen = inspectOutbound([mask("", "pan", "email")], { a: { b: [visa, `${visa} a@b.de`] } });
  assert.ok(!isDenial(seen));
  assert.deepEqual(seen.findings, [
    { pointer: "/a/b/0", kind: "pan" },
    { pointer: "/a/b/1", kind: "pan" },
    { pointer: "/a/b/1", kind: "email" },
  ]);
});

const piece = fc.oneof(
  fc.constantFrom(...cards, ...ibans, ...emails, " ", ", ", "x", "-", "1", "4111", "1111", "@", "."),
  fc.string({ unit: "grapheme", maxLength: 4 }),
);

test("after masking nothing of the masked kinds is left to find", (context) => {
  let masked = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), fc.boolean(), (pieces, nest) => {
      const text = pieces.join("");
      const inspected = inspectOutbound([mask("/a", ...kinds)], { a: nest ? { b: text } : text });
      assert.ok(!isDenial(inspected));
      const left = inspected.args["a"];
      const after = String(nest ? (left as JsonObject)["b"] : left);
      assert.deepEqual(found(after), [], after);
      if (after !== text) masked += 1;
    }),
    propertyRuns(context, 3_000),
  );
  context.diagnostic(`${masked} texts masked`);
  assert.ok(masked > 1_000);
});

test("any number with a card's prefix, length and check digit is found, with any grouping", (context) => {
  const digits = fc
    .tuple(fc.constantFrom("4", "51", "2300", "6011"), fc.stringMatching(/^[0-9]{15}$/))
    .map(([prefix, rest]) => withCheckDigit((prefix + rest).slice(0, 15)));
  const gap = fc.constantFrom("", "", "", " ", "-", "\u200b", " \u2013 ");
  fc.assert(
    fc.property(digits, fc.array(gap, { minLength: 15, maxLength: 15 }), (card, gaps) => {
      const text = Array.from(card, (digit, index) => digit + (gaps[index] ?? "")).join("");
      assert.ok(found(`a ${text} b`, ["pan"]).length === 1, text);
    }),
    propertyRuns(context, 2_000),
  );
});

function withCheckDigit(fifteen: string): string {
  const sum = Array.from(fifteen, Number).reduce(
    (total, digit, index) => total + (index % 2 === 0 ? (digit * 2 > 9 ? digit * 2 - 9 : digit * 2) : digit),
    0,
  );
  return fifteen + String((10 - (sum % 10)) % 10);
}
