import assert from "node:assert/strict";
import { test } from "node:test";
import { readAgentToken, tokenHeaderOf } from "../../src/rules/agent-token.ts";
import type { TokenPlace } from "../../src/rules/catalogue.ts";
import { isDenial } from "../../src/rules/denial.ts";

const bearer: TokenPlace = { in: "bearer" };
const apiKey: TokenPlace = { in: "header", name: "x-api-key" };
const asPassword: TokenPlace = { in: "basic", part: "password" };
const asUsername: TokenPlace = { in: "basic", part: "username" };
const basic = (text: string): string => `Basic ${Buffer.from(text, "latin1").toString("base64")}`;

type Row = readonly [title: string, place: TokenPlace, headers: readonly (readonly [string, ...string[]])[], read: string];
const missing = "ERR_TOKEN_MISSING";
const malformed = "ERR_TOKEN_MALFORMED";

const rows: readonly Row[] = [
  ["a bearer token", bearer, [["authorization", "Bearer a.b.c"]], "a.b.c"],
  ["a bearer token in small letters", bearer, [["authorization", "bearer a.b.c"]], "a.b.c"],
  ["no header at all", bearer, [], missing],
  ["another scheme", bearer, [["authorization", "Basic a.b.c"]], malformed],
  ["the bare token", bearer, [["authorization", "a.b.c"]], malformed],
  ["two bearer tokens", bearer, [["authorization", "Bearer a.b.c", "Bearer a.b.c"]], malformed],
  ["a list of tokens", bearer, [["authorization", "Bearer a.b.c, Bearer d.e.f"]], malformed],
  ["two spaces", bearer, [["authorization", "Bearer  a.b.c"]], malformed],
  ["an empty bearer", bearer, [["authorization", "Bearer "]], malformed],
  [
    "a bearer token and an API key",
    bearer,
    [
      ["authorization", "Bearer a.b.c"],
      ["x-api-key", "a.b.c"],
    ],
    malformed,
  ],
  [
    "a bearer token and a cookie",
    bearer,
    [
      ["authorization", "Bearer a.b.c"],
      ["cookie", "session=1"],
    ],
    malformed,
  ],
  [
    "a bearer token and a proxy's",
    bearer,
    [
      ["authorization", "Bearer a.b.c"],
      ["proxy-authorization", "Bearer d.e.f"],
    ],
    malformed,
  ],
  ["an API key where a bearer token belongs", bearer, [["x-api-key", "a.b.c"]], malformed],
  ["an API key", apiKey, [["x-api-key", "a.b.c"]], "a.b.c"],
  ["no API key", apiKey, [], missing],
  ["a bearer token where an API key belongs", apiKey, [["authorization", "Bearer a.b.c"]], malformed],
  [
    "an API key and a bearer token",
    apiKey,
    [
      ["x-api-key", "a.b.c"],
      ["authorization", "Bearer a.b.c"],
    ],
    malformed,
  ],
  ["two API keys", apiKey, [["x-api-key", "a.b.c", "a.b.c"]], malformed],
  ["an API key with a scheme", apiKey, [["x-api-key", "Bearer a.b.c"]], malformed],
  ["an empty API key", apiKey, [["x-api-key", ""]], malformed],
  ["a password", asPassword, [["authorization", basic("x-access-token:a.b.c")]], "a.b.c"],
  ["a password without a user name", asPassword, [["authorization", basic(":a.b.c")]], "a.b.c"],
  ["a user name that is a token too", asPassword, [["authorization", basic("d.e.f:a.b.c")]], malformed],
  ["an empty password", asPassword, [["authorization", basic("user:")]], malformed],
  ["a password with a colon", asPassword, [["authorization", basic("user:a:b")]], malformed],
  ["a bearer token where a password belongs", asPassword, [["authorization", "Bearer a.b.c"]], malformed],
  ["no colon", asPassword, [["authorization", basic("a.b.c")]], malformed],
  ["base64 that is not canonical", asPassword, [["authorization", "Basic dTphLmIuY3=="]], malformed],
  ["base64 without padding", asPassword, [["authorization", basic("u:a.b.c").replaceAll("=", "")]], malformed],
  ["base64url", asPassword, [["authorization", "Basic dTph_y--"]], malformed],
  ["a password beyond ASCII", asPassword, [["authorization", basic("u:a.b.\u00a0")]], malformed],
  ["a user name", asUsername, [["authorization", basic("a.b.c:")]], "a.b.c"],
  ["a user name with a password", asUsername, [["authorization", basic("a.b.c:x")]], malformed],
  ["an empty user name", asUsername, [["authorization", basic(":")]], malformed],
  ["no Basic at all", asUsername, [], missing],
];

test("a token is read from the one place of its mount, and from no other", () => {
  for (const [title, place, headers, wanted] of rows) {
    const read = readAgentToken(new Map(headers.map(([name, ...values]) => [name, values])), place);
    assert.equal(isDenial(read) ? read.denied : read.token, wanted, title);
  }
  assert.equal(rows.length, 35);
});

test("each place is one header", () => {
  assert.deepEqual([bearer, apiKey, asPassword, asUsername].map(tokenHeaderOf), [
    "authorization",
    "x-api-key",
    "authorization",
    "authorization",
  ]);
});
