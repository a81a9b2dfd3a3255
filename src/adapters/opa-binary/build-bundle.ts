import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { isJsonObject, type JsonObject } from "../../rules/json.ts";
import { entrypoint, openBundle } from "../../rules/policy-bundle.ts";
import { readTar, type TarEntry, writeTar } from "../../rules/tar.ts";
import type { Opa } from "./find-opa.ts";
import { type Stage, withStage } from "./stage.ts";

/** What the bundle says of its own origin. */
export interface BundleOrigin {
  readonly revision: string;
  /** Source path → SHA-256 (hex). */
  readonly sources: Readonly<Record<string, string>>;
}

export interface BuiltBundle {
  readonly bundle: Uint8Array;
}

const roots = ["facts", "lib", "policies", "sallyport"];

/**
 * Builds the bundle from the files of a policies folder, tests left out. The same files and the same opa release give the same bytes. Answers
 * the faults instead when opa refuses the sources (a missing built-in among them) or the loader would refuse the result.
 */
export function buildBundle(opa: Opa, files: ReadonlyMap<string, Uint8Array>, origin: BundleOrigin): BuiltBundle | readonly string[] {
  if (!files.has("capabilities.json")) return ["capabilities.json: missing, so a missing built-in could not be found"];
  return withStage(opa, files, "no tests", (stage) => compile(stage, opa, origin));
}

function compile(stage: Stage, opa: Opa, origin: BundleOrigin): BuiltBundle | readonly string[] {
  const out = join(stage.folder, "bundle.tar.gz");
  const run = stage.run(["build", "-b", ".", "-t", "wasm", "-e", entrypoint, "--capabilities", "../capabilities.json", "-o", out]);
  if (!run.ok) return [run.output];
  const written = readTar(gunzipSync(readFileSync(out)));
  if (typeof written === "string") return [written];
  const entries = written.map((entry) => (entry.path === ".manifest" ? rewriteManifest(entry, opa, origin) : entry));
  const opened = openBundle(entries);
  return Array.isArray(opened) ? (opened as readonly string[]) : { bundle: pack(entries) };
}

function rewriteManifest(entry: TarEntry, opa: Opa, origin: BundleOrigin): TarEntry {
  const manifest: unknown = JSON.parse(new TextDecoder().decode(entry.bytes));
  const own: JsonObject = isJsonObject(manifest) ? manifest : {};
  const metadata = { opa: opa.version, sources: origin.sources };
  return {
    path: entry.path,
    bytes: new TextEncoder().encode(`${JSON.stringify({ ...own, revision: origin.revision, roots, metadata })}\n`),
  };
}

/** gzip's header says which system wrote it; "unknown" everywhere makes the bytes repeat. */
function pack(entries: readonly TarEntry[]): Uint8Array {
  const packed = gzipSync(writeTar(entries), { level: 9 });
  packed[9] = 255;
  return packed;
}

/** Whether two bundles hold the same files, byte for byte. The packing is not compared, because compressors differ between platforms. */
export function isSameBundle(left: Uint8Array, right: Uint8Array): boolean {
  try {
    return Buffer.compare(gunzipSync(left), gunzipSync(right)) === 0;
  } catch {
    return false;
  }
}
