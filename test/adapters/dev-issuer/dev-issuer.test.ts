import assert from "node:assert/strict";
import { chmodSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { assertDevAllowed } from "../../../src/adapters/dev-issuer/guard.ts";
import { devPeople, openDevIssuer } from "../../../src/adapters/dev-issuer/issuer.ts";
import { sharedPairs } from "../../../src/adapters/jose/issuer.ts";
import { openAgentTokens, openPeopleTokens } from "../../../src/adapters/jose/tokens.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import { roles } from "../../../src/rules/principal.ts";

const nowMs = 1_795_779_000_500;
const folder = mkdtempSync(join(tmpdir(), "sallyport-dev-"));
after(() => rmSync(folder, { recursive: true }));
const dev = openDevIssuer(folder, () => nowMs);
const agents = openAgentTokens([dev.agentIssuer]);
const people = openPeopleTokens([dev.peopleIssuer]);

const ada = { person: "ada", name: "Ada", roles: ["approver"], groups: ["finance"], ttlMs: 60_000 } as const;

test("a minted agent token verifies to exactly what was asked for", async () => {
  const token = await dev.mintAgentToken({
    agent: "a1",
    tenant: "t1",
    workflow: "w1",
    run: "r1",
    environment: "staging",
    user: { id: "u1", groups: ["support"] },
    ttlMs: 60_000,
  });
  const principal = await agents.verify(token, nowMs);
  assert.ok(!isDenial(principal));
  const { tokenId, ...rest } = principal;
  assert.match(tokenId ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    issuer: "https://dev.sallyport.local/agents",
    agent: "a1",
    workflow: "w1",
    tenant: "t1",
    environment: "staging",
    run: "r1",
    user: { id: "u1", groups: ["support"] },
    expiresAtMs: 1_795_779_060_000,
    issuedAtMs: Math.floor(nowMs / 1000) * 1000,
  });
});

test("what an agent token leaves out is null, and its environment is production", async () => {
  const principal = await agents.verify(await dev.mintAgentToken({ agent: "a1", tenant: "t1", ttlMs: 1_000 }), nowMs);
  assert.ok(!isDenial(principal));
  const { workflow, run, user, environment } = principal;
  assert.deepEqual({ workflow, run, user, environment }, { workflow: null, run: null, user: null, environment: "production" });
});

test("each development person verifies with its roles and groups, and every role has one", async () => {
  for (const person of devPeople) {
    const verified = await people.verify(await dev.mintPersonToken({ ...person, ttlMs: 60_000 }), nowMs);
    assert.ok(!isDenial(verified));
    const { expiresAtMs, token, ...rest } = verified;
    assert.deepEqual(rest, person);
    assert.ok(expiresAtMs > nowMs);
    assert.equal(token?.issuer, dev.peopleIssuer.issuer);
  }
  assert.deepEqual(new Set(devPeople.flatMap((person) => person.roles)), new Set(roles));
  assert.equal(devPeople.filter((person) => person.groups.includes("finance")).length, 2);
  assert.equal(new Set(devPeople.map((person) => person.person)).size, devPeople.length);
});

test("an agent's token opens nothing for people, nor a person's for agents", async () => {
  assert.deepEqual(sharedPairs([dev.agentIssuer], [dev.peopleIssuer]), []);
  for (const [tokens, token] of [
    [people, await dev.mintAgentToken({ agent: "a1", tenant: "t1", ttlMs: 60_000 })],
    [agents, await dev.mintPersonToken(ada)],
  ] as const) {
    const denial = await tokens.verify(token, nowMs);
    assert.ok(isDenial(denial) && denial.denied === "ERR_TOKEN_UNTRUSTED");
  }
});

test("a life of no length, or over a day, is refused", async () => {
  for (const ttlMs of [0, 999, -1, 86_400_001, Number.NaN, Number.POSITIVE_INFINITY]) {
    await assert.rejects(dev.mintPersonToken({ ...ada, ttlMs }), RangeError);
  }
});

test("keys are made once, for their owner only, and kept", async () => {
  const token = await dev.mintPersonToken(ada);
  const again = openDevIssuer(folder, () => nowMs);
  assert.ok(!isDenial(await openPeopleTokens([again.peopleIssuer]).verify(token, nowMs)));
  assert.deepEqual(readdirSync(join(folder, "dev")).sort(), ["agents.pem", "people.pem"]);
  for (const name of ["agents.pem", "people.pem"]) assert.equal(statSync(join(folder, "dev", name)).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, "dev")).mode & 0o777, 0o700);
});

test("a key that others can read, or that is no P-256 key, is refused", () => {
  const other = mkdtempSync(join(tmpdir(), "sallyport-dev-"));
  try {
    openDevIssuer(other);
    const path = join(other, "dev", "agents.pem");
    chmodSync(path, 0o640);
    assert.throws(() => openDevIssuer(other), /chmod 600/);
    chmodSync(path, 0o600);
    writeFileSync(path, "not a key");
    assert.throws(() => openDevIssuer(other), /not a P-256 private key/);
  } finally {
    rmSync(other, { recursive: true });
  }
});

test("the published configuration holds no private key", () => {
  for (const { jwks } of [dev.agentIssuer, dev.peopleIssuer]) {
    assert.ok("keys" in jwks);
    for (const key of jwks.keys.keys) assert.deepEqual(Object.keys(key).sort(), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
  }
});

test("development mode is allowed on loopback only", () => {
  const allowed = ["127.0.0.1", "127.255.0.9", "::1", "0:0:0:0:0:0:0:1", "localhost"];
  const refused = [
    "0.0.0.0",
    "::",
    "",
    undefined,
    "10.0.0.1",
    "192.168.1.1",
    "128.0.0.1",
    "127.0.0.1.example.com",
    "127.1",
    "localhost.example.com",
    "LOCALHOST.",
    "example.com",
    "::ffff:127.0.0.1",
    "::ffff:0.0.0.0",
    "::1%eth0",
    "fe80::1",
    "[::1]x",
    "2130706433",
    "0x7f.0.0.1",
    "0",
    "*",
  ];
  for (const host of allowed) assert.doesNotThrow(() => assertDevAllowed({ host }), host);
  for (const host of refused) assert.throws(() => assertDevAllowed({ host }), /loopback only/, String(host));
  assert.equal(allowed.length + refused.length, 26);
});

test("only the identity folders use jose, and only the development issuer and run tokens sign or are asked to by wiring", () => {
  const root = join(import.meta.dirname, "../../../src");
  const files = globSync("**/*.ts", { cwd: root });
  assert.ok(files.length > 20);
  for (const file of files) {
    const text = readFileSync(join(root, file), "utf8");
    if (/from "jose"/.test(text)) assert.match(file, /^adapters\/(jose|dev-issuer|run-tokens)\//);
    if (/SignJWT/.test(text)) assert.match(file, /^adapters\/(dev-issuer|run-tokens)\//);
    if (/from "[^"]*(dev-issuer|run-tokens)\//.test(text) && !file.startsWith("adapters/run-tokens/")) assert.match(file, /^wiring\//);
  }
});
