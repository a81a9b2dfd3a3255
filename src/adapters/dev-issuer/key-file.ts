import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { dirname } from "node:path";
import { createFile, makePrivateFolder, readSecretFile } from "../durable-file.ts";

/** A P-256 key pair of the development issuer. The private half never leaves this folder of the source. */
export interface DevKey {
  readonly privateKey: KeyObject;
  /** The public half as a JWK, with its id and algorithm. */
  readonly publicJwk: object;
  readonly kid: string;
}

const pemBytesMax = 4_096;

/**
 * Reads the key of a file, made first when there is none. The file is readable by its owner only and durable before this returns; of two
 * processes that start at once, both get the same key. Throws when the file is open to others, or holds no P-256 key.
 */
export function readOrMakeKey(path: string, kid: string): DevKey {
  const privateKey = readKey(path) ?? makeKey(path);
  const publicJwk = { ...createPublicKey(privateKey).export({ format: "jwk" }), kid, alg: "ES256", use: "sig" };
  return { privateKey, publicJwk, kid };
}

function makeKey(path: string): KeyObject {
  makePrivateFolder(dirname(path));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  createFile(path, privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
  // Read back rather than returned: another process may have been first, and then its key is the one.
  const key = readKey(path);
  if (key === null) throw new Error(`${path}: the key that was just written is gone`);
  return key;
}

function readKey(path: string): KeyObject | null {
  const pem = readSecretFile(path, pemBytesMax);
  return pem === null ? null : p256(Buffer.from(pem), path);
}

function p256(pem: Buffer, path: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyDetails?.namedCurve === "prime256v1") return key;
  } catch {
    // Told below, in the same words as a key of the wrong kind.
  }
  throw new Error(`${path}: not a P-256 private key in PEM; delete the file to have a new one made (all development tokens then end)`);
}
