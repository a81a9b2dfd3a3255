import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { SqliteStore } from "../../src/stores/sqlite/index.ts";
import { admitOf, endedAs, factsOf, freshId, payloadOf, settleOf, startOf, t0, termsOf, voteOf } from "../stores/requests.ts";
import { memoryFolder, openFile } from "../stores/sqlite-files.ts";

const folder = mkdtempSync(join(memoryFolder, "sallyport-attack-"));
let files = 0;
let store: SqliteStore;
before(async () => {
  store = await fresh();
});
after(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

function fresh(): Promise<SqliteStore> {
  files += 1;
  return openFile(join(folder, `attack-${files}.db`));
}

for (const end of ["expired", "cancelled"] as const) {
  test(`a call without a key whose hold was ${end} may be sent again, as its answer advises`, async () => {
    const facts = { callDigest: freshId("digest"), run: freshId("r") };
    const first = factsOf(facts);
    await store.calls.admit(admitOf({ call: first, hold: termsOf() }));
    await store.calls.end(first.id, end, endedAs(end), t0 + 5);
    assert.equal((await store.calls.admit(admitOf({ call: factsOf(facts), hold: termsOf() }))).kind, "held");
  });
}

test("an approved call without a key that could not be sent may be sent again, as its answer advises", async () => {
  const facts = { callDigest: freshId("digest"), run: freshId("r") };
  const first = factsOf(facts);
  await store.calls.admit(admitOf({ call: first, hold: termsOf() }));
  await store.calls.vote(first.id, voteOf(first, "ada"), ["finance-people"]);
  await store.calls.start(startOf(first.id));
  await store.calls.settle(settleOf(first.id, "not_sent"));
  assert.equal((await store.calls.admit(admitOf({ call: factsOf(facts), hold: termsOf() }))).kind, "held");
});

test("a read without a run that was held once does not answer with that old result for ever", async () => {
  const facts = { callDigest: freshId("digest"), run: null, effect: "read" as const };
  const first = factsOf(facts);
  await store.calls.admit(admitOf({ call: first, hold: termsOf() }));
  await store.calls.vote(first.id, voteOf(first, "ada"), ["finance-people"]);
  await store.calls.start(startOf(first.id));
  await store.calls.settle(settleOf(first.id, "succeeded"));
  const month = t0 + 30 * 86_400_000;
  const hold = termsOf({ expiresAtMs: month + 3_600_000 });
  assert.equal((await store.calls.admit(admitOf({ call: factsOf(facts), hold, nowMs: month }))).kind, "held");
});

test("a rejected call without a key stays rejected in its run", async () => {
  const facts = { callDigest: freshId("digest"), run: freshId("r") };
  const first = factsOf(facts);
  await store.calls.admit(admitOf({ call: first, hold: termsOf() }));
  await store.calls.vote(first.id, voteOf(first, "ada", { approve: false }), ["finance-people"]);
  assert.equal((await store.calls.admit(admitOf({ call: factsOf(facts), hold: termsOf() }))).kind, "same");
});

test("100 equal writes under 100 keys at once: one starts, the others wait for people", async () => {
  const facts = { callDigest: freshId("digest"), run: freshId("r") };
  const results = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      store.calls.admit(admitOf({ call: factsOf(facts), key: `k:${facts.run}-${index}`, holdIfTwin: termsOf() })),
    ),
  );
  assert.equal(results.filter(({ kind }) => kind === "started").length, 1);
  assert.equal(results.filter(({ kind }) => kind === "held").length, 99);
});

test("keys do not meet across tenants, agents, users and kinds, whatever characters they are made of", async () => {
  const names = ["a", "a:b", "b:a", "%", "_", "'; DROP TABLE calls; --", "a\u0000b", "__proto__", "k:", "null"];
  const seen = new Set<string>();
  for (const tenant of names.slice(0, 4))
    for (const agent of names.slice(0, 4))
      for (const user of [...names, null]) {
        const call = factsOf({ tenant, agent, user, run: freshId("r") });
        const result = await store.calls.admit(admitOf({ call, key: "k:one", payload: payloadOf(`payload ${call.id}`, tenant) }));
        assert.equal(result.kind, "started", JSON.stringify([tenant, agent, user]));
        seen.add(call.id);
      }
  assert.equal(seen.size, 4 * 4 * 11);
});

/** Shortest of forty turns in milliseconds: whatever else the machine does only lengthens one. */
async function timeShortest(turn: () => Promise<void>): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY;
  for (let turns = 0; turns < 40; turns += 1) {
    const startedMs = performance.now();
    await turn();
    shortest = Math.min(shortest, performance.now() - startedMs);
  }
  return shortest;
}

const policyAsks = { callId: "", agent: "billing", reservations: [], tenant: "acme", environment: "production", callDigest: "same" };

test("the next call of a run with 8,000 equal reads costs the writer no more than the first", async () => {
  const own = await fresh();
  try {
    const facts = { callDigest: "same", run: "r_giant", effect: "read" as const };
    const look = (): Promise<number> =>
      timeShortest(async () => {
        await own.calls.standing({ ...policyAsks, run: "r_giant" });
        await own.calls.admit(admitOf({ call: factsOf(facts), payload: payloadOf("one") }));
      });
    await look();
    const first = await look();
    for (let batch = 0; batch < 8; batch += 1)
      await Promise.all(
        Array.from({ length: 1000 }, () => own.calls.admit(admitOf({ call: factsOf(facts), payload: payloadOf("one"), alone: true }))),
      );
    const last = await look();
    assert.ok(last < 5 * first + 2, `one call takes ${last.toFixed(2)} ms of the writer's time, the first took ${first.toFixed(2)} ms`);
  } finally {
    await own.close();
  }
});

test("8,000 refused calls in a run do not slow down its next call", async () => {
  const own = await fresh();
  try {
    const look = (): Promise<number> => timeShortest(async () => void (await own.calls.standing({ ...policyAsks, run: "r_denied" })));
    await look();
    const first = await look();
    for (let batch = 0; batch < 8; batch += 1)
      await Promise.all(
        Array.from({ length: 1000 }, () =>
          own.calls.recordDenied({
            call: factsOf({ run: "r_denied", callDigest: "" }),
            code: "ERR_ARGUMENTS_INVALID",
            reasons: [],
            atMs: t0,
          }),
        ),
      );
    const last = await look();
    assert.ok(last < 5 * first + 2, `one look takes ${last.toFixed(2)} ms of the writer's time, the first took ${first.toFixed(2)} ms`);
  } finally {
    await own.close();
  }
});
