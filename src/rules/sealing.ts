import { canonicalJson, sha256Hex } from "./canonical.ts";
import type { JsonObject } from "./json.ts";

/** A sealed row of the ledger. `hash` covers `seq`, `prev` and the canonical entry (see `hashEntry`). */
export interface SealedEntry {
  /** 1, 2, 3, ... without a gap. */
  readonly seq: number;
  readonly entry: JsonObject;
  /** Hash of the row before, 64 lower-case hex digits; `genesisHash` for row 1. */
  readonly prev: string;
  /** 64 lower-case hex digits. */
  readonly hash: string;
}

/** Where the ledger stands: everything before it is fixed by `hash`. */
export interface LedgerHead {
  /** Number of sealed entries. */
  readonly size: number;
  /** Hash of the last one; `genesisHash` when empty. */
  readonly hash: string;
}

/** What row 1 names as the hash before it: 64 zeros. */
export const genesisHash = "0".repeat(64);

/** The head of a ledger without entries. */
export const emptyHead: LedgerHead = { size: 0, hash: genesisHash };

// The label keeps these hashes apart from every other SHA-256 in the product: no call digest or bundle digest can ever pass for a ledger hash.
const label = "sallyport ledger entry v1";

/**
 * SHA-256 (hex) over four lines: label, `seq` in decimal, `prev`, and the RFC 8785 form of the entry. The first three never hold a newline and the
 * entry comes last, so two different rows never have the same bytes. Throws on what RFC 8785 cannot express (lone surrogates, non-finite numbers).
 */
export function hashEntry(prev: string, seq: number, entry: JsonObject): string {
  return hashEntryText(prev, seq, canonicalJson(entry));
}

/** The same for an entry whose RFC 8785 text is at hand. */
export function hashEntryText(prev: string, seq: number, text: string): string {
  return sha256Hex(`${label}\n${seq}\n${prev}\n${text}`);
}

/** Numbers and chains entries after a head, in the order given. All or nothing: throws like `hashEntry` and on a head that cannot be one. */
export function sealEntries(head: LedgerHead, entries: readonly JsonObject[]): readonly SealedEntry[] {
  if (!isHead(head) || !Number.isSafeInteger(head.size + entries.length))
    throw new RangeError(`not a ledger head: ${JSON.stringify(head)}`);
  const sealed: SealedEntry[] = [];
  let prev = head.hash;
  for (const [index, entry] of entries.entries()) {
    const seq = head.size + index + 1;
    const hash = hashEntry(prev, seq, entry);
    sealed.push({ seq, entry, prev, hash });
    prev = hash;
  }
  return sealed;
}

/** The head after these rows, or the head given when there are none. */
export function headAfter(head: LedgerHead, sealed: readonly SealedEntry[]): LedgerHead {
  const last = sealed.at(-1);
  return last === undefined ? head : { size: last.seq, hash: last.hash };
}

// A size of zero and the genesis hash belong together: a head that has one without the other was cut or mixed up on its way.
function isHead(head: LedgerHead): boolean {
  if (!Number.isSafeInteger(head.size) || head.size < 0 || !/^[0-9a-f]{64}$/.test(head.hash)) return false;
  return (head.size === 0) === (head.hash === genesisHash);
}
