import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { dirname } from "node:path";
import { createFile, makePrivateFolder, readSecretFile, SecretFileRefused } from "../durable-file.ts";

/** The Ed25519 key that signs run tokens. */
export interface RunKey {
  readonly privateKey: KeyObject;
  /** The public half as a JWK, with its id and algorithm. */
  readonly publicJwk: object;
  /** Its RFC 7638 thumbprint (SHA-256, base64url): names this key and no other. */
  readonly thumbprint: string;
}

const pemBytesMax = 4_096;

/**
 * Reads the key of a file (PEM, PKCS #8), made first when there is none: losing it costs no more than the run tokens of the last hour, so nobody has to make
 * it by hand. It is for its owner only and durable before this returns; of two processes that start at once, both get the same. Throws `SecretFileRefused`
 * when the file is open to others or holds another kind of key.
 */
export function readOrMakeRunKey(file: string): RunKey {
  const privateKey = readKey(file) ?? makeKey(file);
  const { x } = createPublicKey(privateKey).export({ format: "jwk" });
  const thumbprint = createHash("sha256")
    .update(JSON.stringify({ crv: "Ed25519", kty: "OKP", x }))
    .digest("base64url");
  return { privateKey, thumbprint, publicJwk: { kty: "OKP", crv: "Ed25519", x, kid: thumbprint, alg: "EdDSA", use: "sig" } };
}

function makeKey(file: string): KeyObject {
  makePrivateFolder(dirname(file));
  const { privateKey } = generateKeyPairSync("ed25519");
  createFile(file, privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
  // Read back rather than returned: another process may have been first, and then its key is the one.
  const key = readKey(file);
  if (key === null) throw new SecretFileRefused(`${file}: the key that was just written is gone`);
  return key;
}

function readKey(file: string): KeyObject | null {
  const pem = readSecretFile(file, pemBytesMax);
  if (pem === null) return null;
  const key = parsePem(pem);
  if (key?.asymmetricKeyType === "ed25519") return key;
  throw new SecretFileRefused(
    `${file} must hold an Ed25519 private key in PEM form; delete it to have a new one made (all run tokens then end)`,
  );
}

function parsePem(pem: Uint8Array): KeyObject | null {
  try {
    return createPrivateKey({ key: Buffer.from(pem), format: "pem" });
  } catch {
    return null; // The cause may quote key material; the caller says what is wrong with the file.
  }
}
