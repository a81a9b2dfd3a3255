import { constants, createHash, type KeyObject, privateEncrypt, sign } from "node:crypto";
import { base64url, forge, goodClaims, goodHeader, keys } from "./forge.ts";

/** A token whose claims are good and whose signature is not one. */
export interface ForgedSignature {
  readonly title: string;
  readonly token: string;
}

const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex");
const inputFor = (alg: string, kid: string): string =>
  forge({ header: { ...goodHeader, alg, kid } })
    .split(".")
    .slice(0, 2)
    .join(".");

// RFC 8017 section 9.2: 00 01 FF..FF 00, then the DER of the hash's name and the hash. These are the ways in which sloppy readers have taken other bytes.
const hashNames: Readonly<Record<string, string>> = {
  sha256: "3031300d060960864801650304020105000420",
  sha384: "3041300d060960864801650304020205000430",
  sha512: "3051300d060960864801650304020305000440",
};

type Blocks = Readonly<Record<string, (hash: Buffer, prefix: Buffer, size: number) => Buffer>>;

const padded = (tail: Buffer, size: number, { lead = 0, type = 1, fill = 0xff, end = 0 } = {}): Buffer =>
  Buffer.concat([Buffer.from([lead, type]), Buffer.alloc(size - tail.length - 3, fill), Buffer.from([end]), tail]);

/** The padding cut to `fill` bytes and what is left over put behind the hash (Bleichenbacher 2006), or before it. */
const shortened = (tail: Buffer, size: number, fill: number, garbage: number): Buffer =>
  Buffer.concat([
    Buffer.from([0, 1]),
    Buffer.alloc(fill, 0xff),
    Buffer.from([0]),
    tail,
    Buffer.alloc(size - tail.length - fill - 3, garbage),
  ]);

const withLength = (prefix: Buffer, at: number, length: number): Buffer => {
  const changed = Buffer.from(prefix);
  changed[at] = length;
  return changed;
};

const otherNames = {
  "the name of SHA-1": "3021300906052b0e03021a05000414",
  "the name of MD5": "3020300c06082a864886f70d020505000410",
  "the name of SHA-224": "302d300d06096086480165030402040500041c",
  "the name of SHA-512/256": "3031300d060960864801650304020605000420",
  "the name of no hash": "300d300906052b0e030200050004",
} as const;

const blocks: Blocks = {
  "block type 0": (hash, prefix, size) => padded(Buffer.concat([prefix, hash]), size, { type: 0, fill: 0 }),
  "block type 2": (hash, prefix, size) => padded(Buffer.concat([prefix, hash]), size, { type: 2, fill: 0x5a }),
  "block type 3": (hash, prefix, size) => padded(Buffer.concat([prefix, hash]), size, { type: 3 }),
  "a filling of zeros": (hash, prefix, size) => padded(Buffer.concat([prefix, hash]), size, { fill: 0 }),
  "a filling of FE": (hash, prefix, size) => padded(Buffer.concat([prefix, hash]), size, { fill: 0xfe }),
  "a separator of 01": (hash, prefix, size) => padded(Buffer.concat([prefix, hash]), size, { end: 1 }),
  "a separator of FF": (hash, prefix, size) => padded(Buffer.concat([prefix, hash]), size, { end: 0xff }),
  "no name of the hash": (hash, _prefix, size) => padded(hash, size),
  "no hash": (_hash, prefix, size) => padded(prefix, size),
  "nothing but filling": (_hash, _prefix, size) => padded(Buffer.alloc(0), size),
  "nothing but zeros": (_hash, _prefix, size) => Buffer.alloc(size),
  "the number one": (_hash, _prefix, size) => Buffer.concat([Buffer.alloc(size - 1), Buffer.from([1])]),
  "a hash cut short": (hash, prefix, size) => padded(Buffer.concat([prefix, hash.subarray(0, -1)]), size),
  "a hash with a byte more": (hash, prefix, size) => padded(Buffer.concat([prefix, hash, Buffer.from([0])]), size),
  "a hash with its first bit flipped": (hash, prefix, size) => padded(Buffer.concat([prefix, flip(hash, 0)]), size),
  "a hash with its last bit flipped": (hash, prefix, size) => padded(Buffer.concat([prefix, flip(hash, hash.length - 1)]), size),
  "the hash turned round": (hash, prefix, size) => padded(Buffer.concat([prefix, Buffer.from(hash).reverse()]), size),
  "parameters left out": (hash, prefix, size) => padded(Buffer.concat([withoutNull(prefix), hash]), size),
  "parameters that are no NULL": (hash, prefix, size) => padded(Buffer.concat([withLength(prefix, prefix.length - 4, 0x30), hash]), size),
  "a NULL with a byte in it": (hash, prefix, size) => padded(Buffer.concat([withLength(prefix, prefix.length - 3, 1), hash]), size),
  "an outer length too small": (hash, prefix, size) => padded(Buffer.concat([withLength(prefix, 1, (prefix[1] ?? 0) - 1), hash]), size),
  "an outer length too large": (hash, prefix, size) => padded(Buffer.concat([withLength(prefix, 1, (prefix[1] ?? 0) + 1), hash]), size),
  "an inner length too small": (hash, prefix, size) => padded(Buffer.concat([withLength(prefix, 3, (prefix[3] ?? 0) - 1), hash]), size),
  "a hash length too small": (hash, prefix, size) =>
    padded(Buffer.concat([withLength(prefix, prefix.length - 1, hash.length - 1), hash]), size),
  "a hash length too large": (hash, prefix, size) =>
    padded(Buffer.concat([withLength(prefix, prefix.length - 1, hash.length + 1), hash]), size),
  "a length in the long form": (hash, prefix, size) =>
    padded(Buffer.concat([prefix.subarray(0, 1), Buffer.from([0x81]), prefix.subarray(1), hash]), size),
  "an indefinite length": (hash, prefix, size) => padded(Buffer.concat([withLength(prefix, 1, 0x80), hash, Buffer.from([0, 0])]), size),
  "bytes after the hash": (hash, prefix, size) => padded(Buffer.concat([prefix, hash, bytesOf("deadbeef")]), size),
  ...Object.fromEntries(
    [0, 1, 2, 7, 8, 16, 50].flatMap((fill) =>
      [0, 0xff, 0x41].map((garbage) => [
        `${fill} bytes of filling and ${garbage} to the end`,
        (hash: Buffer, prefix: Buffer, size: number) => shortened(Buffer.concat([prefix, hash]), size, fill, garbage),
      ]),
    ),
  ),
  ...Object.fromEntries(
    Object.entries(otherNames).map(([name, hex]) => [
      name,
      (hash: Buffer, _prefix: Buffer, size: number) => padded(Buffer.concat([bytesOf(hex), hash]), size),
    ]),
  ),
};

function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

// Drops the two bytes of the NULL and corrects both lengths, as some signers do; the standard's own form has them.
function withoutNull(prefix: Buffer): Buffer {
  const short = Buffer.concat([prefix.subarray(0, -4), prefix.subarray(-2)]);
  short[1] = (short[1] ?? 0) - 2;
  short[3] = (short[3] ?? 0) - 2;
  return short;
}

const raw = (block: Buffer): string => base64url(privateEncrypt({ key: keys.RSA.privateKey, padding: constants.RSA_NO_PADDING }, block));

const rsaForgeries = [
  ["RS256", "sha256"],
  ["RS384", "sha384"],
  ["RS512", "sha512"],
].flatMap(([alg = "", hashName = ""]): ForgedSignature[] => {
  const input = inputFor(alg, "rsa");
  const hash = createHash(hashName).update(input).digest();
  const prefix = bytesOf(hashNames[hashName] ?? "");
  return Object.entries(blocks).map(([title, block]) => ({
    title: `${alg}: ${title}`,
    token: `${input}.${raw(block(hash, prefix, 256))}`,
  }));
});

const pssForgeries = [
  ["PS256", "sha256", 32],
  ["PS384", "sha384", 48],
  ["PS512", "sha512", 64],
].flatMap(([alg, hashName, size]): ForgedSignature[] => {
  const input = inputFor(String(alg), "rsa");
  const by = (hash: string, saltLength: number, of = input): string =>
    base64url(sign(hash, Buffer.from(of), { key: keys.RSA.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }));
  const salts = [0, 1, 8, 20, Number(size) - 1, Number(size) + 1, 100].map((salt) => ({
    title: `${alg}: a salt of ${salt} bytes`,
    token: `${input}.${by(String(hashName), salt)}`,
  }));
  const hashes = ["sha1", "sha224", "sha256", "sha384", "sha512"]
    .filter((hash) => hash !== hashName)
    .map((hash) => ({ title: `${alg}: signed with ${hash}`, token: `${input}.${by(hash, Number(size))}` }));
  const pkcs1 = base64url(sign(String(hashName), Buffer.from(input), keys.RSA.privateKey));
  const good = by(String(hashName), Number(size));
  return [
    ...salts,
    ...hashes,
    { title: `${alg}: padding of PKCS #1 v1.5`, token: `${input}.${pkcs1}` },
    {
      title: `${alg}: a byte more in front`,
      token: `${input}.${base64url(Buffer.concat([Buffer.alloc(1), Buffer.from(good, "base64url")]))}`,
    },
    { title: `${alg}: over another input`, token: `${input}.${by(String(hashName), Number(size), `${input}x`)}` },
  ];
});

interface Curve {
  readonly alg: string;
  readonly kid: string;
  readonly size: number;
  /** The order of the curve and the prime of its field. */
  readonly order: bigint;
  readonly field: bigint;
}

const curves: readonly Curve[] = [
  {
    alg: "ES256",
    kid: "es256",
    size: 32,
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    field: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
  },
  {
    alg: "ES384",
    kid: "es384",
    size: 48,
    order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    field: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
  },
];

// Numbers at which checks of ranges have failed: zero in CVE-2022-21449, the order and its neighbours, the field's prime.
const ecForgeries = curves.flatMap(({ alg, kid, size, order, field }): ForgedSignature[] => {
  const input = inputFor(alg, kid);
  const edges = { 0: 0n, 1: 1n, 2: 2n, "n-1": order - 1n, n: order, "n+1": order + 1n, p: field, max: 2n ** BigInt(8 * size) - 1n };
  const bytes = (value: bigint): Buffer => bytesOf(value.toString(16).padStart(2 * size, "0"));
  const pairs = Object.entries(edges).flatMap(([r, left]) =>
    Object.entries(edges).map(([s, right]) => ({
      title: `${alg}: r is ${r}, s is ${s}`,
      token: `${input}.${base64url(Buffer.concat([bytes(left), bytes(right)]))}`,
    })),
  );
  const good = sign(`sha${alg.slice(2)}`, Buffer.from(input), { key: keys[alg as "ES256"].privateKey, dsaEncoding: "ieee-p1363" });
  const der = sign(`sha${alg.slice(2)}`, Buffer.from(input), keys[alg as "ES256"].privateKey);
  const s = BigInt(`0x${good.subarray(size).toString("hex")}`);
  const shapes: Readonly<Record<string, Buffer>> = {
    "in DER": der,
    "halves swapped": Buffer.concat([good.subarray(size), good.subarray(0, size)]),
    "s plus the order": Buffer.concat([good.subarray(0, size), bytes((s + order) % 2n ** BigInt(8 * size))]),
    "a zero in front of each half": Buffer.concat([Buffer.alloc(1), good.subarray(0, size), Buffer.alloc(1), good.subarray(size)]),
    "only r": good.subarray(0, size),
    twice: Buffer.concat([good, good]),
    "another hash": sign(alg === "ES256" ? "sha384" : "sha256", Buffer.from(input), {
      key: keys[alg as "ES256"].privateKey,
      dsaEncoding: "ieee-p1363",
    }),
  };
  return [
    ...pairs,
    ...Object.entries(shapes).map(([title, value]) => ({ title: `${alg}: ${title}`, token: `${input}.${base64url(value)}` })),
  ];
});

const edForgeries = ((): ForgedSignature[] => {
  const input = inputFor("EdDSA", "ed");
  const good = sign(null, Buffer.from(input), keys.Ed25519.privateKey);
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const little = (value: bigint): Buffer => bytesOf(value.toString(16).padStart(64, "0")).reverse();
  const s = BigInt(`0x${Buffer.from(good.subarray(32)).reverse().toString("hex")}`);
  const point = good.subarray(0, 32);
  const identity = little(1n);
  const made: Readonly<Record<string, Buffer>> = {
    "S plus the order": Buffer.concat([point, little(s + order)]),
    "S is 0": Buffer.concat([point, Buffer.alloc(32)]),
    "S is the order": Buffer.concat([point, little(order)]),
    "R is the identity, S is 0": Buffer.concat([identity, Buffer.alloc(32)]),
    "R of order 2, S is 0": Buffer.concat([little(2n ** 255n - 20n), Buffer.alloc(32)]),
    "R is 0, S is 0": Buffer.alloc(64),
    "R with its sign turned": Buffer.concat([flipSign(point), good.subarray(32)]),
    "halves swapped": Buffer.concat([good.subarray(32), point]),
    "only R": Buffer.from(point),
    "a byte more": Buffer.concat([good, Buffer.alloc(1)]),
    "over the hash of the input": sign(null, createHash("sha512").update(input).digest(), keys.Ed25519.privateKey),
    "all ones": Buffer.alloc(64, 0xff),
  };
  return Object.entries(made).map(([title, value]) => ({ title: `EdDSA: ${title}`, token: `${input}.${base64url(value)}` }));
})();

function flipSign(point: Buffer): Buffer {
  const changed = Buffer.from(point);
  changed[31] = (changed[31] ?? 0) ^ 0x80;
  return changed;
}

const one = (key: KeyObject, hash: string | null, input: string): Buffer =>
  sign(hash, Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });

/** The forger's own control: what the same pieces make when nothing is wrong. Every one must be accepted, or the rest prove nothing. */
export const honestSignatures: readonly ForgedSignature[] = [
  ...["sha256", "sha384", "sha512"].map((hashName) => {
    const alg = `RS${hashName.slice(3)}`;
    const input = inputFor(alg, "rsa");
    const tail = Buffer.concat([bytesOf(hashNames[hashName] ?? ""), createHash(hashName).update(input).digest()]);
    return { title: `${alg} by hand`, token: `${input}.${raw(padded(tail, 256))}` };
  }),
  ...curves.map(({ alg, kid }) => {
    const input = inputFor(alg, kid);
    return { title: alg, token: `${input}.${base64url(one(keys[alg as "ES256"].privateKey, `sha${alg.slice(2)}`, input))}` };
  }),
  ...[0].map(() => {
    const input = inputFor("EdDSA", "ed");
    return { title: "EdDSA", token: `${input}.${base64url(one(keys.Ed25519.privateKey, null, input))}` };
  }),
  ...curves.map(({ alg, kid, size, order }) => {
    // The other half of a signature's two spellings: ECDSA as RFC 7518 has it takes both, and a token is named by its whole text here.
    const input = inputFor(alg, kid);
    const good = one(keys[alg as "ES256"].privateKey, `sha${alg.slice(2)}`, input);
    const s = order - BigInt(`0x${good.subarray(size).toString("hex")}`);
    const other = Buffer.concat([good.subarray(0, size), bytesOf(s.toString(16).padStart(2 * size, "0"))]);
    return { title: `${alg} with n-s`, token: `${input}.${base64url(other)}` };
  }),
];

/** Every token here must be refused by an issuer that uses every algorithm. */
export const forgedSignatures: readonly ForgedSignature[] = [
  ...rsaForgeries,
  ...pssForgeries,
  ...ecForgeries,
  ...edForgeries,
  ...claimsUntouched(),
];

// Signatures of one token under the other's algorithm and key, all of the same issuer.
function claimsUntouched(): ForgedSignature[] {
  const algorithms = { ES256: "es256", ES384: "es384", RS256: "rsa", PS256: "rsa", EdDSA: "ed" } as const;
  const signatures = Object.entries(algorithms).map(([alg, kid]) => {
    const key = keys[(alg === "RS256" || alg === "PS256" ? "RSA" : alg === "EdDSA" ? "Ed25519" : alg) as "RSA"].privateKey;
    return [alg, forge({ header: { ...goodHeader, alg, kid }, claims: goodClaims, key, signAs: alg }).split(".")[2]] as const;
  });
  return Object.entries(algorithms).flatMap(([alg, kid]) =>
    signatures
      .filter(([other]) => other !== alg)
      .map(([other, signature]) => ({
        title: `${alg} with the signature of the ${other} token`,
        token: `${inputFor(alg, kid)}.${signature}`,
      })),
  );
}
