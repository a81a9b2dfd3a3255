import { hash } from "node:crypto";

/**
 * Tokens that were verified, by SHA-256, so that memory holds no credential and a long token costs no more than a short one. Bounded: the entry
 * that was not used for longest goes first. It judges nothing; who reads an entry checks its time and its key.
 */
export interface VerifiedCache<Entry> {
  find(name: string): Entry | undefined;
  /** `tokenLength` in characters: what the entry weighs. */
  keep(name: string, entry: Entry, tokenLength: number): void;
  drop(name: string): void;
  readonly size: number;
  readonly bytes: number;
}

/** The name of a token in the cache: SHA-256, base64url. */
export function nameOf(token: string): string {
  return hash("sha256", token, "base64url");
}

/** What a cache may hold, whichever is reached first. */
export interface CacheBounds {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

/** Memory of an entry beside what was made of the token: its name, the map's own slot, the times. */
const bytesPerEntry = 512;

/** Opens an empty cache. What an entry takes is counted as the length of its token twice, since its claims are text made of it, and 512 bytes. */
export function openVerifiedCache<Entry>({ entriesMax, bytesMax }: CacheBounds): VerifiedCache<Entry> {
  const entries = new Map<string, { readonly entry: Entry; readonly bytes: number }>();
  let held = 0;
  const drop = (name: string): void => {
    held -= entries.get(name)?.bytes ?? 0;
    entries.delete(name);
  };
  return {
    find: (name) => {
      const found = entries.get(name);
      if (found === undefined) return undefined;
      // A Map hands its keys out in the order they were set, so setting anew marks the entry as just used.
      entries.delete(name);
      entries.set(name, found);
      return found.entry;
    },
    keep: (name, entry, tokenLength) => {
      drop(name);
      const bytes = 2 * tokenLength + bytesPerEntry;
      entries.set(name, { entry, bytes });
      held += bytes;
      for (const oldest of entries.keys()) {
        if (entries.size <= entriesMax && held <= bytesMax) break;
        drop(oldest);
      }
    },
    drop,
    get size() {
      return entries.size;
    },
    get bytes() {
      return held;
    },
  };
}
