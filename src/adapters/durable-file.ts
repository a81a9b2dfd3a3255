import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";

/** A file that holds a secret and cannot be used as it is. The message says the remedy. */
export class SecretFileRefused extends Error {
  override readonly name = "SecretFileRefused";
}

/**
 * Reads a secret, at most `bytesMax` bytes, or answers null when there is no such file. Refuses a file that others than its owner may read or
 * write: what a neighbour can read is not a secret. Mode and bytes come from one descriptor, so the file cannot be swapped between the two.
 */
export function readSecretFile(path: string, bytesMax: number): Uint8Array | null {
  const fd = openIfThere(path);
  if (fd === null) return null;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new SecretFileRefused(`${path} is not a regular file`);
    if ((stat.mode & 0o077) !== 0) throw new SecretFileRefused(`${path} is open to others than its owner: run chmod 600 ${path}`);
    if (stat.size > bytesMax) throw new SecretFileRefused(`${path} is too long for a key: ${stat.size} bytes, at most ${bytesMax}`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Replaces a file as a whole: after a crash there is the old one or the new one, never a part. On disk when it returns. */
export function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  const draft = writeDraft(path, content, mode);
  renameSync(draft, path);
  syncFolder(dirname(path));
}

/** The same as `replaceFile` without holding up the event loop. */
export async function replaceFileAsync(path: string, content: string, mode: number): Promise<void> {
  const draft = draftOf(path);
  {
    await using file = await open(draft, "wx", mode);
    await file.writeFile(content);
    await file.sync();
  }
  await rename(draft, path);
  await using folder = await open(dirname(path), "r");
  await folder.sync();
}

/** Creates a file as a whole and answers true, or answers false when there is one already: of two writers at once exactly one wins. */
export function createFile(path: string, content: string | Uint8Array, mode: number): boolean {
  const draft = writeDraft(path, content, mode);
  try {
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(draft);
  }
  syncFolder(dirname(path));
  return true;
}

/** Overwrites a file with noise and removes it; nothing happens when it is not there. On disk when it returns. */
export function shredFile(path: string): void {
  const fd = openIfThere(path, constants.O_RDWR);
  if (fd === null) return;
  try {
    writeFileSync(fd, randomBytes(fstatSync(fd).size));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  unlinkSync(path);
  syncFolder(dirname(path));
}

/** Makes a folder that only its owner may enter; one that is there stays as it is. */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Puts a folder's names on disk: without it, a crash may forget a file that was itself synced. */
export function syncFolder(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function draftOf(path: string): string {
  return `${path}.${randomBytes(6).toString("hex")}.draft`;
}

function writeDraft(path: string, content: string | Uint8Array, mode: number): string {
  const draft = draftOf(path);
  const fd = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, mode);
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return draft;
}

function openIfThere(path: string, flags: number = constants.O_RDONLY): number | null {
  try {
    return openSync(path, flags);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
