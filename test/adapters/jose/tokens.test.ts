import assert from "node:assert/strict";
import { test } from "node:test";
import type { Algorithm, IssuerConfig } from "../../../src/adapters/jose/issuer.ts";
import { knownAlgorithms, sharedPairs } from "../../../src/adapters/jose/issuer.ts";
import { openAgentTokens, openPeopleTokens } from "../../../src/adapters/jose/tokens.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import {
  audience,
  ec,
  forge,
  goodClaims,
  goodHeader,
  issuer,
  issuerUrl,
  jwk,
  jwks,
  keys,
  nowMs,
  nowS,
  type Pair,
  rsa,
  withClaims,
  withHeader,
} from "./forge.ts";
import { refusedTokens } from "./refused-tokens.ts";

const everyAlgorithm: IssuerConfig = { ...issuer, algorithms: knownAlgorithms };

const signers: Readonly<Record<Algorithm, readonly [kid: string, pair: Pair]>> = {
  ES256: ["es256", keys.ES256],
  ES384: ["es384", keys.ES384],
  ES512: ["es512", keys.ES512],
  RS256: ["rsa", keys.RSA],
  RS384: ["rsa", keys.RSA],
  RS512: ["rsa", keys.RSA],
  PS256: ["rsa", keys.RSA],
  PS384: ["rsa", keys.RSA],
  PS512: ["rsa", keys.RSA],
  EdDSA: ["ed", keys.Ed25519],
  Ed25519: ["ed", keys.Ed25519],
};

const codeOf = (result: unknown) => (isDenial(result) ? result.denied : "accepted");

test("a forged, foreign, expired or misspelt token is refused with the code that says so", async () => {
  const tokens = openAgentTokens([issuer]);
  let refused = 0;
  for (const [title, code, token] of refusedTokens) {
    // Twice: the second time, a cache that remembered too much would let it in.
    for (const round of ["first", "second"]) assert.equal(codeOf(await tokens.verify(token, nowMs)), code, `${title} (${round} time)`);
    refused += 1;
  }
  assert.equal(new Set(refusedTokens.map(([title]) => title)).size, refused, "titles are different");
  assert.ok(refused >= 300, `${refused} tokens were tried`);
  assert.equal(tokens.report().cacheEntries, 0);
  assert.ok(!isDenial(await tokens.verify(forge(), nowMs)), "the token that all were made from is good");
});

test("a denial never repeats a part of the token", async () => {
  const tokens = openAgentTokens([issuer]);
  let looked = 0;
  for (const [title, , token] of refusedTokens) {
    const told = JSON.stringify(await tokens.verify(token, nowMs));
    const parts = token.split(".").filter((part) => part.length >= 8);
    for (const part of parts) assert.ok(!told.includes(part), title);
    looked += parts.length;
  }
  assert.ok(looked > 700, `${looked} parts were looked for`);
});

test("no single changed letter of a good token is accepted", async () => {
  const tokens = openAgentTokens([issuer]);
  const good = forge();
  let tried = 0;
  for (let at = 0; at < good.length; at += 1) {
    const changed = good.slice(0, at) + (good[at] === "A" ? "B" : "A") + good.slice(at + 1);
    assert.ok(isDenial(await tokens.verify(changed, nowMs)), `letter ${at}`);
    tried += 1;
  }
  assert.ok(tried > 300);
});

test("what is not a string is refused and nothing throws", async () => {
  const tokens = openAgentTokens([issuer]);
  const odd = [undefined, null, 7, {}, [forge()], Symbol("x"), new String(forge())];
  for (const value of odd) assert.equal(codeOf(await tokens.verify(value as string, nowMs)), "ERR_TOKEN_MALFORMED");
  for (const time of [Number.NaN, Number.POSITIVE_INFINITY, -1]) assert.notEqual(codeOf(await tokens.verify(forge(), time)), "accepted");
});

test("a good token of each algorithm is accepted, and only where the issuer uses the algorithm", async () => {
  const all = openAgentTokens([everyAlgorithm]);
  let accepted = 0;
  for (const [alg, [kid, pair]] of Object.entries(signers)) {
    const token = forge({ header: { ...goodHeader, alg, kid }, key: pair.privateKey, signAs: alg });
    const unnamed = forge({ header: { alg, typ: "JWT" }, key: pair.privateKey, signAs: alg });
    for (const good of [token, unnamed]) assert.equal(codeOf(await all.verify(good, nowMs)), "accepted", alg);
    const others = openAgentTokens([{ ...issuer, algorithms: knownAlgorithms.filter((name) => name !== alg) }]);
    assert.equal(codeOf(await others.verify(token, nowMs)), "ERR_TOKEN_UNTRUSTED", `${alg} not used`);
    accepted += 2;
  }
  assert.equal(accepted, 2 * knownAlgorithms.length);
});

test("a key with `alg` serves that algorithm only", async () => {
  const tokens = openAgentTokens([{ ...issuer, jwks: { keys: { keys: [jwk(keys.RSA, { kid: "rsa", alg: "PS256" })] } } }]);
  const by = (alg: string) => forge({ header: { ...goodHeader, alg, kid: "rsa" }, key: keys.RSA.privateKey, signAs: alg });
  assert.equal(codeOf(await tokens.verify(by("PS256"), nowMs)), "accepted");
  assert.equal(codeOf(await tokens.verify(by("RS256"), nowMs)), "ERR_TOKEN_UNTRUSTED");
});

test("the principal is what the claims say", async () => {
  const tokens = openAgentTokens([{ ...issuer, claims: { agent: "/agent/id", tenant: "https://example.com/tenant" } }]);
  const claims = {
    ...goodClaims,
    agent: { id: "a1" },
    "https://example.com/tenant": "t1",
    run: "r1",
    workflow: "w1",
    jti: "j1",
    user: "u1",
    user_groups: ["g"],
  };
  assert.deepEqual(await tokens.verify(forge({ claims }), nowMs), {
    issuer: issuerUrl,
    agent: "a1",
    workflow: "w1",
    tenant: "t1",
    environment: "production",
    run: "r1",
    user: { id: "u1", groups: ["g"] },
    tokenId: "j1",
    expiresAtMs: (nowS + 300) * 1000,
    issuedAtMs: (nowS - 10) * 1000,
  });
});

const acceptedVariants: readonly (readonly [string, string, Partial<IssuerConfig>])[] = [
  ["aud is a list of ours alone", withClaims({ aud: [audience] }), {}],
  ["aud names another that the configuration allows", withClaims({ aud: [audience, "userinfo"] }), { audiencesBeside: ["userinfo"] }],
  ["typ is a full media type in capitals", withHeader({ typ: "application/AT+JWT" }), {}],
  ["there is no typ and the issuer never sends one", withHeader({ typ: undefined }), { typ: [""] }],
  ["iat is ahead within the tolerance", withClaims({ iat: nowS + 5 }), {}],
  ["nbf is ahead within the tolerance", withClaims({ nbf: nowS + 60 }), { clockToleranceMs: 60_000 }],
  ["it is a second from expiry", withClaims({ exp: nowS + 1 }), {}],
  ["times are fractional", withClaims({ iat: nowS - 0.5, exp: nowS + 0.5 }), {}],
  ["unknown header parameters stand beside", withHeader({ x5t: "abc", "x5t#S256": "abc", ver: 2 }), {}],
  ["it has a required claim", withClaims({ scope: "tools" }), { requiredClaims: ["scope"] }],
];

test("an honest variant is accepted", async () => {
  for (const [title, token, config] of acceptedVariants) {
    assert.equal(codeOf(await openAgentTokens([{ ...issuer, ...config }]).verify(token, nowMs)), "accepted", title);
  }
  assert.equal(acceptedVariants.length, 10);
});

test("a claim that the issuer requires must be there", async () => {
  const tokens = openAgentTokens([{ ...issuer, requiredClaims: ["scope"] }]);
  assert.equal(codeOf(await tokens.verify(forge(), nowMs)), "ERR_TOKEN_CLAIMS");
});

test("the tolerance never lengthens a token's life", async () => {
  const tokens = openAgentTokens([{ ...issuer, clockToleranceMs: 60_000 }]);
  const untilMs = (nowS + 300) * 1000;
  for (const fresh of [forge(), forge({ claims: { ...goodClaims, jti: "2" } })]) {
    assert.equal(codeOf(await tokens.verify(fresh, untilMs)), "ERR_TOKEN_EXPIRED");
    assert.equal(codeOf(await tokens.verify(fresh, untilMs - 1)), "accepted");
  }
});

test("a token of one issuer is not accepted with another's key, nor under another's audience", async () => {
  const other = { issuer: "https://two.example", audience: "two", jwks: { keys: { keys: [jwk(ec(), { kid: "es256" })] } } };
  const tokens = openAgentTokens([issuer, other]);
  assert.equal(codeOf(await tokens.verify(withClaims({ iss: other.issuer, aud: other.audience }), nowMs)), "ERR_TOKEN_UNTRUSTED");
  assert.equal(codeOf(await tokens.verify(withClaims({ aud: other.audience }), nowMs)), "ERR_TOKEN_CLAIMS");
  assert.equal(codeOf(await tokens.verify(forge(), nowMs)), "accepted");
});

test("a person is what the claims say, and unknown roles give nothing", async () => {
  const people = openPeopleTokens([{ ...issuer, claims: { roles: "/realm_access/roles" } }]);
  const claims = { ...goodClaims, sub: "ada", name: "Ada", realm_access: { roles: ["approver", "root", "Admin"] }, groups: ["finance"] };
  assert.deepEqual(await people.verify(forge({ claims }), nowMs), {
    person: "ada",
    name: "Ada",
    roles: ["approver"],
    groups: ["finance"],
    expiresAtMs: (nowS + 300) * 1000,
    token: { issuer: issuerUrl, tokenId: null },
  });
});

test("shared pairs of issuer and audience are found", () => {
  assert.equal(sharedPairs([issuer], [{ ...issuer, audience: "people" }]).length, 0);
  assert.equal(sharedPairs([issuer], [issuer]).length, 1);
});

const rsaJwk = jwk(keys.RSA) as { n: string };
const evenModulus = Buffer.from(rsaJwk.n, "base64url").fill(0, 255);
const wrongConfigs: readonly (readonly [string, Partial<IssuerConfig>])[] = [
  ["RSA of 1024 bits", keysOf(jwk(rsa(1024), { kid: "a" }))],
  ["RSA of 2047 bits", keysOf(jwk(rsa(2047)))],
  ["RSA with exponent 3", keysOf(jwk(rsa(2048, 3)))],
  ["RSA with exponent 1", keysOf({ ...rsaJwk, e: "AQ" })],
  ["RSA with an even exponent", keysOf({ ...rsaJwk, e: "AQAC" })],
  ["RSA with a padded modulus", keysOf({ ...rsaJwk, n: `${rsaJwk.n}=` })],
  [
    "RSA with a leading zero",
    keysOf({ ...rsaJwk, n: Buffer.concat([Buffer.of(0), Buffer.from(rsaJwk.n, "base64url")]).toString("base64url") }),
  ],
  ["RSA with an even modulus", keysOf({ ...rsaJwk, n: evenModulus.toString("base64url") })],
  ["RSA without a modulus", keysOf({ ...rsaJwk, n: undefined })],
  ["a shared secret", keysOf({ kty: "oct", k: "c2VjcmV0", alg: "HS256" })],
  ["a private key", keysOf(keys.ES256.privateKey.export({ format: "jwk" }))],
  ["an EC coordinate cut short", keysOf({ ...jwk(keys.ES256), x: "AAAA" })],
  ["a kid that is a number", keysOf(jwk(keys.ES256, { kid: 1 }))],
  ["a key that is null", { jwks: { keys: { keys: [null as unknown as object] } } }],
  ["no keys", { jwks: { keys: { keys: [] } } }],
  ["a symmetric algorithm", { algorithms: ["HS256" as Algorithm] }],
  ["no algorithm", { algorithms: [] }],
  ["alg none", { algorithms: ["none" as Algorithm] }],
  ["no typ", { typ: [] }],
  ["a tolerance over a minute", { clockToleranceMs: 60_001 }],
  ["a tolerance that is not a number", { clockToleranceMs: Number.NaN }],
  ["a maximum age without end", { maxAgeMs: Number.POSITIVE_INFINITY }],
  ["an empty issuer", { issuer: "" }],
  ["an empty audience", { audience: "" }],
  ["keys over plain http", { jwks: { url: "http://id.example.com/jwks" } }],
  ["keys from a look-alike of loopback", { jwks: { url: "http://127.0.0.1.example.com/jwks" } }],
  ["keys with credentials in the URL", { jwks: { url: "https://a:b@id.example.com/jwks" } }],
  ["keys from a file URL", { jwks: { url: "file:///etc/passwd" } }],
  ["a malformed pointer", { claims: { agent: "/a~2b" } }],
];

function keysOf(key: object): Partial<IssuerConfig> {
  return { jwks: { keys: { keys: [key] } } };
}

test("a weak key or a wrong configuration is refused at the start", () => {
  for (const [title, config] of wrongConfigs) assert.throws(() => openAgentTokens([{ ...issuer, ...config }]), /^Error: issuer /, title);
  assert.throws(() => openAgentTokens([issuer, issuer]), /twice/);
  assert.equal(wrongConfigs.length, 29);
  assert.equal(jwks.keys.length, 5);
});
