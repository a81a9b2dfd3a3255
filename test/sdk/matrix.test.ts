import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { cases, playCase, type Seen } from "./cases.ts";
import { sdks } from "./clients.ts";
import { endPython, pythonMissing } from "./python.ts";
import { pageFile, readTable, type TableRow, withTable } from "./table.ts";
import { openWorld, type SdkWorld } from "./world.ts";

let world: SdkWorld;
before(async () => {
  world = await openWorld(Object.fromEntries(Object.entries(sdks).map(([name, { vendor }]) => [name, vendor])));
});
after(async () => {
  await endPython();
  await world.close();
});

const withoutPython = pythonMissing();
const rows: TableRow[] = [];
let turn = 1000;

for (const [name, sdk] of Object.entries(sdks)) {
  const skip = name === "python" ? (withoutPython ?? false) : false;
  test(`${sdk.name} throws on every refusal, says what was executed, and sends nothing again that must not be sent again`, {
    skip,
  }, async (t) => {
    for (const one of cases) {
      turn += 10;
      await t.test(one.title, async () => {
        const seen = await playCase(world, name, sdk, one, turn);
        rows.push({ sdk: sdk.name, title: one.title, seen });
        holds(one, seen);
      });
    }
    assert.equal(rows.filter((row) => row.sdk === sdk.name).length, cases.length);
  });
}

function holds(one: (typeof cases)[number], { told, prepared, requests, effects }: Seen): void {
  const shown = JSON.stringify(told);
  assert.equal("id" in told, one.expect === "resolves", shown);
  if ("id" in told) assert.match(told.id, /^\w+_\w+$|^undefined$/, shown);
  if ("thrown" in told) assert.match(told.message, new RegExp(`^(?:[0-9]{3} )?${one.expect.replaceAll(".", "\\.")}`));
  assert.equal(effects, one.effects, `effects of ${shown}`);
  assert.ok(requests >= 1 && requests <= one.requestsMax, `${requests} requests for ${shown}`);
  if (one.title === "the same explicit key again") assert.deepEqual(told, prepared, "both answers are the one call's");
}

test("the table in docs/agents.md is what the SDKs did", () => {
  const page = readFileSync(pageFile, "utf8");
  const names = Object.values(sdks).map((sdk) => sdk.name);
  const written = withTable(page, names, rows);
  assert.equal(readTable(written).length, 2 + cases.length);
  if (process.env["SALLYPORT_WRITE_TABLE"] === "1") writeFileSync(pageFile, written);
  else assert.deepEqual(readTable(page), readTable(written), "to write it anew: SALLYPORT_WRITE_TABLE=1 npm test -- sdk/matrix");
});
