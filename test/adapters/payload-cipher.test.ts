import assert from "node:assert/strict";
import { createHmac, createSecretKey, randomBytes } from "node:crypto";
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { SecretFileRefused } from "../../src/adapters/durable-file.ts";
import { openPayloadCipher, type PayloadCipherOptions, PayloadUnreadable } from "../../src/adapters/payload-cipher/index.ts";
import { digestOf, openBytes, sealBytes } from "../../src/adapters/payload-cipher/sealed-bytes.ts";
import type { Payload } from "../../src/ports/calls.ts";

const plain = Buffer.from('{"charge":"ch_1","amount":90000}');

function place(context: TestContext): PayloadCipherOptions {
  const root = mkdtempSync(join(tmpdir(), "sallyport-payloads-"));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  return { keyFile: join(root, "payload.key"), dir: join(root, "tenants"), generate: true };
}

const unreadable = (why: PayloadUnreadable["why"]) => (error: unknown) => error instanceof PayloadUnreadable && error.why === why;

test("what was sealed opens again, whatever the bytes and the tenant's name", (context) => {
  const cipher = openPayloadCipher(place(context));
  const tenants = ["acme", "a:b", "../../etc", "x\ny", "x\u0000", "__proto__", "ä", "a\u0308", "t".repeat(10_000), ""];
  let runs = 0;
  fc.assert(
    fc.property(fc.constantFrom(...tenants), fc.uint8Array({ maxLength: 2000 }), (tenant, bytes) => {
      const payload = cipher.seal(tenant, bytes);
      assert.deepEqual(new Uint8Array(cipher.open(payload) ?? [1, 2, 3]), bytes);
      assert.equal(payload.tenant, tenant);
      runs += 1;
    }),
    { seed: 16, numRuns: 300 },
  );
  assert.equal(runs, 300);
});

test("the digest is HMAC-SHA256 as Node computes it, whatever the length", () => {
  const keys = { id: "00".repeat(8), sealKey: randomBytes(32), digestKey: createSecretKey(randomBytes(32)) };
  const lengths = [0, 1, 55, 56, 63, 64, 65, 1000, 4096, 70_000];
  for (const length of lengths) {
    const bytes = randomBytes(length);
    assert.equal(digestOf(keys, bytes), createHmac("sha256", keys.digestKey).update(bytes).digest("hex"), String(length));
  }
  assert.throws(() => digestOf({ ...keys, digestKey: createSecretKey(randomBytes(64)) }, plain), /32 bytes/);
});

test("the digest is the tenant's own: same bytes, same tenant, same digest; another tenant, another one", (context) => {
  const cipher = openPayloadCipher(place(context));
  const one = cipher.seal("acme", plain);
  const again = cipher.seal("acme", plain);
  assert.match(one.digest, /^[0-9a-f]{64}$/);
  assert.equal(again.digest, one.digest);
  const nonces = Array.from({ length: 2000 }, () => Buffer.from(cipher.seal("acme", plain).sealed.subarray(9, 21)).toString("hex"));
  assert.equal(new Set(nonces).size, 2000, "a fresh nonce each time");
  assert.notEqual(cipher.seal("globex", plain).digest, one.digest);
  assert.equal(Buffer.from(one.sealed).includes("ch_1"), false);
});

test("a byte changed anywhere, cut off or added is an error and never an answer", (context) => {
  const cipher = openPayloadCipher(place(context));
  const payload = cipher.seal("acme", plain);
  const classes = {
    version: [0, 1],
    keyId: [1, 9],
    nonce: [9, 21],
    text: [21, 21 + plain.length],
    tag: [21 + plain.length, payload.sealed.length],
  } as const;
  let changed = 0;
  for (const [what, [from, to]] of Object.entries(classes)) {
    for (let at = from; at < to; at += 1) {
      for (const bit of [0x01, 0x80]) {
        const sealed = Uint8Array.from(payload.sealed, (byte, index) => (index === at ? byte ^ bit : byte));
        assert.throws(
          () => cipher.open({ ...payload, sealed }),
          unreadable(what === "keyId" ? "key_missing" : "tampered"),
          `${what} at ${at}`,
        );
        changed += 1;
      }
    }
  }
  assert.equal(changed, payload.sealed.length * 2);
  for (let length = 0; length < payload.sealed.length; length += 1) {
    assert.throws(() => cipher.open({ ...payload, sealed: payload.sealed.subarray(0, length) }), unreadable("tampered"));
  }
  assert.throws(() => cipher.open({ ...payload, sealed: Buffer.concat([payload.sealed, Buffer.of(0)]) }), unreadable("tampered"));
});

test("a payload does not open under another tenant's or another payload's name", (context) => {
  const cipher = openPayloadCipher(place(context));
  const ours = cipher.seal("acme", plain);
  const theirs = cipher.seal("globex", plain);
  const other = cipher.seal("acme", Buffer.from("{}"));
  const swapped: readonly Payload[] = [
    { ...ours, tenant: "globex" },
    { ...ours, tenant: "nobody" },
    { ...theirs, tenant: "acme" },
    { ...ours, digest: theirs.digest },
    { ...ours, digest: other.digest },
    { ...ours, digest: "" },
    { ...ours, sealed: theirs.sealed },
    { ...ours, sealed: other.sealed },
  ];
  for (const payload of swapped) assert.throws(() => cipher.open(payload), PayloadUnreadable);
  assert.equal(swapped.length, 8);
});

test("tenant, digest and key id are bound into the encryption itself, and not only by which key is looked up", () => {
  const keys = { id: "00".repeat(8), sealKey: randomBytes(32), digestKey: createSecretKey(randomBytes(32)) };
  const sealed = sealBytes(keys, "acme", "d1", plain);
  assert.deepEqual(openBytes(keys, "acme", "d1", sealed), plain);
  assert.equal(openBytes(keys, "globex", "d1", sealed), null);
  assert.equal(openBytes(keys, "acme", "d2", sealed), null);
  assert.equal(openBytes({ ...keys, id: "11".repeat(8) }, "acme", "d1", sealed), null);
});

test("everything opens after a restart", (context) => {
  const options = place(context);
  const payloads = ["acme", "globex", "x\ny"].map((tenant) => openPayloadCipher(options).seal(tenant, plain));
  const restarted = openPayloadCipher({ ...options, generate: false });
  for (const payload of payloads) assert.deepEqual(restarted.open(payload), plain);
  assert.equal(restarted.seal("acme", plain).digest, payloads[0]?.digest);
});

test("a destroyed key erases the tenant's payloads for good, and nobody else's", (context) => {
  const options = place(context);
  const cipher = openPayloadCipher(options);
  const erased = [cipher.seal("acme", plain), cipher.seal("acme", Buffer.alloc(0))];
  const kept = cipher.seal("globex", plain);
  assert.equal(cipher.destroy("acme"), true);
  assert.equal(cipher.destroy("acme"), false);
  assert.equal(cipher.destroy("nobody"), false);
  for (const each of [cipher, openPayloadCipher(options)]) {
    for (const payload of erased) assert.equal(each.open(payload), null);
    assert.deepEqual(each.open(kept), plain);
  }
  const fresh = cipher.seal("acme", plain);
  assert.notEqual(fresh.digest, erased[0]?.digest, "a new pair of keys");
  assert.deepEqual(openPayloadCipher(options).open(fresh), plain);
  cipher.destroy("acme");
  const twice = openPayloadCipher(options);
  for (const payload of [...erased, fresh]) assert.equal(twice.open(payload), null, "every earlier generation stays erased");
});

test("a destruction that a crash interrupted is finished at the next start", (context) => {
  const options = place(context);
  const cipher = openPayloadCipher(options);
  const payload = cipher.seal("acme", plain);
  const [keyFile = ""] = readdirSync(options.dir).filter((file) => file.endsWith(".key"));
  copyFileSync(join(options.dir, keyFile), join(options.dir, "saved"));
  cipher.destroy("acme");
  renameSync(join(options.dir, "saved"), join(options.dir, keyFile));
  assert.equal(openPayloadCipher(options).open(payload), null);
  assert.equal(
    readdirSync(options.dir).some((file) => file.endsWith(".key")),
    false,
  );
});

test("a key that is lost, not destroyed, does not read as erased", (context) => {
  const options = place(context);
  const payload = openPayloadCipher(options).seal("acme", plain);
  for (const file of readdirSync(options.dir)) rmSync(join(options.dir, file));
  const cipher = openPayloadCipher(options);
  assert.throws(() => cipher.open(payload), unreadable("key_missing"));
  cipher.seal("acme", plain);
  assert.throws(() => cipher.open(payload), unreadable("key_missing"));
});

test("of two processes that meet a tenant first, one makes the key and both use it", (context) => {
  const options = place(context);
  const ciphers = Array.from({ length: 5 }, () => openPayloadCipher(options));
  const payloads = ciphers.map((cipher) => cipher.seal("acme", plain));
  assert.equal(new Set(payloads.map((payload) => payload.digest)).size, 1);
  for (const cipher of ciphers) for (const payload of payloads) assert.deepEqual(cipher.open(payload), plain);
  assert.equal(readdirSync(options.dir).length, 1, "one key file, no drafts");
});

test("key files are private, and a changed, swapped or foreign one stops the start", (context) => {
  const options = place(context);
  const cipher = openPayloadCipher(options);
  cipher.seal("acme", plain);
  cipher.seal("globex", plain);
  const [one = "", other = ""] = readdirSync(options.dir).map((file) => join(options.dir, file));
  assert.equal(statSync(one).mode & 0o777, 0o600);
  assert.equal(statSync(options.keyFile).mode & 0o777, 0o600);
  const saved = readFileSync(one);
  const damages: readonly [string, () => void][] = [
    ["another tenant's file", () => copyFileSync(other, one)],
    [
      "a changed byte",
      () =>
        writeFileSync(
          one,
          saved.map((byte, index) => (index === 40 ? byte ^ 1 : byte)),
        ),
    ],
    [
      "a changed key id",
      () =>
        writeFileSync(
          one,
          saved.map((byte, index) => (index === 3 ? byte ^ 1 : byte)),
        ),
    ],
    ["a short file", () => writeFileSync(one, saved.subarray(0, 50))],
    ["a file open to others", () => chmodSync(one, 0o644)],
  ];
  for (const [what, damage] of damages) {
    damage();
    assert.throws(() => openPayloadCipher(options), SecretFileRefused, what);
    writeFileSync(one, saved);
  }
  assert.equal(damages.length, 5);
});

test("a master key that is missing, malformed, open to others or another one is refused", (context) => {
  const options = place(context);
  assert.throws(() => openPayloadCipher({ ...options, generate: false }), SecretFileRefused);
  const cipher = openPayloadCipher(options);
  cipher.seal("acme", plain);
  const saved = readFileSync(options.keyFile);
  const wrong = [
    "",
    "00".repeat(31),
    "00".repeat(33),
    "zz".repeat(32),
    "AB".repeat(32),
    `${"00".repeat(32)}\n\n`,
    "11".repeat(32),
    "x".repeat(200),
  ];
  for (const content of wrong) {
    writeFileSync(options.keyFile, content);
    assert.throws(() => openPayloadCipher(options), SecretFileRefused, content);
  }
  assert.equal(wrong.length, 8);
  writeFileSync(options.keyFile, saved);
  chmodSync(options.keyFile, 0o640);
  assert.throws(() => openPayloadCipher(options), SecretFileRefused);
  chmodSync(options.keyFile, 0o600);
  openPayloadCipher(options);
});

test("sealing stays cheap enough for every call", (context) => {
  const cipher = openPayloadCipher(place(context));
  const bytes = Buffer.alloc(1024, 7);
  cipher.seal("acme", bytes);
  const runs = 5000;
  const start = process.cpuUsage();
  for (let run = 0; run < runs; run += 1) cipher.seal("acme", bytes);
  const { user, system } = process.cpuUsage(start);
  const eachUs = (user + system) / runs;
  context.diagnostic(`seal of 1 KiB: ${eachUs.toFixed(1)} µs of CPU`);
  // Far above what it takes, so that only a change of kind (a disk access per call) fails here.
  assert.ok(eachUs < 500, `${eachUs} µs`);
});
