import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { eventually } from "../support/gateway.ts";
import { runSallyport } from "../support/run-sallyport.ts";

// Follows docs/operations.md to the letter, without --dev: the page's own files, keys made by the command, a real start, one call, one SIGTERM.

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "sallyport-production-"));
const config = ["--config", join(folder, "config/gateway.yaml")];
let upstream: Server;
let asked = 0;
let token = "";

/** The page's YAML blocks, in order: gateway, route, contract. */
const blocks = [...readFileSync(join(root, "docs/operations.md"), "utf8").matchAll(/^```yaml\n(.*?)^```$/gms)].map(
  (match) => match[1] ?? "",
);

before(async () => {
  upstream = createServer((_request, response) => {
    asked += 1;
    response.setHeader("content-type", "application/json").end('{"note":7}');
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const [gateway = "", route = "", contract = ""] = blocks;
  for (const part of ["config/keys", "config/contracts", "routes", "secrets"]) mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, "config/gateway.yaml"), gateway);
  writeFileSync(join(folder, "routes/notes.yaml"), route.replace("https://notes.acme.example", url));
  writeFileSync(join(folder, "config/contracts/reader.yaml"), contract);
  writeFileSync(join(folder, "secrets/notes.token"), "sk_test\n", { mode: 0o600 });
  cpSync(join(root, "policies"), join(folder, "policies"), { recursive: true });
  token = await issue("agents", "https://id.acme.example");
  await issue("people", "https://people.acme.example");
});
after(() => {
  upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Makes an issuer's key set in the file that the page names, and a token of it. */
async function issue(name: string, issuer: string): Promise<string> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: name, alg: "ES256", use: "sig" };
  writeFileSync(join(folder, `config/keys/${name}.json`), JSON.stringify({ keys: [jwk] }));
  return new SignJWT({ tenant: "acme" })
    .setProtectedHeader({ alg: "ES256", kid: name, typ: "at+jwt" })
    .setIssuer(issuer)
    .setAudience("sallyport")
    .setSubject("reader")
    .setJti("t_1")
    .setIssuedAt()
    .setExpirationTime("10m")
    .sign(privateKey);
}

test("the page has the three files that it talks of", () => assert.equal(blocks.length, 3));

test("without keys it does not start, and says what to run", async () => {
  const { code, stderr } = await runSallyport(["serve", ...config, "--agents-port", "0", "--people-port", "0"]);
  assert.equal(code, 1);
  assert.match(stderr, /sallyport keys/);
});

test("`keys` makes both keys for this user alone, once", async () => {
  const first = await runSallyport(["keys", ...config]);
  assert.equal(first.code, 0, first.stderr);
  for (const key of ["data/ledger.key", "data/payloads.key"]) assert.equal(statSync(join(folder, key)).mode & 0o077, 0, key);
  const again = await runSallyport(["keys", ...config]);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /was there.*ledger\.key/);
});

test("`check` is content, and the gateway starts, answers a call and drains", async () => {
  const checked = await runSallyport(["check", ...config]);
  assert.equal(checked.code, 0, checked.stdout + checked.stderr);
  const { child, ready } = await serve();
  const response = await fetch(`${ready.agents_url}/notes/v1/notes/7`, { headers: { authorization: `Bearer ${token}` } });
  assert.deepEqual([response.status, await response.json(), asked], [200, { note: 7 }, 1]);
  const stranger = await fetch(`${ready.agents_url}/notes/v1/notes/7`);
  assert.deepEqual([stranger.status, asked], [401, 1]);
  assert.equal(((await (await fetch(`${ready.people_url}/readyz`)).json()) as { dev: boolean }).dev, false);
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  assert.equal(await ended, 0);
});

interface Ready {
  readonly agents_url: string;
  readonly people_url: string;
}

async function serve(): Promise<{ readonly child: ChildProcess; readonly ready: Ready }> {
  const args = [join(root, "bin/sallyport"), "serve", "--json", ...config, "--agents-port", "0", "--people-port", "0"];
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let told = "";
  child.stdout?.on("data", (chunk: Buffer) => (told += chunk.toString("utf8")));
  child.stderr?.on("data", (chunk: Buffer) => (told += chunk.toString("utf8")));
  const line = await eventually(
    "the gateway is ready",
    async () => /^\{"ready":true.*$/m.exec(told)?.[0] ?? (child.exitCode === null ? null : Promise.reject(new Error(told))),
  );
  return { child, ready: JSON.parse(line) as Ready };
}
