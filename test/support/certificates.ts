import { generate } from "selfsigned";

/** A certificate and its private key, both PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Certificates made for one test run: a CA, the leaf that it vouches for, and the leaves that nobody should accept. */
export interface Certificates {
  /** PEM of the CA that tests trust. */
  readonly ca: string;
  /** For localhost and 127.0.0.1, by the CA. */
  readonly good: Certificate;
  /** Valid and by the CA, for somebody.example. */
  readonly wrongName: Certificate;
  /** By the CA, ended yesterday. */
  readonly expired: Certificate;
  /** By the CA, begins tomorrow. */
  readonly notYetValid: Certificate;
  /** Right name, vouched for by itself. */
  readonly selfSigned: Certificate;
  /** Right name, by a CA that nobody trusts. */
  readonly otherCa: Certificate;
}

interface LeafTerms {
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
  readonly fromDays?: number;
  readonly toDays?: number;
  readonly by?: Certificate;
}

const dayMs = 86_400_000;

/** Makes a fresh set (P-256); about 50 ms. */
export async function makeCertificates(): Promise<Certificates> {
  const [ca, stranger] = await Promise.all([makeCa("Test CA"), makeCa("Other CA")]);
  const [good, wrongName, expired, notYetValid, selfSigned, otherCa] = await Promise.all([
    makeLeaf({ by: ca }),
    makeLeaf({ by: ca, names: ["somebody.example"], addresses: [] }),
    makeLeaf({ by: ca, fromDays: -9, toDays: -1 }),
    makeLeaf({ by: ca, fromDays: 1, toDays: 9 }),
    makeLeaf({}),
    makeLeaf({ by: stranger }),
  ]);
  return { ca: ca.cert, good, wrongName, expired, notYetValid, selfSigned, otherCa };
}

async function makeCa(name: string): Promise<Certificate> {
  const made = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() - 30 * dayMs),
    notAfterDate: new Date(Date.now() + 30 * dayMs),
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

async function makeLeaf({
  names = ["localhost"],
  addresses = ["127.0.0.1"],
  fromDays = -1,
  toDays = 9,
  by,
}: LeafTerms): Promise<Certificate> {
  const made = await generate([{ name: "commonName", value: names[0] ?? "leaf" }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() + fromDays * dayMs),
    notAfterDate: new Date(Date.now() + toDays * dayMs),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [...names.map((value) => ({ type: 2 as const, value })), ...addresses.map((ip) => ({ type: 7 as const, ip }))],
      },
    ],
    ...(by === undefined ? {} : { ca: { key: by.key, cert: by.cert } }),
  });
  return { cert: made.cert, key: made.private };
}
