import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder that holds this program's package.json; the program may run from source or compiled. */
export function programFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** The version that package.json names. */
export function programVersion(): string {
  return (JSON.parse(readFileSync(join(programFolder(), "package.json"), "utf8")) as { readonly version: string }).version;
}
