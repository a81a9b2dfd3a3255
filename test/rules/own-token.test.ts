import assert from "node:assert/strict";
import { test } from "node:test";
import { isDenial } from "../../src/rules/denial.ts";
import { checkOwnToken } from "../../src/rules/own-token.ts";

const parts = ["eyJhbGciOiJFUzI1NiJ9", "eyJzdWIiOiJhZ2VudCIsInRlbmFudCI6ImFjbWUifQ", "c2lnbmF0dXJlLXRoYXQtaXMtbG9uZw"];
const token = parts.join(".");
const url = "https://api.example/v1/notes";

test("a request that holds the caller's token or one of its parts is refused, wherever it stands", () => {
  const places = (part: string) => [
    { url: `${url}?q=${part}`, body: null, headers: {} },
    { url: `${url}/${part}/x`, body: null, headers: {} },
    { url, body: JSON.stringify({ note: `x${part}y` }), headers: {} },
    { url, body: JSON.stringify({ [part]: 1 }), headers: {} },
    { url, body: null, headers: { "x-note": part } },
  ];
  let cases = 0;
  for (const part of [token, ...parts]) {
    for (const request of places(part)) {
      const denial = checkOwnToken(token, request);
      assert.ok(isDenial(denial) && denial.denied === "ERR_TOKEN_IN_ARGUMENTS", JSON.stringify(request));
      assert.ok(!JSON.stringify(denial).includes(part));
      cases += 1;
    }
  }
  assert.equal(cases, 20);
});

test("a request without it passes, and parts too short to tell anything do not count", () => {
  const request = { url, body: JSON.stringify({ note: "eyJhbGciOiJ" }), headers: { "x-note": "c2lnbmF0dXJl" } };
  assert.equal(checkOwnToken(token, request), null);
  assert.equal(checkOwnToken("a.b.c", { ...request, body: '{"note":"a b c"}' }), null);
  assert.equal(checkOwnToken("", request), null);
});
