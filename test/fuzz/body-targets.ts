import assert from "node:assert/strict";
import { canonicalJson } from "../../src/rules/canonical.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { readForm, readFormBody } from "../../src/rules/form-reader.ts";
import { shapeForm } from "../../src/rules/form-schema.ts";
import { writeForm } from "../../src/rules/form-writer.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { readQuery, type ScalarType } from "../../src/rules/query.ts";
import { readJsonObject } from "../../src/rules/strict-json.ts";
import { formInput, refusedForms, takenForms } from "../rules/form-cases.ts";
import { textCases } from "../rules/json-cases.ts";
import { asTexts, readFormAsStranger } from "../support/form-referee.ts";
import type { Target } from "./engine.ts";

const latin = (input: Uint8Array): string => Buffer.from(input).toString("latin1");

function parsed(input: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(input));
  } catch {
    return undefined;
  }
}

/** Keys that a text writes, counted without a parser: strings with a colon behind them. */
function writtenKeys(text: string): number {
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"[ \t\r\n]*(:?)/gs)].filter(([, colon]) => colon === ":").length;
}

function keysIn(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, one: unknown) => sum + keysIn(one), 0);
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, one: unknown) => sum + 1 + keysIn(one), 0);
}

const strictJson: Target = {
  name: "strict JSON reader",
  corpus: textCases.map(([, text]) => text),
  words: [
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "true",
    "false",
    "-0",
    "1e5",
    "0.1",
    "9007199254740993",
    "\\u0000",
    "\\ud800",
    "\\udc00",
  ].concat(['"__proto__":', '"a":', '"A":', '"\\u0061":', "\ufeff", "é", "ſ", "K", "😀", " ", "\n", '{"a":', "1E400", "00"]),
  stretched: [
    (size) => '{"a":'.repeat(size / 5) + "1" + "}".repeat(size / 5),
    (size) => `{"a":"${"\\u0041".repeat(size / 6)}"}`,
    (size) => `{"a":${"9".repeat(size)}}`,
    (size) => `{"a":0.${"0".repeat(size)}1}`,
    (size) => `{${Array.from({ length: size / 12 }, (_, at) => `"k${at}":1`).join(",")}}`,
    (size) => `{"a":[${"1,".repeat(size / 2)}1]}`,
    (size) => `{"${"ſ".repeat(size / 2)}":1}`,
  ],
  run(input) {
    const read = readJsonObject(input);
    const loose = parsed(input);
    if (isDenial(read)) {
      // What is refused as no JSON is none, or is no object.
      if (read.denied === "ERR_JSON_MALFORMED")
        assert.ok(loose === undefined || typeof loose !== "object" || loose === null || Array.isArray(loose));
      return read.denied;
    }
    assert.deepEqual(read, loose);
    assert.equal(writtenKeys(Buffer.from(input).toString("utf8")), keysIn(read), "a key was dropped");
    const encoded = canonicalJson(read);
    const again = readJsonObject(Buffer.from(encoded, "utf8"));
    assert.ok(!isDenial(again) && canonicalJson(again) === encoded, "what was read is not read again");
    return "taken";
  },
};

const { shape } = shapeForm(formInput, Object.keys(formInput["properties"] as JsonObject));

const form: Target = {
  name: "form reader and writer",
  corpus: [...takenForms.map(([text]) => text), ...refusedForms.map(([, text]) => text).filter((text) => text.length < 2000)],
  words: [
    "&",
    "=",
    "[",
    "]",
    "[]",
    "[0]",
    "[1]",
    "%5B",
    "%5D",
    "+",
    "%20",
    "%2B",
    "%25",
    "%00",
    "%C3%A9",
    "%",
    "amount",
    "metadata",
    "expand[]",
    "items[0]",
  ].concat([
    "note=",
    "amount=1",
    "live=true",
    "rate=1.5",
    "when=now",
    "[__proto__]",
    "%EF%BB%BF",
    "é",
    "matrix[0][0]=1",
    "metadata[k]=v",
    "node[in]",
  ]),
  stretched: [
    (size) => Array.from({ length: size / 16 }, (_, at) => `expand[${at}]=a`).join("&"),
    (size) => `note=${"%41".repeat(size / 3)}`,
    (size) => `note${"[".repeat(size)}=1`,
    (size) => `metadata[${"a".repeat(size)}]=1`,
    (size) => Array.from({ length: size / 16 }, (_, at) => `metadata[k${at}]=a`).join("&"),
  ],
  run(input, dice) {
    const wire = dice.pick(["body", "query"] as const);
    const text = latin(input);
    const read = wire === "body" ? readFormBody(input, shape) : readForm(text, shape, wire);
    if (isDenial(read)) return read.denied;
    assert.deepEqual(asTexts(read), readFormAsStranger(text), "a stranger reads it differently");
    const written = writeForm(read, shape, wire);
    if (!("text" in written)) return "taken, and has no form of ours";
    const again = readForm(written.text, shape, wire);
    assert.ok(!isDenial(again) && canonicalJson(again) === canonicalJson(read), "what was written is not what was read");
    assert.deepEqual(writeForm(again, shape, wire), written, "the same has two forms");
    return "taken";
  },
};

const declared = new Map<string, ScalarType>(
  Object.entries({ q: "string", n: "number", i: "integer", b: "boolean", "a b": "string" } as const),
);

const query: Target = {
  name: "query reader",
  corpus: [
    "",
    "q=x",
    "q=a+b&n=1.5&i=3&b=true",
    "a+b=%C3%A9",
    "a%20b=1",
    "q=",
    "q",
    "&",
    "q=1&q=2",
    "i=1e3",
    "i=01",
    "n=-0",
    "b=TRUE",
    "x=1",
    "q=%",
    "q=%ff",
    "q=;",
  ],
  words: [
    "&",
    "=",
    "+",
    "%20",
    "%2B",
    "%26",
    "%3D",
    "%",
    "%C3%A9",
    "q=",
    "n=1",
    "i=9007199254740992",
    "b=false",
    "%00",
    ";",
    "?",
    "#",
    "é",
    "__proto__=1",
    "1e21",
    "-0",
  ],
  stretched: [(size) => `q=${"%41".repeat(size / 3)}`, (size) => `q=${"+".repeat(size)}`, (size) => `i=${"9".repeat(size)}`],
  run(input) {
    const text = latin(input);
    const read = readQuery(text, declared);
    if (isDenial(read)) return read.denied;
    const pairs = [...new URL(`http://h/?${text}`).searchParams];
    assert.equal(new Set(pairs.map(([name]) => name)).size, pairs.length, "a name stands twice");
    assert.deepEqual(Object.fromEntries(Object.entries(read).map(([name, value]) => [name, String(value)])), Object.fromEntries(pairs));
    const encoded = Object.entries(read).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
    assert.deepEqual(readQuery(encoded.join("&"), declared), read);
    return "taken";
  },
};

export const bodyTargets: readonly Target[] = [strictJson, form, query];
