import { hash } from "node:crypto";

/**
 * Tokens that were verified, by SHA-256, so that memory holds no credential and a long token costs no more than a short one. Bounded: the entry
 * that was not used for longest goes first. It judges nothing; who reads an entry checks its time and its key.
 */
export interface VerifiedCache<Entry> {
  find(name: string): Entry | undefined;
  keep(name: string, entry: Entry): void;
  drop(name: string): void;
  readonly size: number;
}

/** The name of a token in the cache: SHA-256, base64url. */
export function nameOf(token: string): string {
  return hash("sha256", token, "base64url");
}

/** Opens an empty cache of at most `entriesMax` entries. */
export function openVerifiedCache<Entry>(entriesMax: number): VerifiedCache<Entry> {
  const entries = new Map<string, Entry>();
  return {
    find: (name) => {
      const found = entries.get(name);
      if (found === undefined) return undefined;
      // A Map hands its keys out in the order they were set, so setting anew marks the entry as just used.
      entries.delete(name);
      entries.set(name, found);
      return found;
    },
    keep: (name, entry) => {
      entries.delete(name);
      entries.set(name, entry);
      const oldest = entries.size > entriesMax ? entries.keys().next().value : undefined;
      if (oldest !== undefined) entries.delete(oldest);
    },
    drop: (name) => {
      entries.delete(name);
    },
    get size() {
      return entries.size;
    },
  };
}
