import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Break, breaks } from "./breaks.ts";
import { root } from "./run-program.ts";

// Proves that the tests can fail: copies the tree, breaks one line at a time, and runs the test that must notice.

const testMsMax = 120_000;
const parts = ["bench", "bin", "config", "docs", "examples", "policies", "routes", "scripts", "src", "test", "package.json"];

function copyTree(): string {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-break-"));
  for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** Runs one test file in the copy; true when it passes. */
function passes(folder: string, test: string): boolean {
  return spawnSync(process.execPath, ["--test", test], { cwd: folder, stdio: "ignore", timeout: testMsMax }).status === 0;
}

/** Why this break proves nothing, or null when the test noticed it. */
function prove(folder: string, { file, find, replace, test }: Break): string | null {
  const path = join(folder, file);
  const whole = readFileSync(path, "utf8");
  if (whole.split(find).length !== 2) return `${file} does not hold the line exactly once`;
  writeFileSync(
    path,
    whole.replace(find, () => replace),
  );
  const unnoticed = passes(folder, test);
  writeFileSync(path, whole);
  return unnoticed ? `${test} still passes` : null;
}

const folder = copyTree();
try {
  const wanted = breaks.filter(({ promise }) => process.argv.slice(2).every((word) => promise.includes(word)));
  const broken = [...new Set(wanted.map(({ test }) => test))].filter((test) => !passes(folder, test));
  for (const test of broken) console.error(`fails without any break: ${test}`);
  let unproved = broken.length;
  for (const one of wanted) {
    const why = prove(folder, one);
    console.log(`${why === null ? "noticed" : "UNNOTICED"}  ${one.promise}${why === null ? "" : `: ${why}`}`);
    if (why !== null) unproved += 1;
  }
  console.log(`${wanted.length} breaks, ${wanted.length - unproved} noticed`);
  process.exitCode = unproved === 0 && wanted.length > 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
