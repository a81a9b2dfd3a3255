import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder that holds this program's package.json; the program may run from source or compiled. */
export function programFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, "package.json")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
