import { readFileSync } from "node:fs";
import { dirname, normalize, relative, resolve } from "node:path";
import { listFiles } from "./list-files.ts";
import { root } from "./run-program.ts";

const infoFolder = "dist/.info";
const compiledFolders = ["src", "test", "scripts", "bench", "examples"];

/** The compiler's own record of a project. A root is an index into `fileNames`, from 1, a range of them, or a path. */
interface BuildInfo {
  readonly root: readonly (number | readonly [number, number] | string)[];
  readonly fileNames?: readonly string[];
}

/** Which of the repository's TypeScript files `tsc -b` looked at, by the compiler's own records, and which are in no project. */
export function countCompiled(): { readonly compiled: number; readonly missed: readonly string[] } {
  const seen = new Set(listInfoFiles().flatMap(readRoots));
  const files = compiledFolders.flatMap((folder) => listFiles(folder, ".ts"));
  const missed = files.filter((file) => !seen.has(file));
  return { compiled: files.length - missed.length, missed };
}

/** Only projects that are built now: the record of a project that is gone stays in the folder. */
function listInfoFiles(): readonly string[] {
  return listProjects("tsconfig.json").map((path) => `${infoFolder}/${path.replaceAll("/", "-")}.tsbuildinfo`);
}

/** The folders of all projects that a list of references leads to, such as `src/rules`. */
function listProjects(listFile: string): readonly string[] {
  const list = JSON.parse(readFileSync(root + listFile, "utf8")) as { readonly references: readonly { readonly path: string }[] };
  return list.references.flatMap(({ path }) => (path.endsWith(".json") ? listProjects(normalize(path)) : [normalize(path)]));
}

function readRoots(infoFile: string): readonly string[] {
  const info = JSON.parse(readFileSync(root + infoFile, "utf8")) as BuildInfo;
  const names = info.fileNames ?? [];
  const roots = info.root.flatMap((entry) => {
    if (typeof entry === "string") return [entry];
    const [first, last] = typeof entry === "number" ? [entry, entry] : entry;
    return names.slice(first - 1, last);
  });
  return roots.map((name) => relative(root, resolve(root, dirname(infoFile), name)));
}
