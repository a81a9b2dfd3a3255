import assert from "node:assert/strict";
import { test } from "node:test";
import { knownAlgorithms } from "../../../src/adapters/jose/issuer.ts";
import { isRocaModulus } from "../../../src/adapters/jose/roca.ts";
import { openAgentTokens } from "../../../src/adapters/jose/tokens.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import { issuer, jwk, keys, nowMs, rsa } from "./forge.ts";
import { forgedSignatures, honestSignatures } from "./forged-signatures.ts";

const everyAlgorithm = { ...issuer, algorithms: knownAlgorithms };

test("what the forger makes without a mistake is accepted", async () => {
  const tokens = openAgentTokens([everyAlgorithm]);
  for (const { title, token } of honestSignatures) assert.ok(!isDenial(await tokens.verify(token, nowMs)), title);
  assert.equal(honestSignatures.length, 8);
});

test("bytes that are nearly a signature are none", async (t) => {
  const tokens = openAgentTokens([everyAlgorithm]);
  for (const { title, token } of forgedSignatures) {
    const denial = await tokens.verify(token, nowMs);
    assert.ok(isDenial(denial) && denial.denied === "ERR_TOKEN_UNTRUSTED", title);
  }
  assert.equal(new Set(forgedSignatures.map(({ title }) => title)).size, forgedSignatures.length);
  assert.ok(forgedSignatures.length >= 355, `${forgedSignatures.length} signatures`);
  t.diagnostic(`${forgedSignatures.length} signatures refused`);
});

test("a modulus of the weak generator is known by its remainders, and honest ones are not", () => {
  const primes = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113];
  const product = [...primes, 127, 131, 137, 139, 149, 151, 157, 163, 167].reduce((all, prime) => all * BigInt(prime), 1n);
  // Any number of the form k * product + a power of 65537 has the mark; that it is no product of two primes does not matter here.
  const marked = (product << 1800n) + (65_537n ** 5n % product);
  const bytes = Buffer.from(marked.toString(16).padStart(512, "0"), "hex");
  assert.ok(isRocaModulus(bytes));
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 2;
  assert.ok(!isRocaModulus(bytes));
  for (const pair of [keys.RSA, rsa(), rsa(3072)]) {
    assert.ok(!isRocaModulus(Buffer.from((jwk(pair) as { n: string }).n, "base64url")));
  }
});
