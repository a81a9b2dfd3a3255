import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { findOpa } from "../../src/adapters/opa-binary/find-opa.ts";
import { formatProblem } from "../../src/config/problems.ts";
import { readConfiguration } from "../../src/config/read.ts";
import type { Catalogue, Tool } from "../../src/rules/catalogue.ts";
import { startGateway } from "../support/gateway.ts";
import { runSallyport } from "../support/run-sallyport.ts";
import { operationOf, rows } from "./github-rows.ts";
import { startGithub } from "./github-upstream.ts";
import { packs, readFromPage, readPack, writePackFiles } from "./pack-world.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs", "packs.md"), "utf8");
const contracts = [...page.matchAll(/<!-- contract ([a-z-]+) -->/g)].map(([, name = ""]) => name);
const contractFiles = Object.fromEntries(
  contracts.map((name) => [`config/contracts/${name}.yaml`, () => readFromPage(`contract ${name}`)]),
);
const files = await writePackFiles(contractFiles);
after(() => files.remove());

function readCatalogue(configFile: string): Catalogue {
  const result = readConfiguration(configFile, { dev: true });
  assert.ok(result.ok, result.ok ? "" : result.problems.map(formatProblem).join("\n"));
  return result.catalogue;
}

const catalogue = readCatalogue(files.configFile);
const tools = [...catalogue.tools.values()].filter(({ upstream }) => (packs as readonly string[]).includes(upstream));

test("the packs are not loaded where they stand", () => {
  const demo = readCatalogue(join(root, "config", "gateway.yaml"));
  assert.deepEqual(
    [...demo.tools.keys()].filter((name) => /^(stripe|github)\./.test(name)),
    [],
  );
  assert.equal(tools.length, 25);
});

test("a pack names the schema that it fits, from where it is copied to", () => {
  for (const pack of packs) {
    const text = readPack(pack);
    const named = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? "";
    const schema = JSON.parse(readFileSync(join(root, "routes", named), "utf8")) as object;
    const ajv = new Ajv2020({ strict: false });
    assert.ok(ajv.validate(schema, parse(text)), `${pack}: ${ajv.errorsText()}`);
  }
});

test("the packs and contracts of the page are what `sallyport check` takes, and it says what each agent may do", async () => {
  const { code, stdout, stderr } = await runSallyport(["check", "--dev", "--explain", "--config", files.configFile]);
  assert.equal(code, 0, stderr);
  for (const name of contracts) assert.match(stdout, new RegExp(`\\b${name}\\b`));
  assert.deepEqual(contracts, ["refund-desk", "dispute-desk", "code-helper"]);
});

test("a contract with an amount budget cannot name a tool that moves uncounted money", async () => {
  const greedy = readFromPage("contract refund-desk").replace("tools:\n", "tools:\n  stripe.close_dispute: { tier: finance }\n");
  const bad = await writePackFiles({ "config/contracts/refund-desk.yaml": () => greedy });
  const result = readConfiguration(bad.configFile, { dev: true });
  bad.remove();
  assert.match(result.ok ? "" : result.problems.map(formatProblem).join(), /stripe\.close_dispute.* moves money and declares no amount/);
});

/** A tool's row of the page's table, as its route file has it. */
function rowOf(tool: Tool): string {
  const path = tool.template.map((segment) => (typeof segment === "string" ? `/${segment}` : `/{${segment.parameter}}`)).join("");
  const { effect, reversible, financial, data } = tool.traits;
  const undone = effect === "read" ? [] : [reversible ? "can be undone" : "cannot be undone"];
  const traits = [effect, ...undone, ...(financial === "none" ? [] : [`financial: ${financial}`]), data].join(", ");
  const short = (name: string): string => `\`${name.split(".")[1]}\``;
  const around = [
    ...(tool.preview === null ? [] : [`preview ${short(tool.preview)}`]),
    ...(tool.reconcile === undefined ? [] : [`look ${short(tool.reconcile)}`]),
    ...(tool.key === "from_arguments" ? ["once"] : []),
  ].join(", ");
  return `| \`${tool.name}\` | \`${tool.method} ${path}\` | ${tool.describe} | ${traits} | ${around === "" ? "-" : around} |`;
}

test("the page's table is what the packs say", () => {
  const [, table = ""] = page.split("| tool | request | what | traits | around it |\n| --- | --- | --- | --- | --- |\n");
  const told = table.slice(0, table.indexOf("\n\n")).split("\n");
  assert.deepEqual(told, tools.map(rowOf));
});

test("every write of the packs says what its doubt is: no status that may have had an effect proves that there was none", () => {
  const writes = tools.filter(({ traits }) => traits.effect === "write");
  assert.equal(writes.length, 11);
  for (const { name, noEffect, key, traits, input } of writes) {
    assert.deepEqual(
      noEffect.filter((status) => status < 400 || status >= 500 || status === 408 || status === 424),
      [],
      name,
    );
    assert.ok(traits.reversible || key === "from_arguments", name);
    assert.equal(input["additionalProperties"], false, name);
  }
  for (const { name, noEffect } of writes.filter(({ upstream }) => upstream === "stripe"))
    assert.equal(noEffect.includes(409), false, name);
});

const opa = findOpa(process.env);
const skip = "missing" in opa ? `SKIPPED: the policy of docs/packs.md was NOT tested. ${opa.missing}` : false;

test("the policy of the page builds, its tests pass, and it keeps an agent out of other repositories", { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-repo-wall-"));
  const github = await startGithub(rows.map(operationOf));
  try {
    cpSync(join(root, "policies"), folder, { recursive: true });
    for (const [name, place] of [
      ["repo_wall.rego", ""],
      ["repo_wall_test.rego", ""],
      ["repo_wall.json", "facts"],
    ] as const)
      writeFileSync(join(folder, place, name), readFromPage(name));
    for (const verb of ["build", "test"]) {
      const ran = spawnSync(process.execPath, [join(root, "scripts", "policy.ts"), verb, folder], { encoding: "utf8" });
      assert.equal(ran.status, 0, ran.stdout + ran.stderr);
    }
    writeFileSync(files.configFile, readFileSync(files.configFile, "utf8").replace("policies_dir: ../policies", `policies_dir: ${folder}`));
    const gateway = await startGateway({
      configFile: files.configFile,
      moreUpstreams: () => ({ github: github.url, stripe: "http://127.0.0.1:9" }),
    });
    const token = await gateway.agentToken({ agent: "code-helper" });
    const read = (owner: string, repo: string) => gateway.call("github.get_issue", { owner, repo, issue_number: 1 }, { token });
    const own = [await read("acme", "shop"), await read("ACME", "Shop")];
    const foreign = [await read("acme", "other"), await read("globex", "site")];
    await gateway.close();
    assert.deepEqual(
      own.map(({ status }) => status),
      [200, 200],
    );
    assert.deepEqual(
      foreign.map(({ status, body }) => [status, body["code"]]),
      [
        [403, "ERR_POLICY_DENIED"],
        [403, "ERR_POLICY_DENIED"],
      ],
    );
    assert.equal(github.requests.length, 2);
  } finally {
    await github.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
