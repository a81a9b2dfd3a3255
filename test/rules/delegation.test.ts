import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClaimSource, SubjectTable } from "../../src/rules/claim-sources.ts";
import { type ClaimMapping, defaultClaims, personFromClaims, principalFromClaims } from "../../src/rules/claims.ts";
import { isDenial } from "../../src/rules/denial.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import type { Principal } from "../../src/rules/principal.ts";

const issuer = "https://id.example";
const claims: JsonObject = { sub: "ada", tenant: "t1", exp: 1_800_000_000, act: { sub: "billing" } };

function read(changes: JsonObject = {}, mapping: Partial<ClaimMapping> = {}, subjects: SubjectTable | null = null) {
  return principalFromClaims({ ...claims, ...changes }, { ...defaultClaims, ...mapping }, issuer, subjects);
}

function good(...args: Parameters<typeof read>): Principal {
  const principal = read(...args);
  if (isDenial(principal)) throw new Error(principal.detail);
  return principal;
}

const refused = (principal: ReturnType<typeof read>, claim: string): void => {
  assert.ok(isDenial(principal) && principal.denied === "ERR_TOKEN_CLAIMS", JSON.stringify(principal));
  assert.ok(principal.detail?.includes(`"${claim}"`), principal.detail);
};

test("the actor is the agent and the subject the user, whatever the agent's claim is", () => {
  for (const agent of ["sub", "/act/sub", "client_id"]) {
    const principal = good({ client_id: "gateway-client" }, { agent });
    assert.equal(principal.agent, "billing");
    assert.equal(principal.user?.id, "ada");
  }
});

test("the user's groups come along, and nothing of the subject's becomes the agent's", () => {
  const principal = good({ user_groups: ["finance"], act: { sub: "billing", roles: ["admin"], tenant: "other", user_groups: ["root"] } });
  assert.deepEqual(principal.user, { id: "ada", groups: ["finance"] });
  assert.equal(principal.tenant, "t1");
});

test("earlier actors are a record: they change nothing else", () => {
  const alone = good();
  const chained = good({ act: { sub: "billing", act: { sub: "planner", act: { sub: "root-agent" } } } });
  assert.deepEqual(chained.earlierActors, ["planner", "root-agent"]);
  const { earlierActors: _, ...rest } = chained;
  assert.deepEqual(rest, alone);
});

test("four actors are read and a fifth is refused", () => {
  const nested = (depth: number): JsonObject => (depth === 1 ? { sub: "a1" } : { sub: `a${depth}`, act: nested(depth - 1) });
  assert.equal(good({ act: nested(4) }).earlierActors?.length, 3);
  refused(read({ act: nested(5) }), "act");
});

const badActs: readonly (readonly [value: unknown, claim: string])[] = [
  [null, "/act"],
  ["billing", "/act"],
  [["billing"], "/act"],
  [{}, "/act/sub"],
  [{ sub: null }, "/act/sub"],
  [{ sub: "" }, "/act/sub"],
  [{ sub: " a" }, "/act/sub"],
  [{ sub: ["a"] }, "/act/sub"],
  [{ sub: "a", iss: "https://other.example" }, "/act/iss"],
  [{ sub: "a", iss: null }, "/act/iss"],
  [{ sub: "a", act: {} }, "/act/act/sub"],
  [{ sub: "a", act: null }, "/act/act"],
  [{ sub: "a", act: { sub: "b", iss: "https://other.example" } }, "/act/act/iss"],
];

test("an actor that is not plainly named is refused, at every level", () => {
  for (const [act, claim] of badActs) refused(read({ act: act as JsonObject }), claim);
  assert.equal(badActs.length, 13);
  assert.equal(good({ act: { sub: "billing", iss: issuer } }).agent, "billing");
});

test("a token that names its subject and another user is refused; the same one twice is not", () => {
  refused(read({ user: "bob" }), "user");
  assert.equal(good({ user: "ada" }).user?.id, "ada");
});

test("a mapping may take the person's key from another claim, which must then be there", () => {
  assert.equal(good({ email: "ada@acme.example" }, { user: "email" }).user?.id, "ada@acme.example");
  refused(read({}, { user: "email" }), "email");
});

test("with an actor the subject must be there", () => {
  const { sub: _, ...without } = claims;
  const principal = principalFromClaims(without, defaultClaims, issuer);
  assert.ok(isDenial(principal));
});

test("a fixed agent is no cover for another actor", () => {
  refused(read({}, { agent: { is: "approved" } }), "/act/sub");
  assert.equal(good({ act: { sub: "approved" } }, { agent: { is: "approved" } }).agent, "approved");
});

test("a table of subjects is asked for the actor, not for the user", () => {
  const table: SubjectTable = { by: "sub", rows: new Map([["billing", { agent: "billing-v3", tenant: "t9" }]]) };
  const principal = good({}, {}, table);
  assert.deepEqual([principal.agent, principal.tenant, principal.user?.id], ["billing-v3", "t9", "ada"]);
  refused(read({ act: { sub: "ada" } }, {}, table), "/act/sub");
  refused(read({ sub: "billing", act: { sub: "stranger" } }, {}, table), "/act/sub");
});

test("no software votes as a person: a person's token with an actor is refused", () => {
  const person = personFromClaims({ sub: "ada", exp: 1_800_000_000, act: { sub: "billing" } }, defaultClaims);
  assert.ok(isDenial(person) && person.denied === "ERR_TOKEN_CLAIMS");
});

const { act: _act, ...plain } = claims;
const sourced = (source: ClaimSource, changes: JsonObject = {}) =>
  principalFromClaims({ ...plain, ...changes }, { ...defaultClaims, user: source }, issuer);

test("a fixed value, a condition and several places are read as they say", () => {
  const rows: readonly (readonly [ClaimSource, JsonObject, string | null])[] = [
    [{ is: "fixed" }, { user: "other" }, "fixed"],
    [null, { user: "other" }, null],
    [{ claim: "oid", when: "scp" }, { oid: "o1", scp: "a" }, "o1"],
    [{ claim: "oid", when: "scp" }, { oid: "o1" }, null],
    [{ claim: "oid", when: "scp" }, { scp: "a" }, null],
    [["azp", "client_id"], { azp: "c1" }, "c1"],
    [["azp", "client_id"], { client_id: "c1" }, "c1"],
    [["azp", "client_id"], { azp: "c1", client_id: "c1" }, "c1"],
    [["azp", "client_id"], {}, null],
    [{ claim: "sub", unless: { claim: "sub", sameAs: "azp", suffix: "@clients" } }, { sub: "c1@clients", azp: "c1" }, null],
    [{ claim: "sub", unless: { claim: "sub", sameAs: "azp", suffix: "@clients" } }, { sub: "C1@CLIENTS", azp: "c1" }, null],
    [{ claim: "sub", unless: { claim: "sub", sameAs: "azp", suffix: "@clients" } }, { sub: "c2@clients", azp: "c1" }, "c2@clients"],
    [{ claim: "sub", unless: { claim: "sub", sameAs: "azp", suffix: "@clients" } }, { sub: "c1@clients" }, "c1@clients"],
  ];
  for (const [source, changes, user] of rows) {
    const principal = sourced(source, changes);
    assert.ok(!isDenial(principal), JSON.stringify([source, changes]));
    assert.equal(principal.user?.id ?? null, user, JSON.stringify([source, changes]));
  }
  assert.ok(isDenial(sourced(["azp", "client_id"], { azp: "c1", client_id: "c2" })), "two that differ");
  assert.ok(isDenial(sourced({ claim: "oid", when: "scp" }, { oid: 7, scp: "a" })), "a value that does not fit");
});

test("a table names only whom it lists, exactly", () => {
  const long = `spiffe://example.org/${"a".repeat(1_000)}`;
  const table: SubjectTable = {
    by: "sub",
    rows: new Map([
      ["ada", { tenant: "t2", workflow: "w2", environment: "staging" }],
      [long, { agent: "short" }],
    ]),
  };
  const listed = principalFromClaims(plain, defaultClaims, issuer, table);
  assert.ok(!isDenial(listed));
  assert.deepEqual([listed.agent, listed.tenant, listed.workflow, listed.environment], ["ada", "t2", "w2", "staging"]);
  const deep = principalFromClaims({ ...plain, sub: long }, defaultClaims, issuer, table);
  assert.ok(!isDenial(deep) && deep.agent === "short" && deep.tenant === "t1");
  for (const sub of ["Ada", "ada ", "bob", "__proto__", "constructor", "", null, "a".repeat(2_049)])
    assert.ok(isDenial(principalFromClaims({ ...plain, sub }, defaultClaims, issuer, table)), JSON.stringify(sub));
});
