import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { isBuildInput, placeOf } from "../../rules/policy-files.ts";
import { readBundle } from "./load-policy.ts";

/** The files of a policies folder that mean something, and those that have no place there. */
export interface PolicyFiles {
  /** Path below the folder → content: sources, tests, facts and `capabilities.json`. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly strangers: readonly string[];
}

const filesMax = 1000;
const depthMax = 4;

/** Reads a policies folder. Names that begin with a dot are passed over. Throws when the folder cannot be read or holds over 1000 files. */
export function readPolicyFiles(folder: string): PolicyFiles {
  const files = new Map<string, Uint8Array>();
  const strangers: string[] = [];
  for (const path of listFiles(folder, "", 0)) {
    if (files.size >= filesMax) throw new Error(`${folder} holds more than ${filesMax} files`);
    const place = placeOf(path);
    if (place === "stranger") strangers.push(path);
    else if (place !== "derived") files.set(path, readFileSync(join(folder, path)));
  }
  return { files, strangers };
}

function listFiles(folder: string, below: string, depth: number): readonly string[] {
  if (depth > depthMax) throw new Error(`${below} is nested more than ${depthMax} folders deep`);
  const names = readdirSync(join(folder, below)).filter((name) => !name.startsWith("."));
  return names.toSorted().flatMap((name) => {
    const path = below === "" ? name : `${below}/${name}`;
    return statSync(join(folder, path)).isDirectory() ? listFiles(folder, path, depth + 1) : [path];
  });
}

/** Path → SHA-256 (hex) of what a bundle is built from: everything but tests. */
export function digestSources(files: ReadonlyMap<string, Uint8Array>): Readonly<Record<string, string>> {
  const built = [...files].filter(([path]) => isBuildInput(path)).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(built.map(([path, bytes]) => [path, createHash("sha256").update(bytes).digest("hex")]));
}

/** SHA-256 (hex) over the names and digests of a folder's sources: the revision of the bundle that is built from it. */
export function sourcesDigest(folder: string): string {
  return revisionOf(digestSources(readPolicyFiles(folder).files));
}

/** The revision of these sources. */
export function revisionOf(sources: Readonly<Record<string, string>>): string {
  const hash = createHash("sha256");
  for (const [path, digest] of Object.entries(sources).toSorted(([left], [right]) => (left < right ? -1 : 1)))
    hash.update(`${path}\n${digest}\n`);
  return hash.digest("hex");
}

/**
 * The files of a policies folder that are not what the bundle was built from, changed, new or gone, by content and not by date; empty when the
 * bundle is up to date. Every file counts as stale for a bundle that cannot be read or does not record its sources.
 */
export function staleSources(folder: string, bundle: Uint8Array): readonly string[] {
  const now = digestSources(readPolicyFiles(folder).files);
  const opened = readBundle(bundle);
  const built = "sources" in opened ? opened.sources : {};
  return [...new Set([...Object.keys(now), ...Object.keys(built)])].filter((path) => now[path] !== built[path]).toSorted();
}
