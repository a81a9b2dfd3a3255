// The offline verifier. It shares no code with the gateway and imports nothing but Node, so that a mistake in the one is not a mistake in the other, and
// so that this single file can be handed to an auditor: node ledger-verifier.ts --ledger export.jsonl --checkpoint latest --key ledger.pub

import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

/** One thing that is wrong. `seq` is the row's number, null when it is about the checkpoint or the ledger as a whole. */
export interface Problem {
  readonly seq: number | null;
  readonly what: string;
}

export interface Report {
  /** True when nothing is wrong: every entry up to the checkpoint is exactly what was signed for. */
  readonly ok: boolean;
  /** Number of the last entry. */
  readonly size: number;
  /** Hash of the last entry, 64 zeros when there is none. */
  readonly head: string;
  /** Lines that were read and checked. */
  readonly checked: number;
  /** What the checkpoint covers, null when it cannot be trusted. */
  readonly covered: number | null;
  /** Entries after the checkpoint: chained, but not yet covered by a checkpoint, so nobody could tell had they been cut off or written anew. */
  readonly uncovered: number;
  /** The first of them, at most 100. */
  readonly problems: readonly Problem[];
  /** How many there are. */
  readonly problemCount: number;
}

export interface VerifyOptions {
  /** Path of the export (JSON Lines), or its lines without their newlines. Must begin with entry 1. */
  readonly entries: string | AsyncIterable<string> | Iterable<string>;
  /** The newest checkpoint known outside the gateway, as text. */
  readonly checkpoint: string;
  /** `name+keyid+base64`, as in `ledger.pub`. */
  readonly verifierKey: string;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

interface Row {
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
  readonly entry: { readonly [key: string]: Json };
}

interface Head {
  readonly size: number;
  readonly hash: string;
}

interface Check {
  readonly checkpoint: Head | null;
  readonly problems: Problem[];
  problemCount: number;
  checked: number;
  /** Number that the next row must have. */
  next: number;
  /** Hash that the next row must name; null after a line that had none. */
  prev: string | null;
  head: string;
  /** Hash found at the checkpoint's size. */
  hashAtCheckpoint: string | null;
}

const genesis = "0".repeat(64);
const problemsMax = 100;
const lineBytesMax = 16 * 1024 * 1024;
const depthMax = 500;

/** Checks a whole ledger against one checkpoint. Streams: memory does not grow with the ledger. Rejects only when the file cannot be read. */
export async function verifyLedger(options: VerifyOptions): Promise<Report> {
  const note = readCheckpoint(options.checkpoint, options.verifierKey);
  const check: Check = {
    checkpoint: typeof note === "string" ? null : note,
    problems: [],
    problemCount: 0,
    checked: 0,
    next: 1,
    prev: genesis,
    head: genesis,
    hashAtCheckpoint: typeof note === "object" && note.size === 0 ? genesis : null,
  };
  if (typeof note === "string") report(check, null, note);
  const lines = typeof options.entries === "string" ? linesOf(options.entries) : options.entries;
  for await (const line of lines) checkLine(check, line);
  return conclude(check);
}

function checkLine(check: Check, line: string): void {
  check.checked += 1;
  const row = readRow(line);
  if (typeof row === "string") {
    report(check, check.next, row);
    check.next += 1;
    check.prev = null;
    return;
  }
  if (row.seq !== check.next) report(check, row.seq, `entry ${check.next} was expected here`);
  if (check.prev !== null && row.prev !== check.prev) report(check, row.seq, "it does not follow the entry before it");
  const hash = hashOf(row);
  if (hash !== row.hash) report(check, row.seq, hash === null ? "its entry has no canonical form" : "its hash is not that of its content");
  if (row.seq === check.checkpoint?.size) check.hashAtCheckpoint = row.hash;
  // After a break, go on from what is there: one change is then reported once and not for every entry after it.
  check.next = row.seq + 1;
  check.prev = row.hash;
  check.head = row.hash;
}

function conclude(check: Check): Report {
  const size = check.next - 1;
  const { checkpoint } = check;
  if (checkpoint !== null && check.hashAtCheckpoint === null) {
    report(check, null, `the ledger ends at ${size}, and the checkpoint covers ${checkpoint.size} entries`);
  } else if (checkpoint !== null && check.hashAtCheckpoint !== checkpoint.hash) {
    report(check, checkpoint.size, "the checkpoint was signed for another entry here: the ledger was written anew or is not this one");
  }
  const covered = checkpoint?.size ?? null;
  return {
    ok: check.problemCount === 0,
    size,
    head: check.head,
    checked: check.checked,
    covered,
    uncovered: Math.max(0, size - (covered ?? 0)),
    problems: check.problems,
    problemCount: check.problemCount,
  };
}

function report(check: Check, seq: number | null, what: string): void {
  check.problemCount += 1;
  if (check.problems.length < problemsMax) check.problems.push({ seq, what });
}

// Written again it must be the same text: that leaves no room for duplicate keys, spaces, other number forms or anything else that two readers could
// read in two ways.
function readRow(line: string): Row | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
    if (JSON.stringify(value) !== line) return "the line is not compact JSON, or not what any reader would read";
  } catch {
    return line === "" ? "the line is empty" : "the line is not JSON, or was cut off";
  }
  if (!isObject(value) || Object.keys(value).sort().join() !== "entry,hash,prev,seq")
    return "the line does not hold exactly seq, prev, hash and entry";
  const { seq, prev, hash, entry } = value;
  if (!Number.isSafeInteger(seq) || typeof seq !== "number" || seq < 1) return "seq is not a positive integer";
  if (!isHash(prev) || !isHash(hash)) return "prev or hash is not 64 lower-case hex digits";
  return isObject(entry) ? { seq, prev, hash, entry } : "the entry is not an object";
}

function hashOf(row: Row): string | null {
  const text = canonicalText(row.entry);
  if (text === null) return null;
  return createHash("sha256").update(`sallyport ledger entry v1\n${row.seq}\n${row.prev}\n${text}`).digest("hex");
}

/** RFC 8785 form of a parsed JSON value, or null when it has none (lone surrogates, non-finite numbers, deeper than 500). */
export function canonicalText(value: Json, depth = 0): string | null {
  if (typeof value === "string") return value.isWellFormed() ? JSON.stringify(value) : null;
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : null;
  if (value === null || typeof value === "boolean") return String(value);
  if (depth >= depthMax) return null;
  return isList(value) ? canonicalList(value, depth + 1) : canonicalObject(value, depth + 1);
}

function canonicalList(list: readonly Json[], depth: number): string | null {
  let text = "";
  for (const item of list) {
    const part = canonicalText(item, depth);
    if (part === null) return null;
    text += text === "" ? part : `,${part}`;
  }
  return `[${text}]`;
}

// Keys in the order of their UTF-16 code units (RFC 8785 section 3.2.3), which is how JavaScript compares strings.
function canonicalObject(object: { readonly [key: string]: Json }, depth: number): string | null {
  let text = "";
  for (const key of Object.keys(object).sort()) {
    const name = canonicalText(key);
    const part = canonicalText(object[key] ?? null, depth);
    if (name === null || part === null) return null;
    text += `${text === "" ? "" : ","}${name}:${part}`;
  }
  return `{${text}}`;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

interface Key {
  readonly name: string;
  readonly id: string;
  readonly publicKey: KeyObject;
}

// Reads a C2SP tlog-checkpoint inside a C2SP signed-note. Signatures of keys that we were not given are passed over, as the specification demands.
function readCheckpoint(note: string, verifierKey: string): Head | string {
  const key = readKey(verifierKey.replace(/\n$/, ""));
  if (key === null) return "the verifier key cannot be read";
  const cut = note.lastIndexOf("\n\n");
  if (cut < 1 || !note.endsWith("\n") || note.length > 65_536 || hasControls(note) || !note.isWellFormed()) {
    return "the checkpoint is not a signed note";
  }
  const text = note.slice(0, cut + 1);
  const signatures = note
    .slice(cut + 2, -1)
    .split("\n")
    .map(readSignature);
  if (signatures.includes(null)) return "the checkpoint has a line that is no signature";
  const ours = signatures.filter((each) => each !== null && each.name === key.name && each.id === key.id);
  if (ours.length === 0) return `the checkpoint is not signed by ${key.name} (key ${key.id})`;
  if (!ours.every((each) => each !== null && verify(null, Buffer.from(text), key.publicKey, each.bytes)))
    return "the checkpoint's signature is forged or its text was changed";
  return readHead(text, key.name);
}

// C2SP forbids control characters other than newline anywhere in a note.
function hasControls(text: string): boolean {
  return Array.from(text).some((char) => char < " " && char !== "\n");
}

function readHead(text: string, name: string): Head | string {
  const lines = text.slice(0, -1).split("\n");
  const [origin, size = "", root = ""] = lines;
  const hash = fromBase64(root);
  if (lines.includes("") || !/^(0|[1-9][0-9]{0,15})$/.test(size) || !Number.isSafeInteger(Number(size)) || hash?.length !== 32)
    return "the checkpoint does not hold origin, size and hash";
  if (origin !== name) return `the checkpoint is of another log: ${origin}`;
  const head = { size: Number(size), hash: hash.toString("hex") };
  return (head.size === 0) === (head.hash === genesis) ? head : "the checkpoint's size and hash contradict each other";
}

function readSignature(line: string): { readonly name: string; readonly id: string; readonly bytes: Buffer } | null {
  const [dash, name = "", encoded = "", ...rest] = line.split(" ");
  const bytes = fromBase64(encoded);
  if (dash !== "\u2014" || name === "" || rest.length > 0 || bytes === null || bytes.length < 5) return null;
  return { name, id: bytes.toString("hex", 0, 4), bytes: bytes.subarray(4) };
}

function readKey(text: string): Key | null {
  const [, name = "", id = "", encoded = ""] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u.exec(text) ?? [];
  const bytes = fromBase64(encoded);
  if (bytes?.length !== 33 || bytes[0] !== 1) return null;
  if (createHash("sha256").update(`${name}\n`).update(bytes).digest("hex").slice(0, 8) !== id) return null;
  return {
    name,
    id,
    publicKey: createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: bytes.toString("base64url", 1) }, format: "jwk" }),
  };
}

function fromBase64(text: string): Buffer | null {
  const bytes = Buffer.from(text, "base64");
  return text !== "" && bytes.toString("base64") === text ? bytes : null;
}

// Node's readline would also break lines at other characters and mend broken UTF-8: here a changed byte must stay a changed byte.
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of path === "-" ? process.stdin : createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    const bytes: Buffer = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, from)) {
      yield decodeLine(bytes.subarray(from, end));
      from = end + 1;
    }
    rest = bytes.subarray(from);
    if (rest.length > lineBytesMax) throw new Error(`${path} has a line of more than ${lineBytesMax} bytes`);
  }
  // A last line without its newline was cut off, whatever it says: an export always ends in one.
  if (rest.length > 0) yield `${decodeLine(rest)}\u0000`;
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeLine(bytes: Buffer): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return "\u0000"; // No line of JSON; the row is reported as unreadable.
  }
}

const help = `Verifies an exported ledger against a checkpoint that was kept outside the gateway.

  node ledger-verifier.ts --ledger export.jsonl --checkpoint latest --key ledger.pub [--json]

  --ledger      JSON Lines, one {"seq","prev","hash","entry"} each, from entry 1 on; - reads standard input
  --checkpoint  the newest signed checkpoint you have from outside
  --key         the ledger's public key, as text in a file: name+keyid+base64
  --json        print the report as JSON

Exit codes: 0 everything matches, 1 something was tampered with, 2 wrong usage or unreadable files.
`;

/** Runs the program and answers its exit code: 0 matches, 1 tampered, 2 usage. */
export async function runVerifier(argv: readonly string[], print: (text: string) => void): Promise<0 | 1 | 2> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        ledger: { type: "string" },
        checkpoint: { type: "string" },
        key: { type: "string" },
        json: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    const { ledger, checkpoint, key } = values;
    if (values.help === true || ledger === undefined || checkpoint === undefined || key === undefined) {
      print(help);
      return values.help === true ? 0 : 2;
    }
    const result = await verifyLedger({
      entries: ledger,
      checkpoint: await readFile(checkpoint, "utf8"),
      verifierKey: await readFile(key, "utf8"),
    });
    print(values.json === true ? `${JSON.stringify(result)}\n` : describe(result));
    return result.ok ? 0 : 1;
  } catch (error) {
    print(`ledger-verifier: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
}

function describe(result: Report): string {
  const lines = result.problems.map(({ seq, what }) => `${seq === null ? "ledger" : `entry ${seq}`}: ${what}`);
  if (result.problemCount > lines.length) lines.push(`... and ${result.problemCount - lines.length} more`);
  lines.push(`${result.ok ? "OK" : "TAMPERED"}: ${result.checked} entries checked, head ${result.head}`);
  if (result.uncovered > 0) lines.push(`${result.uncovered} entries after the checkpoint are chained but not yet covered by a checkpoint`);
  return `${lines.join("\n")}\n`;
}

if (import.meta.main) process.exitCode = await runVerifier(process.argv.slice(2), (text) => process.stdout.write(text));
