import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { shapeOf } from "../../../src/adapters/jose/gate.ts";
import { knownAlgorithms } from "../../../src/adapters/jose/issuer.ts";
import { candidates, importKeySet, type KeySet } from "../../../src/adapters/jose/key-set.ts";
import { verifySignature } from "../../../src/adapters/jose/signature.ts";
import { isDenial } from "../../../src/rules/denial.ts";
import { jwks } from "./forge.ts";
import { forgedSignatures, honestSignatures } from "./forged-signatures.ts";

interface VectorFile {
  readonly testGroups: readonly {
    readonly comment: string;
    readonly public?: unknown;
    readonly private?: unknown;
    readonly tests: readonly { readonly tcId: number; readonly jws?: unknown; readonly result: "valid" | "invalid" }[];
  }[];
}

// The folder `testvectors_v1` of a copy of github.com/C2SP/wycheproof (Apache-2.0), of which this project keeps none.
const folder = process.env["WYCHEPROOF"];
const emptyPayload = Buffer.from("{}").toString("base64url");

/** Whether the gate, the key set and the signature check take a token. The vectors' payloads are no JSON, so the gate is shown an empty object in their place. */
async function isTaken(jws: string, keys: KeySet): Promise<boolean> {
  const [header = "", payload = "", ...rest] = jws.split(".");
  if (Buffer.from(payload, "base64url").toString("base64url") !== payload) return false;
  const shape = shapeOf([header, emptyPayload, ...rest].join("."));
  if (isDenial(shape)) return false;
  const input = Buffer.from(jws.slice(0, jws.lastIndexOf(".")), "latin1");
  for (const key of candidates(keys, shape.alg, shape.kid)) {
    const material = key.byAlgorithm.get(shape.alg);
    if (material !== undefined && (await verifySignature(shape.alg, material, input, shape.signature))) return true;
  }
  return false;
}

interface Outcome {
  readonly invalid: number;
  readonly takenInvalid: readonly number[];
  readonly refusedValid: readonly number[];
}

async function judge(name: string): Promise<Outcome> {
  const file = JSON.parse(readFileSync(join(folder ?? "", name), "utf8")) as VectorFile;
  const outcome = { invalid: 0, takenInvalid: [] as number[], refusedValid: [] as number[] };
  for (const group of file.testGroups) {
    const key = (group.public ?? group.private) as { readonly keys?: unknown };
    const keys = await importKeySet(key.keys === undefined ? { keys: [key] } : key, knownAlgorithms);
    for (const { tcId, jws, result } of group.tests) {
      if (typeof jws !== "string") continue;
      const taken = await isTaken(jws, keys);
      if (result === "invalid") outcome.invalid += 1;
      if (result === "invalid" && taken) outcome.takenInvalid.push(tcId);
      if (result === "valid" && !taken) outcome.refusedValid.push(tcId);
    }
  }
  return outcome;
}

// What the vectors call valid and this gateway refuses, line by line.
const refusedSignatures: Readonly<Record<number, string>> = {
  1: "HS256: no symmetric algorithm is ever accepted",
  346: "the key's alg says PS256 and the token is PS384",
  347: "the key's alg says ES521, which is no algorithm",
  348: "HS256",
  350: "the key's alg says PS256 and the token is PS384",
  351: "the key's alg says ES521, which is no algorithm",
  352: "HS256",
  357: "HS256",
  358: "HS256",
  359: "HS256",
  372: "HS256, and a character that base64url does not have",
  373: "HS256, and a character that base64url does not have",
  376: "HS256",
  377: "HS256",
};
const refusedKeys: Readonly<Record<number, string>> = { 2: "HS256", 13: "HS256", 14: "HS384", 15: "HS512" };

// Without the folder these two do not exist; what judges them is tried on vectors of our own either way.
const testPublic = (title: string, run: () => Promise<void>): void => {
  if (folder !== undefined) test(title, run);
};

test("what judges the public vectors takes honest signatures and no forged one", async (t) => {
  const set = await importKeySet(jwks, knownAlgorithms);
  for (const { title, token } of honestSignatures) assert.ok(await isTaken(token, set), title);
  for (const { title, token } of forgedSignatures) assert.ok(!(await isTaken(token, set)), title);
  t.diagnostic(folder === undefined ? "the public vectors were not tried: WYCHEPROOF names no folder" : `the public vectors of ${folder}`);
});

const numbers = (exceptions: Readonly<Record<number, string>>): readonly number[] => Object.keys(exceptions).map(Number);

testPublic("every public JWS vector that is invalid is refused", async () => {
  const { invalid, takenInvalid, refusedValid } = await judge("json_web_signature_test.json");
  assert.deepEqual(takenInvalid, []);
  assert.equal(invalid, 355);
  assert.deepEqual(refusedValid, numbers(refusedSignatures));
});

testPublic("every public JWK vector that is invalid is refused", async () => {
  const { invalid, takenInvalid, refusedValid } = await judge("json_web_key_test.json");
  assert.deepEqual(takenInvalid, []);
  assert.equal(invalid, 21);
  assert.deepEqual(refusedValid, numbers(refusedKeys));
});
