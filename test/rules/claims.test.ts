import assert from "node:assert/strict";
import { test } from "node:test";
import { isClaimPlace, isNumericDate } from "../../src/rules/claim-values.ts";
import { type ClaimMapping, defaultClaims, personFromClaims, principalFromClaims } from "../../src/rules/claims.ts";
import { isDenial } from "../../src/rules/denial.ts";
import type { JsonObject, JsonValue } from "../../src/rules/json.ts";

const agentClaims: JsonObject = { sub: "a1", tenant: "t1", exp: 1_800_000_000 };
const personClaims: JsonObject = { sub: "ada", exp: 1_800_000_000 };
const agentOf = (changes: JsonObject = {}, mapping: Partial<ClaimMapping> = {}) =>
  principalFromClaims({ ...agentClaims, ...changes }, { ...defaultClaims, ...mapping }, "https://id.example");
const personOf = (changes: JsonObject = {}, mapping: Partial<ClaimMapping> = {}) =>
  personFromClaims({ ...personClaims, ...changes }, { ...defaultClaims, ...mapping });

test("a principal without more claims is an agent of a tenant in production", () => {
  assert.deepEqual(agentOf(), {
    issuer: "https://id.example",
    agent: "a1",
    workflow: null,
    tenant: "t1",
    environment: "production",
    run: null,
    user: null,
    tokenId: null,
    expiresAtMs: 1_800_000_000_000,
  });
});

test("groups of nobody are not read, and a group named twice counts once", () => {
  const alone = agentOf({ user_groups: ["support"] });
  assert.ok(!isDenial(alone) && alone.user === null);
  const twice = agentOf({ user: "u1", user_groups: ["support", "support"] });
  assert.ok(!isDenial(twice));
  assert.deepEqual(twice.user, { id: "u1", groups: ["support"] });
});

test("claims may stand deep, under a URL's name, or in a list", () => {
  const deep = agentOf(
    { act: { sub: "a2" }, "https://x.example/tenant": "t2", "a/b": { "c~d": ["w0", "w2"] } },
    { agent: "/act/sub", tenant: "https://x.example/tenant", workflow: "/a~1b/c~0d/1" },
  );
  assert.ok(!isDenial(deep));
  assert.deepEqual([deep.agent, deep.tenant, deep.workflow], ["a2", "t2", "w2"]);
});

test("inherited properties are not claims", () => {
  for (const agent of ["toString", "constructor", "__proto__", "/constructor/name", "/__proto__/toString"]) {
    const result = agentOf({}, { agent });
    assert.ok(isDenial(result) && result.denied === "ERR_TOKEN_CLAIMS", agent);
  }
});

const unfitIds: readonly JsonValue[] = [
  null,
  true,
  0,
  7,
  [],
  ["a"],
  {},
  { id: "a" },
  "",
  " ",
  " a",
  "a ",
  "\ta",
  "a\n",
  "a\u0000",
  "a\u001bb",
  "a\u007fb",
  "a\u0085b",
  "a\u00adb",
  "a\u200bb",
  "a\u200db",
  "\ufeffa",
  "a\u2028b",
  "a\u202eb",
  "a\u2066b",
  "a\ue000b",
  "\ud800",
  "a\udc00",
  "e\u0301",
  "\u212b",
  "x".repeat(201),
];
const idClaims = ["sub", "tenant", "workflow", "environment", "run", "user", "jti"];

test("an id that is no plain text is refused, and the denial names its claim", () => {
  let refused = 0;
  for (const claim of idClaims) {
    for (const value of unfitIds) {
      const result = agentOf({ [claim]: value });
      assert.ok(isDenial(result) && result.denied === "ERR_TOKEN_CLAIMS", `${claim} ${JSON.stringify(value)}`);
      assert.match(result.detail ?? "", new RegExp(`"${claim}"`));
      refused += 1;
    }
  }
  assert.equal(refused, idClaims.length * unfitIds.length);
  assert.ok(refused > 200);
});

test("an id of 200 characters, of other scripts, or with inner spaces is accepted", () => {
  for (const sub of [
    "x".repeat(200),
    "zahlungs-prüfung",
    "支払い",
    "agent one",
    "spiffe://example.org/ns/agents/sa/billing",
    "auth0|5f7c8ec7c33c6c004bbafe82",
  ]) {
    const result = agentOf({ sub });
    assert.ok(!isDenial(result) && result.agent === sub, sub);
  }
});

test("agent, tenant, person and expiry must be there", () => {
  for (const missing of ["sub", "tenant", "exp"]) {
    const { [missing]: _, ...claims } = agentClaims;
    assert.ok(isDenial(principalFromClaims(claims, defaultClaims, "i")), missing);
  }
  for (const missing of ["sub", "exp"]) {
    const { [missing]: _, ...claims } = personClaims;
    assert.ok(isDenial(personFromClaims(claims, defaultClaims)), missing);
  }
});

test("only known roles are kept, each once", () => {
  const rows: readonly (readonly [JsonValue[], string[]])[] = [
    [
      ["viewer", "admin"],
      ["viewer", "admin"],
    ],
    [["viewer", "viewer"], ["viewer"]],
    [["Admin", "ADMIN", "administrator", "root", "*", "constructor"], []],
    [[], []],
  ];
  for (const [claimed, kept] of rows) {
    const person = personOf({ roles: claimed });
    assert.ok(!isDenial(person));
    assert.deepEqual(person.roles, kept);
  }
});

test("roles and groups that are no lists of plain strings are refused", () => {
  const unfit: readonly JsonValue[] = [
    null,
    "admin",
    "viewer admin",
    7,
    {},
    { 0: "admin" },
    [7],
    [null],
    [["admin"]],
    ["viewer", { a: 1 }],
    ["a\u0000"],
    Array.from({ length: 201 }, (_, at) => `g${at}`),
  ];
  for (const value of unfit) {
    for (const claim of ["roles", "groups"]) {
      const result = personOf({ [claim]: value });
      assert.ok(isDenial(result) && (result.detail ?? "").includes(`"${claim}"`), `${claim} ${JSON.stringify(value)}`);
    }
  }
  assert.equal(unfit.length, 12);
});

test("a name may hold what languages need, but nothing that turns or breaks the line", () => {
  for (const name of ["Ada Lovelace", "می‌خواهم", "👩‍💻 Ada"]) {
    const person = personOf({ name });
    assert.ok(!isDenial(person) && person.name === name);
  }
  for (const name of ["Ada\u202eadA", "Ada\nroot", "\u2066Ada", "Ada\u2028", "", null, 7])
    assert.ok(isDenial(personOf({ name })), JSON.stringify(name));
  const unnamed = personOf();
  assert.ok(!isDenial(unnamed) && unnamed.name === "ada");
});

test("a numeric date is a number of seconds before the year 10000", () => {
  for (const value of [1, 1.5, 1_800_000_000, 253_402_300_799]) assert.ok(isNumericDate(value));
  for (const value of [0, -1, 253_402_300_800, Number.NaN, Number.POSITIVE_INFINITY, "1", null, undefined, [1]])
    assert.ok(!isNumericDate(value));
});

test("a mapping names a claim or a well-formed pointer", () => {
  for (const place of ["sub", "https://x.example/tenant", "/a/b", "/a~1b/~0"]) assert.ok(isClaimPlace(place), place);
  for (const place of ["", "/a~", "/a~2b", "a\u0000", "x".repeat(201)]) assert.ok(!isClaimPlace(place), place);
});
