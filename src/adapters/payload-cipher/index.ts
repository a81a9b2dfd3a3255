import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import type { Payload } from "../../ports/calls.ts";
import type { PayloadCipher } from "../../ports/payloads.ts";
import { createFile, makePrivateFolder, readSecretFile, SecretFileRefused } from "../durable-file.ts";
import { digestOf, keyIdIn, openBytes, sealBytes } from "./sealed-bytes.ts";
import { type KeyFolder, openKeyFolder } from "./tenant-keys.ts";

export interface PayloadCipherOptions {
  /** The master key: 64 hex digits in a file that only its owner may read. It wraps the tenants' keys and encrypts nothing else. */
  readonly keyFile: string;
  /** The folder of the tenants' wrapped keys. Its backups decide how long "destroyed" takes to come true. */
  readonly dir: string;
  /** Makes the master key when there is none; for development only. */
  readonly generate: boolean;
}

/** Encrypts payloads, and can forget a tenant. */
export interface ErasablePayloadCipher extends PayloadCipher {
  /** Destroys the tenant's keys, durably: what was sealed so far opens as null from now on. False when the tenant has no keys. */
  destroy(tenant: string): boolean;
}

/** A payload that should open and does not: `tampered` when bytes, tenant or digest were changed, `key_missing` when its key is gone without having been destroyed. */
export class PayloadUnreadable extends Error {
  override readonly name = "PayloadUnreadable";
  readonly why: "tampered" | "key_missing";

  constructor(why: "tampered" | "key_missing", payload: Payload) {
    super(`payload ${payload.digest} of tenant ${JSON.stringify(payload.tenant)} does not open: ${why}`);
    this.why = why;
  }
}

const masterText = /^[0-9a-f]{64}\n?$/;

/**
 * Opens the cipher. Sealing and opening are synchronous; they touch no disk but for a tenant's first payload, which waits for its key to be
 * on disk. Throws `SecretFileRefused` when the master key is missing, open to others, or not the one that wrapped the tenants' keys.
 */
export function openPayloadCipher(options: PayloadCipherOptions): ErasablePayloadCipher {
  const folder = openKeyFolder(options.dir, readMaster(options));
  return {
    seal(tenant, plain) {
      const keys = folder.keysFor(tenant);
      const digest = digestOf(keys, plain);
      return { digest, tenant, sealed: sealBytes(keys, tenant, digest, plain) };
    },
    open: (payload) => openPayload(folder, payload),
    destroy: (tenant) => folder.destroy(tenant),
  };
}

function openPayload(folder: KeyFolder, payload: Payload): Uint8Array | null {
  const { tenant, digest, sealed } = payload;
  const keyId = keyIdIn(sealed);
  if (keyId === null) throw new PayloadUnreadable("tampered", payload);
  if (folder.wasDestroyed(tenant, keyId)) return null;
  const keys = folder.find(tenant);
  if (keys === null || keys.id !== keyId) throw new PayloadUnreadable("key_missing", payload);
  const plain = openBytes(keys, tenant, digest, sealed);
  if (plain === null) throw new PayloadUnreadable("tampered", payload);
  return plain;
}

function readMaster({ keyFile, generate }: PayloadCipherOptions): Uint8Array {
  const found = readSecretFile(keyFile, 128);
  if (found === null && generate) {
    makePrivateFolder(dirname(keyFile));
    createFile(keyFile, `${randomBytes(32).toString("hex")}\n`, 0o600);
  }
  const bytes = found ?? readSecretFile(keyFile, 128);
  if (bytes === null)
    throw new SecretFileRefused(
      `there is no payload key: run \`sallyport keys\`, or write 64 hex digits to ${keyFile} (openssl rand -hex 32), mode 600`,
    );
  const text = Buffer.from(bytes).toString("latin1");
  if (!masterText.test(text)) throw new SecretFileRefused(`${keyFile} must hold exactly 64 lower-case hex digits`);
  return Buffer.from(text.trim(), "hex");
}
