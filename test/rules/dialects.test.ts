import assert from "node:assert/strict";
import { test } from "node:test";
import { type Code, codeRow, codes } from "../../src/rules/codes.ts";
import { dialectAt, dialectNames, knowsHeld, mayResend, speak } from "../../src/rules/dialects.ts";
import { catalogueOf, mountOf } from "./catalogue-samples.ts";

const allCodes = Object.keys(codes) as Code[];
const refusal = (code: Code, retryAfterMs: number | null = null) =>
  ({ code, callId: "c_1", message: "NOT executed. Because.", typeUrl: `http://gw/sallyport/v1/errors/${code}`, retryAfterMs }) as const;

test("no refusal, in any dialect, has a status below 400, and only an unsafe one has another than its code's", () => {
  let changed = 0;
  for (const name of dialectNames) {
    for (const code of allCodes) {
      const { status } = speak(name, refusal(code));
      const row = codeRow(code);
      assert.ok(status >= 400, `${name} ${code}`);
      if (status === row.status) continue;
      changed += 1;
      assert.notEqual(row.executed, false, `${name} ${code}`);
    }
  }
  assert.ok(allCodes.length > 60 && changed > 0, `${allCodes.length} codes, ${changed} changed`);
});

test("what was executed, or may have been, is never left to an SDK to send again", () => {
  for (const code of allCodes) {
    const { executed } = codeRow(code);
    if (executed === false) continue;
    assert.equal(mayResend(code, null), false, code);
    for (const name of dialectNames)
      for (const header of ["stripe-should-retry", "x-should-retry"])
        assert.equal(speak(name, refusal(code)).headers[header], "false", `${name} ${code}`);
    // Octokit's retry plug-in knows no header; these are the statuses that it leaves alone.
    assert.ok([400, 401, 403, 404, 410, 422, 451].includes(speak("github", refusal(code)).status), `github ${code}`);
  }
});

test("what passes by itself may be sent again, but not when it takes longer than SDKs wait", () => {
  const rows: readonly [Code, number | null, boolean][] = [
    ["ERR_RATE_LIMITED", 1000, true],
    ["ERR_RATE_LIMITED", 60_000, true],
    ["ERR_RATE_LIMITED", 60_001, false],
    ["ERR_BUDGET_WINDOW", 3_600_000, false],
    ["ERR_DRAINING", 2000, true],
    ["ERR_STORE_UNAVAILABLE", null, true],
    ["ERR_UPSTREAM_UNREACHABLE", null, true],
    ["ERR_HELD", 2000, false],
    ["ERR_STOPPED", null, false],
    ["ERR_TOKEN_EXPIRED", null, false],
    ["ERR_CALL_IN_FLIGHT", 1000, false],
    ["ERR_ANSWER_UNREADABLE", 2000, false],
    ["ERR_INTERNAL", null, false],
  ];
  for (const [code, after, may] of rows) {
    assert.equal(mayResend(code, after), may, `${code} ${after}`);
    assert.equal(speak("openai", refusal(code, after)).headers["x-should-retry"], may ? undefined : "false", code);
  }
});

test("a dialect only adds to the document: no member of it is one of RFC 9457's or ours", () => {
  const ours = [
    "type",
    "title",
    "status",
    "detail",
    "instance",
    "code",
    "call_id",
    "retryable",
    "executed",
    "message",
    "reasons",
    "location",
  ];
  for (const name of dialectNames)
    for (const code of allCodes)
      for (const member of Object.keys(speak(name, refusal(code)).members)) assert.ok(!ours.includes(member), `${name} adds ${member}`);
});

test("only a client of no vendor's SDK can tell held from done by a 2xx", () => {
  assert.deepEqual(
    [null, ...dialectNames].filter((name) => knowsHeld(name)),
    [null, "problem"],
  );
});

test("an address is refused in its mount's dialect, our own resources bare, and what leads nowhere so that every SDK throws", () => {
  const mount = mountOf(["x"], []);
  const at = (port: number | null, host: string | null, path: readonly string[], dialect: (typeof dialectNames)[number]) => ({
    ...mount,
    port,
    host,
    path,
    dialect,
  });
  const catalogue = {
    ...catalogueOf(),
    mounts: [at(null, null, ["github"], "github"), at(8081, null, [], "stripe"), at(null, "ai.example.com", [], "openai")],
  };
  const rows: readonly [number | null, string | null, string, string | null][] = [
    [null, null, "/github/repos/a/b", "github"],
    [null, null, "/github/..%2f", "github"],
    [null, null, "/github", "github"],
    [null, null, "/githubx/y", "problem"],
    [null, null, "/v1/refunds", "problem"],
    [8081, null, "/v1/refunds", "stripe"],
    [8081, "x.example.com", "/%zz", "stripe"],
    [8081, null, "", "stripe"],
    [8082, null, "/v1/refunds", "problem"],
    [null, "ai.example.com", "/v1/models", "openai"],
    [null, "other.example.com", "/v1/models", "problem"],
    [8081, null, "/sallyport/v1/tools", null],
    [null, null, "/sallyport/v1/nothing", null],
    [null, null, "/.well-known/x", null],
    [null, null, "/Sallyport/v1/tools", null],
  ];
  for (const [port, host, path, expected] of rows)
    assert.equal(dialectAt(catalogue, { port, host, segments: path.split("/").slice(1) }), expected, `${port} ${host} ${path}`);
});
