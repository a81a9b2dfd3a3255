import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createFile, makePrivateFolder, readSecretFile, replaceFile, SecretFileRefused, shredFile } from "../durable-file.ts";
import type { TenantKeys } from "./sealed-bytes.ts";

/** The tenants' keys, in memory and wrapped on disk. */
export interface KeyFolder {
  /** The tenant's keys; made, and on disk, before the first answer. */
  keysFor(tenant: string): TenantKeys;
  /** The tenant's keys when there are any. */
  find(tenant: string): TenantKeys | null;
  /** Whether a key of this tenant with this id was destroyed on purpose. */
  wasDestroyed(tenant: string, keyId: string): boolean;
  /** Ends the tenant's present keys for good; false when there are none. */
  destroy(tenant: string): boolean;
}

// Key file: version (1), key id (8), nonce (12), wrapped pair (64), tag (16).
const version = 1;
const idBytes = 8;
const nonceEnd = 1 + idBytes + 12;
const fileBytes = nonceEnd + 64 + 16;

interface Folder {
  readonly dir: string;
  readonly master: Uint8Array;
  readonly keys: Map<string, TenantKeys>;
  readonly destroyed: Map<string, ReadonlySet<string>>;
  readonly stems: Map<string, string>;
}

/**
 * Opens a folder of wrapped tenant keys and unwraps all of them, so that a wrong master key is found at start-up and not by a call. A removal that a
 * crash interrupted is finished here. One process at a time may destroy keys; another would keep using what it holds in memory until it restarts.
 */
export function openKeyFolder(dir: string, master: Uint8Array): KeyFolder {
  makePrivateFolder(dir);
  const folder: Folder = { dir, master, keys: new Map(), destroyed: new Map(), stems: new Map() };
  for (const file of readdirSync(dir)) {
    const [, stem = "", kind] = /^([0-9a-f]{64})\.(key|destroyed)$/.exec(file) ?? [];
    if (kind === "destroyed") folder.destroyed.set(stem, readDestroyed(join(dir, file)));
  }
  for (const file of readdirSync(dir)) {
    const [, stem] = /^([0-9a-f]{64})\.key$/.exec(file) ?? [];
    if (stem !== undefined) loadKeys(folder, stem);
  }
  return {
    keysFor: (tenant) => folder.keys.get(stemOf(folder, tenant)) ?? makeKeys(folder, stemOf(folder, tenant)),
    find: (tenant) => folder.keys.get(stemOf(folder, tenant)) ?? null,
    wasDestroyed: (tenant, keyId) => folder.destroyed.get(stemOf(folder, tenant))?.has(keyId) ?? false,
    destroy: (tenant) => destroyKeys(folder, stemOf(folder, tenant)),
  };
}

// Tenant names may hold anything; their hash is always a safe file name, and no two tenants share it. Remembered, for the hot path asks each time.
const stemsMax = 10_000;

function stemOf(folder: Folder, tenant: string): string {
  const known = folder.stems.get(tenant);
  if (known !== undefined) return known;
  const stem = createHash("sha256").update(tenant).digest("hex");
  if (folder.stems.size >= stemsMax) folder.stems.clear();
  folder.stems.set(tenant, stem);
  return stem;
}

function makeKeys(folder: Folder, stem: string): TenantKeys {
  const keys = {
    id: randomBytes(idBytes).toString("hex"),
    sealKey: randomBytes(32),
    digestKey: createSecretKey(randomBytes(32)),
  };
  // Another process may have been first; then its keys are the tenant's, and ours were never used.
  if (!createFile(join(folder.dir, `${stem}.key`), wrap(folder.master, stem, keys), 0o600)) return readKeys(folder, stem);
  folder.keys.set(stem, keys);
  return keys;
}

function loadKeys(folder: Folder, stem: string): void {
  const keys = readKeys(folder, stem);
  if (folder.destroyed.get(stem)?.has(keys.id) !== true) return;
  folder.keys.delete(stem);
  shredFile(join(folder.dir, `${stem}.key`));
}

function readKeys(folder: Folder, stem: string): TenantKeys {
  const path = join(folder.dir, `${stem}.key`);
  const bytes = readSecretFile(path, fileBytes);
  const keys = bytes === null ? null : unwrap(folder.master, stem, bytes);
  if (keys === null)
    throw new SecretFileRefused(`${path} does not open with this master key: it was changed, or the master key is another one`);
  folder.keys.set(stem, keys);
  return keys;
}

// The id is written down as destroyed before the key goes: a crash between the two leaves a key that the next start removes, never a key that went
// without a record, which would read as a loss.
function destroyKeys(folder: Folder, stem: string): boolean {
  const keys = folder.keys.get(stem);
  if (keys === undefined) return false;
  const ids = new Set([...(folder.destroyed.get(stem) ?? []), keys.id]);
  replaceFile(join(folder.dir, `${stem}.destroyed`), `${[...ids].join("\n")}\n`, 0o600);
  folder.destroyed.set(stem, ids);
  folder.keys.delete(stem);
  shredFile(join(folder.dir, `${stem}.key`));
  return true;
}

function readDestroyed(path: string): ReadonlySet<string> {
  return new Set(existsSync(path) ? readFileSync(path, "utf8").match(/^[0-9a-f]{16}$/gm) : []);
}

function wrap(master: Uint8Array, stem: string, keys: TenantKeys): Uint8Array {
  const head = Buffer.concat([Uint8Array.of(version), Buffer.from(keys.id, "hex"), randomBytes(12)]);
  const cipher = createCipheriv("aes-256-gcm", master, head.subarray(1 + idBytes));
  cipher.setAAD(wrappedFor(keys.id, stem));
  return Buffer.concat([head, cipher.update(keys.sealKey), cipher.update(keys.digestKey.export()), cipher.final(), cipher.getAuthTag()]);
}

function unwrap(master: Uint8Array, stem: string, file: Uint8Array): TenantKeys | null {
  if (file.length !== fileBytes || file[0] !== version) return null;
  const id = Buffer.from(file.subarray(1, 1 + idBytes)).toString("hex");
  const decipher = createDecipheriv("aes-256-gcm", master, file.subarray(1 + idBytes, nonceEnd), { authTagLength: 16 });
  decipher.setAAD(wrappedFor(id, stem));
  decipher.setAuthTag(file.subarray(-16));
  const pair = decipher.update(file.subarray(nonceEnd, -16));
  try {
    decipher.final();
  } catch {
    return null;
  }
  return { id, sealKey: pair.subarray(0, 32), digestKey: createSecretKey(pair.subarray(32)) };
}

// Bound to the file's own name: one tenant's key file put in another's place does not open.
function wrappedFor(keyId: string, stem: string): Uint8Array {
  return Buffer.from(`sallyport tenant key v1\n${keyId}\n${stem}`);
}
