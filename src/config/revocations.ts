import { readFileSync, statSync } from "node:fs";
import { readRevocations, revocationsBytesMax } from "../rules/revocations.ts";
import { type DocumentPlace, readPlace } from "./document-places.ts";
import { accepted } from "./quantities.ts";
import type { Report } from "./report.ts";
import type { RevocationsFile } from "./schema/issuers.ts";

/** Where revocations are read, and how often. */
export interface RevocationSettings {
  readonly place: DocumentPlace;
  readonly pollMs: number;
  readonly staleAfterMs: number;
}

/** Reads `revocations`, whose file must be good now: a start with a list that says nothing would let everybody in who was locked out. */
export function buildRevocations(file: RevocationsFile | undefined, folder: string, report: Report): RevocationSettings | null {
  if (file === undefined) return null;
  const written = { text: file.list, ca: file.ca, path: ["revocations", "list"], caPath: ["revocations", "ca"] };
  const [pollMs, staleAfterMs] = [accepted("duration", file.poll), accepted("duration", file.stale_after)];
  if (staleAfterMs <= pollMs) report(["revocations", "stale_after"], "must be longer than revocations.poll");
  return { place: readPlace(written, folder, wrongList, report), pollMs, staleAfterMs };
}

function wrongList(file: string): string | null {
  try {
    if (statSync(file).size > revocationsBytesMax) return `names a file that is larger than ${revocationsBytesMax} bytes`;
    const read = readRevocations(readFileSync(file));
    return typeof read === "string" ? `names a list that ${read}` : null;
  } catch (error) {
    const code = String((error as { code?: unknown }).code ?? "unknown error");
    return code === "ENOENT" ? "names a file that does not exist" : `names a file that cannot be read (${code})`;
  }
}
