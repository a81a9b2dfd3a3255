import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a copy of the demo configuration differs in. */
export interface DemoChanges {
  /** Takes the place of the sandbox's address in every route file. */
  readonly upstreamUrl?: string;
  /** File below the folder, such as `config/contracts/intern.yaml` → its new text, made from the old one ("" for a new file). */
  readonly edit?: Readonly<Record<string, (text: string) => string>>;
}

/** Copies the demo's `config/`, `routes/` and `policies/` into a folder, changed as asked; answers the path of its `gateway.yaml`. */
export function writeDemoConfig(folder: string, { upstreamUrl, edit = {} }: DemoChanges = {}): string {
  mkdirSync(folder, { recursive: true });
  for (const part of ["config", "routes", "policies"]) cpSync(join(root, part), join(folder, part), { recursive: true });
  if (upstreamUrl !== undefined) {
    for (const name of ["payments", "tickets", "deploys"])
      editFile(join(folder, "routes", `${name}.yaml`), (text) => withUpstream(text, upstreamUrl));
  }
  for (const [file, change] of Object.entries(edit)) editFile(join(folder, file), change);
  return join(folder, "config", "gateway.yaml");
}

/** A change that puts one text in the place of another, and fails when there is nothing to change: an edit that misses must not look like one that worked. */
export function swap(from: string, to: string): (text: string) => string {
  return (text) => {
    if (!text.includes(from)) throw new Error(`the demo configuration no longer says ${JSON.stringify(from)}`);
    return text.replace(from, () => to);
  };
}

function withUpstream(text: string, url: string): string {
  return swap("upstream: http://127.0.0.1:9900", `upstream: ${url}`)(text);
}

function editFile(file: string, change: (text: string) => string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, change(readIfThere(file)));
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
