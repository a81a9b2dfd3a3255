import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { presetNames } from "../../src/config/presets.ts";
import { formatProblem } from "../../src/config/problems.ts";
import { readConfiguration } from "../../src/config/read.ts";
import { readRevocations } from "../../src/rules/revocations.ts";
import { baseFiles, writeFiles } from "./base-config.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-identity-page-"));
after(() => rmSync(folder, { recursive: true }));

const page = readFileSync(join(import.meta.dirname, "../../docs/identity.md"), "utf8");
const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g"))].map(([, text = ""]) => text);
const examples = blocks("yaml").filter((text) => text.startsWith("issuers:"));

const authority = join(folder, "ca.crt");
writeFileSync(authority, "-----BEGIN CERTIFICATE-----\n");

/** The base configuration with a page's example in place of its own issuers, and the problems that are found in it. */
function problemsWith(example: string, name: string): readonly string[] {
  const text = baseFiles["config/gateway.yaml"] ?? "";
  const gateway = `${text.slice(0, text.indexOf("issuers:"))}${example}${text.slice(text.indexOf("people:\n"))}`;
  // The cluster's authority stands where only a pod has one.
  const here = gateway.replace("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", authority);
  const read = readConfiguration(
    writeFiles(join(folder, name), { ...baseFiles, "config/gateway.yaml": here, "config/revocations.json": '{"v":1}' }),
  );
  return read.ok ? [] : read.problems.map(formatProblem);
}

test("every issuer that the page shows can be copied", () => {
  for (const [at, example] of examples.entries()) assert.deepEqual(problemsWith(example, `example-${at}`), [], example);
  assert.ok(examples.length >= presetNames.length + 2, `${examples.length} examples`);
});

test("the page shows every preset, in the table and as an example", () => {
  for (const name of presetNames) {
    assert.ok(page.includes(`| \`${name}\` |`), `${name} in the table`);
    assert.ok(
      examples.some((text) => text.includes(`preset: ${name}\n`)),
      `${name} as an example`,
    );
  }
});

test("the revocations that the page shows are a list, and their configuration is good", () => {
  const list = blocks("json").filter((text) => text.includes('"v": 1'));
  assert.equal(list.length, 1);
  assert.notEqual(typeof readRevocations(new TextEncoder().encode(list[0])), "string");
  const [config = ""] = blocks("yaml").filter((text) => text.startsWith("revocations:"));
  const issuers = "issuers:\n  - { issuer: https://id.example.com/, jwks: keys.json, audience: a }\n";
  assert.deepEqual(problemsWith(`${issuers}${config}`, "revocations"), []);
});
