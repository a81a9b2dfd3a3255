import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type AdmitRequest, type AdmitResult, StoreUnavailable } from "../../src/ports/calls.ts";
import { readWholeLedger, rebuildAccounts, unitsLeftOf } from "./books.ts";
import type { Store } from "./contract.ts";
import { admitOf, payloadOf, reservationOf, settleOf, stopOf } from "./requests.ts";
import { openFile } from "./sqlite-files.ts";

/** Runs a test on a disk of `sizeMiB`, or says loudly that this machine lets nobody mount one. */
async function onSmallDisk(context: TestContext, sizeMiB: number, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${sizeMiB}m`, "tmpfs", folder], { encoding: "utf8" });
  if (mounted.status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    context.skip(`NOT TESTED: a small disk cannot be mounted here (${mounted.stderr.trim()}); run as root`);
    return;
  }
  try {
    await use(folder);
  } finally {
    const gone = spawnSync("umount", ["-l", folder], { encoding: "utf8" });
    assert.equal(gone.status, 0, gone.stderr);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Tried {
  readonly request: AdmitRequest;
  readonly result: AdmitResult | StoreUnavailable;
}

const budget = reservationOf("a", 1, 1_000_000);

async function tryAdmit(store: Store, bytes: number): Promise<Tried> {
  const request = admitOf({ key: null, reservations: [budget] });
  const large = { ...request, payload: { ...payloadOf(`payload of ${request.call.id}`), sealed: new Uint8Array(bytes) } };
  const result = await store.calls.admit(large).catch((error: unknown) => {
    assert.ok(error instanceof StoreUnavailable, String(error));
    return error;
  });
  return { request: large, result };
}

const wasAdmitted = ({ result }: Tried): boolean => !(result instanceof StoreUnavailable);

/** Whoever was told "started" is there; whoever was refused left nothing; the books agree. */
async function assertTruthful(store: Store, tried: readonly Tried[]): Promise<void> {
  for (const one of tried) {
    const { id } = one.request.call;
    assert.equal((await store.calls.find(id)) !== null, wasAdmitted(one), id);
    assert.equal((await store.calls.payload(id, `payload of ${id}`)) !== null, wasAdmitted(one), id);
  }
  const admitted = tried.filter(wasAdmitted).length;
  assert.deepEqual(await unitsLeftOf(store, budget), [budget.limit - admitted]);
}

test("on a full disk every change is refused and half of none is written; when there is room again, it works again", async (context) => {
  await onSmallDisk(context, 3, async (folder) => {
    const ballast = join(folder, "ballast");
    writeFileSync(ballast, new Uint8Array(1_900_000));
    const store = await openFile(join(folder, "store.db"));
    const tried: Tried[] = [];
    while (tried.every(wasAdmitted) && tried.length < 5000) tried.push(await tryAdmit(store, 5000));
    assert.ok(tried.length > 10 && !tried.every(wasAdmitted), `full after ${tried.length} calls`);
    const crowd = await Promise.all(Array.from({ length: 100 }, (_, at) => tryAdmit(store, at % 2 === 0 ? 50_000 : 5000)));
    assert.ok(crowd.filter(wasAdmitted).length < 100);
    tried.push(...crowd);
    await assertTruthful(store, tried);
    rmSync(ballast);
    const later = await tryAdmit(store, 100);
    assert.ok(wasAdmitted(later), String(later.result));
    tried.push(later);
    await assertTruthful(store, tried);
    const { accounts } = rebuildAccounts(await readWholeLedger(store));
    assert.equal(accounts.get("a")?.taken, tried.filter(wasAdmitted).length);
    context.diagnostic(`${tried.filter(wasAdmitted).length} admitted, ${tried.length - tried.filter(wasAdmitted).length} refused`);
    await store.close();
  });
});

test("on a full disk no vote, stop, settlement or seal is half done either", async (context) => {
  await onSmallDisk(context, 3, async (folder) => {
    const store = await openFile(join(folder, "store.db"));
    const first = await tryAdmit(store, 100);
    const ballast = join(folder, "ballast");
    assert.ok(wasAdmitted(first));
    for (let size = 3_000_000; size > 0; size -= 4096) {
      try {
        writeFileSync(ballast, new Uint8Array(size));
        break;
      } catch {
        rmSync(ballast, { force: true });
      }
    }
    assert.ok(statSync(ballast).size > 1_000_000);
    const { id } = first.request.call;
    const answer = { ...payloadOf("answer"), sealed: new Uint8Array(200_000) };
    const unavailable = { name: "StoreUnavailable" };
    await assert.rejects(store.calls.settle(settleOf(id, "succeeded", { answer })), unavailable);
    await assert.rejects(store.stops.set(stopOf({}, { reason: "x".repeat(200_000) })), unavailable);
    assert.equal((await store.calls.find(id))?.state, "started");
    assert.equal(await store.calls.payload(id, "answer"), null);
    assert.deepEqual(await store.stops.active(), []);
    rmSync(ballast);
    assert.deepEqual(await store.calls.settle(settleOf(id, "succeeded", { answer })), { kind: "settled" });
    assert.equal((await readWholeLedger(store)).length, 2);
    await store.close();
  });
});

test("a store that cannot be written is refused when it opens, and opens with everything once it can", async (context) => {
  await onSmallDisk(context, 4, async (folder) => {
    const file = join(folder, "store.db");
    const store = await openFile(file);
    const admitted = await tryAdmit(store, 100);
    await store.close();
    const remount = (mode: string) => assert.equal(spawnSync("mount", ["-o", `remount,${mode}`, folder]).status, 0);
    remount("ro");
    await assert.rejects(openFile(file), /readonly|read-only|unable to open|disk I\/O/i);
    await assert.rejects(openFile(join(folder, "new.db")), /readonly|read-only|unable to open/i);
    remount("rw");
    const again = await openFile(file);
    await assertTruthful(again, [admitted]);
    assert.ok(wasAdmitted(await tryAdmit(again, 100)));
    await again.close();
  });
});

test("a folder that is not there, or is no folder, is refused when the store opens", async () => {
  const folder = mkdtempSync(join(tmpdir(), "none-"));
  writeFileSync(join(folder, "file"), "");
  chmodSync(join(folder, "file"), 0o600);
  for (const file of [join(folder, "none", "store.db"), join(folder, "file", "store.db"), folder])
    await assert.rejects(openFile(file), /unable to open/i);
  rmSync(folder, { recursive: true, force: true });
});
