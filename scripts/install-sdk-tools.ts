// Makes sure that what the tests of official SDKs need is there: `npm run sdks:install`. Does nothing for what is found.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { findStripeMock, pythonPackages, schemathesisPackages, schemathesisVersion, sdkVersions } from "./sdk-tools.ts";

const failed: string[] = [];

function run(program: string, args: readonly string[]): boolean {
  console.log(`${program} ${args.join(" ")}`);
  if (spawnSync(program, args, { stdio: "inherit" }).status === 0) return true;
  failed.push(program);
  return false;
}

function installPython(packages: string, requirement: string): void {
  if (existsSync(packages)) return;
  mkdirSync(dirname(packages), { recursive: true });
  // Into a folder beside it first: one that is there is whole.
  const made = mkdtempSync(join(dirname(packages), "new-"));
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", made];
  if (run("python3", [...pip, requirement])) renameSync(made, packages);
}

const packages = pythonPackages(process.env);
installPython(packages, `stripe==${sdkVersions.stripePython}`);
const schemathesis = schemathesisPackages(process.env);
installPython(schemathesis, `schemathesis==${schemathesisVersion}`);
if (findStripeMock(process.env) === null) run("go", ["install", `github.com/stripe/stripe-mock@${sdkVersions.stripeMock}`]);

console.log(`Python's stripe ${sdkVersions.stripePython}: ${existsSync(packages) ? packages : "missing"}`);
console.log(`schemathesis ${schemathesisVersion}: ${existsSync(schemathesis) ? schemathesis : "missing"}`);
console.log(`stripe-mock ${sdkVersions.stripeMock}: ${findStripeMock(process.env) ?? "missing"}`);
process.exitCode = failed.length === 0 ? 0 : 1;
