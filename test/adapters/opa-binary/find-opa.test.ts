import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findOpa, opaCacheFolder } from "../../../src/adapters/opa-binary/find-opa.ts";

const home = mkdtempSync(join(tmpdir(), "sallyport-opa-"));
after(() => rmSync(home, { recursive: true }));

/** A program that says it is an opa of this version. */
function fakeOpa(folder: string, version: string, name = "opa"): string {
  mkdirSync(join(home, folder), { recursive: true });
  const path = join(home, folder, name);
  writeFileSync(path, `#!/bin/sh\necho "Version: ${version}"\n`);
  chmodSync(path, 0o755);
  return path;
}

const right = fakeOpa("right", "1.22.9");
const old = fakeOpa("old", "1.2.22");
const cached = fakeOpa(".cache/sallyport/bin", "1.22.2");
const byGo = fakeOpa("go/bin", "1.22.3");
const emptyHome = join(home, "nobody");

test("SALLYPORT_OPA goes first", () => {
  assert.deepEqual(findOpa({ SALLYPORT_OPA: right, PATH: join(home, "old"), HOME: home }), { path: right, version: "1.22.9" });
});

test("SALLYPORT_OPA that names no opa 1.22 is an answer, not a reason to take another", () => {
  for (const named of [old, join(home, "nowhere/opa")]) {
    const found = findOpa({ SALLYPORT_OPA: named, PATH: join(home, "right"), HOME: home });
    assert.ok("missing" in found && found.missing.includes(named), JSON.stringify(found));
  }
});

test("the PATH goes before the cache, and the cache before go's folder; other versions are passed over", () => {
  assert.deepEqual(findOpa({ PATH: `${join(home, "old")}:${join(home, "right")}`, HOME: home }), { path: right, version: "1.22.9" });
  assert.deepEqual(findOpa({ PATH: join(home, "old"), HOME: home }), { path: cached, version: "1.22.2" });
  assert.deepEqual(findOpa({ PATH: "", HOME: emptyHome, GOBIN: join(home, "go/bin") }), { path: byGo, version: "1.22.3" });
});

test("a relative entry of the PATH is never looked at", () => {
  assert.ok("missing" in findOpa({ PATH: ".:right:", HOME: emptyHome }));
});

test("without any, the message says what to do", () => {
  const found = findOpa({ PATH: "", HOME: emptyHome });
  assert.ok("missing" in found);
  assert.match(found.missing, /^opa 1\.22 not found: run `sallyport opa install`.*SALLYPORT_OPA/);
});

test("the cache folder follows XDG_CACHE_HOME when it is absolute", () => {
  assert.equal(opaCacheFolder({ XDG_CACHE_HOME: "/var/x", HOME: home }), "/var/x/sallyport/bin");
  assert.equal(opaCacheFolder({ XDG_CACHE_HOME: "x", HOME: home }), join(home, ".cache/sallyport/bin"));
});
