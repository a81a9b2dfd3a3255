import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Checkpoint,
  compareWithHead,
  isKeyName,
  keyIdOf,
  noteText,
  readNote,
  readVerifierKey,
  signedNote,
  splitNote,
  verifierKeyText,
} from "../../src/rules/checkpoint-note.ts";
import { genesisHash } from "../../src/rules/sealing.ts";

// Published examples of the format: the note test key of Go's sumdb package, and the key of sum.golang.org.
const publishedNote =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const publishedKeys = [
  "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
  "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
];
const publishedCheckpoint =
  "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

const hashHex = "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62";
const text = "gw.example/ledger\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
const signature = `— gw.example/ledger ${Buffer.alloc(68, 7).toString("base64")}\n`;

test("published verifier keys read, and give back their own key id and text", () => {
  for (const published of publishedKeys) {
    const key = readVerifierKey(published);
    assert.ok(key);
    assert.equal(keyIdOf(key.name, key.publicKey), key.keyId);
    assert.equal(verifierKeyText(key.name, key.publicKey), published);
  }
});

test("a published note splits, and its signature is good over exactly the text", () => {
  const note = splitNote(publishedNote);
  const key = readVerifierKey(publishedKeys[0] ?? "");
  assert.ok(note && key && note.signatures[0]);
  assert.equal(note.signatures[0].keyId, key.keyId);
  const publicKey = createPublicKey({
    key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(key.publicKey).toString("base64url") },
    format: "jwk",
  });
  assert.equal(verify(null, Buffer.from(note.text), publicKey, note.signatures[0].signature), true);
  assert.equal(signedNote(note), publishedNote);
});

test("a published checkpoint reads, and is written again byte for byte", () => {
  const note = readNote(publishedCheckpoint);
  assert.deepEqual(note?.checkpoint, { origin: "example.com/behind-the-sofa", size: 20852163, hashHex, extensions: [] });
  assert.equal(noteText(note.checkpoint), note.text);
  assert.equal(signedNote(note), publishedCheckpoint);
});

test("what noteText writes is what readNote reads", () => {
  const line = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((each) => Array.from(each).every((char) => char >= " "));
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("hex"));
  const checkpoint: fc.Arbitrary<Checkpoint> = fc.record(
    { origin: line, size: fc.maxSafeNat(), hashHex: hash, extensions: fc.array(line, { maxLength: 3 }) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(checkpoint, (each) => assert.deepEqual(readNote(`${noteText(each)}\n${signature}`)?.checkpoint, each)),
    { seed: 16, numRuns: 300 },
  );
});

test("a note that is not exactly in the form is refused", () => {
  const good = `${text}\n${signature}`;
  assert.ok(readNote(good));
  const bad: Record<string, string> = {
    "nothing at all": "",
    "no signature": `${text}\n`,
    "no blank line": text + signature,
    "no final newline": good.slice(0, -1),
    "a second final newline": `${good}\n`,
    "carriage returns": good.replaceAll("\n", "\r\n"),
    "a tab in the origin": good.replace("gw.example/ledger\n", "gw.\texample\n"),
    "a lone surrogate": good.replace("gw.example/ledger\n", "\ud800\n"),
    "an empty origin": good.replace("gw.example/ledger\n", "\n"),
    "a byte-order mark before the size": good.replace("\n7\n", "\n\ufeff7\n"),
    "a size with a leading zero": good.replace("\n7\n", "\n07\n"),
    "a size with a sign": good.replace("\n7\n", "\n+7\n"),
    "a size with a space": good.replace("\n7\n", "\n7 \n"),
    "a size in hex": good.replace("\n7\n", "\n0x7\n"),
    "a size that is not whole": good.replace("\n7\n", "\n7.0\n"),
    "a size in other digits": good.replace("\n7\n", "\n٧\n"),
    "a size beyond 2^53": good.replace("\n7\n", "\n9007199254740992\n"),
    "a hash of 31 bytes": good.replace(/\nCsU.*\n/, `\n${Buffer.alloc(31).toString("base64")}\n`),
    "a hash of 33 bytes": good.replace(/\nCsU.*\n/, `\n${Buffer.alloc(33).toString("base64")}\n`),
    "a hash without padding": good.replace("q2I=\n", "q2I\n"),
    "a hash with stray bits": good.replace("q2I=\n", "q2J=\n"),
    "a hash in the URL alphabet": good.replace("m/X", "m_X"),
    "an empty extension line": good.replace("q2I=\n", "q2I=\n\nmore\n"),
    "no hash": good.replace(/CsU.*\n/, ""),
    "a hyphen for the dash": good.replace("—", "-"),
    "two spaces after the dash": good.replace("— ", "—  "),
    "a plus in the key's name": good.replace("— gw", "— g+w"),
    "a wide space in the key's name": good.replace("— gw", "— g\u3000w"),
    "a word after the signature": good.replace(/\n$/, " more\n"),
    "a signature without bytes": good.replace(signature, `— gw.example/ledger ${Buffer.alloc(4).toString("base64")}\n`),
    "a signature that is not base64": good.replace(signature, "— gw.example/ledger ####\n"),
    "text after the signatures": `${good}more\n`,
    "65 signatures": `${text}\n${signature.repeat(65)}`,
    "a note beyond 64 KiB": `${text}${"x".repeat(65_536)}\n\n${signature}`,
  };
  for (const [what, note] of Object.entries(bad)) {
    assert.notEqual(note, good, what);
    assert.equal(readNote(note), null, what);
  }
  assert.equal(Object.keys(bad).length, 34);
  assert.equal(readNote(`${text}\n${signature.repeat(16)}`)?.signatures.length, 16, "C2SP: at least 16 signatures are accepted");
});

test("a checkpoint that would not read back is not written", () => {
  const good: Checkpoint = { origin: "gw", size: 1, hashHex, extensions: [] };
  const bad: readonly Checkpoint[] = [
    { ...good, origin: "" },
    { ...good, origin: "gw\n9" },
    { ...good, size: -1 },
    { ...good, size: 1.5 },
    { ...good, size: 2 ** 53 },
    { ...good, hashHex: hashHex.toUpperCase() },
    { ...good, hashHex: "00" },
    { ...good, extensions: [""] },
    { ...good, extensions: ["a\nb"] },
  ];
  for (const each of bad) assert.throws(() => noteText(each), RangeError, JSON.stringify(each));
  assert.equal(bad.length, 9);
  assert.throws(() => signedNote({ text, signatures: [] }), RangeError);
});

test("a verifier key that is not exactly one is refused", () => {
  const good = publishedKeys[0] ?? "";
  const bad = [
    "",
    `${good}\n`,
    ` ${good}`,
    good.replace("c74f", "c74e"),
    good.replace("Peter", "Petra"),
    good.replace("+c74f20a3", ""),
    good.replace("ARpc", "Ahpc"),
    good.slice(0, -4),
    good.replace("Peter", "Pe ter"),
    good.replace("c74f20a3", "C74F20A3"),
  ];
  for (const each of bad) assert.equal(readVerifierKey(each), null, JSON.stringify(each));
  assert.equal(bad.length, 10);
  for (const name of ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\u0000", "\ud800"])
    assert.equal(isKeyName(name), false, JSON.stringify(name));
  assert.throws(() => verifierKeyText("gw", new Uint8Array(31)), RangeError);
});

test("a ledger that is shorter than its last checkpoint, or another one, is told apart from one that went on", () => {
  const last: Checkpoint = { origin: "gw", size: 5, hashHex, extensions: [] };
  const other = "b".repeat(64);
  const rows = [
    [null, 0, genesisHash, undefined, "equal"],
    [null, 3, other, undefined, "ahead"],
    [last, 5, hashHex, undefined, "equal"],
    [last, 5, other, undefined, "differs"],
    [last, 4, other, undefined, "behind"],
    [last, 0, genesisHash, undefined, "behind"],
    [last, 6, other, undefined, "ahead"],
    [last, 6, other, hashHex, "ahead"],
    [last, 6, hashHex, other, "differs"],
    [last, 6, other, null, "differs"],
  ] as const;
  for (const [from, size, hash, hashAtLast, standing] of rows) assert.equal(compareWithHead(from, { size, hash }, hashAtLast), standing);
  assert.equal(rows.length, 10);
});
