import { createHmac } from "node:crypto";
import { inspect } from "node:util";
import type { Code } from "../../../src/rules/codes.ts";
import {
  audience,
  base64url,
  forge,
  goodClaims,
  goodHeader,
  issuerUrl,
  jwk,
  keys,
  nowS,
  type Parts,
  signatureOf,
  stranger,
  withClaims,
  withHeader,
} from "./forge.ts";

/** What is wrong with the token, the code that refuses it, and the token. */
export type RefusedRow = readonly [title: string, code: Code, token: string];

const malformed = "ERR_TOKEN_MALFORMED";
const untrusted = "ERR_TOKEN_UNTRUSTED";
const unfit = "ERR_TOKEN_CLAIMS";
const expired = "ERR_TOKEN_EXPIRED";

const good = forge();
const [h, p, s] = good.split(".") as [string, string, string];
const spki = keys.RSA.publicKey.export({ format: "pem", type: "spki" }).toString();
const unsigned = (header: object) => `${base64url(JSON.stringify(header))}.${p}`;

const algorithmRows: RefusedRow[] = [
  ...["none", "None", "NONE", "nOnE", "none ", "\u0000none"].flatMap((alg): RefusedRow[] => [
    [`alg ${JSON.stringify(alg)} without a signature`, malformed, `${unsigned({ ...goodHeader, alg })}.`],
    [`alg ${JSON.stringify(alg)} with a foreign signature`, untrusted, `${unsigned({ ...goodHeader, alg })}.${s}`],
  ]),
  ...["HS256", "HS384", "HS512"].map((alg): RefusedRow => [`${alg} keyed with the public key`, untrusted, hmacToken(alg, spki)]),
  ...["", "\n"].map((key): RefusedRow => [`HS256 keyed with ${JSON.stringify(key)}`, untrusted, hmacToken("HS256", key)]),
  ["HS256 keyed with the public JWK", untrusted, hmacToken("HS256", JSON.stringify(jwk(keys.ES256)))],
  ...["ES256K", "RS1", "RSA-OAEP", "dir", "es256", "ES256 ", "A256GCM", "ML-DSA-65", "__proto__", "constructor"].map(
    (alg): RefusedRow => [`alg ${alg}`, untrusted, withHeader({ alg })],
  ),
  ...[undefined, null, "", 7, ["ES256"], { alg: "ES256" }].map(
    (alg): RefusedRow => [`alg ${JSON.stringify(alg)} is no algorithm`, untrusted, withHeader({ alg })],
  ),
  ["an algorithm that the issuer does not use", untrusted, signedAs("ES384", "es384", keys.ES384.privateKey)],
  ["RS256 under the EC key's id", untrusted, signedAs("RS256", "es256", keys.RSA.privateKey)],
  ["ES256 under the RSA key's id", untrusted, signedAs("ES256", "rsa", keys.ES256.privateKey)],
  [
    "PS256 in the header, RS256 in the signature",
    untrusted,
    forge({ header: { ...goodHeader, alg: "PS256", kid: "rsa" }, key: keys.RSA.privateKey, signAs: "RS256" }),
  ],
  [
    "RS256 in the header, PS256 in the signature",
    untrusted,
    forge({ header: { ...goodHeader, alg: "RS256", kid: "rsa" }, key: keys.RSA.privateKey, signAs: "PS256" }),
  ],
  ["EdDSA under the EC key's id", untrusted, signedAs("EdDSA", "es256", keys.Ed25519.privateKey)],
];

const signatureRows: RefusedRow[] = [
  ["no signature", malformed, `${h}.${p}.`],
  ["no signature and no dot", malformed, `${h}.${p}`],
  ["a swapped payload", untrusted, `${h}.${base64url(JSON.stringify({ ...goodClaims, tenant: "other" }))}.${s}`],
  ["a swapped header", untrusted, `${base64url(JSON.stringify({ ...goodHeader, extra: 1 }))}.${p}.${s}`],
  ["another key under the same id", untrusted, forge({ key: stranger.ES256.privateKey })],
  ["another RSA key under the same id", untrusted, signedAs("RS256", "rsa", stranger.RSA.privateKey)],
  ["another Ed25519 key under the same id", untrusted, signedAs("EdDSA", "ed", stranger.Ed25519.privateKey)],
  ["another key and no id", untrusted, forge({ header: { alg: "ES256", typ: "JWT" }, key: stranger.ES256.privateKey })],
  ["a signature of zeros (CVE-2022-21449)", untrusted, `${h}.${p}.${base64url(new Uint8Array(64))}`],
  ["a signature of one byte", untrusted, `${h}.${p}.AA`],
  ["a signature cut short", untrusted, `${h}.${p}.${base64url(Buffer.from(s, "base64url").subarray(0, 63))}`],
  ["a signature with a byte more", untrusted, `${h}.${p}.${base64url(Buffer.concat([Buffer.from(s, "base64url"), Buffer.from([0])]))}`],
  ["a signature in DER", untrusted, derSigned()],
  ["one bit of the signature flipped", untrusted, `${h}.${p}.${flipped(s)}`],
  ["the signature of another token", untrusted, `${h}.${p}.${forge({ claims: { ...goodClaims, jti: "x" } }).split(".")[2]}`],
];

const strangerJwk = jwk(stranger.ES256);
const embedded: Readonly<Record<string, unknown>> = {
  jwk: strangerJwk,
  jku: "https://evil.example/jwks.json",
  x5u: "https://evil.example/cert.pem",
  x5c: ["MIIB"],
  crit: ["exp"],
  b64: false,
  zip: "DEF",
  cty: "JWT",
  enc: "A256GCM",
  epk: strangerJwk,
  p2c: 10_000_000,
  p2s: "c2FsdA",
};

const headerRows: RefusedRow[] = [
  ...Object.entries(embedded).map(
    ([name, value]): RefusedRow => [
      `header ${name}, signed by a stranger`,
      malformed,
      forge({ header: { ...goodHeader, [name]: value }, key: stranger.ES256.privateKey }),
    ],
  ),
  ...Object.entries(embedded).map(
    ([name, value]): RefusedRow => [`header ${name}, signed by the issuer`, malformed, withHeader({ [name]: value })],
  ),
  ["crit that is empty", malformed, withHeader({ crit: [] })],
  ["crit with an unknown name", malformed, withHeader({ crit: ["https://example.com/new"], "https://example.com/new": 1 })],
  ["jwk that is null", malformed, withHeader({ jwk: null })],
  ...[
    "../../../../dev/null",
    "x' UNION SELECT 'secret",
    "__proto__",
    "constructor",
    "toString",
    "es256\u0000",
    "ES256",
    "es256 ",
    "*",
    "$(id)",
    "https://evil.example/k",
  ].map((kid): RefusedRow => [`kid ${JSON.stringify(kid)}`, untrusted, withHeader({ kid })]),
  ...[null, 0, "", ["es256"], { a: 1 }, true, "k".repeat(257)].map(
    (kid): RefusedRow => [`kid ${JSON.stringify(kid).slice(0, 20)} of the wrong kind`, malformed, withHeader({ kid })],
  ),
  ...[
    "id_token",
    "logout+jwt",
    "secevent+jwt",
    "dpop+jwt",
    "at+jwtx",
    "JOSE",
    "vc+sd-jwt",
    "application/application/jwt",
    "text/jwt",
    "JWT ",
  ].map((typ): RefusedRow => [`typ ${JSON.stringify(typ)}`, untrusted, withHeader({ typ })]),
  ["no typ", untrusted, withHeader({ typ: undefined })],
  ...[null, "", 1, ["JWT"]].map((typ): RefusedRow => [`typ ${JSON.stringify(typ)} of the wrong kind`, malformed, withHeader({ typ })]),
];

const claimRows: RefusedRow[] = [
  ...[
    undefined,
    null,
    1,
    [issuerUrl],
    "",
    `${issuerUrl}/`,
    issuerUrl.toUpperCase(),
    `${issuerUrl}?`,
    `${issuerUrl}#a`,
    "http://id.example.com/agents",
    "__proto__",
    "https://id.example.com:443/agents",
    "https://id.ехample.com/agents",
  ].map((iss): RefusedRow => [`iss ${JSON.stringify(iss)}`, untrusted, withClaims({ iss })]),
  ...[
    undefined,
    null,
    "",
    1,
    {},
    [],
    [[audience]],
    "Sallyport",
    "sallyport ",
    "sallyport-people",
    "sallyport/",
    ["other"],
    [audience, "other"],
    ["other", audience],
    [audience, audience],
    [audience, null],
    [audience, 1],
    { 0: audience },
  ].map((aud): RefusedRow => [`aud ${JSON.stringify(aud)}`, unfit, withClaims({ aud })]),
  ...["exp", "iat"].flatMap((name) =>
    [undefined, null, "1795779300", "", true, [nowS], {}, -1, 0, 1e15, 253_402_300_800].map(
      (value): RefusedRow => [`${name} ${JSON.stringify(value)}`, unfit, withClaims({ [name]: value })],
    ),
  ),
  ...[null, "0", [nowS], 1e15, -5].map((nbf): RefusedRow => [`nbf ${JSON.stringify(nbf)}`, unfit, withClaims({ nbf })]),
  ["exp in milliseconds", unfit, withClaims({ exp: nowS * 1000 })],
  ["exp before iat", unfit, withClaims({ iat: nowS + 1, exp: nowS + 1 })],
  ["exp before iat, though after nbf", unfit, withClaims({ iat: nowS + 1, nbf: nowS - 100, exp: nowS + 1 })],
  ["expired long ago", expired, withClaims({ iat: nowS - 7200, exp: nowS - 3600 })],
  ["expired a second ago", expired, withClaims({ exp: nowS - 1 })],
  ["expired this very moment", expired, withClaims({ exp: nowS })],
  ["older than a day, though its exp is far", expired, withClaims({ iat: nowS - 86_401, exp: nowS + 1e6 })],
  ["iat in the future", expired, withClaims({ iat: nowS + 6 })],
  ["iat far in the future", expired, withClaims({ iat: nowS + 1e6, exp: nowS + 2e6 })],
  ["nbf in the future", expired, withClaims({ nbf: nowS + 6 })],
  ["nbf far in the future", expired, withClaims({ nbf: nowS + 200 })],
  ...(["nonce", "at_hash", "c_hash", "s_hash", "events", "cnf", "_sd"] as const).map(
    (name): RefusedRow => [`claim ${name}`, untrusted, withClaims({ [name]: "x" })],
  ),
  ["an ID token for another client", unfit, withClaims({ aud: "client-1", azp: "client-1", auth_time: nowS })],
  ["a token bound to a key by DPoP", untrusted, withClaims({ cnf: { jkt: "x" } })],
  ...["sub", "tenant"].flatMap((name) =>
    [
      undefined,
      null,
      "",
      " ",
      7,
      true,
      ["acme_co"],
      [["acme_co"]],
      { id: "acme_co" },
      "a\u0000b",
      "a\nb",
      "acme\u200b",
      "\u202eacme",
      " acme",
      "acme\u00a0",
      "e\u0301",
      "x".repeat(201),
    ].map((value): RefusedRow => [`${name} ${inspect(value).slice(0, 60)}`, unfit, withClaims({ [name]: value })]),
  ),
  ...["workflow", "environment", "run", "user", "jti"].flatMap((name) =>
    [null, "", 7, ["x"]].map((value): RefusedRow => [`${name} ${JSON.stringify(value)}`, unfit, withClaims({ [name]: value })]),
  ),
  ...[null, "support", {}, [7], [["support"]], ["support", null], ["a\u0007"]].map(
    (value): RefusedRow => [`user_groups ${JSON.stringify(value)}`, unfit, withClaims({ user: "u_7", user_groups: value })],
  ),
];

const noncanonical = (part: string): readonly string[] => [
  `${part}=`,
  `${part}==`,
  `${part}\n`,
  ` ${part}`,
  `${part.slice(0, 4)} ${part.slice(4)}`,
  `${part}%3D`,
  `${part}*`,
];

const shapeRows: RefusedRow[] = [
  ...([h, p, s] as const).flatMap((part, at) =>
    noncanonical(part).map(
      (spelling, way): RefusedRow => [
        `part ${at + 1} in non-canonical spelling ${way + 1}`,
        malformed,
        [h, p, s].with(at, spelling).join("."),
      ],
    ),
  ),
  ["stray bits in the signature's last letter", malformed, `${h}.${p}.${strayBits(s)}`],
  ["stray bits in the header's last letter", malformed, strayBitsHeader()],
  ["the letters + and / in the payload", malformed, plusAndSlash()],
  ["four parts", malformed, `${good}.${s}`],
  ["an empty fourth part", malformed, `${good}.`],
  ["a leading dot", malformed, `.${good}`],
  ["five parts, as an encrypted token has", malformed, `${base64url('{"alg":"dir","enc":"A256GCM"}')}..AAAA.AAAA.AAAA`],
  ["five full parts", malformed, `${h}.${p}.${s}.${p}.${s}`],
  ["JSON serialisation, flattened", malformed, JSON.stringify({ protected: h, payload: p, signature: s })],
  ["JSON serialisation, general", malformed, JSON.stringify({ payload: p, signatures: [{ protected: h, signature: s }] })],
  ["nothing", malformed, ""],
  ["dots only", malformed, ".."],
  ["with its scheme", malformed, `Bearer ${good}`],
  ["twice, with a comma", malformed, `${good}, ${good}`],
  ["an empty payload", malformed, `${h}..${s}`],
  ["larger than 8 KiB", malformed, withClaims({ padding: "x".repeat(6_200) })],
  ["of a megabyte", malformed, "e".repeat(1_048_576)],
  ["full-width letters", malformed, good.replace("e", "ｅ")],
];

const header = JSON.stringify(goodHeader);
const claims = JSON.stringify(goodClaims);
const texts: readonly (readonly [string, Parts])[] = [
  ["alg twice in the header", { header: `{"alg":"none",${header.slice(1)}` }],
  ["alg twice, once escaped", { header: `{"\\u0061lg":"none",${header.slice(1)}` }],
  ["kid twice in the header", { header: `${header.slice(0, -1)},"kid":"es256"}` }],
  ["tenant twice in the payload", { claims: `${claims.slice(0, -1)},"tenant":"other"}` }],
  ["tenant twice, once escaped", { claims: `${claims.slice(0, -1)},"t\\u0065nant":"other"}` }],
  ["exp twice in the payload", { claims: `{"exp":99999999999,${claims.slice(1)}` }],
  ["a doubled key deep in the payload", { claims: `${claims.slice(0, -1)},"act":[{"sub":1,"sub":2}]}` }],
  ["a key twice but for case", { claims: `${claims.slice(0, -1)},"Tenant":"other"}` }],
  ["__proto__ in the payload", { claims: `${claims.slice(0, -1)},"__proto__":{"tenant":"other"}}` }],
  ["__proto__ in the header", { header: `${header.slice(0, -1)},"__proto__":{"alg":"none"}}` }],
  ["exp 1e400", { claims: claims.replace(/"exp":\d+/, '"exp":1e400') }],
  ["exp 1e300", { claims: claims.replace(/"exp":\d+/, '"exp":1e300') }],
  ["exp NaN", { claims: claims.replace(/"exp":\d+/, '"exp":NaN') }],
  ["a payload with a byte order mark", { claims: `\ufeff${claims}` }],
  ["a header with a byte order mark", { header: `\ufeff${header}` }],
  ["a payload that is a list", { claims: `[${claims}]` }],
  ["a payload that is a string", { claims: JSON.stringify(claims) }],
  ["a payload that is null", { claims: "null" }],
  ["a header that is a list", { header: `[${header}]` }],
  ["a header that is null", { header: "null" }],
  ["text after the payload", { claims: `${claims}{}` }],
  ["a comment in the payload", { claims: `/**/${claims}` }],
  ["single quotes in the header", { header: header.replaceAll('"', "'") }],
  ["a trailing comma", { header: `${header.slice(0, -1)},}` }],
  ["a payload nested 2,000 deep", { claims: `${claims.slice(0, -1)},"a":${"[".repeat(2_000)}${"]".repeat(2_000)}}` }],
  ["a lone surrogate", { claims: `${claims.slice(0, -1)},"a":"\\ud800"}` }],
];
const textRows = texts.map(([title, parts]): RefusedRow => [title, malformed, forge(parts)]);

/** Every token here must be refused, with the code of its row. */
export const refusedTokens: readonly RefusedRow[] = [
  ...algorithmRows,
  ...signatureRows,
  ...headerRows,
  ...claimRows,
  ...shapeRows,
  ...textRows,
];

function hmacToken(alg: string, key: string): string {
  const input = `${base64url(JSON.stringify({ ...goodHeader, alg, kid: "rsa" }))}.${p}`;
  return `${input}.${createHmac(`sha${alg.slice(2)}`, key)
    .update(input)
    .digest("base64url")}`;
}

function signedAs(alg: string, kid: string, key: Parameters<typeof signatureOf>[1]): string {
  return forge({ header: { ...goodHeader, alg, kid }, key, signAs: alg });
}

function derSigned(): string {
  const raw = Buffer.from(s, "base64url");
  const integer = (half: Buffer) => Buffer.concat([Buffer.from([2, 33, 0]), half]);
  const body = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
  return `${h}.${p}.${base64url(Buffer.concat([Buffer.from([0x30, body.length]), body]))}`;
}

function flipped(part: string): string {
  const bytes = Buffer.from(part, "base64url");
  bytes[10] = (bytes[10] as number) ^ 1;
  return base64url(bytes);
}

// 64 bytes are 86 letters, of which the last carries 2 bits: its neighbour in the alphabet decodes to the same bytes.
function strayBits(part: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return part.slice(0, -1) + alphabet[alphabet.indexOf(part.at(-1) as string) + 1];
}

function strayBitsHeader(): string {
  let padded = { ...goodHeader, x: "" };
  while (base64url(JSON.stringify(padded)).length % 4 === 0) padded = { ...padded, x: `${padded.x}y` };
  const input = `${strayBits(base64url(JSON.stringify(padded)))}.${p}`;
  return `${input}.${signatureOf("ES256", keys.ES256.privateKey, input)}`;
}

function plusAndSlash(): string {
  const payload = Buffer.from(JSON.stringify({ ...goodClaims, a: "ÿþ>>>???ÿþ" }))
    .toString("base64")
    .replaceAll("=", "");
  if (!/[+/]/.test(payload)) throw new Error("the payload has neither letter");
  const input = `${h}.${payload}`;
  return `${input}.${signatureOf("ES256", keys.ES256.privateKey, input)}`;
}
