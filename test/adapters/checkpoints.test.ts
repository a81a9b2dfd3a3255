import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { appendFileSync, chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { HistoryDamaged } from "../../src/adapters/checkpoints/history.ts";
import { type CheckpointOptions, CheckpointsUnusable, InconsistentHead, openCheckpoints } from "../../src/adapters/checkpoints/index.ts";
import { SecretFileRefused } from "../../src/adapters/durable-file.ts";
import { verifyLedger } from "../../src/edges/cli/ledger-verifier.ts";
import { readNote, readVerifierKey } from "../../src/rules/checkpoint-note.ts";
import { emptyHead, type LedgerHead, type SealedEntry, sealEntries } from "../../src/rules/sealing.ts";

const rows = sealEntries(
  emptyHead,
  Array.from({ length: 20 }, (_, index) => ({ kind: "started", call: `c_${index}` })),
);
const fork = sealEntries(
  emptyHead,
  Array.from({ length: 20 }, (_, index) => ({ kind: "denied", call: `c_${index}` })),
);

function headAt(size: number, from: readonly SealedEntry[] = rows): LedgerHead {
  return size === 0 ? emptyHead : { size, hash: from[size - 1]?.hash ?? "" };
}

function place(context: TestContext, changes: Partial<CheckpointOptions> = {}): CheckpointOptions {
  const root = mkdtempSync(join(tmpdir(), "sallyport-checkpoints-"));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  return {
    dir: join(root, "checkpoints"),
    keyFile: join(root, "keys", "ledger.pem"),
    name: "gw.example/ledger",
    generateKey: true,
    ...changes,
  };
}

const historyOf = (options: CheckpointOptions) => join(options.dir, "history.jsonl");
const read = (options: CheckpointOptions, file: string) => readFileSync(join(options.dir, file), "utf8");
const linesIn = (options: CheckpointOptions) => read(options, "history.jsonl").trimEnd().split("\n");

test("a published head is a signed note that the offline verifier accepts", async (context) => {
  const options = place(context);
  const checkpoints = await openCheckpoints(options);
  assert.equal(checkpoints.last(), null);
  await checkpoints.publish(headAt(20), 1_795_350_600_000);
  assert.deepEqual(checkpoints.last(), { origin: options.name, size: 20, hashHex: headAt(20).hash, extensions: [] });
  assert.equal(read(options, "latest"), checkpoints.lastNote());
  assert.equal(read(options, "ledger.pub"), `${checkpoints.publicKey}\n`);
  assert.equal(readVerifierKey(checkpoints.publicKey)?.name, options.name);
  assert.deepEqual(
    linesIn(options).map((line) => JSON.parse(line)),
    [{ at_ms: 1_795_350_600_000, note: checkpoints.lastNote() }],
  );
  const entries = rows.map((row) => JSON.stringify(row));
  const report = await verifyLedger({ entries, checkpoint: read(options, "latest"), verifierKey: read(options, "ledger.pub") });
  assert.deepEqual([report.ok, report.covered, report.uncovered], [true, 20, 0]);
  assert.deepEqual(readdirSync(options.dir).sort(), ["history.jsonl", "latest", "ledger.pub"], "no drafts are left");
});

test("a head that contradicts the last one signed is refused, also after a restart", async (context) => {
  const options = place(context);
  const contradictions: readonly LedgerHead[] = [headAt(9), emptyHead, headAt(10, fork), { size: 10, hash: "0".repeat(64) }];
  const first = await openCheckpoints(options);
  await first.publish(headAt(10), 1);
  for (const checkpoints of [first, await openCheckpoints(options)]) {
    for (const head of contradictions) await assert.rejects(checkpoints.publish(head, 2), InconsistentHead);
    assert.equal(checkpoints.last()?.hashHex, headAt(10).hash);
  }
  assert.equal(linesIn(options).length, 1, "nothing was signed");
  assert.equal(read(options, "latest"), first.lastNote());
});

test("a longer ledger that forked before the last checkpoint is refused when its hashes can be asked", async (context) => {
  const good = await openCheckpoints(place(context));
  await good.publish(headAt(10), 1);
  await good.publish(headAt(12), 2);
  const options = place(context, { hashAt: async (seq) => fork[seq - 1]?.hash ?? null });
  const forked = await openCheckpoints(options);
  await forked.publish(headAt(10), 1);
  await assert.rejects(forked.publish(headAt(12, fork), 2), InconsistentHead);
  assert.equal(forked.last()?.size, 10);
  const cut = await openCheckpoints({ ...options, hashAt: async () => null });
  await assert.rejects(cut.publish(headAt(12), 2), InconsistentHead);
});

test("the same head again writes nothing, and heads published at once are signed one after another", async (context) => {
  const options = place(context);
  const checkpoints = await openCheckpoints(options);
  await checkpoints.publish(headAt(3), 1);
  await checkpoints.publish(headAt(3), 2);
  assert.equal(linesIn(options).length, 1);
  const outcomes = await Promise.allSettled([5, 4, 7, 7, 6, 9].map((size) => checkpoints.publish(headAt(size), 3)));
  assert.deepEqual(
    outcomes.map((each) => each.status),
    ["fulfilled", "rejected", "fulfilled", "fulfilled", "rejected", "fulfilled"],
  );
  const sizes = linesIn(options).map((line) => readNote(JSON.parse(line).note)?.checkpoint.size);
  assert.deepEqual(sizes, [3, 5, 7, 9]);
});

test("a torn last line is kept, marked and reported, wherever it was cut", async (context) => {
  const options = place(context);
  const checkpoints = await openCheckpoints(options);
  await checkpoints.publish(headAt(4), 1);
  const whole = readFileSync(historyOf(options), "utf8");
  let cuts = 0;
  for (const next of [whole.replace('"at_ms":1', '"at_ms":2'), '{"torn":true}\n']) {
    for (let length = 1; length < next.length - 1; length += next.length > 50 ? 17 : 1) {
      writeFileSync(historyOf(options), whole + next.slice(0, length));
      const opened = await openCheckpoints(options);
      assert.equal(opened.repairs().length, 1, `cut at ${length}`);
      assert.equal(opened.last()?.size, 4);
      assert.equal(readFileSync(historyOf(options), "utf8"), `${whole}${next.slice(0, length)}\n{"torn":true}\n`);
      await opened.publish(headAt(5), 3);
      assert.deepEqual((await openCheckpoints(options)).repairs(), [], "repaired once");
      writeFileSync(join(options.dir, "latest"), checkpoints.lastNote() ?? "");
      cuts += 1;
    }
  }
  assert.ok(cuts > 20, `${cuts} cuts`);
});

test("a record whose newline is missing counts as signed, and one written by a process that died before latest too", async (context) => {
  const options = place(context);
  const checkpoints = await openCheckpoints(options);
  await checkpoints.publish(headAt(4), 1);
  const before = read(options, "latest");
  await checkpoints.publish(headAt(6), 2);
  truncateSync(historyOf(options), statSync(historyOf(options)).size - 1);
  writeFileSync(join(options.dir, "latest"), before);
  const opened = await openCheckpoints(options);
  assert.equal(opened.last()?.size, 6);
  assert.equal(opened.repairs().length, 2);
  assert.equal(read(options, "latest"), opened.lastNote());
  await assert.rejects(opened.publish(headAt(5), 3), InconsistentHead);
  assert.deepEqual((await openCheckpoints(options)).repairs(), []);
});

test("a write that tears while the gateway runs is closed before the next record", async (context) => {
  const options = place(context);
  const checkpoints = await openCheckpoints(options);
  await checkpoints.publish(headAt(4), 1);
  appendFileSync(historyOf(options), '{"at_ms":2,"no');
  await checkpoints.publish(headAt(6), 2);
  assert.equal(checkpoints.repairs().length, 1);
  assert.equal(linesIn(options)[2], '{"torn":true}');
  assert.equal((await openCheckpoints(options)).last()?.size, 6);
});

test("a history that was cut back or changed is not started with", async (context) => {
  const options = place(context);
  const checkpoints = await openCheckpoints(options);
  for (const size of [4, 6, 8]) await checkpoints.publish(headAt(size), size);
  const lines = linesIn(options);
  const latest = read(options, "latest");
  const set = (history: readonly string[], last: string) => {
    writeFileSync(historyOf(options), history.map((line) => `${line}\n`).join(""));
    writeFileSync(join(options.dir, "latest"), last);
  };
  const forgedLatest = latest.replace("\n8\n", "\n9\n");
  const cases: readonly [string, () => void, new (message: string) => Error][] = [
    ["the last line is gone", () => set(lines.slice(0, 2), latest), HistoryDamaged],
    ["all lines are gone", () => set([], latest), HistoryDamaged],
    ["garbage before the torn line's marker", () => set([...lines, "{}"], latest), HistoryDamaged],
    ["a forged latest", () => set(lines, forgedLatest), CheckpointsUnusable],
    ["an empty latest", () => set(lines, ""), CheckpointsUnusable],
    ["a forged last record", () => set([...lines, JSON.stringify({ at_ms: 9, note: forgedLatest })], latest), CheckpointsUnusable],
  ];
  for (const [what, damage, expected] of cases) {
    damage();
    await assert.rejects(openCheckpoints(options), expected, what);
  }
  assert.equal(cases.length, 6);
  set(lines, latest);
  assert.equal((await openCheckpoints(options)).last()?.size, 8, "undamaged it opens");
});

test("two different heads of one size under the same key are never passed over", async (context) => {
  const options = place(context);
  const twin = { ...options, dir: `${options.dir}-twin` };
  const one = await openCheckpoints(options);
  const other = await openCheckpoints(twin);
  await one.publish(headAt(5), 1);
  await other.publish(headAt(5, fork), 1);
  writeFileSync(join(options.dir, "latest"), other.lastNote() ?? "");
  await assert.rejects(openCheckpoints(options), CheckpointsUnusable);
});

test("a key that others may read, that is missing or of another kind is refused, and only development makes one", async (context) => {
  const options = place(context);
  await assert.rejects(openCheckpoints({ ...options, generateKey: false }), SecretFileRefused);
  await openCheckpoints(options);
  assert.equal(statSync(options.keyFile).mode & 0o777, 0o600);
  assert.equal(createPrivateKey(readFileSync(options.keyFile)).asymmetricKeyType, "ed25519");
  assert.match(readFileSync(options.keyFile, "utf8"), /^-----BEGIN PRIVATE KEY-----/);
  await openCheckpoints({ ...options, generateKey: false });
  const modes = [0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o610];
  for (const mode of modes) {
    chmodSync(options.keyFile, mode);
    await assert.rejects(openCheckpoints(options), SecretFileRefused, mode.toString(8));
  }
  assert.equal(modes.length, 7);
  chmodSync(options.keyFile, 0o600);
  const wrong = [
    "",
    "garbage",
    "x".repeat(5000),
    generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
  ];
  for (const content of wrong) {
    writeFileSync(options.keyFile, content);
    await assert.rejects(openCheckpoints(options), SecretFileRefused);
  }
});

test("a folder written under another key or name is refused", async (context) => {
  const options = place(context);
  await (await openCheckpoints(options)).publish(headAt(5), 1);
  await assert.rejects(openCheckpoints({ ...options, keyFile: `${options.keyFile}.new` }), CheckpointsUnusable);
  await assert.rejects(openCheckpoints({ ...options, name: "gw.example/other" }), CheckpointsUnusable);
  await assert.rejects(openCheckpoints({ ...options, name: "two words" }), RangeError);
});
