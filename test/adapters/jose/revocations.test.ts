import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { agentTokensBut, openRevocations, peopleTokensBut } from "../../../src/adapters/jose/revocations.ts";
import { openAgentTokens, openPeopleTokens } from "../../../src/adapters/jose/tokens.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import type { Principal } from "../../../src/rules/principal.ts";
import { revocationsBytesMax } from "../../../src/rules/revocations.ts";
import { forge, goodClaims, issuer, issuerUrl, nowMs } from "./forge.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-revocations-"));
const file = join(folder, "revocations.json");
const claims = { ...goodClaims, jti: "j1", user: "u_7" };
const token = forge({ claims });
const codeOf = (result: unknown) => (isDenial(result) ? result.denied : "accepted");

/** As whoever publishes a list should: a half-written one is never seen. */
function publish(list: object | string): void {
  writeFileSync(`${file}.new`, typeof list === "string" ? list : JSON.stringify({ v: 1, ...list }));
  renameSync(`${file}.new`, file);
}

const open = () => openRevocations({ place: { file }, staleAfterMs: 60_000 });

let server: Server;
let url = "";
let answer: RequestListener = () => {};
before(async () => {
  server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/revocations.json`;
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

const revoking: readonly (readonly [title: string, list: object])[] = [
  ["token", { tokens: [{ issuer: issuerUrl, jti: "j1" }] }],
  ["agent", { agents: [{ agent: goodClaims.sub }] }],
  ["agent's older tokens", { agents: [{ agent: goodClaims.sub, issued_before: new Date(nowMs).toISOString() }] }],
  ["user", { users: [{ user: "u_7" }] }],
];

for (const [title, list] of revoking) {
  test(`a revoked ${title} is refused from the next reading on, though its token is remembered`, async () => {
    publish({});
    const revocations = open();
    const tokens = agentTokensBut(openAgentTokens([issuer]), revocations);
    await revocations.load(nowMs);
    for (const _ of [1, 2]) assert.equal(codeOf(await tokens.verify(token, nowMs)), "accepted");
    publish(list);
    assert.equal(codeOf(await tokens.verify(token, nowMs + 1)), "accepted", "not read yet");
    await revocations.refresh(nowMs + 2);
    for (const _ of [1, 2]) assert.equal(codeOf(await tokens.verify(token, nowMs + 2)), "ERR_TOKEN_REVOKED");
    publish({});
    await revocations.refresh(nowMs + 3);
    assert.equal(codeOf(await tokens.verify(token, nowMs + 3)), "accepted", "and a lifted revocation counts no more");
  });
}

test("a stored principal is judged by revocation alone, however long its token is over", async () => {
  publish({ users: [{ user: "u_7" }] });
  const revocations = open();
  const tokens = agentTokensBut(openAgentTokens([issuer]), revocations);
  const principal = (await openAgentTokens([issuer]).verify(token, nowMs)) as Principal;
  const laterMs = nowMs + 30 * 86_400_000;
  await revocations.load(laterMs);
  assert.equal(codeOf(tokens.revoked(principal, laterMs)), "ERR_TOKEN_REVOKED");
  assert.equal(tokens.revoked({ ...principal, user: null }, laterMs), null);
  const { issuedAtMs: _, ...old } = principal;
  assert.equal(tokens.revoked(JSON.parse(JSON.stringify({ ...old, user: null })) as Principal, laterMs), null, "a record from before");
});

test("a revoked person's token is refused too", async () => {
  publish({});
  const revocations = open();
  const people = peopleTokensBut(openPeopleTokens([issuer]), revocations);
  await revocations.load(nowMs);
  const personsToken = forge({ claims: { ...goodClaims, sub: "ada", jti: "p1" } });
  assert.equal(codeOf(await people.verify(personsToken, nowMs)), "accepted");
  for (const list of [{ users: [{ user: "ada" }] }, { tokens: [{ issuer: issuerUrl, jti: "p1" }] }]) {
    publish(list);
    await revocations.refresh(nowMs);
    assert.equal(codeOf(await people.verify(personsToken, nowMs)), "ERR_TOKEN_REVOKED");
  }
});

test("a list that cannot be read at the start is said, and nothing is accepted", async () => {
  for (const text of ["", "{", '{"v":1,"agents":["x"]}', " ".repeat(revocationsBytesMax + 1)]) {
    publish(text);
    const revocations = open();
    await assert.rejects(revocations.load(nowMs));
    assert.equal(codeOf(await agentTokensBut(openAgentTokens([issuer]), revocations).verify(token, nowMs)), "ERR_REVOCATIONS_STALE");
  }
  rmSync(file);
  await assert.rejects(open().load(nowMs));
});

test("a list that becomes unreadable stays in force until it is stale, then every token is refused, and it recovers", async () => {
  publish({ agents: [{ agent: "somebody-else" }, { agent: "intern" }] });
  const revocations = open();
  const tokens = agentTokensBut(openAgentTokens([issuer]), revocations);
  await revocations.load(nowMs);
  const intern = forge({ claims: { ...claims, sub: "intern" } });
  for (const broken of ["", "{", '{"v":1,"agents":[7]}', null]) {
    if (broken === null) rmSync(file);
    else publish(broken);
    await revocations.refresh(nowMs + 30_000);
    assert.notEqual(revocations.report().lastFailure, null);
    assert.equal(codeOf(await tokens.verify(token, nowMs + 59_999)), "accepted");
    assert.equal(codeOf(await tokens.verify(intern, nowMs + 59_999)), "ERR_TOKEN_REVOKED");
    for (const late of [token, intern]) assert.equal(codeOf(await tokens.verify(late, nowMs + 60_000)), "ERR_REVOCATIONS_STALE");
    assert.equal(
      codeOf(tokens.revoked((await openAgentTokens([issuer]).verify(token, nowMs)) as Principal, nowMs + 60_000)),
      "ERR_REVOCATIONS_STALE",
    );
  }
  publish({});
  await revocations.refresh(nowMs + 70_000);
  assert.equal(codeOf(await tokens.verify(intern, nowMs + 70_000)), "accepted");
});

test("a clock that goes back by more than a minute makes the list stale, not young", async () => {
  publish({});
  const revocations = open();
  await revocations.load(nowMs);
  assert.equal(revocations.judge([], nowMs - 60_000), null);
  assert.equal(codeOf(revocations.judge([], nowMs - 60_001)), "ERR_REVOCATIONS_STALE");
});

const good = JSON.stringify({ v: 1, agents: [{ agent: goodClaims.sub }] });
const faults: readonly (readonly [string, RequestListener])[] = [
  ["status 500", (_request, response) => response.writeHead(500).end(good)],
  ["a redirect", (_request, response) => response.writeHead(302, { location: url }).end(good)],
  ["a compressed body", (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(good)],
  ["garbage", (_request, response) => response.end("<html>")],
  ["more than may be", (_request, response) => response.end(good.padEnd(revocationsBytesMax + 1))],
  ["silence", () => {}],
  ["headers and then silence", (_request, response) => void response.writeHead(200).write("{")],
];

test("a list at a URL is read in bounded time and size, and one reading is shared", async () => {
  const revocations = openRevocations({ place: { url }, staleAfterMs: 60_000, timeoutMs: 150 });
  const tokens = agentTokensBut(openAgentTokens([issuer]), revocations);
  let hits = 0;
  answer = (_request, response) => {
    hits += 1;
    response.end('{"v":1}');
  };
  await Promise.all(Array.from({ length: 50 }, () => revocations.refresh(nowMs)));
  assert.equal(hits, 1);
  for (const [title, fault] of faults) {
    answer = fault;
    const startedMs = performance.now();
    await revocations.refresh(nowMs + 1);
    assert.ok(performance.now() - startedMs < 2_000, title);
    assert.notEqual(revocations.report().lastFailure, null, title);
    assert.equal(codeOf(await tokens.verify(token, nowMs + 1)), "accepted", title);
  }
  answer = (_request, response) => response.end(good);
  await revocations.refresh(nowMs + 2);
  assert.equal(codeOf(await tokens.verify(token, nowMs + 2)), "ERR_TOKEN_REVOKED");
});
