import { createHash } from "node:crypto";
import type { LedgerHead } from "./sealing.ts";

/** What a checkpoint says: this log, at this size, ends in this hash. */
export interface Checkpoint {
  /** Identifies the log. One line of text. */
  readonly origin: string;
  /** Number of entries covered. */
  readonly size: number;
  /** Hash of entry `size`, 64 lower-case hex digits. Ours is the head of a hash chain, not the root of a Merkle tree. */
  readonly hashHex: string;
  /** Further lines, signed but not interpreted. */
  readonly extensions: readonly string[];
}

export interface NoteSignature {
  /** Name of the key. */
  readonly name: string;
  /** Eight lower-case hex digits. */
  readonly keyId: string;
  readonly signature: Uint8Array;
}

/** A signed note taken apart. Nothing in it is trusted until a signature over `text` was verified with a known key. */
export interface SignedNote {
  /** What is signed, with its final newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** An Ed25519 key that others verify with. */
export interface VerifierKey {
  readonly name: string;
  /** Eight lower-case hex digits. */
  readonly keyId: string;
  /** 32 bytes, RFC 8032. */
  readonly publicKey: Uint8Array;
}

const noteCharsMax = 65_536;
const signaturesMax = 64;
const ed25519 = 0x01;

/** Whether a text may name a key: C2SP signed-note allows neither spaces nor plus; control characters are not allowed anywhere. */
export function isKeyName(name: string): boolean {
  return name !== "" && name.isWellFormed() && !/[\s+]/u.test(name) && !hasControls(name);
}

/** The text that gets signed (C2SP tlog-checkpoint): origin, size, base64 of the hash, extensions. Throws on what would not read back. */
export function noteText(checkpoint: Checkpoint): string {
  const { origin, size, hashHex, extensions } = checkpoint;
  const lines = [origin, String(size), toBase64(fromHex(hashHex)), ...extensions];
  const text = `${lines.join("\n")}\n`;
  if (readText(text)?.extensions.length !== extensions.length) throw new RangeError(`not a checkpoint: ${JSON.stringify(checkpoint)}`);
  return text;
}

/** Text and signature lines put together. Throws when there is no signature or one of them cannot be written. */
export function signedNote(note: SignedNote): string {
  const lines = note.signatures.map((each) => `— ${each.name} ${toBase64(Uint8Array.of(...fromHex(each.keyId), ...each.signature))}\n`);
  const whole = `${note.text}\n${lines.join("")}`;
  if (splitNote(whole)?.text !== note.text) throw new RangeError("not a note that can be signed");
  return whole;
}

/** Takes any C2SP signed note apart, or null when it is not exactly one. The text ends at the last empty line. */
export function splitNote(note: string): SignedNote | null {
  if (note.length > noteCharsMax || !note.isWellFormed() || hasControls(note) || !note.endsWith("\n")) return null;
  const cut = note.lastIndexOf("\n\n");
  if (cut < 1) return null;
  const lines = note.slice(cut + 2, -1).split("\n");
  if (lines.length > signaturesMax) return null;
  const signatures: NoteSignature[] = [];
  for (const line of lines) {
    const signature = readSignature(line);
    if (signature === null) return null;
    signatures.push(signature);
  }
  return { text: note.slice(0, cut + 1), signatures };
}

/** Reads a signed checkpoint strictly, or answers null. Whether a signature is good is for the caller to find out. */
export function readNote(note: string): (SignedNote & { readonly checkpoint: Checkpoint }) | null {
  const split = splitNote(note);
  const checkpoint = split === null ? null : readText(split.text);
  return split === null || checkpoint === null ? null : { ...split, checkpoint };
}

/** The first four bytes, in hex, of SHA-256 over name, newline, signature type and public key (C2SP signed-note). */
export function keyIdOf(name: string, publicKey: Uint8Array): string {
  return createHash("sha256")
    .update(`${name}\n`)
    .update(Uint8Array.of(ed25519, ...publicKey))
    .digest("hex")
    .slice(0, 8);
}

/** The form in which a key is handed to others: `name+keyid+base64(0x01 || public key)`. Throws unless the key has 32 bytes. */
export function verifierKeyText(name: string, publicKey: Uint8Array): string {
  if (!isKeyName(name) || publicKey.length !== 32) throw new RangeError(`not a key: ${name}`);
  return `${name}+${keyIdOf(name, publicKey)}+${toBase64(Uint8Array.of(ed25519, ...publicKey))}`;
}

/** Reads that form, or answers null: also when the key id is not that of name and key. */
export function readVerifierKey(text: string): VerifierKey | null {
  const parts = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]{44})$/u.exec(text);
  const [name = "", keyId = "", encoded = ""] = parts?.slice(1) ?? [];
  const bytes = fromBase64(encoded);
  if (bytes === null || bytes.length !== 33 || bytes[0] !== ed25519 || !isKeyName(name)) return null;
  const publicKey = bytes.subarray(1);
  return keyIdOf(name, publicKey) === keyId ? { name, keyId, publicKey } : null;
}

/** How a ledger stands to the last checkpoint that left the house. Only `equal` and `ahead` let effects go on. */
export type HeadStanding = "equal" | "ahead" | "behind" | "differs";

/**
 * Compares a ledger's head with the last checkpoint. `behind`: entries that were signed for are gone. `differs`: they are others than those signed for.
 * Without `hashAtLast` (the ledger's own hash at the checkpoint's size) a longer ledger that forked before the checkpoint still counts as `ahead`.
 */
export function compareWithHead(last: Checkpoint | null, head: LedgerHead, hashAtLast?: string | null): HeadStanding {
  if (last === null) return head.size === 0 ? "equal" : "ahead";
  if (head.size < last.size) return "behind";
  if (head.size === last.size) return head.hash === last.hashHex ? "equal" : "differs";
  return hashAtLast === undefined || last.size === 0 || hashAtLast === last.hashHex ? "ahead" : "differs";
}

function readText(text: string): Checkpoint | null {
  const lines = text.slice(0, -1).split("\n");
  const [origin = "", size = "", hash = "", ...extensions] = lines;
  const bytes = fromBase64(hash);
  if (!text.endsWith("\n") || hasControls(text) || !text.isWellFormed() || lines.includes("") || bytes?.length !== 32) return null;
  if (!/^(0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) return null;
  return { origin, size: Number(size), hashHex: toHex(bytes), extensions };
}

function readSignature(line: string): NoteSignature | null {
  const [dash, name = "", encoded = "", ...rest] = line.split(" ");
  const bytes = fromBase64(encoded);
  if (dash !== "—" || !isKeyName(name) || rest.length > 0 || bytes === null || bytes.length < 5) return null;
  return { name, keyId: toHex(bytes.subarray(0, 4)), signature: bytes.subarray(4) };
}

/** ASCII control characters other than newline: C2SP forbids them in a note. */
function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code < 0x20 && code !== 0x0a) return true;
  }
  return false;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

// Only the one canonical spelling counts: `atob` alone would also take missing padding, stray bits and spaces.
function fromBase64(text: string): Uint8Array | null {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return null;
  const binary = atob(text);
  return btoa(binary) === text ? Uint8Array.from(binary, (char) => char.charCodeAt(0)) : null;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function fromHex(hex: string): Uint8Array {
  if (!/^([0-9a-f]{2})+$/.test(hex)) throw new RangeError(`not lower-case hex: ${hex}`);
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
