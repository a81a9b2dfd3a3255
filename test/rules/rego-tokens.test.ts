import assert from "node:assert/strict";
import { test } from "node:test";
import { readRegoTokens } from "../../src/rules/rego-tokens.ts";

const words = (source: string): readonly string[] | null =>
  readRegoTokens(source)?.flatMap((token) => (token.kind === "word" ? [token.text] : [])) ?? null;
const opening = (source: string): readonly string[] | undefined =>
  readRegoTokens(source)?.flatMap((token) => (token.opens ? [token.text] : []));

const rows: readonly (readonly [string, readonly string[] | null])[] = [
  ["a # b\nc", ["a", "c"]],
  ['a "b # c" d', ["a", "d"]],
  ['a "b \\" c" d', ["a", "d"]],
  ["a `b \\` c", ["a", "c"]],
  ["a `b\n# c` d", ["a", "d"]],
  ['a $"b {c} d" e', ["a", "c", "e"]],
  ['a $"b {f("}")} {{"k": c}[d]} \\{e}" g', ["a", "f", "c", "d", "g"]],
  ["a $`b {c} \n` d", ["a", "c", "d"]],
  ['a "b', null],
  ["a `b", null],
  ['a $"b', null],
  ['a $"b {c"', null],
  ["a (b", null],
  ["a b)", null],
  [`a ${"(".repeat(500)}${")".repeat(500)}`, null],
];
for (const [source, expected] of rows) {
  test(`words of ${JSON.stringify(source.slice(0, 40))}`, () => assert.deepEqual(words(source), expected));
}

test("a statement opens in the first column outside of brackets, strings and comments", () => {
  assert.deepEqual(opening('package a\n\nb if {\nc\n}\n# d\n  e\nf := `\ng\n`\nh if $"{\ni\n}"\n'), ["package", "b", "f", "h"]);
});
