import { constants, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { IssuerConfig } from "../../../src/adapters/jose/issuer.ts";

/** Friday, 27 November 2026, 11:30 UTC. */
export const nowMs = 1_795_779_000_000;
export const nowS = nowMs / 1000;
export const issuerUrl = "https://id.example.com/agents";
export const audience = "sallyport";

export interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export const ec = (namedCurve = "P-256"): Pair => generateKeyPairSync("ec", { namedCurve });
export const rsa = (modulusLength = 2048, publicExponent = 65_537): Pair => generateKeyPairSync("rsa", { modulusLength, publicExponent });
export const ed = (): Pair => generateKeyPairSync("ed25519");

export const keys = { ES256: ec(), ES384: ec("P-384"), ES512: ec("P-521"), RSA: rsa(), Ed25519: ed() };
export const stranger = { ES256: ec(), RSA: rsa(), Ed25519: ed() };

export const jwk = (pair: Pair, more: object = {}): object => ({ ...pair.publicKey.export({ format: "jwk" }), ...more });

/** The issuer's published keys; the RSA key has no `alg`, so that RS and PS tokens use the same one. */
export const jwks = {
  keys: [
    jwk(keys.ES256, { kid: "es256", alg: "ES256", use: "sig" }),
    jwk(keys.ES384, { kid: "es384" }),
    jwk(keys.ES512, { kid: "es512" }),
    jwk(keys.RSA, { kid: "rsa", use: "sig" }),
    jwk(keys.Ed25519, { kid: "ed" }),
  ],
};

export const issuer: IssuerConfig = { issuer: issuerUrl, audience, jwks: { keys: jwks } };

export const base64url = (value: string | Uint8Array): string => Buffer.from(value).toString("base64url");

export const goodHeader = { alg: "ES256", typ: "at+jwt", kid: "es256" };
export const goodClaims = {
  iss: issuerUrl,
  aud: audience,
  sub: "billing-dispute-v3",
  tenant: "acme_co",
  iat: nowS - 10,
  exp: nowS + 300,
};

const hashOf = (alg: string): string | null => (alg.startsWith("Ed") ? null : `sha${alg.slice(-3)}`);

/** Signs as an algorithm says, with any key: what a careless or hostile signer could make. */
export function signatureOf(alg: string, key: KeyObject, input: string): string {
  const options = alg.startsWith("PS")
    ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
    : { key, dsaEncoding: "ieee-p1363" as const };
  return base64url(sign(hashOf(alg), Buffer.from(input), options));
}

export interface Parts {
  /** An object, or the very text of the header. */
  readonly header?: object | string;
  readonly claims?: object | string;
  readonly key?: KeyObject;
  /** The algorithm that really signs; default ES256. */
  readonly signAs?: string;
}

const textOf = (value: object | string): string => (typeof value === "string" ? value : JSON.stringify(value));

/** A token; without parts, a good one. */
export function forge({ header = goodHeader, claims = goodClaims, key = keys.ES256.privateKey, signAs = "ES256" }: Parts = {}): string {
  const input = `${base64url(textOf(header))}.${base64url(textOf(claims))}`;
  return `${input}.${signatureOf(signAs, key, input)}`;
}

/** A good token but for some claims; `undefined` leaves a claim out. */
export const withClaims = (changes: object): string => forge({ claims: { ...goodClaims, ...changes } });
/** A good token but for some header parameters; `undefined` leaves one out. */
export const withHeader = (changes: object): string => forge({ header: { ...goodHeader, ...changes } });
