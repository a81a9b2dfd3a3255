import { resolve } from "node:path";
import { isJsonObject } from "../rules/json.ts";
import { isLoopbackHost } from "./addresses.ts";

import type { ConfigurationPath } from "./problems.ts";
import type { Report } from "./report.ts";
import { readText } from "./source.ts";

/** Where a document is that is read again and again: a file, or a URL with the PEM of its private certificate authority. */
export type DocumentPlace = { readonly file: string } | { readonly url: string; readonly ca?: string };

/** How a place stands in the file, and where. */
export interface WrittenPlace {
  readonly text: string;
  readonly ca: string | undefined;
  readonly path: ConfigurationPath;
  readonly caPath: ConfigurationPath;
}

/** Reads a place; `wrongFile` says what is wrong with a file there, or null. Reports what cannot be used. */
export function readPlace(
  { text, ca, path, caPath }: WrittenPlace,
  folder: string,
  wrongFile: (file: string) => string | null,
  report: Report,
): DocumentPlace {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const wrong = wrongUrl(text);
    if (wrong !== null) report(path, wrong);
    return { url: text, ...(ca === undefined ? {} : { ca: readAuthority(resolve(folder, ca), caPath, report) }) };
  }
  if (ca !== undefined) report(caPath, "is for a URL only");
  const file = resolve(folder, text);
  const wrong = wrongFile(file);
  if (wrong !== null) report(path, wrong);
  return { file };
}

function readAuthority(file: string, path: ConfigurationPath, report: Report): string {
  const read = readText(file);
  if (!("text" in read)) report(path, `names a file that ${read.cause}`);
  else if (read.text.includes("-----BEGIN CERTIFICATE-----")) return read.text;
  else report(path, "names a file without a PEM certificate");
  return "";
}

function wrongUrl(text: string): string | null {
  if (!URL.canParse(text)) return "must be an https URL or a file";
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return "must not contain a user name or password";
  if (protocol === "https:" || (protocol === "http:" && isLoopbackHost(hostname))) return null;
  return "must be https: plain http is for loopback only";
}

/** What is wrong with a JWK set file, or null. */
export function wrongJwksFile(file: string): string | null {
  const read = readText(file);
  if (!("text" in read)) return `names a file that ${read.cause}`;
  let set: unknown;
  try {
    set = JSON.parse(read.text);
  } catch {
    return "names a file that is not JSON";
  }
  const keys = isJsonObject(set) ? set["keys"] : undefined;
  if (!Array.isArray(keys) || keys.length === 0) return "names a file that is not a JWK set with keys";
  if (!keys.every((key) => isJsonObject(key) && typeof key["kty"] === "string" && key["kty"] !== "oct"))
    return "names a JWK set with a key that is not a public key";
  return keys.some((key) => isJsonObject(key) && Object.hasOwn(key, "d"))
    ? "names a JWK set with a private key, which must not be here"
    : null;
}
