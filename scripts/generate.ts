// Writes what is made from the source: `node scripts/generate.ts [--check]`. With --check nothing is written, and the exit code is 1 when a
// file is not what the source gives.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { generatedFiles } from "./generated-files.ts";
import { root } from "./run-program.ts";

const files = generatedFiles();
const stale = files.filter(({ path, text }) => text !== readIfThere(path));

if (process.argv.includes("--check")) {
  for (const { path } of stale) console.error(`${path} is not what the source gives: run \`npm run generate\``);
  console.log(`${files.length} generated files compared, ${stale.length} differ`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const { path, text } of stale) {
    mkdirSync(dirname(root + path), { recursive: true });
    writeFileSync(root + path, text);
    console.log(`wrote ${path}`);
  }
  console.log(`${files.length} generated files, ${stale.length} written`);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(root + path, "utf8");
  } catch {
    return null;
  }
}
