import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { comesTrue, type Demo, readTold, startDemo } from "../support/demo.ts";

const root = join(import.meta.dirname, "../..");

/** Pages whose ```console blocks are run, from top to bottom, against one demo; with the least number of commands that each must have. */
const pages: readonly [file: string, commandsMin: number][] = [
  ["README.md", 3],
  ["docs/agents.md", 8],
  ["docs/people.md", 9],
];

let demo: Demo;
before(async () => {
  demo = await startDemo();
});
after(() => demo.stop());

for (const [file, commandsMin] of pages) {
  test(`the commands of ${file} print what the page says`, async () => {
    const blocks = [...readFileSync(join(root, file), "utf8").matchAll(/^```console\n(.*?)^```$/gms)].map((match) => match[1] ?? "");
    const told = blocks.flatMap(readTold);
    assert.ok(told.length >= commandsMin, `${told.length} commands`);
    await comesTrue(demo, told);
  });
}
