import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { breaks } from "../scripts/breaks.ts";

const root = join(import.meta.dirname, "..");

test("every line that docs/testing.md says to break stands exactly once in its file, and its test exists", () => {
  for (const { promise, file, find, test: proof } of breaks) {
    assert.equal(readFileSync(join(root, file), "utf8").split(find).length, 2, `${promise}: ${file}`);
    assert.ok(existsSync(join(root, proof)), proof);
  }
  assert.ok(breaks.length >= 15, `${breaks.length} breaks`);
});
