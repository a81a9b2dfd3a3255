import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tool, Validate } from "../../src/rules/catalogue.ts";
import { type Code, codeRow } from "../../src/rules/codes.ts";
import { isJsonObject } from "../../src/rules/json.ts";
import { type OutcomeReading, readOutcome, type UpstreamOutcome } from "../../src/rules/outcome.ts";
import type { Outcome } from "../../src/rules/states.ts";

const noEffect = [400, 401, 402, 403, 404, 422, 429];
const wantsObject: Validate = (value) => (isJsonObject(value) ? [] : [{ pointer: "", message: "must be an object" }]);

type Terms = Pick<Tool, "traits" | "noEffect" | "validateOutput" | "itemsMax">;

function tool(effect: "read" | "write", validateOutput: Validate | null = null): Terms {
  return {
    traits: { effect, reversible: false, financial: "none", data: "public", errorsDetectable: true, maturity: "stable" },
    noEffect,
    itemsMax: null,
    validateOutput,
  };
}

function answered(status: number, body: string | Uint8Array = "{}", encoding: string | null = null): UpstreamOutcome {
  return { kind: "answered", status, contentType: "application/json", encoding, body: typeof body === "string" ? Buffer.from(body) : body };
}

type Row = readonly [what: string, outcome: UpstreamOutcome, read: readonly [Outcome, Code | null], write: readonly [Outcome, Code | null]];

const unknown = ["unknown", "ERR_OUTCOME_UNKNOWN"] as const;
const handedOn = ["failed", null] as const;
const readFailed = ["failed", "ERR_UPSTREAM_FAILED"] as const;

const rows: readonly Row[] = [
  [
    "nothing sent: unreachable",
    { kind: "not_sent", cause: "unreachable", detail: "d" },
    ["not_sent", "ERR_UPSTREAM_UNREACHABLE"],
    ["not_sent", "ERR_UPSTREAM_UNREACHABLE"],
  ],
  [
    "nothing sent: tls",
    { kind: "not_sent", cause: "tls", detail: "d" },
    ["not_sent", "ERR_UPSTREAM_TLS"],
    ["not_sent", "ERR_UPSTREAM_TLS"],
  ],
  [
    "nothing sent: expired",
    { kind: "not_sent", cause: "expired", detail: "d" },
    ["not_sent", "ERR_START_EXPIRED"],
    ["not_sent", "ERR_START_EXPIRED"],
  ],
  [
    "nothing sent: malformed",
    { kind: "not_sent", cause: "malformed", detail: "d" },
    ["not_sent", "ERR_INTERNAL"],
    ["not_sent", "ERR_INTERNAL"],
  ],
  ["cut off: timeout", { kind: "interrupted", cause: "timeout", detail: "d" }, readFailed, ["unknown", "ERR_UPSTREAM_TIMEOUT"]],
  ["cut off: broken", { kind: "interrupted", cause: "broken", detail: "d" }, readFailed, unknown],
  ["200", answered(200), ["succeeded", null], ["succeeded", null]],
  ["201", answered(201), ["succeeded", null], ["succeeded", null]],
  ["204 without a body", answered(204, ""), ["succeeded", null], ["succeeded", null]],
  ["299", answered(299), ["succeeded", null], ["succeeded", null]],
  ["200 that is not JSON, without a schema", answered(200, "<html>"), ["succeeded", null], ["succeeded", null]],
  ["199", answered(199), handedOn, unknown],
  ["300", answered(300), handedOn, unknown],
  ["302", answered(302), handedOn, unknown],
  ["304", answered(304), handedOn, unknown],
  ["400, which proves that nothing happened", answered(400), handedOn, handedOn],
  ["404, which proves it too", answered(404), handedOn, handedOn],
  ["429, which proves it too", answered(429), handedOn, handedOn],
  ["409, which proves nothing", answered(409), handedOn, unknown],
  ["408", answered(408), handedOn, unknown],
  ["500", answered(500), handedOn, unknown],
  ["502", answered(502), handedOn, unknown],
  ["503", answered(503), handedOn, unknown],
  ["504", answered(504), handedOn, unknown],
  ["599", answered(599), handedOn, unknown],
  ["200, encoded", answered(200, "{}", "gzip"), ["succeeded", "ERR_OUTPUT_INVALID"], ["succeeded", "ERR_OUTPUT_INVALID"]],
  ["404, encoded", answered(404, "{}", "gzip"), readFailed, readFailed],
  ["500, encoded", answered(500, "{}", "gzip"), readFailed, unknown],
  ["200, too large", { kind: "too_large", status: 200 }, ["succeeded", "ERR_ANSWER_WITHHELD"], ["succeeded", "ERR_ANSWER_WITHHELD"]],
  ["302, too large", { kind: "too_large", status: 302 }, readFailed, unknown],
  ["404, too large", { kind: "too_large", status: 404 }, readFailed, readFailed],
  ["409, too large", { kind: "too_large", status: 409 }, readFailed, unknown],
  ["500, too large", { kind: "too_large", status: 500 }, readFailed, unknown],
];

for (const effect of ["read", "write"] as const) {
  test(`what an outcome means for a ${effect}`, () => {
    let checked = 0;
    for (const [what, outcome, read, write] of rows) {
      const [expected, code] = effect === "read" ? read : write;
      const reading = readOutcome(tool(effect), outcome);
      assert.deepEqual([reading.outcome, reading.code], [expected, code], what);
      checked += 1;
    }
    assert.equal(checked, 33);
  });
}

/** Every effect, kind and status from 100 to 599, with and without a schema. */
function everyReading(): readonly {
  readonly effect: "read" | "write";
  readonly outcome: UpstreamOutcome;
  readonly reading: OutcomeReading;
}[] {
  const statuses = Array.from({ length: 500 }, (_, at) => at + 100);
  const outcomes: UpstreamOutcome[] = [
    ...(["unreachable", "tls", "expired", "malformed"] as const).map(
      (cause): UpstreamOutcome => ({ kind: "not_sent", cause, detail: "d" }),
    ),
    ...(["timeout", "broken"] as const).map((cause): UpstreamOutcome => ({ kind: "interrupted", cause, detail: "d" })),
    ...statuses.flatMap((status): UpstreamOutcome[] => [
      answered(status),
      answered(status, "[]"),
      answered(status, "{}", "br"),
      { kind: "too_large", status },
    ]),
  ];
  return (["read", "write"] as const).flatMap((effect) =>
    [null, wantsObject].flatMap((validate) =>
      outcomes.map((outcome) => ({ effect, outcome, reading: readOutcome(tool(effect, validate), outcome) })),
    ),
  );
}

test("no code ever says otherwise than the outcome whether the upstream acted", (t) => {
  const says: Readonly<Record<Outcome, readonly unknown[]>> = {
    succeeded: [true],
    failed: [false],
    not_sent: [false],
    unknown: ["unknown"],
  };
  let coded = 0;
  const all = everyReading();
  for (const { reading } of all) {
    if (reading.code === null) continue;
    coded += 1;
    assert.ok(says[reading.outcome].includes(codeRow(reading.code).executed), `${reading.outcome} with ${reading.code}`);
  }
  assert.equal(all.length, 2 * 2 * (6 + 2000));
  assert.ok(coded > 3000);
  t.diagnostic(`${all.length} readings, ${coded} with a code`);
});

test("a write whose first byte may have left is voided only by a status that proves it", () => {
  let checked = 0;
  for (const { effect, outcome, reading } of everyReading()) {
    if (effect !== "write" || outcome.kind === "not_sent") continue;
    checked += 1;
    if (reading.outcome === "failed") assert.ok("status" in outcome && noEffect.includes(outcome.status));
    assert.notEqual(reading.outcome, "not_sent");
  }
  assert.equal(checked, 2 * 2002);
});

test("a read never becomes unknown, so that nobody is bothered for it", () => {
  const reads = everyReading().filter(({ effect }) => effect === "read");
  assert.equal(reads.length, 2 * 2006);
  assert.ok(reads.every(({ reading }) => reading.outcome !== "unknown"));
});

test("a no-effect list cannot turn a success into nothing", () => {
  assert.equal(readOutcome({ ...tool("write"), noEffect: [200] }, answered(200)).outcome, "succeeded");
});

const bodies: readonly [body: string | Uint8Array, fits: boolean][] = [
  ["{}", true],
  [' {"a":1} ', true],
  ["[]", false],
  ["null", false],
  ["", false],
  ["{", false],
  ["{}{}", false],
  ["<html></html>", false],
  ["\uFEFF{}", false],
  [Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), false],
];

test("a good answer that does not fit the output schema succeeded all the same, and is not handed on", () => {
  for (const effect of ["read", "write"] as const) {
    for (const [body, fits] of bodies) {
      const reading = readOutcome(tool(effect, wantsObject), answered(200, body));
      assert.deepEqual([reading.outcome, reading.code], ["succeeded", fits ? null : "ERR_OUTPUT_INVALID"], String(body));
    }
  }
  assert.equal(bodies.length, 10);
});

test("only good answers are held to the output schema", () => {
  assert.deepEqual(readOutcome(tool("read", wantsObject), answered(404, "[]")), { outcome: "failed", code: null, detail: null });
});

test("at most three findings are told", () => {
  const many: Validate = () => Array.from({ length: 9 }, (_, at) => ({ pointer: `/p${at}`, message: "is wrong" }));
  assert.equal(readOutcome(tool("read", many), answered(200)).detail, "/p0 is wrong; /p1 is wrong; /p2 is wrong");
});

/** Pointer, most items, the answer, and whether it is withheld. */
const counted: readonly (readonly [pointer: string | null, max: number, body: string, withheld: boolean])[] = [
  ["/data", 2, '{"data":[1,2]}', false],
  ["/data", 2, '{"data":[1,2,3]}', true],
  ["/data", 2, '{"data":{"a":1,"b":2,"c":3}}', true],
  ["/data", 0, '{"data":"all of it"}', true],
  ["/data", 0, '{"other":[1,2,3]}', false],
  ["/data", 2, "[1,2,3]", false],
  ["/data", 2, "no JSON", true],
  [null, 2, "[1,2]", false],
  [null, 2, "[1,2,3]", true],
  [null, 2, '{"a":1,"b":2,"c":3}', false],
  [null, 0, "[]", false],
];

test("an answer with more items than its limit is withheld, and one in which they cannot be counted is too", () => {
  for (const [pointer, max, body, withheld] of counted) {
    const reading = readOutcome({ ...tool("read"), itemsMax: { pointer, max } }, answered(200, body));
    assert.deepEqual([reading.outcome, reading.code !== null], ["succeeded", withheld], `${pointer} ${max} ${body}`);
  }
  assert.equal(counted.length, 11);
});
