import assert from "node:assert/strict";
import { test } from "node:test";
import { mayShowStatus, type PassEnd, readPassOutcome, wasUsed } from "../../src/rules/pass-outcome.ts";
import { toolOf } from "./catalogue-samples.ts";

const of = (effect: "read" | "write") => {
  const tool = toolOf();
  return { ...tool, traits: { ...tool.traits, effect }, noEffect: [404] };
};
const cut = (cause: Extract<PassEnd, { kind: "cut" }>["cause"], status: number | null): PassEnd => ({
  kind: "cut",
  cause,
  status,
  detail: "x",
});

test("an end means for a read and for a write what was proved, and no more", () => {
  const rows: readonly (readonly [
    PassEnd,
    readonly [string, string | null],
    readonly [string, string | null],
    used: boolean,
    metered: boolean,
  ])[] = [
    [{ kind: "complete", status: 200 }, ["succeeded", null], ["succeeded", null], true, true],
    [{ kind: "complete", status: 404 }, ["failed", null], ["failed", null], false, false],
    [{ kind: "complete", status: 302 }, ["failed", null], ["unknown", "ERR_OUTCOME_UNKNOWN"], false, false],
    [{ kind: "complete", status: 500 }, ["failed", null], ["unknown", "ERR_OUTCOME_UNKNOWN"], false, false],
    [
      { kind: "withheld", status: 200, detail: "x" },
      ["succeeded", "ERR_ANSWER_WITHHELD"],
      ["succeeded", "ERR_ANSWER_WITHHELD"],
      true,
      true,
    ],
    [{ kind: "withheld", status: 503, detail: "x" }, ["failed", "ERR_UPSTREAM_FAILED"], ["unknown", "ERR_OUTCOME_UNKNOWN"], false, false],
    [cut("agent", 200), ["failed", "ERR_UPSTREAM_FAILED"], ["unknown", "ERR_OUTCOME_UNKNOWN"], true, true],
    [cut("broken", null), ["failed", "ERR_UPSTREAM_FAILED"], ["unknown", "ERR_OUTCOME_UNKNOWN"], false, true],
    [cut("timeout", null), ["failed", "ERR_UPSTREAM_FAILED"], ["unknown", "ERR_UPSTREAM_TIMEOUT"], false, true],
    [cut("broken", 500), ["failed", "ERR_UPSTREAM_FAILED"], ["unknown", "ERR_OUTCOME_UNKNOWN"], false, false],
    [cut("body_too_large", null), ["failed", "ERR_BODY_TOO_LARGE"], ["unknown", "ERR_OUTCOME_UNKNOWN"], false, true],
    [cut("stopped", 200), ["failed", "ERR_STOPPED"], ["unknown", "ERR_OUTCOME_UNKNOWN"], true, true],
    [{ kind: "not_sent", cause: "tls", detail: "x" }, ["not_sent", "ERR_UPSTREAM_TLS"], ["not_sent", "ERR_UPSTREAM_TLS"], false, false],
  ];
  for (const [end, read, write, used, metered] of rows) {
    const title = JSON.stringify(end);
    const reading = (effect: "read" | "write") => {
      const { outcome, code } = readPassOutcome(of(effect), end);
      return [outcome, code];
    };
    assert.deepEqual(reading("read"), read, title);
    assert.deepEqual(reading("write"), write, title);
    assert.deepEqual([wasUsed(end, false), wasUsed(end, true)], [used, metered], title);
  }
  assert.equal(rows.length, 13);
});

test("a status that proves nothing of a write is not shown to its SDK, which would send it again", () => {
  const shown = (effect: "read" | "write") => [200, 302, 404, 409, 500, 503].filter((status) => mayShowStatus(of(effect), status));
  assert.deepEqual(shown("read"), [200, 302, 404, 409, 500, 503]);
  assert.deepEqual(shown("write"), [200, 404]);
});
