import { constants, type KeyObject, verify } from "node:crypto";
import type { Algorithm } from "./issuer.ts";

interface Scheme {
  /** Node's name of the hash; null where the algorithm has its own. */
  readonly hash: string | null;
  readonly padding?: number;
  readonly saltLength?: number;
  /** Bytes of a signature, where the algorithm says: both halves of an ECDSA signature at full length, never ASN.1. */
  readonly bytes?: number;
  /** Verified in the thread pool: the large curves take most of a millisecond, which would stop every other call. */
  readonly pooled?: true;
}

const rs = (hash: string): Scheme => ({ hash, padding: constants.RSA_PKCS1_PADDING });
const ps = (hash: string): Scheme => ({ hash, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST });
const eddsa: Scheme = { hash: null, bytes: 64 };

// The whole of what an algorithm's name means; nothing of a token adds to it (RFC 7518 section 3, RFC 8037 section 3.1, RFC 9864).
const schemes: Readonly<Record<Algorithm, Scheme>> = {
  ES256: { hash: "sha256", bytes: 64 },
  ES384: { hash: "sha384", bytes: 96, pooled: true },
  ES512: { hash: "sha512", bytes: 132, pooled: true },
  RS256: rs("sha256"),
  RS384: rs("sha384"),
  RS512: rs("sha512"),
  PS256: ps("sha256"),
  PS384: ps("sha384"),
  PS512: ps("sha512"),
  EdDSA: eddsa,
  Ed25519: eddsa,
};

/**
 * Whether a signature over `input` is this key's. The key must be of the algorithm's kind, which is the key set's business. Never rejects: what the library
 * cannot read is no signature. P-256, RSA and Ed25519 are verified at once, about 0.03 to 0.12 ms; the rest waits for the thread pool.
 */
export async function verifySignature(alg: Algorithm, key: KeyObject, input: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const { hash, padding, saltLength, bytes, pooled } = schemes[alg];
  if (bytes !== undefined && signature.length !== bytes) return false;
  const options = {
    key,
    dsaEncoding: "ieee-p1363" as const,
    ...(padding === undefined ? {} : { padding }),
    ...(saltLength === undefined ? {} : { saltLength }),
  };
  if (pooled === true)
    return new Promise((resolve) => verify(hash, input, options, signature, (error, good) => resolve(error === null && good)));
  try {
    return verify(hash, input, options, signature);
  } catch {
    return false;
  }
}
