import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { listFiles } from "../scripts/list-files.ts";
import { type Lockfile, missingOptionals } from "../scripts/missing-optionals.ts";
import { root } from "../scripts/run-program.ts";
import { type TidyFile, tidyRules } from "./tidy-rules.ts";

const readLock = (): Lockfile => JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")) as Lockfile;
const binary = /\.(?:gz|png|ico|woff2|wasm)$/;
const files: readonly TidyFile[] = listFiles()
  .filter((path) => !binary.test(path) && path !== "test/tidy-rules.ts")
  .map((path) => ({ path, text: readFileSync(root + path, "utf8") }));

test("the repository has files to look at", () => {
  assert.ok(files.length > 200, `only ${files.length} files were found`);
  assert.ok(files.some(({ path }) => path === "package.json"));
});

describe("tidy rules", () => {
  for (const rule of tidyRules) {
    test(rule.name, () => {
      const looked = files.filter(({ path }) => rule.about.test(path));
      assert.ok(looked.length > 0, "the rule looked at no file");
      assert.deepEqual(
        looked.flatMap((file) => rule.find(file).map((breach) => `${file.path}: ${breach}`)),
        [],
      );
    });
  }
});

describe("each tidy rule finds what breaks it", () => {
  for (const { name, about, find, broken } of tidyRules) {
    test(name, () => {
      assert.match(broken.path, about);
      assert.equal(find(broken).length, 1);
    });
  }
});

test("the lockfile pins every package that this platform installs by its hash", () => {
  const packages = Object.entries(readLock().packages).filter(([path]) => path !== "");
  assert.ok(packages.length > 50);
  const loose = packages.filter(([, { integrity, optional }]) => integrity === undefined && optional !== true).map(([path]) => path);
  const here = packages.filter(([, { os, cpu, libc, integrity }]) => {
    const fits = [os?.includes("linux"), cpu?.includes("x64") === true || cpu?.includes("arm64"), libc?.includes("glibc")];
    return integrity === undefined && fits.every((fit) => fit !== false);
  });
  assert.deepEqual([...loose, ...here.map(([path]) => path)], []);
});

test("the lockfile has every optional dependency, or `npm ci` refuses it", () => {
  assert.deepEqual(
    missingOptionals(readLock()).map(([path]) => path),
    [],
    "run `npm run lock`",
  );
});

test("every dependency is pinned to one exact version", () => {
  const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as Record<string, Record<string, string> | undefined>;
  const pins = ["dependencies", "devDependencies", "optionalDependencies"].flatMap((kind) => Object.entries(manifest[kind] ?? {}));
  assert.ok(pins.length > 20);
  assert.deepEqual(
    pins.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version)),
    [],
  );
});
