// `npm run lock`: run it after every `npm install` that changed the lockfile. A registry that lacks the builds of a tool for other platforms leaves
// them out of the lockfile, and then `npm ci` refuses it ("Missing: ... from lock file", seen with npm 11.19). This adds what is missing as optional
// packages of their platform: never fetched on any other, and without a hash, which only such a registry could tell.
import { readFileSync, writeFileSync } from "node:fs";
import { type Lockfile, missingOptionals } from "./missing-optionals.ts";
import { root } from "./run-program.ts";

const path = `${root}package-lock.json`;
const lock = JSON.parse(readFileSync(path, "utf8")) as Lockfile;
const missing = missingOptionals(lock);
const entries = [...Object.entries(lock.packages), ...missing].toSorted(([one], [other]) => (one < other ? -1 : 1));
if (missing.length > 0) writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, null, 2)}\n`);
console.log(`package-lock.json: ${entries.length} packages, ${missing.length} added`);
