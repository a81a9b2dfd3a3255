import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readWholeLedger, rebuildAccounts, unitsLeftOf } from "./books.ts";
import { admitOf, reservationOf, t0 } from "./requests.ts";
import { memoryFolder, openFile } from "./sqlite-files.ts";

const folder = mkdtempSync(join(memoryFolder, "crash-"));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Told {
  readonly asked: readonly string[];
  readonly started: readonly string[];
  readonly signal: NodeJS.Signals | null;
}

/** Runs the writing process until it has told of `acknowledged` calls, kills it, or waits until it kills itself. */
async function writeUntilKilled(args: readonly string[], acknowledged: number): Promise<Told> {
  const child = spawn(process.execPath, [fileURLToPath(new URL("./writer-child.ts", import.meta.url)), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
    if (text.split("\nstarted ").length > acknowledged) child.kill("SIGKILL");
  });
  const [, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  const ids = (word: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  return { asked: ids("asked"), started: ids("started"), signal };
}

/** Every acknowledged call is there; whatever else is there was asked for, whole, and the books agree. */
async function assertWhole(file: string, asked: readonly string[], acknowledged: readonly string[]): Promise<number> {
  const store = await openFile(file);
  const told = (await readWholeLedger(store)).map(({ entry }) => String(entry["call"]));
  const known = new Set(told);
  assert.equal(known.size, told.length);
  for (const id of acknowledged) assert.ok(known.has(id), `${id} was acknowledged and is not there`);
  for (const id of known)
    assert.ok(asked.includes(id) && (await store.calls.find(id)) !== null && (await store.calls.payload(id, `payload of ${id}`)) !== null);
  assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 1_000_000_000)), [1_000_000_000 - known.size]);
  assert.equal(rebuildAccounts(await readWholeLedger(store)).accounts.get("a")?.taken ?? 0, known.size);
  assert.equal((await store.calls.admit(admitOf({ call: { id: `after ${file}` }, nowMs: t0 }))).kind, "started");
  await store.close();
  return known.size;
}

test("a process that is killed while it writes has lost no acknowledged call, and a torn tail is repaired", {
  timeout: 120_000,
}, async (context) => {
  let calls = 0;
  for (const [round, acknowledged] of [1, 40, 150, 700].entries()) {
    const file = join(folder, `killed-${round}.db`);
    const { asked, started, signal } = await writeUntilKilled([file], acknowledged);
    assert.equal(signal, "SIGKILL");
    assert.ok(started.length >= acknowledged);
    const log = `${file}-wal`;
    assert.ok(existsSync(log) && statSync(log).size > 0);
    // A frame that the disk took only half of.
    appendFileSync(log, randomBytes(1 + round * 997));
    calls += await assertWhole(file, asked, started);
  }
  context.diagnostic(`${calls} calls read back after 4 kills`);
  assert.ok(calls >= 891);
});

test("a process that dies before the commit leaves nothing of it, after the commit all of it", { timeout: 120_000 }, async () => {
  for (const [point, kept] of [
    ["before_admit_commit", false],
    ["after_admit_commit", true],
  ] as const) {
    for (const passed of [0, 7]) {
      const file = join(folder, `${point}-${passed}.db`);
      const { asked, started, signal } = await writeUntilKilled([file, point, String(passed)], Number.POSITIVE_INFINITY);
      assert.equal(signal, "SIGKILL");
      const known = await assertWhole(file, asked, started);
      if (kept) assert.ok(known > started.length, `${point}: the committed call is there, though nobody was told`);
      // A batch before the killed one may be committed and not yet told; of the killed one nothing is there.
      else
        assert.ok(known >= started.length && known <= passed, `${point}: ${known} calls are there, ${passed} were before the killed batch`);
    }
  }
});
