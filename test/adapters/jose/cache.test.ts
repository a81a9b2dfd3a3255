import assert from "node:assert/strict";
import { test } from "node:test";
import { openAgentTokens } from "../../../src/adapters/jose/tokens.ts";
import { openVerifiedCache } from "../../../src/adapters/jose/verified-cache.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import { forge, goodClaims, issuer, nowMs, nowS } from "./forge.ts";

const codeOf = (result: unknown) => (isDenial(result) ? result.denied : "accepted");

test("a remembered token is answered from memory, with the same frozen principal", async () => {
  const tokens = openAgentTokens([issuer]);
  const first = await tokens.verify(forge(), nowMs);
  const token = forge();
  const [second, third] = [await tokens.verify(token, nowMs), await tokens.verify(token, nowMs + 1)];
  assert.deepEqual(second, first);
  assert.equal(third, second);
  assert.ok(Object.isFrozen(third));
  assert.equal(tokens.report().cacheHits, 1);
});

test("a remembered token is never accepted at or past its expiry, nor before its time", async () => {
  const spans = [1, 2, 60, 300, 3_600].flatMap((lifeS) => [0, 5_000, 60_000].map((clockToleranceMs) => ({ lifeS, clockToleranceMs })));
  let checked = 0;
  for (const { lifeS, clockToleranceMs } of spans) {
    const tokens = openAgentTokens([{ ...issuer, clockToleranceMs }]);
    const token = forge({ claims: { ...goodClaims, iat: nowS, nbf: nowS, exp: nowS + lifeS } });
    const [fromMs, untilMs] = [nowMs - clockToleranceMs, nowMs + lifeS * 1000];
    for (const atMs of [fromMs, nowMs, untilMs - 1]) assert.equal(codeOf(await tokens.verify(token, atMs)), "accepted");
    for (const atMs of [untilMs, untilMs + 1, untilMs + 59_999, untilMs + 1e9, fromMs - 1]) {
      // Remembered again before each look, so that it is the cache that is asked.
      await tokens.verify(token, nowMs);
      assert.equal(tokens.report().cacheEntries, 1);
      assert.equal(codeOf(await tokens.verify(token, atMs)), "ERR_TOKEN_EXPIRED");
      assert.equal(tokens.report().cacheEntries, 0, "and it is forgotten");
      checked += 1;
    }
  }
  assert.equal(checked, 75);
});

test("a remembered token is not accepted past the issuer's maximum age", async () => {
  const tokens = openAgentTokens([{ ...issuer, maxAgeMs: 60_000 }]);
  const token = forge();
  for (const atMs of [0, 49_999]) assert.equal(codeOf(await tokens.verify(token, nowMs + atMs)), "accepted");
  assert.equal(codeOf(await tokens.verify(token, nowMs + 50_000)), "ERR_TOKEN_EXPIRED");
});

test("memory is bounded: what was not used for longest goes first", async () => {
  const tokens = openAgentTokens([issuer], { cacheEntriesMax: 10 });
  const many = Array.from({ length: 30 }, (_, at) => forge({ claims: { ...goodClaims, jti: `j${at}` } }));
  for (const token of many) {
    assert.equal(codeOf(await tokens.verify(token, nowMs)), "accepted");
    await tokens.verify(many[0] as string, nowMs);
  }
  const { cacheHits, cacheEntries } = tokens.report();
  assert.equal(cacheEntries, 10);
  assert.equal(cacheHits, 30, "the one in use stayed through all of them");
});

test("memory is bounded in bytes too, and what is dropped is not counted any more", () => {
  const cache = openVerifiedCache<number>({ entriesMax: 100, bytesMax: 10_000 });
  for (let at = 0; at < 50; at += 1) cache.keep(`t${at}`, at, 1_000);
  assert.equal(cache.size, 3);
  assert.equal(cache.bytes, 3 * 2_512);
  assert.equal(cache.find("t46"), undefined);
  assert.equal(cache.find("t49"), 49);
  cache.keep("t49", 50, 100);
  assert.equal(cache.bytes, 2 * 2_512 + 712);
  for (const name of ["t47", "t48", "t49", "t0", "t49"]) cache.drop(name);
  assert.deepEqual([cache.size, cache.bytes], [0, 0]);
});

test("tokens that share all but their last letters are different tokens", async () => {
  const tokens = openAgentTokens([issuer]);
  const good = forge();
  assert.equal(codeOf(await tokens.verify(good, nowMs)), "accepted");
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  let tried = 0;
  for (const letter of letters) {
    for (const cut of [1, 2, 3]) {
      const other = good.slice(0, -cut) + letter + good.slice(good.length - cut + 1);
      if (other === good) continue;
      assert.notEqual(codeOf(await tokens.verify(other, nowMs)), "accepted");
      tried += 1;
    }
  }
  for (const other of [good.slice(0, -1), `${good}A`, `${good} `, good.toLowerCase()])
    assert.notEqual(codeOf(await tokens.verify(other, nowMs)), "accepted");
  assert.equal(tried, 189);
  assert.equal(tokens.report().cacheEntries, 1);
});

test("a cache of no entries remembers none", () => {
  const cache = openVerifiedCache<number>({ entriesMax: 0, bytesMax: 1_000 });
  cache.keep("a", 1, 10);
  assert.equal(cache.find("a"), undefined);
  assert.equal(cache.size, 0);
});
