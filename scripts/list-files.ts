import { readdirSync } from "node:fs";
import { root } from "./run-program.ts";

const ignoredFolders: ReadonlySet<string> = new Set(["node_modules", "dist", "data", ".git", ".cache", "coverage"]);

/** Every file of the repository below a folder, relative to the root, sorted; what is built, installed or run-time state is left out. */
export function listFiles(below = "", ending = ""): readonly string[] {
  const prefix = below === "" ? "" : `${below}/`;
  return readFolder(`${root}${below}`)
    .flatMap((entry) => {
      if (entry.isDirectory()) return ignoredFolders.has(entry.name) ? [] : listFiles(`${prefix}${entry.name}`, ending);
      return entry.isFile() && entry.name.endsWith(ending) && !entry.name.endsWith(".tsbuildinfo") ? [`${prefix}${entry.name}`] : [];
    })
    .toSorted();
}

function readFolder(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    // A folder that does not exist yet, such as bench, has no files.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
