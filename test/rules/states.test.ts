import assert from "node:assert/strict";
import { test } from "node:test";
import { mayBecome, moneyAt, openStates, type State, states } from "../../src/rules/states.ts";

// Said once more, by hand: whoever changes the machine must change it twice.
const allowed: readonly string[] = [
  "received denied",
  "received held",
  "received admitted",
  "received started",
  "held approved",
  "held rejected",
  "held expired",
  "held cancelled",
  "admitted started",
  "approved started",
  "approved refused",
  "approved expired",
  "approved cancelled",
  "approved held",
  "started succeeded",
  "started failed",
  "started not_sent",
  "started unknown",
  "unknown succeeded",
  "unknown failed",
  "unknown not_sent",
];

test("a call changes state in these ways and in no other", () => {
  let refused = 0;
  for (const from of states) {
    for (const to of states) {
      assert.equal(mayBecome(from, to), allowed.includes(`${from} ${to}`), `${from} → ${to}`);
      if (!mayBecome(from, to)) refused += 1;
    }
  }
  assert.equal(refused, states.length ** 2 - allowed.length);
  assert.equal(allowed.length, 21);
});

test("nothing starts but what was received, admitted or approved, and nothing over moves again", () => {
  assert.deepEqual(
    states.filter((from) => mayBecome(from, "started")),
    ["received", "admitted", "approved"],
  );
  for (const over of ["denied", "rejected", "expired", "cancelled", "refused", "succeeded", "failed", "not_sent"] as const)
    assert.ok(
      states.every((to) => !mayBecome(over, to)),
      over,
    );
});

test("money is settled by a success only, taken while a call may act, and else given back", () => {
  const expected: Record<State, string> = {
    received: "voided",
    denied: "voided",
    held: "taken",
    admitted: "taken",
    approved: "taken",
    rejected: "voided",
    expired: "voided",
    cancelled: "voided",
    refused: "voided",
    started: "taken",
    succeeded: "settled",
    failed: "voided",
    not_sent: "voided",
    unknown: "taken",
  };
  for (const state of states) assert.equal(moneyAt(state), expected[state], state);
  assert.deepEqual([...openStates].sort(), states.filter((state) => expected[state] === "taken").sort());
});
