import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { dirname } from "node:path";
import { type Checkpoint, keyIdOf, noteText, readNote, signedNote, verifierKeyText } from "../../rules/checkpoint-note.ts";
import { createFile, makePrivateFolder, readSecretFile, SecretFileRefused } from "../durable-file.ts";

/** Signs checkpoints under one name, and knows its own signature again. */
export interface CheckpointSigner {
  /** The signed note, as it is published. */
  sign(checkpoint: Checkpoint): string;
  /** The checkpoint in a note that this key signed, or null. */
  read(note: string): Checkpoint | null;
  /** The public half in verifier-key form. */
  readonly publicKey: string;
}

const keyFileBytesMax = 4096;

/** Opens the Ed25519 key (PEM, PKCS #8). Made only when `generate`; otherwise a missing key is a `SecretFileRefused` that says how to make one. */
export function openSigner(options: { keyFile: string; name: string; generate: boolean }): CheckpointSigner {
  const { keyFile, name } = options;
  const privateKey = readKey(keyFile) ?? (options.generate ? makeKey(keyFile) : null);
  if (privateKey === null) {
    throw new SecretFileRefused(
      `there is no ledger key: run \`sallyport keys\`, or openssl genpkey -algorithm ed25519 -out ${keyFile} && chmod 600 ${keyFile}`,
    );
  }
  const publicKey = createPublicKey(privateKey);
  const rawKey = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const keyId = keyIdOf(name, rawKey);
  return {
    publicKey: verifierKeyText(name, rawKey),
    sign(checkpoint) {
      const text = noteText(checkpoint);
      return signedNote({ text, signatures: [{ name, keyId, signature: sign(null, Buffer.from(text), privateKey) }] });
    },
    read(note) {
      const signed = readNote(note);
      const ours = signed?.signatures.find((each) => each.name === name && each.keyId === keyId);
      if (!signed || !ours || !verify(null, Buffer.from(signed.text), publicKey, ours.signature)) return null;
      return signed.checkpoint;
    },
  };
}

function readKey(keyFile: string): KeyObject | null {
  const pem = readSecretFile(keyFile, keyFileBytesMax);
  if (pem === null) return null;
  const key = parsePem(pem);
  if (key?.asymmetricKeyType !== "ed25519")
    throw new SecretFileRefused(`${keyFile} must hold an Ed25519 private key in PEM form (PKCS #8)`);
  return key;
}

function parsePem(pem: Uint8Array): KeyObject | null {
  try {
    return createPrivateKey({ key: Buffer.from(pem), format: "pem" });
  } catch {
    return null; // The cause may quote key material; the caller says what is wrong with the file.
  }
}

function makeKey(keyFile: string): KeyObject | null {
  makePrivateFolder(dirname(keyFile));
  const { privateKey } = generateKeyPairSync("ed25519");
  createFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }), 0o600);
  return readKey(keyFile);
}
