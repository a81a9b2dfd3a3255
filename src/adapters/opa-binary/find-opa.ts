import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

/** The release that builds our bundles; another minor version would write other bytes. */
export const opaVersion = "1.22.2";

export interface Opa {
  readonly path: string;
  readonly version: string;
}

/** No usable `opa`: what to tell the person, and what was looked at. */
export interface OpaMissing {
  readonly missing: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Looks for `opa` 1.22 in SALLYPORT_OPA (which, when set, is the only place), on the PATH, in our cache and where `go install` puts programs. Never
 * fetches one. Runs `opa version` of each candidate, at most 10 s each.
 */
export function findOpa(env: Environment): Opa | OpaMissing {
  const named = env["SALLYPORT_OPA"];
  if (named !== undefined && named !== "") return tryOpa(named) ?? missing(`SALLYPORT_OPA names ${named}, which is no opa ${opaSeries}`);
  for (const path of candidates(env)) {
    const found = isExecutable(path) ? tryOpa(path) : null;
    if (found !== null) return found;
  }
  return missing(`opa ${opaSeries} not found`);
}

const opaSeries = opaVersion.split(".").slice(0, 2).join(".");

const missing = (what: string): OpaMissing => ({
  missing: `${what}: run \`sallyport opa install\` (\`go install\` of opa ${opaVersion}), or set SALLYPORT_OPA to an opa ${opaSeries}`,
});

/** The folder that `installOpa` installs into: below XDG_CACHE_HOME, or `~/.cache`. */
export function opaCacheFolder(env: Environment): string {
  const stated = env["XDG_CACHE_HOME"];
  const cache = stated !== undefined && isAbsolute(stated) ? stated : join(env["HOME"] ?? homedir(), ".cache");
  return join(cache, "sallyport", "bin");
}

function candidates(env: Environment): readonly string[] {
  const program = process.platform === "win32" ? "opa.exe" : "opa";
  const onPath = (env["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  const goPath = env["GOPATH"] ?? join(env["HOME"] ?? homedir(), "go");
  return [...onPath, opaCacheFolder(env), env["GOBIN"] ?? join(goPath, "bin")].map((folder) => join(folder, program));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The program at this path when it says that it is an opa of our series. */
export function tryOpa(path: string): Opa | null {
  const { status, stdout } = spawnSync(path, ["version"], { encoding: "utf8", timeout: 10_000 });
  const version = status === 0 ? /^Version: (\d+\.\d+\.\d+)$/m.exec(stdout)?.[1] : undefined;
  return version?.startsWith(`${opaSeries}.`) === true ? { path, version } : null;
}
