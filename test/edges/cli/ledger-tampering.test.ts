import assert from "node:assert/strict";
import { test } from "node:test";
import type { Report } from "../../../src/edges/cli/ledger-verifier.ts";
import { keyIdOf } from "../../../src/rules/checkpoint-note.ts";
import type { JsonObject } from "../../../src/rules/json.ts";
import { emptyHead, headAfter, sealEntries } from "../../../src/rules/sealing.ts";
import {
  checkpoint,
  entries,
  entryOf,
  foreign,
  head,
  lines,
  linesOf,
  name,
  noteFor,
  ours,
  publicBytes,
  rows,
  verifyBytes,
  verifyLines,
} from "../../support/sealed-ledger.ts";

const variations = process.env["SOAK"] ? 200 : 3;
const seed = Number(process.env["SEED"] ?? 20261122);

/** Mulberry32: numbers below `below`, the same for the same seed. */
function dice(from: number): (below: number) => number {
  let state = from;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Roll = (below: number) => number;

/** Rows from `at` on, sealed anew over other entries: what somebody with the disk but without the key can do. */
function resealFrom(at: number, changed: readonly JsonObject[]): string[] {
  const kept = rows.slice(0, at);
  return [...lines.slice(0, at), ...linesOf(sealEntries(headAfter(emptyHead, kept), changed))];
}

const tamperings: Record<string, (roll: Roll) => Promise<Report>> = {
  "flip a bit": (roll) => {
    const bytes = Buffer.from(`${lines.join("\n")}\n`);
    const at = roll(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << roll(8));
    return verifyBytes(bytes);
  },
  "delete an entry": (roll) => verifyLines(lines.toSpliced(roll(lines.length), 1)),
  "delete an entry and re-hash what follows": (roll) => {
    const at = roll(lines.length);
    return verifyLines(resealFrom(at, entries.slice(at + 1)));
  },
  "insert an entry": (roll) => {
    const at = roll(lines.length + 1);
    const twin = lines[roll(lines.length)] ?? "";
    return verifyLines(lines.toSpliced(at, 0, twin));
  },
  "insert an entry and re-hash what follows": (roll) => {
    const at = roll(lines.length);
    return verifyLines(resealFrom(at, [entryOf(roll(1000), "inserted"), ...entries.slice(at)]));
  },
  "change an entry and its own hash": (roll) => {
    const at = roll(lines.length);
    const [changed] = resealFrom(at, [entryOf(at, "changed")]).slice(-1);
    return verifyLines(lines.with(at, changed ?? ""));
  },
  "swap two entries": (roll) => {
    const one = roll(lines.length);
    const other = (one + 1 + roll(lines.length - 1)) % lines.length;
    return verifyLines(lines.with(one, lines[other] ?? "").with(other, lines[one] ?? ""));
  },
  "swap two entries and re-hash what follows": (roll) => {
    const at = roll(lines.length - 1);
    const [one = {}, other = {}, ...rest] = entries.slice(at);
    return verifyLines(resealFrom(at, [other, one, ...rest]));
  },
  "reorder a stretch": (roll) => {
    const length = 2 + roll(50);
    const at = roll(lines.length - length);
    return verifyLines(lines.toSpliced(at, length, ...lines.slice(at, at + length).toReversed()));
  },
  "truncate the tail": (roll) => verifyLines(lines.slice(0, roll(lines.length))),
  "truncate the tail within a line": (roll) => {
    const bytes = Buffer.from(`${lines.join("\n")}\n`);
    return verifyBytes(bytes.subarray(0, roll(bytes.length)));
  },
  "truncate the head": (roll) => verifyLines(lines.slice(1 + roll(lines.length - 1))),
  "truncate the head and re-hash": (roll) => verifyLines(resealFrom(0, entries.slice(1 + roll(100)))),
  "replace the file": (roll) => {
    const other = Array.from({ length: entries.length }, (_, index) => entryOf(index, `other${roll(1000)}`));
    return verifyBytes(Buffer.from(`${resealFrom(0, other).join("\n")}\n`));
  },
  fork: (roll) => {
    const at = roll(lines.length);
    const others = Array.from({ length: lines.length - at + roll(20) }, (_, index) => entryOf(at + index, "fork"));
    return verifyLines(resealFrom(at, others));
  },
  "replay an old head": async (roll) => {
    const size = 1 + roll(lines.length - 1);
    const old = noteFor(headAfter(emptyHead, rows.slice(0, size)));
    const relative = await verifyLines(lines.slice(0, size), old);
    assert.equal(relative.ok, true, "to somebody who has only the old head, the old ledger is the ledger");
    return await verifyLines(lines.slice(0, size));
  },
  "re-hash the whole chain": (roll) => verifyLines(resealFrom(0, entries.with(roll(entries.length), entryOf(roll(1000), "rehashed")))),
  "forge the checkpoint's signature": (roll) => {
    const note = noteFor(head);
    const at = note.lastIndexOf(" ") + 7 + roll(80);
    const forged = note.slice(0, at) + (note[at] === "A" ? "B" : "A") + note.slice(at + 1);
    return verifyLines(lines, forged);
  },
  "re-hash and put the new head into the checkpoint": (roll) => {
    const changed = sealEntries(emptyHead, entries.with(roll(entries.length), entryOf(roll(1000), "rehashed")));
    const root = Buffer.from(headAfter(emptyHead, changed).hash, "hex").toString("base64");
    return verifyLines(linesOf(changed), checkpoint.replace(Buffer.from(head.hash, "hex").toString("base64"), root));
  },
  "cut the ledger and the size in the checkpoint": (roll) => {
    const size = 1 + roll(lines.length - 1);
    return verifyLines(lines.slice(0, size), checkpoint.replace(`\n${lines.length}\n`, `\n${size}\n`));
  },
  "sign with a foreign key": (roll) => {
    const changed = sealEntries(emptyHead, entries.with(roll(entries.length), entryOf(roll(1000), "rehashed")));
    const theirs = headAfter(emptyHead, changed);
    const asOurs = roll(2) === 0 ? noteFor(theirs, foreign) : noteFor(theirs, foreign, name, keyIdOf(name, publicBytes(ours)));
    return verifyLines(linesOf(changed), asOurs);
  },
};

test(`every tampering with a ledger of 10,000 entries is found (seed ${seed}, ${variations} variations each)`, async (context) => {
  let runs = 0;
  const missed: string[] = [];
  for (const [index, [what, tamper]] of Object.entries(tamperings).entries()) {
    for (let variation = 0; variation < variations; variation += 1) {
      const report = await tamper(dice(seed + index * 1_000_003 + variation));
      if (report.ok || report.problemCount === 0) missed.push(`${what}, variation ${variation}`);
      runs += 1;
    }
  }
  context.diagnostic(`${runs} tamperings of ${Object.keys(tamperings).length} kinds, ${missed.length} missed, seed ${seed}`);
  assert.deepEqual(missed, []);
  assert.equal(runs, 21 * variations);
});
