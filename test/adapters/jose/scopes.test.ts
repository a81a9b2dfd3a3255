import assert from "node:assert/strict";
import { test } from "node:test";
import { checkScope, isScope } from "../../../src/adapters/jose/scopes.ts";
import type { JsonObject } from "../../../src/rules/json.ts";

const rows: readonly (readonly [string, JsonObject, boolean])[] = [
  ["the scope alone", { scope: "sallyport:call" }, true],
  ["the scope among others", { scope: "openid sallyport:call email" }, true],
  ["scp as text", { scp: "a sallyport:call" }, true],
  ["scp as a list", { scp: ["a", "sallyport:call"] }, true],
  ["scope without it and scp with it", { scope: "a", scp: ["sallyport:call"] }, true],
  ["neither claim", {}, false],
  ["an empty scope", { scope: "" }, false],
  ["a longer scope", { scope: "sallyport:calls" }, false],
  ["a shorter scope", { scope: "sallyport:cal" }, false],
  ["another case", { scope: "Sallyport:Call" }, false],
  ["a tab between", { scope: "a\tsallyport:call" }, false],
  ["a line break between", { scope: "a\nsallyport:call" }, false],
  ["a comma between", { scope: "a,sallyport:call" }, false],
  ["scope as a list", { scope: ["sallyport:call"] }, false],
  ["scope as an object", { scope: { "sallyport:call": true } }, false],
  ["a list with blanks in one item", { scp: ["a sallyport:call"] }, false],
  ["a nested list", { scp: [["sallyport:call"]] }, false],
  ["true", { scope: true, scp: true }, false],
  ["null", { scope: null, scp: null }, false],
  ["another claim of the same worth", { scopes: "sallyport:call", roles: ["sallyport:call"], permissions: ["sallyport:call"] }, false],
];

for (const [title, claims, passes] of rows) {
  test(`${title} ${passes ? "gives" : "does not give"} the scope`, () => {
    const denial = checkScope(claims, "sallyport:call");
    assert.equal(denial?.denied, passes ? undefined : "ERR_SCOPE_INSUFFICIENT");
    assert.equal(denial?.scope, passes ? undefined : "sallyport:call");
    assert.equal(checkScope(claims, null), null);
  });
}

test("a claim that the prototype has is no claim", () => {
  const inherited = Object.create({ scope: "sallyport:call" }) as JsonObject;
  assert.equal(checkScope(inherited, "sallyport:call")?.denied, "ERR_SCOPE_INSUFFICIENT");
});

test("one scope is visible ASCII without blank, quote and backslash", () => {
  for (const good of ["a", "sallyport:call", "https://x/y.z", "!~"]) assert.ok(isScope(good), good);
  for (const bad of ["", "a b", 'a"b', "a\\b", "ä", "a\n", "x".repeat(201)]) assert.ok(!isScope(bad), bad);
});
