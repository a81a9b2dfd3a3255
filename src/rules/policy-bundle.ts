import { isDenial } from "./denial.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { findUnfit } from "./policy-input.ts";
import { findSourceFaults } from "./policy-sources.ts";
import { readJsonObject } from "./strict-json.ts";
import type { TarEntry } from "./tar.ts";

/** The only entrypoint that the gateway evaluates, always by this name. */
export const entrypoint = "sallyport/verdict";

/** The parts of a bundle that passed the loader's checks. */
export interface PolicyBundle {
  readonly wasm: Uint8Array;
  /** Top-level key `facts` at most. */
  readonly documents: JsonObject;
  /** Path → formatted Rego text. */
  readonly modules: ReadonlyMap<string, string>;
  readonly revision: string;
  /** Source path → SHA-256 (hex), as the build recorded it; empty for a bundle of another builder. */
  readonly sources: Readonly<Record<string, string>>;
}

const jsonLimits = { depthMax: 64, valuesMax: 1_000_000 };
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Checks the files of a standard OPA bundle (`opa build -t wasm`). Answers its parts, or everything that is wrong with it, as whole sentences. */
export function openBundle(entries: readonly TarEntry[]): PolicyBundle | readonly string[] {
  const files = new Map(entries.map((entry) => [entry.path, entry.bytes]));
  const modules = readModules(entries);
  const manifest = readDocument(files, ".manifest");
  const documents = files.has("data.json") ? readDocument(files, "data.json") : {};
  const wasm = files.get("policy.wasm");
  const faults = [...strangers(entries), ...(typeof modules === "string" ? [modules] : findSourceFaults(modules))];
  if (wasm === undefined) faults.push("policy.wasm is missing: build the bundle with -t wasm");
  if (typeof manifest === "string") faults.push(manifest);
  else faults.push(...manifestFaults(manifest));
  if (typeof documents === "string") faults.push(documents);
  else faults.push(...documentFaults(documents));
  if (
    faults.length > 0 ||
    wasm === undefined ||
    typeof manifest === "string" ||
    typeof documents === "string" ||
    typeof modules === "string"
  )
    return faults;
  return { wasm, documents, modules, revision: String(manifest["revision"] ?? ""), sources: recordedSources(manifest) };
}

function strangers(entries: readonly TarEntry[]): string[] {
  const known = (path: string): boolean => path === ".manifest" || path === "data.json" || path === "policy.wasm" || path.endsWith(".rego");
  return entries.filter((entry) => !known(entry.path)).map((entry) => `${entry.path} has no place in a policy bundle`);
}

function readModules(entries: readonly TarEntry[]): ReadonlyMap<string, string> | string {
  const modules = new Map<string, string>();
  for (const { path, bytes } of entries) {
    if (!path.endsWith(".rego")) continue;
    try {
      modules.set(path, decoder.decode(bytes));
    } catch {
      return `${path} is not valid UTF-8`;
    }
  }
  return modules.size === 0 ? "the bundle carries no Rego sources, so it cannot be checked" : modules;
}

function readDocument(files: ReadonlyMap<string, Uint8Array>, path: string): JsonObject | string {
  const bytes = files.get(path);
  if (bytes === undefined) return `${path} is missing`;
  const document = readJsonObject(bytes, jsonLimits);
  return isDenial(document) ? `${path} is not one strict JSON object: ${document.detail ?? document.denied}` : document;
}

function manifestFaults(manifest: JsonObject): readonly string[] {
  const wasm = manifest["wasm"];
  const only = Array.isArray(wasm) && wasm.length === 1 ? (wasm as readonly unknown[])[0] : null;
  const fits = isJsonObject(only) && only["entrypoint"] === entrypoint && only["module"] === "/policy.wasm";
  const faults = fits ? [] : [`.manifest must name exactly the entrypoint ${entrypoint} of /policy.wasm`];
  return manifest["rego_version"] === 1 ? faults : [...faults, ".manifest must say rego_version 1"];
}

function documentFaults(documents: JsonObject): readonly string[] {
  const outside = Object.keys(documents).filter((key) => key !== "facts");
  const faults = outside.map((key) => `data.json puts data under data.${key}; facts live under data.facts only`);
  const facts = documents["facts"];
  if (facts !== undefined && !isJsonObject(facts)) faults.push("data.facts is not an object");
  const unfit = findUnfit(documents);
  return unfit === null ? faults : [...faults, `data.json holds a value at ${unfit} that Rego cannot hold`];
}

function recordedSources(manifest: JsonObject): Readonly<Record<string, string>> {
  const metadata = manifest["metadata"];
  const sources = isJsonObject(metadata) ? metadata["sources"] : undefined;
  if (!isJsonObject(sources)) return {};
  return Object.fromEntries(Object.entries(sources).flatMap(([path, digest]) => (typeof digest === "string" ? [[path, digest]] : [])));
}
