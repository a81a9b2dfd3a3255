import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

/** What the tests of official SDKs need beside npm's packages: the Python SDK and Stripe's own stand-in for its API. */
export const sdkVersions = { stripePython: "16.1.0", stripeMock: "v0.203.0" } as const;

/** What asks every route of our OpenAPI documents with requests that it makes from them. */
export const schemathesisVersion = "4.32.5";

type Environment = Readonly<Record<string, string | undefined>>;

/** The folder of Python packages that `npm run sdks:install` fills; its name has the version, so that another version is another folder. */
export function pythonPackages(env: Environment): string {
  return pythonFolder(env, `stripe-${sdkVersions.stripePython}`);
}

/** The same for schemathesis and what it needs. */
export function schemathesisPackages(env: Environment): string {
  return pythonFolder(env, `schemathesis-${schemathesisVersion}`);
}

function pythonFolder(env: Environment, name: string): string {
  const stated = env["XDG_CACHE_HOME"];
  const cache = stated !== undefined && isAbsolute(stated) ? stated : join(env["HOME"] ?? homedir(), ".cache");
  return join(cache, "sallyport", "python", name);
}

/** The path of stripe-mock: STRIPE_MOCK, or on the PATH, or where `go install` puts programs; null when it is nowhere. */
export function findStripeMock(env: Environment): string | null {
  const named = env["STRIPE_MOCK"];
  if (named !== undefined && named !== "") return isExecutable(named) ? named : null;
  const onPath = (env["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  const goPath = env["GOPATH"] ?? join(env["HOME"] ?? homedir(), "go");
  return [...onPath, env["GOBIN"] ?? join(goPath, "bin")].map((folder) => join(folder, "stripe-mock")).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
