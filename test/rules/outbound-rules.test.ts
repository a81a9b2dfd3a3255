import assert from "node:assert/strict";
import { test } from "node:test";
import type { FindingKind, OutboundRule } from "../../src/rules/catalogue.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { inspectedCharactersMax, inspectOutbound } from "../../src/rules/findings.ts";
import type { JsonObject } from "../../src/rules/json.ts";

const visa = "4111111111111111";
const email = "a@b.de";
const key = ["sk", "live", "4eC39HqLyjWDarjtT1zdp7dc"].join("_");

type Lists = Partial<Pick<OutboundRule, "refuse" | "mask" | "allow">>;
const at = (pointer: string, lists: Lists): OutboundRule => ({ pointer, refuse: [], mask: [], ...lists });
const byDefault = (lists: Lists): OutboundRule => ({ ...at("", lists), isDefault: true });
const refuseSecret: Lists = { refuse: ["secret"] };

/** What becomes of arguments: "pointer kind" for refusals, the arguments as they go on otherwise. */
function outcome(rules: readonly OutboundRule[], args: JsonObject, headers: Readonly<Record<string, string>> = {}): unknown {
  const inspected = inspectOutbound(rules, args, headers);
  if (!isDenial(inspected)) return inspected.args;
  assert.equal(inspected.denied, "ERR_OUTBOUND_REFUSED");
  return (inspected.reasons ?? []).map(({ pointer, message }) => `${pointer ?? message} ${/\(([a-z]+)\)/.exec(message)?.[1] ?? ""}`);
}

const rows: readonly (readonly [string, readonly OutboundRule[], JsonObject, unknown])[] = [
  [
    "a wildcard is every item",
    [at("/items/*/note", { refuse: ["pan"] })],
    { items: [{ note: "x" }, { note: visa }] },
    ["/items/1/note pan"],
  ],
  ["a wildcard is every member", [at("/by/*", { refuse: ["pan"] })], { by: { a: "x", b: visa } }, ["/by/b pan"]],
  [
    "a wildcard leaves its neighbours alone",
    [at("/items/*/note", { refuse: ["pan"] })],
    { items: [{ text: visa }] },
    { items: [{ text: visa }] },
  ],
  [
    "a wildcard masks",
    [at("/items/*/note", { mask: ["email"] })],
    { items: [{ note: email }, { note: email, text: email }] },
    { items: [{ note: "[email]" }, { note: "[email]", text: email }] },
  ],
  ["a wildcard reaches items of items", [at("/a/*/*", { refuse: ["pan"] })], { a: [[1, visa]] }, ["/a/0/1 pan"]],
  ["a wildcard sees a card cut into items", [at("/a/*", { refuse: ["pan"] })], { a: ["4111 1111", "1111 1111"] }, ["/a pan"]],
  [
    "a pointer to an object is all below it",
    [at("/metadata", { refuse: ["secret"] })],
    { metadata: { a: { b: [key] } } },
    ["/metadata/a/b/0 secret"],
  ],
  ["also its keys", [at("/metadata", { refuse: ["secret"] })], { metadata: { [key]: "x" } }, ["/metadata secret"]],
  ["numbers count", [at("/metadata", { refuse: ["pan"] })], { metadata: { n: Number(visa) } }, ["/metadata/n pan"]],
  ["a number that would be masked is refused", [at("/n", { mask: ["pan"] })], { n: Number(visa) }, ["/n pan"]],
  ["a named number is what its name says", [at("/ssn", { refuse: ["ssn"] })], { ssn: 123456789 }, ["/ssn ssn"]],
  ["one index is one item", [at("/a/1", { refuse: ["pan"] })], { a: [visa, "x"] }, { a: [visa, "x"] }],
  ["the default covers what no rule names", [byDefault(refuseSecret)], { note: "x", other: { deep: [key] } }, ["/other/deep/0 secret"]],
  [
    "the default covers a place whose rule names other kinds",
    [at("/note", { refuse: ["pan"] }), byDefault(refuseSecret)],
    { note: key },
    ["/note secret"],
  ],
  [
    "a rule may allow what the default refuses",
    [at("/note", { allow: ["secret"] }), byDefault(refuseSecret)],
    { note: key },
    { note: key },
  ],
  ["and only there", [at("/note", { allow: ["secret"] }), byDefault(refuseSecret)], { note: key, other: key }, ["/other secret"]],
  [
    "a rule may mask what the default refuses",
    [at("/note", { mask: ["email"] }), byDefault({ refuse: ["email"] })],
    { note: email },
    { note: "[email]" },
  ],
  ["the default masks", [byDefault({ mask: ["email"] })], { note: email, list: [email] }, { note: "[email]", list: ["[email]"] }],
  [
    "allowing one kind keeps the default's others",
    [at("/note", { allow: ["email"] }), byDefault({ refuse: ["email", "secret"] })],
    { note: `${email} ${key}` },
    ["/note secret"],
  ],
  ["a narrower rule may allow too", [at("/a/b", { allow: ["secret"] }), byDefault(refuseSecret)], { a: { b: key } }, { a: { b: key } }],
  [
    "allow lifts the default and no other rule",
    [at("/a", { refuse: ["secret"] }), at("/a/b", { allow: ["secret"] })],
    { a: { b: key } },
    ["/a/b secret"],
  ],
];

test("a rule speaks of its place and all below it, and the mount's default of the rest", () => {
  for (const [title, rules, args, expected] of rows) {
    const before = structuredClone(args);
    assert.deepEqual(outcome(rules, args), expected, title);
    assert.deepEqual(args, before, title);
  }
  assert.equal(rows.length, 21);
});

test("declared headers are looked at by the default alone, and nothing in them is masked", () => {
  const headers = { "x-note": key, "x-mail": email };
  const said = "the header x-note holds a key, token or password (secret) secret";
  assert.deepEqual(outcome([byDefault(refuseSecret)], {}, headers), [said]);
  assert.deepEqual(outcome([byDefault({ mask: ["secret"] })], {}, headers), [said]);
  assert.deepEqual(outcome([at("/note", refuseSecret)], {}, headers), {});
  assert.deepEqual(outcome([], {}, headers), {});
});

test("what is too long to look into is refused and not skipped; what no rule speaks of may be long", () => {
  const long = "x".repeat(inspectedCharactersMax);
  const rules = [at("/note", { refuse: ["pan"] })];
  const codeOf = (args: JsonObject): string => {
    const inspected = inspectOutbound(rules, args);
    return isDenial(inspected) ? inspected.denied : "passed";
  };
  assert.equal(codeOf({ note: long }), "passed");
  assert.equal(codeOf({ note: `${long}x` }), "ERR_OUTBOUND_TOO_LONG");
  assert.equal(codeOf({ note: `${long} ${visa}` }), "ERR_OUTBOUND_TOO_LONG");
  assert.equal(codeOf({ note: [long, "x"] }), "ERR_OUTBOUND_TOO_LONG");
  assert.equal(codeOf({ note: { [long]: "x" } }), "ERR_OUTBOUND_TOO_LONG");
  assert.equal(codeOf({ note: visa, other: `${long}x` }), "ERR_OUTBOUND_REFUSED");
  assert.equal(codeOf({ note: "x", other: `${long}x` }), "passed");
});

test("a refusal names at most twenty places and never a value or a caller's key", () => {
  const kinds: readonly FindingKind[] = ["pan", "email", "secret"];
  const args = { list: Array.from({ length: 50 }, (_, index) => `${visa} ${key} ${index}`), [`any ${email}`]: { x: visa } };
  const inspected = inspectOutbound([byDefault({ refuse: kinds })], args);
  assert.ok(isDenial(inspected));
  assert.equal(inspected.reasons?.length, 20);
  assert.doesNotMatch(JSON.stringify(inspected), /4111|sk_live|a@b|any/);
});
