import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Checkpoint } from "../../rules/checkpoint-note.ts";
import type { LedgerHead } from "../../rules/sealing.ts";
import { makePrivateFolder, replaceFile, replaceFileAsync } from "../durable-file.ts";
import { appendHistory, HistoryDamaged, openHistory } from "./history.ts";
import { type CheckpointSigner, openSigner } from "./signing-key.ts";

export interface CheckpointOptions {
  /** Where `latest`, `history.jsonl` and `ledger.pub` are kept: best a disk that the gateway can only add to. */
  readonly dir: string;
  /** Ed25519 private key, PEM (PKCS #8), in a file that only its owner may read. */
  readonly keyFile: string;
  /** Names the log and its key, such as `gateway.acme.example/ledger`; no spaces, no plus. */
  readonly name: string;
  /** Makes the key when there is none; for development only. */
  readonly generateKey: boolean;
  /** The ledger's own hash of entry `seq`, null when it has none. With it, a fork before the last checkpoint is refused too, and not only a shorter ledger. */
  readonly hashAt?: (seq: number) => Promise<string | null>;
}

/** Signs and publishes heads of the ledger. */
export interface Checkpoints {
  /**
   * Signs a head and puts it on disk: first in the history, then as `latest`. Does nothing for the head that was signed last. Never signs one that
   * contradicts it: rejects with `InconsistentHead`. Calls queue up; one at a time runs.
   */
  publish(head: LedgerHead, nowMs: number): Promise<void>;
  /** The last checkpoint that was signed, or null before the first. */
  last(): Checkpoint | null;
  /** The same as a signed note, to hand to others. */
  lastNote(): string | null;
  /** The public key in verifier-key form, also in `ledger.pub`. */
  readonly publicKey: string;
  /** What had to be repaired since the start, in words, for the log. */
  repairs(): readonly string[];
}

/** A head that contradicts what was signed before. The ledger was cut, restored or forked; signing would hide it. */
export class InconsistentHead extends Error {
  override readonly name = "InconsistentHead";
}

/** The folder was written under another key or its files contradict each other. */
export class CheckpointsUnusable extends Error {
  override readonly name = "CheckpointsUnusable";
}

interface Signed {
  readonly checkpoint: Checkpoint;
  readonly note: string;
}

interface Folder {
  readonly options: CheckpointOptions;
  readonly signer: CheckpointSigner;
  readonly repairs: string[];
  last: Signed | null;
}

/** Opens the folder and finds what was signed last. Throws `SecretFileRefused`, `CheckpointsUnusable` or `HistoryDamaged`: no doubt is started with. */
export async function openCheckpoints(options: CheckpointOptions): Promise<Checkpoints> {
  const signer = openSigner({ keyFile: options.keyFile, name: options.name, generate: options.generateKey });
  makePrivateFolder(options.dir);
  writePublicKey(join(options.dir, "ledger.pub"), signer.publicKey);
  const folder: Folder = { options, signer, repairs: [], last: null };
  await findLast(folder);
  let queue: Promise<unknown> = Promise.resolve();
  return {
    publish(head, nowMs) {
      const turn = queue.then(() => publishHead(folder, head, nowMs));
      queue = turn.catch(() => undefined);
      return turn;
    },
    last: () => folder.last?.checkpoint ?? null,
    lastNote: () => folder.last?.note ?? null,
    publicKey: signer.publicKey,
    repairs: () => folder.repairs,
  };
}

async function publishHead(folder: Folder, head: LedgerHead, nowMs: number): Promise<void> {
  const { options, signer } = folder;
  const latestFile = join(options.dir, "latest");
  const refusal = await contradiction(folder, head);
  if (refusal !== null) throw new InconsistentHead(refusal);
  if (folder.last === null || head.size > folder.last.checkpoint.size) {
    const checkpoint = { origin: options.name, size: head.size, hashHex: head.hash, extensions: [] };
    const note = signer.sign(checkpoint);
    // Remembered before it is written: a signature that may have reached the disk counts, whatever the disk answers.
    folder.last = { checkpoint, note };
  }
  const { note } = folder.last;
  if (readIfThere(latestFile) === note) return;
  const repaired = await appendHistory(historyOf(options), { at_ms: nowMs, note });
  if (repaired !== null) folder.repairs.push(repaired);
  await replaceFileAsync(latestFile, note, 0o644);
}

async function contradiction({ last, options }: Folder, head: LedgerHead): Promise<string | null> {
  if (last === null) return null;
  const { size, hashHex } = last.checkpoint;
  if (head.size < size) return `the ledger has ${head.size} entries, and a checkpoint of ${size} was signed`;
  if (head.size === size) return head.hash === hashHex ? null : `another head of ${size} entries was signed`;
  if (size === 0 || options.hashAt === undefined) return null;
  return (await options.hashAt(size)) === hashHex ? null : `entry ${size} is another one than was signed for`;
}

// History and `latest` are two copies that a crash can leave one step apart. The larger one is what was signed last; two different ones of one size
// cannot come from a crash.
async function findLast(folder: Folder): Promise<void> {
  const { dir } = folder.options;
  const { last: record, repaired } = await openHistory(historyOf(folder.options));
  if (repaired !== null) folder.repairs.push(repaired);
  const fromHistory = record === null ? null : readOwn(folder, record.note, "history.jsonl");
  const latestText = readIfThere(join(dir, "latest"));
  const fromLatest = latestText === null ? null : readOwn(folder, latestText, "latest");
  folder.last = laterOf(fromHistory, fromLatest);
  if (folder.last === null) return;
  if (fromLatest !== folder.last && fromLatest?.note !== folder.last.note) {
    replaceFile(join(dir, "latest"), folder.last.note, 0o644);
    folder.repairs.push(`${join(dir, "latest")} was behind the history and was written again`);
  }
  if (fromHistory === null || fromHistory.checkpoint.size < folder.last.checkpoint.size) {
    throw new HistoryDamaged(
      `${historyOf(folder.options)} lacks the checkpoint of ${folder.last.checkpoint.size} entries that ${join(dir, "latest")} holds`,
    );
  }
}

function laterOf(one: Signed | null, other: Signed | null): Signed | null {
  if (one === null || other === null) return one ?? other;
  const difference = one.checkpoint.size - other.checkpoint.size;
  if (difference === 0 && one.checkpoint.hashHex !== other.checkpoint.hashHex) {
    throw new CheckpointsUnusable(
      `two different heads of ${one.checkpoint.size} entries were signed; keep both files, and look before the ledger goes on`,
    );
  }
  return difference >= 0 ? one : other;
}

function readOwn(folder: Folder, note: string, file: string): Signed {
  const checkpoint = folder.signer.read(note);
  if (checkpoint === null || checkpoint.origin !== folder.options.name) {
    throw new CheckpointsUnusable(
      `${join(folder.options.dir, file)} was not signed by ${folder.options.keyFile} as ${folder.options.name}`,
    );
  }
  return { checkpoint, note };
}

function writePublicKey(path: string, publicKey: string): void {
  const found = readIfThere(path);
  if (found === null) replaceFile(path, `${publicKey}\n`, 0o644);
  else if (found.trim() !== publicKey)
    throw new CheckpointsUnusable(`${path} holds another key: give a new ledger key a new checkpoint folder`);
}

function historyOf(options: CheckpointOptions): string {
  return join(options.dir, "history.jsonl");
}

function readIfThere(path: string): string | null {
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}
