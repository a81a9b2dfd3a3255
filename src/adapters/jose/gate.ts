import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import type { JsonObject } from "../../rules/json.ts";
import { readJsonObject } from "../../rules/strict-json.ts";
import { type Algorithm, knownAlgorithms } from "./issuer.ts";

/** Longest token looked at, in characters (a JWT is ASCII). */
export const tokenLengthMax = 8 * 1024;
/** Longest key id taken, in UTF-16 units. */
const keyIdLengthMax = 256;

/** A token of good shape. Nothing in it is proved yet. */
export interface ShapedToken {
  readonly alg: Algorithm;
  readonly typ: string | null;
  /** Opaque: only ever compared. */
  readonly kid: string | null;
  readonly claims: JsonObject;
  /** The very bytes that were signed. */
  readonly input: Uint8Array;
  readonly signature: Uint8Array;
}

// `jwk`, `jku`, `x5c` and `x5u` would let the token bring its own key; `crit`, `b64`, `zip` and the JWE parameters change how it is to be
// read; `cty` announces a token inside the token. None of them is ever needed here (RFC 8725 sections 3.9 to 3.11).
const refusedHeaders = ["crit", "jwk", "jku", "x5u", "x5c", "b64", "zip", "cty", "enc", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c"];

/**
 * Looks at a token's shape before any key is touched: at most 8 KiB, three canonical unpadded base64url parts, header and payload strict JSON
 * objects (no key twice), an asymmetric algorithm, no header that brings a key or changes the reading.
 * Codes: ERR_TOKEN_MALFORMED, ERR_TOKEN_UNTRUSTED (algorithm).
 */
export function shapeOf(token: string): ShapedToken | Denial {
  if (typeof token !== "string" || token.length > tokenLengthMax) return malformed(`is not text of at most ${tokenLengthMax} characters`);
  const parts = token.split(".", 4);
  const [header, payload, signature] = parts.map(canonicalBytes);
  if (parts.length !== 3 || !header || !payload || !signature) return malformed("is not three parts of canonical base64url");
  const fields = readJsonObject(header);
  if (isDenial(fields)) return malformed("has a header that is not one strict JSON object");
  const claims = readJsonObject(payload);
  if (isDenial(claims)) return malformed("has a payload that is not one strict JSON object");
  const input = Buffer.from(token.slice(0, token.lastIndexOf(".")), "latin1");
  const shape = readHeader(fields);
  return isDenial(shape) ? shape : { ...shape, claims, input, signature };
}

// Buffer's decoder skips what it does not know, so only text that it writes back unchanged is canonical. That also refuses padding, the
// letters + and /, white space, and stray bits in the last letter, any of which would give one token many spellings.
function canonicalBytes(part: string): Uint8Array | null {
  if (part === "") return null;
  const bytes = Buffer.from(part, "base64url");
  return bytes.toString("base64url") === part ? bytes : null;
}

function readHeader(fields: JsonObject): Pick<ShapedToken, "alg" | "typ" | "kid"> | Denial {
  const refused = refusedHeaders.find((name) => Object.hasOwn(fields, name));
  if (refused !== undefined) return malformed(`carries the header parameter "${refused}"`);
  const own = (name: string) => (Object.hasOwn(fields, name) ? fields[name] : undefined);
  const [alg, typ = null, kid = null] = [own("alg"), own("typ"), own("kid")];
  if (!isAlgorithm(alg)) return deny("ERR_TOKEN_UNTRUSTED", "The token is not signed with an accepted asymmetric algorithm.");
  if (Object.hasOwn(fields, "typ") && (typeof typ !== "string" || typ === "")) return malformed('has a "typ" that is not a media type');
  if (Object.hasOwn(fields, "kid") && !isKeyId(kid))
    return malformed(`has a "kid" that is not a string of 1 to ${keyIdLengthMax} characters`);
  return { alg, typ: typ as string | null, kid: kid as string | null };
}

function isAlgorithm(value: unknown): value is Algorithm {
  return (knownAlgorithms as readonly unknown[]).includes(value);
}

function isKeyId(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= keyIdLengthMax;
}

function malformed(problem: string): Denial {
  return deny("ERR_TOKEN_MALFORMED", `The token ${problem}.`);
}
