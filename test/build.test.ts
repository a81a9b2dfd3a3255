import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { root } from "../scripts/run-program.ts";
import { startGatewayProcess } from "./support/gateway-process.ts";
import { startSandbox } from "./support/referee.ts";

/** What the build reads, and nothing else: the copy proves that no test or script is needed. */
const sources = [
  "package.json",
  "tsconfig.base.json",
  "tsconfig.build.json",
  "LICENSE",
  "README.md",
  "bin",
  "src",
  "config",
  "routes",
  "policies",
];
const mustShip = [
  "LICENSE",
  "bin/sallyport",
  "dist/src/main.js",
  "dist/src/stores/sqlite/worker.js",
  "policies/bundle.tar.gz",
  "config/gateway.yaml",
];

describe("the packed program", () => {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-pack-"));
  const program = join(folder, "package", "bin", "sallyport");
  let packed: readonly string[] = [];

  before(() => (packed = packInto(folder)));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("ships what it needs to run", () => {
    assert.ok(packed.length > 100, `only ${packed.length} files`);
    assert.deepEqual(
      mustShip.filter((file) => !packed.includes(file)),
      [],
    );
  });

  test("ships no source, test or build record", () => {
    assert.deepEqual(
      packed.filter((file) => /\.tsx?$|\.tsbuildinfo$|^(?:src|test|scripts|bench|node_modules|data)\//.test(file)),
      [],
    );
  });

  test("answers a call with what the upstream said, and stops when told", { timeout: 120_000 }, async () => {
    const sandbox = await startSandbox();
    const dataDir = join(folder, "data");
    const upstreams = { payments: sandbox.url, tickets: sandbox.url, deploys: sandbox.url };
    const gateway = await startGatewayProcess({
      program,
      dataDir,
      upstreams,
      configFile: join(folder, "package", "config", "gateway.yaml"),
    });
    const whom = ["--agent", "billing-dispute-v3", "--tenant", "acme_co", "--run", "r_1", "--data", dataDir];
    const token = execFileSync(process.execPath, [program, "token", ...whom], { cwd: folder, encoding: "utf8" }).trim();
    const answer = await fetch(`${gateway.agentsUrl}/sallyport/v1/tools/payments.lookup_charge`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ charge: "ch_1001" }),
    });
    assert.equal(answer.status, 200, await answer.clone().text());
    assert.equal(((await answer.json()) as { readonly id: string }).id, "ch_1001");
    assert.equal(sandbox.requests().length, 1);
    assert.deepEqual(await gateway.stop(), { code: 0, signal: null });
    await sandbox.stop();
  });
});

/** Builds from a copy, packs it as `npm publish` would, and unpacks the result with the dependencies beside it. Answers the packed files. */
function packInto(folder: string): readonly string[] {
  const copy = join(folder, "copy");
  mkdirSync(copy);
  for (const part of sources.filter((name) => existsSync(root + name))) cpSync(root + part, join(copy, part), { recursive: true });
  for (const place of [copy, folder]) symlinkSync(`${root}node_modules`, join(place, "node_modules"));
  // What `npm test` tells its scripts about the repository would lead the inner npm astray.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.toLowerCase().startsWith("npm_")));
  const told = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], {
    cwd: copy,
    encoding: "utf8",
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [pack] = JSON.parse(told.slice(told.indexOf("[\n"))) as readonly {
    readonly filename: string;
    readonly files: readonly { readonly path: string }[];
  }[];
  assert.ok(pack !== undefined);
  execFileSync("tar", ["-xzf", join(folder, pack.filename), "-C", folder]);
  return pack.files.map(({ path }) => path);
}
