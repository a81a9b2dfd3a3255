import assert from "node:assert/strict";
import { sign, verify } from "node:crypto";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { shapeOf, tokenLengthMax } from "../../src/adapters/jose/gate.ts";
import { defaultClaims, personFromClaims, principalFromClaims } from "../../src/rules/claims.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { readJsonObject } from "../../src/rules/strict-json.ts";
import { base64url, ec } from "../adapters/jose/forge.ts";
import type { Target } from "./engine.ts";

const latin = (input: Uint8Array): string => Buffer.from(input).toString("latin1");
const pair = ec();
const claims = {
  iss: "https://id.example",
  sub: "billing",
  aud: "sallyport",
  tenant: "acme",
  exp: 1_795_800_000,
  iat: 1_795_700_000,
  jti: "t1",
};

function mint(header: object, payload: object | string): string {
  const signed = `${base64url(JSON.stringify(header))}.${base64url(typeof payload === "string" ? payload : JSON.stringify(payload))}`;
  return `${signed}.${base64url(sign("sha256", Buffer.from(signed), { key: pair.privateKey, dsaEncoding: "ieee-p1363" }))}`;
}

const good = mint({ alg: "ES256", typ: "at+jwt", kid: "k1" }, claims);
const tokens = [
  good,
  mint({ alg: "none" }, claims),
  mint({ alg: "HS256" }, claims),
  mint({ alg: "ES256", jwk: {} }, claims),
  mint({ alg: "ES256", kid: "" }, claims),
  mint({ alg: "ES256" }, '{"a":1,"a":2}'),
  mint({ alg: "ES256" }, "[]"),
  "a.b.c",
  "..",
  "",
];
const genuine = new Set(tokens);

function judgeToken(token: string): string {
  const shaped = shapeOf(token);
  if (isDenial(shaped)) return shaped.denied;
  assert.ok(token.length <= tokenLengthMax && token.split(".").length === 3);
  // Another reader of tokens sees the same, and there is no second spelling of it.
  assert.deepEqual(decodeJwt(token), shaped.claims);
  const header = decodeProtectedHeader(token);
  assert.deepEqual([header.alg, header.kid ?? null, header.typ ?? null], [shaped.alg, shaped.kid, shaped.typ]);
  assert.ok(!["jwk", "jku", "x5c", "x5u", "crit", "b64", "zip"].some((name) => Object.hasOwn(header, name)));
  assert.equal(`${Buffer.from(shaped.input).toString("latin1")}.${base64url(shaped.signature)}`, token);
  const isSigned = verify("sha256", shaped.input, { key: pair.publicKey, dsaEncoding: "ieee-p1363" }, shaped.signature);
  assert.ok(!isSigned || genuine.has(token), "another token passes for one that was signed");
  return isSigned ? "signed" : "of good shape";
}

const gate: Target = {
  name: "token gate",
  corpus: tokens,
  words: [
    ...[".", "=", "-", "_", "+", "/", "AA", "%", "\n", " "],
    ...[base64url("{"), base64url('{"alg":"ES256"}'), base64url('"crit":["b64"],'), base64url("{}"), good.split(".")[2] ?? ""],
  ],
  stretched: [(size) => `${"a".repeat(size)}.b.c`, (size) => `${good}${"A".repeat(size)}`],
  run: (input) => judgeToken(latin(input)),
};

/** Header, a line end, payload: each is encoded as a token's part. */
const parts: Target = {
  name: "token gate, behind the base64",
  corpus: tokens.slice(0, 6).map((token) =>
    token
      .split(".", 2)
      .map((part) => Buffer.from(part, "base64url").toString("utf8"))
      .join("\n"),
  ),
  words: [
    '"alg":"none",',
    '"alg":"ES256"',
    '"alg":"HS256",',
    '"ALG":"none",',
    '"crit":["b64"],',
    '"jwk":{},',
    '"kid":"k",',
    '"typ":"JWT",',
    '"typ":null,',
    "\n",
    "{",
    "}",
    '"',
    "\u0000",
    "é",
    "\ufeff",
  ],
  stretched: [(size) => `{"alg":"ES256","kid":"${"k".repeat(size)}"}\n{}`],
  run(input) {
    const at = input.indexOf(10);
    return judgeToken(`${base64url(input.subarray(0, Math.max(0, at)))}.${base64url(input.subarray(at + 1))}.${good.split(".")[2]}`);
  },
};

const claimTexts = [
  claims,
  { ...claims, act: { sub: "other" } },
  { ...claims, act: { sub: "a", act: { sub: "b" } } },
  { ...claims, roles: ["viewer", "x"], groups: ["finance"] },
  { ...claims, tenant: null },
  { ...claims, sub: " " },
  { ...claims, exp: "1" },
  { ...claims, environment: "" },
  { ...claims, user: "u", user_groups: ["g"] },
];

const unfit = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const claimReader: Target = {
  name: "claims of a token",
  corpus: claimTexts.map((one) => JSON.stringify(one)),
  words: [
    '"act":{"sub":"x"},',
    '"tenant":',
    '"sub":',
    "null",
    "[]",
    "{}",
    '""',
    '" "',
    "1e400",
    "-1",
    "0.5",
    "253402300800",
    "\u200b",
    "\u202e",
    "\\u0000",
    "\\ud800",
    '"roles":["admin"],',
    '"environment":"dev",',
    '"run":"r",',
    '"user":"u",',
    "K",
    "ß",
  ],
  stretched: [
    (size) => `{"sub":"${"x".repeat(size)}"}`,
    (size) => `{"sub":"a","tenant":"t","exp":1,"roles":[${'"r",'.repeat(size / 4)}"r"]}`,
    (size) => `${'{"act":'.repeat(size / 7)}1${"}".repeat(size / 7)}`,
  ],
  run(input) {
    const read = readJsonObject(input);
    if (isDenial(read)) return "no JSON";
    const person = personFromClaims(read, defaultClaims, "https://id.example");
    if (!isDenial(person)) assert.ok(!Object.hasOwn(read, "act") && person.person === read["sub"] && Object.isFrozen(person));
    const principal = principalFromClaims(read, defaultClaims, "https://id.example");
    if (isDenial(principal)) return `${isDenial(person) ? "" : "a person, "}${principal.denied}`;
    const ids = [
      principal.agent,
      principal.tenant,
      principal.environment,
      principal.workflow ?? "x",
      principal.run ?? "x",
      principal.user?.id ?? "x",
    ];
    for (const id of ids) assert.ok(typeof id === "string" && id.trim() !== "" && id.length <= 200 && !unfit.test(id), JSON.stringify(id));
    assert.equal(principal.tenant, read["tenant"], "another tenant than the token says");
    if (!Object.hasOwn(read, "act")) assert.equal(principal.agent, read["sub"]);
    else
      assert.ok(
        principal.user !== null && JSON.stringify(read["act"]).includes(JSON.stringify(principal.agent)),
        "an actor that the token does not name",
      );
    assert.ok(Number.isFinite(principal.expiresAtMs) && principal.expiresAtMs <= 253_402_300_799_000 && Object.isFrozen(principal));
    return "an agent";
  },
};

export const tokenTargets: readonly Target[] = [gate, parts, claimReader];
