import { createCipheriv, createDecipheriv, createSecretKey, hash, type KeyObject, randomFillSync } from "node:crypto";

/** A tenant's two keys and the public name of the pair. */
export interface TenantKeys {
  /** 16 hex digits, never reused. */
  readonly id: string;
  /** 32 bytes; the keys that encrypt are derived from it, one per digest. */
  readonly sealKey: Uint8Array;
  /** 32 bytes; keys the digest. */
  readonly digestKey: KeyObject;
}

// Sealed bytes: version (1), key id (8), nonce (12), ciphertext, tag (16).
const version = 1;
const headBytes = 9;
const nonceBytes = 12;
const tagBytes = 16;

/** HMAC-SHA256 (hex) of the plain bytes under the tenant's key. */
export function digestOf({ digestKey }: TenantKeys, plain: Uint8Array): string {
  const { inner, outer } = padsOf(digestKey);
  return hash("sha256", Buffer.concat([outer, hash("sha256", Buffer.concat([inner, plain]), "buffer")]), "hex");
}

interface Pads {
  readonly inner: Uint8Array;
  readonly outer: Uint8Array;
}

// HMAC is two hashes (RFC 2104), and two hashes in one go each leave nothing behind, where Node's Hmac is an object that outlives the call. A key of 32 bytes is
// padded with zeros to the block of 64.
const blockBytes = 64;
const padsOfKeys = new WeakMap<KeyObject, Pads>();

function padsOf(key: KeyObject): Pads {
  const known = padsOfKeys.get(key);
  if (known !== undefined) return known;
  const block = Buffer.alloc(blockBytes);
  if (key.export().copy(block) > blockBytes / 2) throw new RangeError("a digest key has 32 bytes");
  const pads = { inner: block.map((byte) => byte ^ 0x36), outer: block.map((byte) => byte ^ 0x5c) };
  padsOfKeys.set(key, pads);
  return pads;
}

/** Encrypts; the answer says by itself which key it needs. */
export function sealBytes(keys: TenantKeys, tenant: string, digest: string, plain: Uint8Array): Uint8Array {
  const head = Buffer.allocUnsafe(headBytes + nonceBytes);
  head[0] = version;
  head.write(keys.id, 1, "hex");
  takeNonce().copy(head, headBytes);
  const cipher = createCipheriv("aes-256-gcm", payloadKey(keys, digest), head.subarray(headBytes), { authTagLength: tagBytes });
  cipher.setAAD(boundTo(keys.id, tenant, digest));
  const body = cipher.update(plain);
  // GCM has no last block: what `final` answers is empty.
  cipher.final();
  // Memory of its own: Buffer's is cut from a pool, and who hands the bytes to another thread would hand the whole pool over.
  const sealed = new Uint8Array(head.length + body.length + tagBytes);
  sealed.set(head);
  sealed.set(body, head.length);
  sealed.set(cipher.getAuthTag(), head.length + body.length);
  return sealed;
}

/** The id of the key that sealed these bytes, or null when they cannot be sealed bytes at all. */
export function keyIdIn(sealed: Uint8Array): string | null {
  if (sealed.length < headBytes + nonceBytes + tagBytes || sealed[0] !== version) return null;
  return Buffer.from(sealed.subarray(1, headBytes)).toString("hex");
}

/** Decrypts, or answers null when bytes, tenant or digest are not those that were sealed. */
export function openBytes(keys: TenantKeys, tenant: string, digest: string, sealed: Uint8Array): Uint8Array | null {
  const nonce = sealed.subarray(headBytes, headBytes + nonceBytes);
  const decipher = createDecipheriv("aes-256-gcm", payloadKey(keys, digest), nonce, { authTagLength: tagBytes });
  decipher.setAAD(boundTo(keys.id, tenant, digest));
  decipher.setAuthTag(sealed.subarray(-tagBytes));
  const plain = decipher.update(sealed.subarray(headBytes + nonceBytes, -tagBytes));
  try {
    return Buffer.concat([plain, decipher.final()]);
  } catch {
    return null;
  }
}

// Random 96-bit nonces bound one AES-GCM key to 2^32 messages (NIST SP 800-38D section 8.3), five days at 10,000 calls per second. A key per digest has no
// such end: a nonce can only meet itself under the same plain bytes, where it tells nobody anything.
// One-step derivation (NIST SP 800-56C): label, key and digest have fixed lengths, so that a plain hash is enough.
function payloadKey(keys: TenantKeys, digest: string): KeyObject {
  return createSecretKey(hash("sha256", Buffer.concat([derivation, keys.sealKey, Buffer.from(digest)]), "buffer"));
}

const derivation = Buffer.from("sallyport payload key v1\n");

// Asking the system for twelve bytes costs 2.5 µs, for four thousand hardly more. Each slice is handed out once.
const noncePool = Buffer.alloc(nonceBytes * 340);
let nonceAt = noncePool.length;

function takeNonce(): Buffer {
  if (nonceAt === noncePool.length) {
    randomFillSync(noncePool);
    nonceAt = 0;
  }
  nonceAt += nonceBytes;
  return noncePool.subarray(nonceAt - nonceBytes, nonceAt);
}

// Key id and digest have a fixed length and no newline, and the tenant comes last, so no two bindings share their bytes.
function boundTo(keyId: string, tenant: string, digest: string): Uint8Array {
  return Buffer.from(`sallyport payload v1\n${keyId}\n${digest}\n${tenant}`);
}
