import assert from "node:assert/strict";
import { test } from "node:test";
import { repeatsRepetition } from "../../src/rules/patterns.ts";

const harmful = ["^(a+)+$", "(a*)*", "^([a-z]+)*$", "(?:x+y?)+", "((ab)+c){2,}", "^(\\w+\\s?)*$", "(a+){10}", "(([^)]+))*"];
const harmless = [
  "^ch_[A-Za-z0-9]{1,40}$",
  "a+b*",
  "(abc)+",
  "(a|b)*",
  "\\(a+\\)+",
  "[(a+)]+",
  "(a+)?",
  "(a+)",
  "^(a{1,3})+$",
  "",
  "(",
  ")",
];

for (const pattern of harmful) test(`the pattern ${pattern} repeats a repetition`, () => assert.equal(repeatsRepetition(pattern), true));
for (const pattern of harmless)
  test(`the pattern ${JSON.stringify(pattern)} does not`, () => assert.equal(repeatsRepetition(pattern), false));
