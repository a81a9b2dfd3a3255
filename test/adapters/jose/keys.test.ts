import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { jwksBytesMax } from "../../../src/adapters/jose/key-source.ts";
import { openAgentTokens, type TokensOptions } from "../../../src/adapters/jose/tokens.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import { ec, forge, goodClaims, goodHeader, issuer, jwk, jwks, keys, nowMs, rsa } from "./forge.ts";

const minuteMs = 60_000;
const [, goodClaimsPart, goodSignature] = forge().split(".");
/** A good token but for its key's id; its signature fits no more, but no key is ever found to try it with. */
const misnamed = (kid: string): string =>
  `${Buffer.from(JSON.stringify({ ...goodHeader, kid })).toString("base64url")}.${goodClaimsPart}.${goodSignature}`;
const second = ec();
const good = forge();
const bySecond = forge({ header: { ...goodHeader, kid: "second" }, key: second.privateKey });
const rotated = { keys: [jwk(second, { kid: "second" })] };

/** Long-lived, so that only the key set's age matters in the tests of it. */
const lasting = forge({ claims: { ...goodClaims, exp: goodClaims.iat + 80_000 } });

let server: Server;
let url = "";
let hits = 0;
let answer: RequestListener;
const serve = (body: string | Buffer, status = 200, headers: Record<string, string> = {}): RequestListener => {
  return (_request, response) => response.writeHead(status, headers).end(body);
};

before(async () => {
  server = createServer((request, response) => {
    hits += 1;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  hits = 0;
  answer = serve(JSON.stringify(jwks));
});

const openUrl = (options: TokensOptions = {}) => openAgentTokens([{ ...issuer, jwks: { url } }], options);
const codeOf = (result: unknown) => (isDenial(result) ? result.denied : "accepted");

test("a key set is fetched once, by however many calls at once, and then used until its age", async () => {
  const tokens = openUrl();
  const results = await Promise.all(Array.from({ length: 200 }, () => tokens.verify(good, nowMs)));
  assert.deepEqual(new Set(results.map(codeOf)), new Set(["accepted"]));
  assert.equal(hits, 1);
  assert.equal(codeOf(await tokens.verify(lasting, nowMs + 10 * minuteMs - 1)), "accepted");
  assert.equal(hits, 1);
  assert.equal(codeOf(await tokens.verify(lasting, nowMs + 10 * minuteMs)), "accepted");
  assert.equal(hits, 2);
});

test("ten thousand unknown key ids cause one fetch in a cooldown", async () => {
  const tokens = openUrl();
  await tokens.verify(good, nowMs);
  const storm = async (atMs: number, run: string) => {
    for (let at = 0; at < 5_000; at += 1) {
      const token = misnamed(`${run}-${at}`);
      assert.equal(codeOf(await tokens.verify(token, atMs + at)), "ERR_TOKEN_UNTRUSTED");
    }
  };
  await storm(nowMs + 1_000, "a");
  assert.equal(hits, 1, "the first fetch began the cooldown");
  await storm(nowMs + 30_000, "b");
  assert.equal(hits, 2);
  const many = Array.from({ length: 1_000 }, (_, at) => tokens.verify(misnamed(`c-${at}`), nowMs + 60_000 + at));
  assert.deepEqual(new Set((await Promise.all(many)).map(codeOf)), new Set(["ERR_TOKEN_UNTRUSTED"]));
  assert.equal(hits, 3);
  assert.equal(tokens.report().cacheEntries, 1, "refused tokens leave nothing in the cache");
});

test("a new key works within the cooldown, and a removed one is refused, remembered or not", async () => {
  const tokens = openUrl();
  assert.equal(codeOf(await tokens.verify(good, nowMs)), "accepted");
  answer = serve(JSON.stringify(rotated));
  assert.equal(codeOf(await tokens.verify(bySecond, nowMs + 29_999)), "ERR_TOKEN_UNTRUSTED");
  assert.equal(codeOf(await tokens.verify(good, nowMs + 29_999)), "accepted");
  assert.equal(codeOf(await tokens.verify(bySecond, nowMs + 30_000)), "accepted");
  assert.equal(codeOf(await tokens.verify(good, nowMs + 30_000)), "ERR_TOKEN_UNTRUSTED");
  assert.equal(tokens.report().cacheEntries, 1);
});

test("a remembered token dies when its key id gets another key", async () => {
  const tokens = openUrl();
  assert.equal(codeOf(await tokens.verify(lasting, nowMs)), "accepted");
  answer = serve(JSON.stringify({ keys: [jwk(second, { kid: "es256" })] }));
  assert.equal(codeOf(await tokens.verify(lasting, nowMs + 10 * minuteMs)), "ERR_TOKEN_UNTRUSTED");
});

test("a removed key is refused by the age of the set at the latest, without any unknown id", async () => {
  const tokens = openUrl();
  assert.equal(codeOf(await tokens.verify(lasting, nowMs)), "accepted");
  answer = serve('{"keys":[]}');
  assert.equal(codeOf(await tokens.verify(lasting, nowMs + 10 * minuteMs - 1)), "accepted");
  assert.equal(codeOf(await tokens.verify(lasting, nowMs + 10 * minuteMs)), "ERR_TOKEN_UNTRUSTED");
});

const broken: readonly (readonly [string, () => RequestListener])[] = [
  ["status 500", () => serve(JSON.stringify(jwks), 500)],
  ["status 404", () => serve(JSON.stringify(jwks), 404)],
  ["status 206", () => serve(JSON.stringify(jwks), 206)],
  ["a redirect", () => serve(JSON.stringify(jwks), 302, { location: "/elsewhere" })],
  ["a permanent redirect", () => serve("", 308, { location: url })],
  ["garbage", () => serve("<html>")],
  ["nothing", () => serve("")],
  ["a JSON list", () => serve("[]")],
  ["keys that are no list", () => serve('{"keys":{}}')],
  ["a doubled member", () => serve(`{"keys":[],"keys":${JSON.stringify(jwks.keys)}}`)],
  ["101 keys", () => serve(JSON.stringify({ keys: Array.from({ length: 101 }, () => jwks.keys[0]) }))],
  ["more than a megabyte", () => serve(JSON.stringify(jwks).padEnd(jwksBytesMax + 1))],
  ["a compressed body", () => serve(gzipSync(JSON.stringify(jwks)), 200, { "content-encoding": "gzip" })],
  ["a bomb, compressed", () => serve(gzipSync(Buffer.alloc(50 * jwksBytesMax, " ")), 200, { "content-encoding": "gzip" })],
  ["compressed and not said", () => serve(gzipSync(JSON.stringify(jwks)))],
  [
    "a byte now and then",
    () => (_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(" "), 20);
      response.on("close", () => clearInterval(timer));
    },
  ],
  [
    "a body cut short",
    () => (_request, response) => void response.writeHead(200, { "content-length": "999" }).write("{", () => response.destroy()),
  ],
  ["a closed connection", () => (request) => void request.socket.destroy()],
  ["no headers", () => () => {}],
  ["headers and then silence", () => (_request, response) => void response.writeHead(200).write("{")],
];

test("while an issuer's keys cannot be read, nothing verifies and nobody waits beyond the limit", async () => {
  for (const [title, listener] of broken) {
    hits = 0;
    answer = listener();
    const tokens = openUrl({ keyTimes: { timeoutMs: 150 } });
    const startedMs = performance.now();
    const denial = await tokens.verify(good, nowMs);
    assert.ok(performance.now() - startedMs < 2_000, title);
    assert.equal(codeOf(denial), "ERR_ISSUER_UNAVAILABLE", title);
    assert.equal(codeOf(await tokens.verify(good, nowMs + 4_999)), "ERR_ISSUER_UNAVAILABLE", title);
    assert.equal(hits, 1, `${title}: one fetch until the retry is due`);
    answer = serve(JSON.stringify(jwks));
    assert.equal(codeOf(await tokens.verify(good, nowMs + 5_000)), "accepted", `${title}: recovered`);
  }
  assert.equal(broken.length, 20);
});

test("after an outage began, known keys work up to the stated age and then no longer", async () => {
  for (const [title, listener] of broken) {
    answer = serve(JSON.stringify(jwks));
    const tokens = openUrl({ keyTimes: { timeoutMs: 150 } });
    assert.equal(codeOf(await tokens.verify(lasting, nowMs)), "accepted");
    answer = listener();
    for (const minutes of [10, 11, 30, 59])
      assert.equal(codeOf(await tokens.verify(lasting, nowMs + minutes * minuteMs)), "accepted", `${title} ${minutes} min`);
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + 60 * minuteMs)), "ERR_ISSUER_UNAVAILABLE", title);
  }
});

test("during a hang only the first call waits, and an unknown key is told apart from a refused one", async () => {
  const tokens = openUrl({ keyTimes: { timeoutMs: 150 } });
  await tokens.verify(lasting, nowMs);
  answer = () => {};
  await tokens.verify(lasting, nowMs + 10 * minuteMs);
  assert.equal(hits, 2);
  const startedMs = performance.now();
  for (let at = 0; at < 200; at += 1) assert.equal(codeOf(await tokens.verify(lasting, nowMs + 10 * minuteMs + 30_000 + at)), "accepted");
  assert.ok(performance.now() - startedMs < 150, "a known key does not wait for the hanging issuer");
  assert.equal(codeOf(await tokens.verify(bySecond, nowMs + 10 * minuteMs + 30_500)), "ERR_ISSUER_UNAVAILABLE");
  assert.equal(hits, 3);
});

test("a token that expires while its keys are awaited is refused", async () => {
  answer = (_request, response) => void setTimeout(() => response.end(JSON.stringify(jwks)), 60);
  const tokens = openUrl();
  assert.equal(codeOf(await tokens.verify(good, goodClaims.exp * 1000 - 20)), "ERR_TOKEN_EXPIRED");
});

test("a clock that steps back far makes the set be fetched again", async () => {
  const tokens = openUrl();
  await tokens.verify(good, nowMs + 3_600_000);
  assert.equal(codeOf(await tokens.verify(good, nowMs)), "accepted");
  assert.equal(hits, 2);
});

test("weak keys in a fetched set are left out and told, the others work", async () => {
  answer = serve(JSON.stringify({ keys: [jwk(rsa(1024), { kid: "weak" }), { kty: "oct", k: "AAAA" }, { kty: "NEW" }, 7, ...jwks.keys] }));
  const tokens = openUrl();
  const problems = await tokens.ready(nowMs);
  assert.equal(problems.length, 3);
  assert.match(problems.join("\n"), /1024 bits[\s\S]*shared secret[\s\S]*not an object/);
  assert.equal(codeOf(await tokens.verify(good, nowMs)), "accepted");
});

test("an issuer may be believed for less time or more while its keys cannot be read", async () => {
  for (const minutes of [1, 15, 180]) {
    const tokens = openAgentTokens([{ ...issuer, jwks: { url }, jwksStaleMaxMs: minutes * minuteMs }], { keyTimes: { maxAgeMs: 30_000 } });
    answer = serve(JSON.stringify(jwks));
    assert.equal(codeOf(await tokens.verify(lasting, nowMs)), "accepted");
    answer = serve("", 500);
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + minutes * minuteMs - 1)), "accepted", `${minutes} min`);
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + minutes * minuteMs)), "ERR_ISSUER_UNAVAILABLE", `${minutes} min`);
  }
});

test("during an outage of fifteen minutes known keys work, a new one does not, and both are told apart afterwards", async () => {
  const tokens = openUrl();
  assert.equal(codeOf(await tokens.verify(lasting, nowMs)), "accepted");
  answer = (request) => void request.socket.destroy();
  hits = 0;
  for (let seconds = 0; seconds <= 15 * 60; seconds += 5) {
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + seconds * 1_000)), "accepted");
    const code = codeOf(await tokens.verify(bySecond, nowMs + seconds * 1_000));
    // Before the first try has failed, nobody knows of the outage; the unknown key is then a stranger's.
    if (seconds >= 30) assert.ok(code === "ERR_ISSUER_UNAVAILABLE" || code === "ERR_TOKEN_EXPIRED", `${code} after ${seconds} s`);
  }
  assert.ok(hits >= 1 && hits <= 31, `${hits} fetches in 15 minutes of a cooldown of 30 s`);
  answer = serve(JSON.stringify({ keys: [...jwks.keys, jwk(second, { kid: "second" })] }));
  const fresh = forge({
    header: { ...goodHeader, kid: "second" },
    key: second.privateKey,
    claims: { ...goodClaims, exp: goodClaims.iat + 80_000 },
  });
  assert.equal(codeOf(await tokens.verify(fresh, nowMs + 16 * minuteMs)), "accepted");
});

test("keys for other uses are not used", async () => {
  const uses = [
    { use: "enc" },
    { key_ops: ["encrypt"] },
    { key_ops: [] },
    { key_ops: "verify" },
    { alg: "ES384" },
    { alg: "ECDH-ES" },
    { alg: 7 },
    { use: 7 },
  ];
  for (const more of uses) {
    const tokens = openAgentTokens([{ ...issuer, jwks: { keys: { keys: [jwk(keys.ES256, { kid: "es256", ...more })] } } }]);
    assert.equal(codeOf(await tokens.verify(good, nowMs)), "ERR_TOKEN_UNTRUSTED", JSON.stringify(more));
  }
  assert.equal(uses.length, 8);
});

test("without a key id at most four keys are tried", async () => {
  const unnamed = forge({ header: { alg: "ES256", typ: "JWT" } });
  const among = (strangers: number) => ({ keys: [...Array.from({ length: strangers }, () => jwk(ec())), ...jwks.keys] });
  for (const [strangers, code] of [
    [3, "accepted"],
    [4, "ERR_TOKEN_UNTRUSTED"],
  ] as const) {
    const tokens = openAgentTokens([{ ...issuer, jwks: { keys: among(strangers) } }]);
    assert.equal(codeOf(await tokens.verify(unnamed, nowMs)), code);
  }
});

test("a key set file is followed; a broken rewrite keeps the last good set for the stated time only", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-jwks-"));
  const file = join(folder, "jwks.json");
  try {
    const tokens = openAgentTokens([{ ...issuer, jwks: { file } }]);
    assert.equal(codeOf(await tokens.verify(lasting, nowMs)), "ERR_ISSUER_UNAVAILABLE", "no file yet");
    writeFileSync(file, JSON.stringify(jwks));
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + 1_000)), "accepted");
    writeFileSync(file, JSON.stringify(jwks).slice(0, 100));
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + 2_000)), "accepted", "half a file");
    rmSync(file);
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + 3_600_999)), "accepted", "no file any more");
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + 3_601_000)), "ERR_ISSUER_UNAVAILABLE");
    writeFileSync(`${file}.new`, JSON.stringify(rotated));
    renameSync(`${file}.new`, file);
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + 3_603_000)), "ERR_TOKEN_UNTRUSTED", "the key is gone");
    writeFileSync(file, JSON.stringify(jwks));
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + 3_604_000)), "accepted", "the key is back");
    writeFileSync(file, Buffer.alloc(jwksBytesMax + 1, " "));
    assert.equal(codeOf(await tokens.verify(lasting, nowMs + 3_605_000)), "accepted", "a file that is too large is a broken one");
    assert.match((await tokens.ready(nowMs + 3_605_001))[0] ?? "", /larger than/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
