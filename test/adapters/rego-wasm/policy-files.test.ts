import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readPolicyFiles, sourcesDigest, staleSources } from "../../../src/adapters/rego-wasm/policy-files.ts";
import { packBundle, policiesFolder, shippedBundle } from "./bundles.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-policies-"));
  cpSync(policiesFolder, folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (path: string, text: string): void => {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), text);
};

test("the shipped bundle is what its sources give", () => {
  assert.deepEqual(staleSources(policiesFolder, shippedBundle), []);
});

test("a changed, a new and a lost source are named", () => {
  write("contract.rego", "package policies.contract\n");
  write("new.rego", "package policies.new\n");
  write("facts/new.yaml", "a: 1\n");
  rmSync(join(folder, "tenant_wall.rego"));
  assert.deepEqual(staleSources(folder, shippedBundle), ["contract.rego", "facts/new.yaml", "new.rego", "tenant_wall.rego"]);
});

test("neither a date nor a test makes a bundle stale", () => {
  utimesSync(join(folder, "contract.rego"), new Date(), new Date());
  write("contract_test.rego", "package policies.contract_test\n");
  write(".hidden.rego", "package policies.hidden\n");
  assert.deepEqual(staleSources(folder, shippedBundle), []);
  assert.equal(sourcesDigest(folder), sourcesDigest(policiesFolder));
});

test("every source is stale for a bundle that does not record its sources, or cannot be read", () => {
  const all = staleSources(folder, packBundle());
  assert.ok(all.includes("contract.rego") && all.includes("facts/change_windows.json") && all.includes("sallyport/combiner.rego"));
  assert.deepEqual(staleSources(folder, new Uint8Array()), all);
});

test("the digest of the sources follows content and name", () => {
  const before = sourcesDigest(folder);
  cpSync(join(folder, "contract.rego"), join(folder, "contract2.rego"));
  const named = sourcesDigest(folder);
  write("contract2.rego", "package policies.contract\n");
  assert.equal(new Set([before, named, sourcesDigest(folder)]).size, 3);
});

/** OPA merges a data file from anywhere into `data`. */
const strangers = [
  "data.json",
  "policies/data.json",
  "facts/data/data.json",
  "facts/Upper.json",
  "facts/a.b.json",
  "facts.yml",
  "facts/x.yml",
  "notes.txt",
  "policies.yaml",
  "contract.rego.orig",
];

for (const path of strangers) {
  test(`a file without a place is named: ${path}`, () => {
    write(path, "{}");
    const { files, strangers: found } = readPolicyFiles(folder);
    assert.deepEqual(found, [path]);
    assert.ok(!files.has(path));
  });
}

test("a folder nested too deeply is an error, not silence", () => {
  write("a/b/c/d/e/deep.rego", "package policies.deep\n");
  assert.throws(() => readPolicyFiles(folder), /nested/);
});
