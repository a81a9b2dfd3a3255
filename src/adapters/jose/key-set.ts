import { createHash, KeyObject } from "node:crypto";
import { type CryptoKey, importJWK, type JWK } from "jose";
import { isJsonObject, type JsonObject } from "../../rules/json.ts";
import type { Algorithm } from "./issuer.ts";
import { isRocaModulus } from "./roca.ts";

/** Most keys read from one set; a longer set is refused whole. */
export const keysMax = 100;
/** Most keys tried for one token: several fit only where an issuer publishes keys without ids. */
const candidatesMax = 4;

/** One public key, ready to verify. */
export interface VerifyingKey {
  readonly kid: string | null;
  /** Names this very key: SHA-256 over its id, algorithm and public members. */
  readonly print: string;
  readonly byAlgorithm: ReadonlyMap<Algorithm, KeyObject>;
}

export interface KeySet {
  readonly keys: readonly VerifyingKey[];
  readonly prints: ReadonlySet<string>;
  /** One sentence for each key that was left out. */
  readonly refused: readonly string[];
}

interface KeyKind {
  readonly kty: string;
  readonly crv?: string;
  /** Bytes of each coordinate. */
  readonly size?: number;
}

const rsa: KeyKind = { kty: "RSA" };
const ed25519: KeyKind = { kty: "OKP", crv: "Ed25519", size: 32 };

// The one kind of key that each algorithm may use: this table, not the token, ties a key to an algorithm.
const kindOf: Readonly<Record<Algorithm, KeyKind>> = {
  ES256: { kty: "EC", crv: "P-256", size: 32 },
  ES384: { kty: "EC", crv: "P-384", size: 48 },
  ES512: { kty: "EC", crv: "P-521", size: 66 },
  RS256: rsa,
  RS384: rsa,
  RS512: rsa,
  PS256: rsa,
  PS384: rsa,
  PS512: rsa,
  EdDSA: ed25519,
  Ed25519: ed25519,
};

/**
 * Imports a JWK set for an issuer's algorithms. Keys that cannot be used, or are weak, are left out and told in `refused`; keys for other uses
 * are left out silently. Throws when the document is not a JWK set or has more than 100 keys.
 */
export async function importKeySet(document: unknown, algorithms: readonly Algorithm[]): Promise<KeySet> {
  const listed = isJsonObject(document) ? document["keys"] : undefined;
  if (!Array.isArray(listed)) throw new Error("not a JWK set: no list `keys`");
  if (listed.length > keysMax) throw new Error(`more than ${keysMax} keys`);
  const keys: VerifyingKey[] = [];
  const refused: string[] = [];
  for (const [at, jwk] of listed.entries()) {
    const result = await importKey(jwk, algorithms);
    if (typeof result === "string") refused.push(`key ${at + 1}: ${result}`);
    else if (result !== null) keys.push(result);
  }
  return { keys, prints: new Set(keys.map((key) => key.print)), refused };
}

/** Why keys of a set given in the configuration may not be used, one sentence each; empty when all are good and there is at least one. */
export function weakKeys(document: unknown): readonly string[] {
  const listed = isJsonObject(document) ? document["keys"] : undefined;
  if (!Array.isArray(listed) || listed.length === 0) return ["not a JWK set with keys"];
  return listed.flatMap((jwk, at) => {
    const weakness = isJsonObject(jwk) ? weaknessOf(jwk) : "not an object";
    return weakness === null ? [] : [`key ${at + 1}: ${weakness}`];
  });
}

/** The keys that may have signed a token with this algorithm and key id: those of that id, or without a kid all of the kind; at most four. */
export function candidates(set: KeySet, alg: Algorithm, kid: string | null): readonly VerifyingKey[] {
  return set.keys.filter((key) => (kid === null || key.kid === kid) && key.byAlgorithm.has(alg)).slice(0, candidatesMax);
}

async function importKey(jwk: unknown, algorithms: readonly Algorithm[]): Promise<VerifyingKey | string | null> {
  if (!isJsonObject(jwk)) return "not an object";
  const weakness = weaknessOf(jwk);
  if (weakness !== null) return weakness;
  if (!isForVerifying(jwk)) return null;
  const usable = algorithms.filter((name) => fits(jwk, name));
  if (usable.length === 0) return null;
  const kid = typeof jwk["kid"] === "string" ? jwk["kid"] : null;
  const material = publicMembers(jwk);
  try {
    const imported = await Promise.all(usable.map(async (name) => [name, await keyFor(material, name)] as const));
    return { kid, print: printOf(jwk), byAlgorithm: new Map(imported) };
  } catch {
    return "cannot be imported";
  }
}

async function keyFor(material: JWK, name: Algorithm): Promise<KeyObject> {
  return KeyObject.from((await importJWK(material, name)) as CryptoKey);
}

function isForVerifying(jwk: JsonObject): boolean {
  const { use, key_ops: operations } = jwk as { use?: unknown; key_ops?: unknown };
  if (use !== undefined && use !== "sig") return false;
  return operations === undefined || (Array.isArray(operations) && operations.includes("verify"));
}

function fits(jwk: JsonObject, name: Algorithm): boolean {
  const kind = kindOf[name];
  if (jwk["kty"] !== kind.kty || (kind.crv !== undefined && jwk["crv"] !== kind.crv)) return false;
  return jwk["alg"] === undefined || jwk["alg"] === name;
}

// Only these reach the importer: whatever else a JWK carries (x5c, oth, ext) has no say.
function publicMembers(jwk: JsonObject): JWK {
  const members = ["kty", "crv", "x", "y", "n", "e"].filter((name) => Object.hasOwn(jwk, name));
  return Object.fromEntries(members.map((name) => [name, jwk[name]]));
}

function printOf(jwk: JsonObject): string {
  const facts = ["kid", "alg", "kty", "crv", "x", "y", "n", "e"].map((name) => jwk[name] ?? null);
  return createHash("sha256").update(JSON.stringify(facts)).digest("base64url");
}

// A private or shared key in a published set is no secret any more, so nothing it signs proves anything.
function weaknessOf(jwk: JsonObject): string | null {
  if (jwk["kty"] === "oct" || Object.hasOwn(jwk, "k")) return "a shared secret in a published set";
  if (Object.hasOwn(jwk, "d") || Object.hasOwn(jwk, "priv")) return "a private key in a published set";
  if (Object.hasOwn(jwk, "kid") && typeof jwk["kid"] !== "string") return "`kid` is not a string";
  if (jwk["kty"] === "RSA") return rsaWeakness(jwk);
  const size = Object.values(kindOf).find((kind) => kind.kty === jwk["kty"] && kind.crv === jwk["crv"])?.size;
  if (size === undefined) return null;
  const coordinates = jwk["kty"] === "EC" ? [jwk["x"], jwk["y"]] : [jwk["x"]];
  return coordinates.every((value) => bytesOf(value)?.length === size) ? null : "a coordinate is not canonical or has the wrong length";
}

function rsaWeakness(jwk: JsonObject): string | null {
  const [modulus, exponent] = [bytesOf(jwk["n"]), bytesOf(jwk["e"])];
  if (!modulus || !exponent || modulus[0] === 0 || exponent[0] === 0) return "`n` or `e` is not a canonical number";
  const bits = modulus.length * 8 - Math.clz32(modulus[0] as number) + 24;
  if (bits < 2048) return `an RSA key of ${bits} bits (at least 2048 are needed)`;
  if (bits > 8192) return `an RSA key of ${bits} bits (at most 8192 are taken)`;
  const e = exponent.length > 4 ? 0 : exponent.reduce((sum, byte) => sum * 256 + byte, 0);
  if (e < 65_537 || e % 2 === 0) return "an RSA exponent that is not odd, from 65537 to 2^32";
  if ((modulus.at(-1) as number) % 2 === 0) return "an even RSA modulus";
  return isRocaModulus(modulus) ? "an RSA key of the weak generator known as ROCA (CVE-2017-15361)" : null;
}

function bytesOf(value: unknown): Uint8Array | null {
  if (typeof value !== "string" || value === "") return null;
  const bytes = Buffer.from(value, "base64url");
  return bytes.toString("base64url") === value ? bytes : null;
}
