import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { findOpa, type Opa } from "../../../src/adapters/opa-binary/find-opa.ts";
import { readPolicyFiles } from "../../../src/adapters/rego-wasm/policy-files.ts";
import { writeTar } from "../../../src/rules/tar.ts";
import { makeStandIn } from "./stand-in.ts";

export const policiesFolder = fileURLToPath(new URL("../../../policies", import.meta.url));

/** The bundle that is checked in. */
export const shippedBundle: Uint8Array = readFileSync(`${policiesFolder}/bundle.tar.gz`);

/** Opa, or the sentence to skip with. */
export const opa: Opa | null = ((found) => ("missing" in found ? null : found))(findOpa(process.env));
export const skipWithoutOpa: string | false =
  opa === null ? "SKIPPED: opa 1.22 not found, run `sallyport opa install`; this test proves nothing here" : false;

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The starter policies with some files changed, added or (null) taken away. */
export function policyFiles(changes: Readonly<Record<string, string | null>> = {}): ReadonlyMap<string, Uint8Array> {
  const files = new Map(readPolicyFiles(policiesFolder).files);
  for (const [path, text] of Object.entries(changes)) {
    if (text === null) files.delete(path);
    else files.set(path, encode(text));
  }
  return files;
}

const manifest = {
  revision: "",
  roots: ["facts", "policies", "sallyport"],
  wasm: [{ entrypoint: "sallyport/verdict", module: "/policy.wasm" }],
  rego_version: 1,
};
const okRego = 'package policies.a\n\nallow contains {"rule": "may", "tools": ["t"]}\n';

/** A bundle of these files over a sound one; null takes a file away. */
export function packBundle(changes: Readonly<Record<string, string | Uint8Array | null>> = {}): Uint8Array {
  const files: Record<string, string | Uint8Array | null> = {
    ".manifest": JSON.stringify(manifest),
    "data.json": '{"facts":{}}',
    "policy.wasm": makeStandIn({ answers: "[]" }),
    "sallyport/combiner.rego": "package sallyport\n\nanswer := 1\n",
    "a.rego": okRego,
    ...changes,
  };
  const entries = Object.entries(files).flatMap(([path, content]) =>
    content === null ? [] : [{ path, bytes: typeof content === "string" ? encode(content) : content }],
  );
  return gzipSync(writeTar(entries));
}
