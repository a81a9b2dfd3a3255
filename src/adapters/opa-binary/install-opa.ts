import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Opa, type OpaMissing, opaCacheFolder, opaVersion, tryOpa } from "./find-opa.ts";

/**
 * Installs opa into the cache folder by `go install` of the pinned version, whose source Go checks against its checksum database, and verifies
 * the result by running it. Blocks for minutes on a first build, at most 15. `say` gets one line for each step.
 */
export function installOpa(env: Readonly<Record<string, string | undefined>>, say: (line: string) => void): Opa | OpaMissing {
  const folder = opaCacheFolder(env);
  const module = `github.com/open-policy-agent/opa@v${opaVersion}`;
  mkdirSync(folder, { recursive: true });
  say(`building opa ${opaVersion} with go install into ${folder}; a first build takes a few minutes`);
  const built = spawnSync("go", ["install", module], {
    env: { ...env, GOBIN: folder },
    stdio: ["ignore", "inherit", "inherit"],
    timeout: 900_000,
  });
  if (built.error !== undefined)
    return { missing: `go cannot be run (${built.error.message}): install Go 1.25 or newer, or set SALLYPORT_OPA` };
  if (built.status !== 0) return { missing: `go install ${module} failed; its output is above` };
  const opa = tryOpa(join(folder, process.platform === "win32" ? "opa.exe" : "opa"));
  if (opa === null) return { missing: `what go install put into ${folder} does not run as opa ${opaVersion}` };
  say(`opa ${opa.version} is at ${opa.path}`);
  return opa;
}
