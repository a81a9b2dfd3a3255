import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { formatProblem, type Problem } from "../../src/config/problems.ts";
import { readConfiguration } from "../../src/config/read.ts";
import type { BadConfig } from "./bad-config.ts";
import { badConfigs } from "./bad-configs.ts";
import { baseFiles, writeFiles } from "./base-config.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-bad-configs-"));
after(() => rmSync(folder, { recursive: true }));

const mark = "⟦";

function problemsOf(
  files: Readonly<Record<string, string | null>>,
  name: string,
): { readonly problems: readonly Problem[]; readonly root: string } {
  const root = join(folder, name);
  const result = readConfiguration(writeFiles(root, files));
  return { problems: result.ok ? [] : result.problems, root };
}

/** Counted by hand from the text, not by the product's own line counter. */
function placeIn(text: string, offset: number): string {
  const before = text.slice(0, offset);
  return `${before.split("\n").length}:${offset - before.lastIndexOf("\n")}`;
}

function checkRow(bad: BadConfig, index: number): void {
  const original = baseFiles[bad.file] ?? "";
  assert.ok(original.includes(bad.from), `the base configuration no longer says ${bad.from}`);
  const marked = original.replace(bad.from, () => bad.to);
  const text = marked.replace(mark, "");
  const offset = bad.at === undefined ? marked.indexOf(mark) : text.indexOf(bad.at);
  assert.ok(offset >= 0, "the row does not say where the problem stands");
  const { problems, root } = problemsOf({ ...baseFiles, [bad.file]: text }, String(index));
  const lines = problems.map(formatProblem);
  const wanted = `${join(root, bad.file)}:${placeIn(text, offset)} ${bad.says}`;
  assert.ok(
    lines.some((line) => line.startsWith(wanted)),
    `wanted ${wanted}\nfound  ${lines.join("\n       ")}`,
  );
  assert.equal(problems.length, bad.problems ?? 1, lines.join("\n"));
  assert.doesNotMatch(lines.join("\n"), /canary/, "a secret stands in a message");
}

for (const [index, bad] of badConfigs.entries()) {
  test(`${bad.title} is refused where it stands`, () => checkRow(bad, index));
}

test("the table of bad configurations is not empty", () => {
  assert.ok(badConfigs.length >= 90, `${badConfigs.length} rows`);
  assert.equal(new Set(badConfigs.map(({ title }) => title)).size, badConfigs.length);
});

test("the configuration that the rows change is good", () => {
  assert.deepEqual(problemsOf(baseFiles, "good").problems.map(formatProblem), []);
});

const wholeFiles: readonly [title: string, change: Readonly<Record<string, string | null>>, says: RegExp][] = [
  ["a gateway.yaml that is not there", { "config/gateway.yaml": null }, /config\/gateway\.yaml:1:1 this file does not exist/],
  [
    "a folder of routes that is not there",
    Object.fromEntries(
      Object.keys(baseFiles)
        .filter((file) => file.startsWith("routes/"))
        .map((file) => [file, null]),
    ),
    /routes:1:1 this folder does not exist/,
  ],
  [
    "a folder without contracts",
    { "config/contracts/billing.yaml": null, "config/contracts/readme.md": "-" },
    /contracts:1:1 this folder has no contract file/,
  ],
  [
    "a contract that ends in .yml",
    { "config/contracts/second.yml": "agent: x" },
    /second\.yml:1:1 this file would not be read; rename it to \.yaml/,
  ],
  ["a file that is a list", { "config/tiers.yaml": "- finance" }, /tiers\.yaml:1:1 must be a map \(got a list\)/],
  [
    "a file larger than a megabyte",
    { "config/tiers.yaml": `# ${"x".repeat(1024 * 1024)}` },
    /tiers\.yaml:1:1 this file is larger than 1048576 bytes/,
  ],
  ["a file nested too deeply", { "config/tiers.yaml": "[".repeat(5000) }, /tiers\.yaml:1:62 nesting deeper than 60 is refused/],
  [
    "a named tenants' file that is not there",
    { "config/gateway.yaml": `${baseFiles["config/gateway.yaml"]}tenants: others.yaml\n` },
    /others\.yaml:1:1 this file does not exist/,
  ],
  [
    "a key set with a private key",
    { "config/keys.json": `{"keys":[{"kty":"EC","d":"canary"}]}` },
    /gateway\.yaml:7:11 issuers\[0\]\.jwks names a JWK set with a private key/,
  ],
  [
    "a key set with a shared secret",
    { "config/keys.json": `{"keys":[{"kty":"oct","k":"canary"}]}` },
    /gateway\.yaml:7:11 issuers\[0\]\.jwks names a JWK set with a key that is not a public key/,
  ],
  [
    "a tier that nobody can sign",
    { "config/gateway.yaml": "issuers:\n  - { issuer: https://a.example, jwks: keys.json, audience: b }\n" },
    /tiers\.yaml:1:1 finance can never be signed/,
  ],
  [
    "a secret of two lines",
    { "routes/secrets/globex": "canary\ncanary\n" },
    /credentials\.value names the secret file secrets\/globex, which is not one line/,
  ],
  ["an empty secret", { "routes/secrets/globex": "\n" }, /credentials\.value names the secret file secrets\/globex, which is empty/],
  [
    "a second contract for one agent and tenant",
    { "config/contracts/again.yaml": baseFiles["config/contracts/billing.yaml"] ?? "" },
    /billing\.yaml:4:11 tenants\[0\] has a contract for billing in production already/,
  ],
  [
    "a write to hold without any tier",
    {
      "config/tiers.yaml": null,
      "config/contracts/billing.yaml": (baseFiles["config/contracts/billing.yaml"] ?? "").replace(", tier: finance", ""),
    },
    /billing\.yaml:8:3 tools\["pay\.refund"\] needs a tier: what is beyond up_to is held/,
  ],
  [
    "a money mover that an amount budget cannot see",
    {
      "routes/desk.yaml": (baseFiles["routes/desk.yaml"] ?? "").replace(
        "reversible: true }",
        "reversible: true, financial: low }\n    key: required",
      ),
    },
    /billing\.yaml:9:3 tools\["desk\.reply"\] moves money and declares no amount/,
  ],
];

for (const [title, change, says] of wholeFiles) {
  test(`${title} is a problem, not a fault`, () => {
    const lines = problemsOf({ ...baseFiles, ...change }, title.replaceAll(/\W/g, "-")).problems.map(formatProblem);
    assert.match(lines.join("\n"), says);
    assert.doesNotMatch(lines.join("\n"), /canary/, "a secret stands in a message");
  });
}

test("every mistake of every file is told at once", () => {
  const files = { ...baseFiles };
  for (const [file, from, to] of [
    ["config/gateway.yaml", "port: 8080", "port: 70000"],
    ["config/gateway.yaml", "wait_max: 30s", "wait_max: soon"],
    ["config/tiers.yaml", "people: 2", "people: 0"],
    ["config/contracts/billing.yaml", "stage: autonomous", "stage: none"],
    ["config/contracts/billing.yaml", "60/min", "fast"],
    ["routes/pay.yaml", 'usd: "0.01"', "usd: 1"],
    ["routes/desk.yaml", "/desk", "/sallyport"],
  ] as const)
    files[file] = (files[file] ?? "").replace(from, to);
  const { problems } = problemsOf(files, "many");
  assert.equal(problems.length, 7, problems.map(formatProblem).join("\n"));
});

test("a listener beyond loopback is refused under --dev", () => {
  const result = readConfiguration(writeFiles(join(folder, "dev"), baseFiles), { dev: true });
  assert.match(
    result.ok ? "" : result.problems.map(formatProblem).join("\n"),
    /:2:19 listen\.agents\.host must be a loopback address under --dev/,
  );
});
