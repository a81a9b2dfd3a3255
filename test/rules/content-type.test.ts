import assert from "node:assert/strict";
import { test } from "node:test";
import { checkContentType } from "../../src/rules/content-type.ts";
import { isDenial } from "../../src/rules/denial.ts";

const taken: readonly (readonly string[])[] = [
  ["application/json"],
  ["Application/JSON"],
  ["application/json; charset=utf-8"],
  ["application/json;charset=utf-8"],
  ["application/json; charset=UTF-8"],
  ["APPLICATION/JSON; CHARSET=UTF-8"],
];

const refused: readonly (readonly string[])[] = [
  [],
  [""],
  [" "],
  ["application/json", "application/json"],
  ["application/json", "text/plain"],
  ["text/plain", "application/json"],
  ["application/json, application/json"],
  ["application/json,text/plain"],
  [" application/json"],
  ["application/json "],
  ["\tapplication/json"],
  ["application/json\t"],
  ["application/json\t; charset=utf-8"],
  ["application/json;\tcharset=utf-8"],
  ["application/json ; charset=utf-8"],
  ["application/json;  charset=utf-8"],
  ["application/json; charset = utf-8"],
  ["application/json; charset=utf-8;"],
  ["application/json; charset=utf-8 "],
  ["application/json; charset=utf-8; x=1"],
  ["application/json; x=1; charset=utf-8"],
  ["application/json;"],
  ["application/json ;x"],
  ["application/json garbage"],
  ["application/jsonx"],
  ["application/json\n"],
  ["application/json\r\nx: y"],
  ["application/json\u0000"],
  ["application/json; charset=utf-16"],
  ["application/json; charset=latin1"],
  ['application/json; charset="utf-8"'],
  ["application/json; charset=utf8"],
  ["application/json; charset="],
  ["application/problem+json"],
  ["application/vnd.api+json"],
  ["application/json+xml"],
  ["application/x-json"],
  ["application/json-patch+json"],
  ["application/x-ndjson"],
  ["text/json"],
  ["text/plain"],
  ["text/html; application/json"],
  ["application/x-www-form-urlencoded"],
  ["multipart/form-data; boundary=x"],
  ["application /json"],
  ["application/ json"],
  ["application\\json"],
  ["application"],
  ["json"],
  ["*/*"],
  ["application/*"],
  ["application/\u017fjson"],
  ["application/j\u017fon"],
  ["application/json; char\u017fet=utf-8"],
];

const names = { json: "json", form: "x-www-form-urlencoded" } as const;
const kinds = ["json", "form"] as const;
/** The same spellings of the other media type; what names it by itself is left out. */
const spelled = (rows: readonly (readonly string[])[], kind: keyof typeof names): readonly (readonly string[])[] =>
  rows
    .map((values) => values.map((value) => value.replaceAll(/\bjson/gi, names[kind])))
    .filter((values) => String(values) !== `application/${names[kind]}`);

test("a tool's one media type, at most with charset=utf-8, is taken", () => {
  for (const kind of kinds) {
    const rows = [[`application/${names[kind]}`], ...spelled(taken, kind)];
    for (const values of rows) assert.equal(checkContentType(values, kind), null, JSON.stringify(values));
    assert.equal(rows.length, 6);
  }
});

test("every other content type, none, two and the other kind's are refused", (context) => {
  for (const kind of kinds) {
    const other = kind === "json" ? names.form : names.json;
    const rows = [...spelled(refused, kind), [`application/${other}`], [`application/${other}; charset=utf-8`]];
    for (const values of rows) {
      const denial = checkContentType(values, kind);
      assert.ok(isDenial(denial) && denial.denied === "ERR_BODY_TYPE", JSON.stringify(values));
    }
    context.diagnostic(`${kind}: ${rows.length} content types refused`);
    assert.ok(rows.length >= 50, String(rows.length));
  }
});
