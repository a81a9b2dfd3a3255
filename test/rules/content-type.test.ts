import assert from "node:assert/strict";
import { test } from "node:test";
import { readContentType } from "../../src/rules/content-type.ts";
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

test("one application/json, at most with charset=utf-8, is json", () => {
  for (const values of taken) assert.equal(readContentType(values), "json", JSON.stringify(values));
  assert.equal(taken.length, 6);
});

test("every other content type, none and two are refused", (context) => {
  for (const values of refused) {
    const read = readContentType(values);
    assert.ok(isDenial(read) && read.denied === "ERR_BODY_TYPE", JSON.stringify(values));
  }
  context.diagnostic(`${refused.length} content types refused`);
  assert.ok(refused.length >= 40);
});
