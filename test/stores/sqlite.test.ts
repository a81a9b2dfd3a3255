import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, test } from "node:test";
import { runStoreContract } from "./contract.ts";
import { admitOf } from "./requests.ts";
import { memoryFolder, openFile } from "./sqlite-files.ts";

const folder = mkdtempSync(join(memoryFolder, "store-"));
after(() => rmSync(folder, { recursive: true, force: true }));

runStoreContract("sqlite", (place) => openFile(join(folder, `${place}.db`)));

test("a second opening of the same file is refused, and the first goes on", async () => {
  const file = join(folder, "twice.db");
  const first = await openFile(file);
  await first.calls.admit(admitOf());
  await assert.rejects(openFile(file), /locked|busy/i);
  assert.equal((await first.calls.admit(admitOf())).kind, "started");
  await first.close();
  await (await openFile(file)).close();
});

test("a file of a newer version is refused and not touched", async () => {
  const file = join(folder, "newer.db");
  await (await openFile(file)).close();
  const raw = new DatabaseSync(file);
  raw.exec("PRAGMA user_version=999");
  raw.close();
  await assert.rejects(openFile(file), /newer/);
  const again = new DatabaseSync(file);
  assert.equal(again.prepare("PRAGMA user_version").get()?.["user_version"], 999);
  again.close();
});

test("a file that is not a database is refused", async () => {
  const { writeFileSync } = await import("node:fs");
  const file = join(folder, "text.db");
  writeFileSync(file, "this is no database ".repeat(400));
  await assert.rejects(openFile(file), /not a database/);
});

test("more operations than may wait are refused at once, and nothing of them happens", async () => {
  const store = await openFile(join(folder, "crowded.db"), { queueMax: 10 });
  const requests = Array.from({ length: 50 }, () => admitOf());
  const results = await Promise.allSettled(requests.map((request) => store.calls.admit(request)));
  const refused = requests.filter((_, at) => results[at]?.status === "rejected");
  assert.equal(refused.length, 39);
  for (const { call } of refused) assert.equal(await store.calls.find(call.id), null);
  await store.close();
});

test("an operation that cannot be handed to the writer fails alone", async () => {
  const store = await openFile(join(folder, "uncloneable.db"));
  await assert.rejects(store.calls.admit({ ...admitOf(), openHoldsMax: () => {} } as never));
  const next = store.calls.admit(admitOf());
  const late = new Promise((resolve) => setTimeout(resolve, 2000, "no answer").unref());
  assert.deepEqual(await Promise.race([next, late]), { kind: "started" });
  await store.close();
});
