import assert from "node:assert/strict";
import { test } from "node:test";
import { covers, firstCovering, type Stop, type StopScope, type StopSubject, stopScopeKeys } from "../../src/rules/stops.ts";

const subject: StopSubject = { tenant: "acme", workflow: "dispute", agent: "billing", tool: "payments.refund", run: "r_1" };
const stop = (scope: StopScope, expiresAtMs: number | null = null, id = "s"): Stop => ({
  id,
  scope,
  reason: "halt",
  setBy: "ada",
  setAtMs: 0,
  expiresAtMs,
});

test("a stop covers a call when every field that it sets is the call's, in every combination of fields", () => {
  let covered = 0;
  let open = 0;
  for (let set = 0; set < 2 ** stopScopeKeys.length; set += 1) {
    const keys = stopScopeKeys.filter((_, at) => (set & (1 << at)) !== 0);
    const scope: StopScope = Object.fromEntries(keys.map((key) => [key, subject[key]]));
    assert.ok(covers(stop(scope), subject, 0), JSON.stringify(scope));
    covered += 1;
    for (const key of keys) {
      for (const other of ["", " ", "*", `${subject[key]} `, `${subject[key]}`.toUpperCase(), `${subject[key]}x`]) {
        assert.ok(!covers(stop({ ...scope, [key]: other }), subject, 0), `${key} ${other}`);
        open += 1;
      }
    }
  }
  assert.equal(covered, 32);
  assert.equal(open, 480);
});

test("a stop of a run does not cover a call without a run, whatever it is called", () => {
  for (const run of ["r_1", "", "null", "undefined"]) assert.ok(!covers(stop({ run }), { ...subject, run: null }, 0), run);
});

test("a stop holds until the very moment of its expiry", () => {
  assert.ok(covers(stop({}, 100), subject, 99));
  assert.ok(!covers(stop({}, 100), subject, 100));
  assert.ok(!covers(stop({}, 100), subject, 101));
  assert.ok(covers(stop({}, null), subject, Number.MAX_SAFE_INTEGER));
});

test("the first stop in force that covers a call is told", () => {
  const stops = [
    stop({ tenant: "other" }, null, "far"),
    stop({}, 50, "over"),
    stop({ agent: "billing" }, null, "one"),
    stop({}, null, "two"),
  ];
  assert.equal(firstCovering(stops, subject, 50)?.id, "one");
  assert.equal(firstCovering(stops, subject, 49)?.id, "over");
  assert.equal(firstCovering([], subject, 0), null);
  assert.equal(firstCovering(stops.slice(0, 2), subject, 50), null);
});
