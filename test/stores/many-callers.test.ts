import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import fc from "fast-check";
import type { AdmitRequest, AdmitResult } from "../../src/ports/calls.ts";
import { propertyRuns } from "../rules/property-runs.ts";
import { readWholeLedger, rebuildAccounts, unitsLeftOf } from "./books.ts";
import type { Store } from "./contract.ts";
import { admitOf, reservationOf, settleOf, t0, termsOf } from "./requests.ts";
import { memoryFolder, openFile } from "./sqlite-files.ts";

const folder = mkdtempSync(join(memoryFolder, "callers-"));
after(() => rmSync(folder, { recursive: true, force: true }));

async function withStore(name: string, use: (store: Store) => Promise<void>): Promise<void> {
  const store = await openFile(join(folder, `${name}.db`));
  try {
    await use(store);
  } finally {
    await store.close();
  }
}

/** Runs `count` jobs with so many on their way at once. */
async function runSideBySide(count: number, atOnce: number, job: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) await job(at);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

test("of 500 concurrent duplicates with one key exactly one starts", async () => {
  await withStore("duplicates", async (store) => {
    const requests = Array.from({ length: 500 }, () =>
      admitOf({ key: "k", call: { callDigest: "d" }, reservations: [reservationOf("a", 1, 500)] }),
    );
    const results = await Promise.all(requests.map((request) => store.calls.admit(request)));
    const started = requests.filter((_, at) => results[at]?.kind === "started");
    assert.equal(started.length, 1);
    assert.ok(
      results.every((one) => one.kind === "started" || (one.kind === "same" && one.call.id === started[0]?.call.id && !one.attached)),
    );
    assert.deepEqual(await unitsLeftOf(store, reservationOf("a", 0, 500)), [499]);
    assert.equal((await readWholeLedger(store)).length, 1);
  });
});

test("of 500 concurrent duplicates without a key exactly one write starts", async () => {
  await withStore("keyless", async (store) => {
    const requests = Array.from({ length: 500 }, () => admitOf({ call: { callDigest: "d" } }));
    const results = await Promise.all(requests.map((request) => store.calls.admit(request)));
    assert.equal(results.filter(({ kind }) => kind === "started").length, 1);
    assert.equal(results.filter((one) => one.kind === "same" && one.attached).length, 499);
  });
});

const caller = fc.record({
  tenant: fc.constantFrom("t1", "t2"),
  agent: fc.constantFrom("a1", "a2"),
  user: fc.constantFrom("u1", null),
  key: fc.constantFrom("k1", "k2", "k3"),
  digest: fc.constantFrom("d1", "d2"),
});

test("in any crowd of callers a key starts one call for its tenant, agent and user", { timeout: 300_000 }, async (context) => {
  await withStore("matrix", async (store) => {
    let round = 0;
    const property = fc.asyncProperty(fc.array(caller, { minLength: 20, maxLength: 200, size: "max" }), async (callers) => {
      round += 1;
      const requests = callers.map(({ tenant, agent, user, key, digest }) =>
        admitOf({
          key: `${key}/${round}`,
          call: { tenant, agent, user, callDigest: JSON.stringify([round, tenant, agent, user, key, digest]) },
        }),
      );
      const results = await Promise.all(requests.map((request) => store.calls.admit(request)));
      assertOneEach(requests, results);
    });
    await fc.assert(property, propertyRuns(context, 60));
  });
});

function assertOneEach(requests: readonly AdmitRequest[], results: readonly AdmitResult[]): void {
  const owners = new Map<string, AdmitRequest>();
  for (const [at, request] of requests.entries()) {
    const { tenant, agent, user } = request.call;
    const identity = JSON.stringify([tenant, agent, user, request.key]);
    const owner = owners.get(identity);
    const result = results[at];
    if (owner === undefined) assert.equal(result?.kind, "started");
    else if (owner.call.callDigest === request.call.callDigest) assert.ok(result?.kind === "same" && result.call.id === owner.call.id);
    else assert.deepEqual(result, { kind: "mismatch", callId: owner.call.id });
    if (owner === undefined) owners.set(identity, request);
  }
}

// Every order of the three limits over the three scopes, so that each scope is the tight one somewhere.
const limits: readonly (readonly [number, number, number])[] = [
  [1, 100, 1_000_000_000],
  [1, 1_000_000_000, 100],
  [100, 1, 1_000_000_000],
  [100, 1_000_000_000, 1],
  [1_000_000_000, 1, 100],
  [1_000_000_000, 100, 1],
  [100, 100, 1_000_000_000],
  [1_000_000_000, 1_000_000_000, 1_000_000_000],
];

test("300 callers at once never overspend limits of 1, 100 and 10^9 at three scopes", { timeout: 300_000 }, async (context) => {
  const seed = Number(process.env["SEED"] ?? Math.trunc(Math.random() * 0x7fffffff));
  const count = process.env["SOAK"] === undefined ? 3000 : 30_000;
  const random = randomFrom(seed);
  await withStore("scopes", async (store) => {
    const granted = new Map<string, number>();
    await runSideBySide(count, 300, async (at) => {
      const request = spendAt(at, random);
      const { kind } = await store.calls.admit(request);
      granted.set(kind, (granted.get(kind) ?? 0) + 1);
      if (kind === "started") await settleSomehow(store, request, random);
    });
    context.diagnostic(`seed ${seed}; ${[...granted].map(([kind, times]) => `${kind} ${times}`).join(", ")}`);
    await assertNeverBeyond(store, context);
    assert.ok((granted.get("started") ?? 0) >= 100 && (granted.get("beyond") ?? 0) >= 100 && (granted.get("held") ?? 0) >= 20);
    assert.equal(
      [...granted.values()].reduce((sum, one) => sum + one, 0),
      count,
    );
  });
});

/** A small generator of our own, so that a seed replays the amounts. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function spendAt(at: number, random: (below: number) => number): AdmitRequest {
  const group = at % limits.length;
  const units = random([2, 4, 60, 30_000_000][random(4)] ?? 2);
  const reservations = (["tenant", "workflow", "agent"] as const).map((scope, index) =>
    reservationOf(`${scope}/${group}/${limits[group]?.[index]}`, units, limits[group]?.[index] ?? 0),
  );
  return admitOf({ reservations, hold: random(8) === 0 ? termsOf() : null, call: { run: null } });
}

async function settleSomehow(store: Store, { call, reservations }: AdmitRequest, random: (below: number) => number): Promise<void> {
  const outcome = (["succeeded", "failed", "not_sent", "unknown"] as const)[random(4)] ?? "failed";
  const actual = random(2) === 0 ? {} : Object.fromEntries(reservations.map(({ budget, units }) => [budget, random(units + 1)]));
  if (random(10) > 0) await store.calls.settle(settleOf(call.id, outcome, { actual, nowMs: t0 + 1 }));
}

async function assertNeverBeyond(store: Store, context: TestContext): Promise<void> {
  const limitOf = (key: string): number => Number(key.split("/")[2]);
  let looks = 0;
  const { accounts, overrun } = rebuildAccounts(await readWholeLedger(store), (now) => {
    for (const [key, { taken, held, settled }] of now) {
      looks += 1;
      assert.ok(taken + settled <= limitOf(key) && held <= taken && held <= limitOf(key) / 2 && settled >= 0, key);
    }
  });
  const keys = [...accounts.keys()];
  const left = await unitsLeftOf(store, ...keys.map((key) => reservationOf(key, 0, limitOf(key))));
  assert.deepEqual(
    left,
    keys.map((key) => limitOf(key) - (accounts.get(key)?.taken ?? 0) - (accounts.get(key)?.settled ?? 0)),
  );
  context.diagnostic(`${looks} looks at ${keys.length} accounts`);
  assert.equal(overrun.size, 0);
  assert.equal(keys.length, 24);
}
