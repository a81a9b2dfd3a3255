import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type Report, verifyLedger } from "../../src/edges/cli/ledger-verifier.ts";
import { keyIdOf, noteText, signedNote, verifierKeyText } from "../../src/rules/checkpoint-note.ts";
import type { JsonObject } from "../../src/rules/json.ts";
import { emptyHead, headAfter, type LedgerHead, type SealedEntry, sealEntries } from "../../src/rules/sealing.ts";

export const name = "gw.example/ledger";
export const folder = mkdtempSync(join(tmpdir(), "sallyport-verifier-"));
after(() => rmSync(folder, { recursive: true, force: true }));

export const ours = generateKeyPairSync("ed25519").privateKey;
export const foreign = generateKeyPairSync("ed25519").privateKey;
export const verifierKey = verifierKeyText(name, publicBytes(ours));

// One ledger for all tests, with what real entries hold: nested objects, numbers, text beyond ASCII.
export const entries = Array.from({ length: 10_000 }, (_, index) => entryOf(index, "a"));
export const rows = sealEntries(emptyHead, entries);
export const lines = linesOf(rows);
export const head = headAfter(emptyHead, rows);
export const checkpoint = noteFor(head);

export function entryOf(index: number, salt: string): JsonObject {
  const call = createHash("sha256").update(`${salt}${index}`).digest("hex").slice(0, 32);
  return {
    kind: "started",
    call: `c_${call}`,
    tenant: "acme_co",
    at_ms: 1_795_350_600_000 + index,
    amount: { minor: index, currency: "EUR" },
    reasons: [{ rule: "gate", message: "bis 100 €" }],
  };
}

export function publicBytes(key: KeyObject): Uint8Array {
  return Buffer.from(key.export({ format: "jwk" }).x ?? "", "base64url");
}

export function noteFor({ size, hash }: LedgerHead, key = ours, keyName = name, keyId = keyIdOf(keyName, publicBytes(key))): string {
  const text = noteText({ origin: name, size, hashHex: hash, extensions: [] });
  return signedNote({ text, signatures: [{ name: keyName, keyId, signature: sign(null, Buffer.from(text), key) }] });
}

export function linesOf(sealed: readonly SealedEntry[]): string[] {
  return sealed.map(({ seq, prev, hash, entry }) => JSON.stringify({ seq, prev, hash, entry }));
}

export function verifyLines(changed: Iterable<string>, note = checkpoint): Promise<Report> {
  return verifyLedger({ entries: changed, checkpoint: note, verifierKey });
}

export async function verifyBytes(bytes: Uint8Array, note = checkpoint): Promise<Report> {
  const path = join(folder, "export.jsonl");
  writeFileSync(path, bytes);
  return await verifyLedger({ entries: path, checkpoint: note, verifierKey });
}
