import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type ExplainRow, explainContracts, renderExplainTable } from "../../src/config/explain.ts";
import { formatProblem } from "../../src/config/problems.ts";
import { readConfiguration } from "../../src/config/read.ts";
import { baseFiles, writeFiles } from "./base-config.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-explain-"));
after(() => rmSync(folder, { recursive: true }));
let folders = 0;

function explain(change: Readonly<Record<string, string | null>>): readonly ExplainRow[] {
  const result = readConfiguration(writeFiles(join(folder, String(++folders)), { ...baseFiles, ...change }));
  if (!result.ok) assert.fail(result.problems.map(formatProblem).join("\n"));
  return explainContracts(result.catalogue);
}

const billing = "config/contracts/billing.yaml";
const edited = (from: string, to: string) => ({ [billing]: (baseFiles[billing] ?? "").replace(from, () => to) });

const rows: readonly [title: string, change: Readonly<Record<string, string | null>>, tool: string, tenant: string, happens: string][] = [
  ["a gate by amount", {}, "pay.refund", "acme_co", "up to 100.00 USD alone, beyond that finance, 2 people, 8 h; needs an idempotency key"],
  [
    "a gate that denies beyond",
    edited("beyond: hold", "beyond: deny"),
    "pay.refund",
    "acme_co",
    "up to 100.00 USD alone, beyond that denied; needs an idempotency key",
  ],
  [
    "a gate in yen",
    edited("{ USD: 10000 }", "{ USD: 5, JPY: 10000 }"),
    "pay.refund",
    "acme_co",
    "up to 0.05 USD or 10000 JPY alone, beyond that finance, 2 people, 8 h; needs an idempotency key",
  ],
  ["a read", {}, "pay.lookup", "acme_co", "allowed"],
  ["a write that is allowed", {}, "desk.reply", "globex", "allowed alone"],
  [
    "a write that is held",
    edited("desk.reply: allow", "desk.reply: hold"),
    "desk.reply",
    "globex",
    "every call is held for release, 1 person, 30 m",
  ],
  ["a draft", edited("stage: autonomous\n", ""), "desk.reply", "globex", "dry run only: the contract is a draft"],
  ["a read of a draft", edited("stage: autonomous\n", ""), "pay.lookup", "globex", "allowed"],
  ["a suggestion", edited("autonomous", "suggest"), "desk.reply", "globex", "every write is held for release, 1 person, 30 m"],
  ["a tool that is not named", edited("  desk.reply: allow\n", ""), "desk.reply", "globex", "denied: the contract does not name it"],
  [
    "a tenant without a credential",
    { "routes/secrets/globex": null },
    "pay.lookup",
    "globex",
    "denied: globex has no account or credential at pay",
  ],
];
for (const [title, change, tool, tenant, happens] of rows) {
  test(`${title} is told in one clause`, () => {
    const found = explain(change).filter((row) => row.tool === tool && row.tenant === tenant);
    assert.deepEqual(found, [{ agent: "billing", tenant, environment: "production", tool, happens }]);
  });
}

test("the table has a row for every agent, tenant and tool", () => {
  const table = renderExplainTable(explain({}));
  assert.equal(table.trimEnd().split("\n").length, 1 + 2 * 3);
  assert.match(table, /^AGENT +TENANT +ENVIRONMENT +TOOL +WHAT HAPPENS\n/);
  assert.doesNotMatch(table, /[ ]\n|canary/);
});
