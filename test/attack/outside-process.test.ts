import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { readConfiguration } from "../../src/config/read.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { eventually } from "../support/gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";
import { type Referee, startSandbox } from "../support/referee.ts";
import { runSallyport } from "../support/run-sallyport.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-outside-"));
const configFile = writeDemoConfig(join(folder, "own"), { edit: { "config/tiers.yaml": swap("people: 1", "people: 2") } });
const dataDir = join(folder, "data");
let sandbox: Referee;
let gateway: GatewayProcess;

before(async () => {
  sandbox = await startSandbox();
  process.umask(0o022);
  // As an installer would: the folder is there before the gateway is, with everybody's usual mode.
  mkdirSync(dataDir, { mode: 0o755 });
  gateway = await startGatewayProcess({
    configFile,
    dataDir,
    upstreams: { payments: sandbox.url, tickets: sandbox.url, deploys: sandbox.url },
  });
});
after(async () => {
  await gateway.kill();
  await sandbox.stop();
  rmSync(folder, { recursive: true, force: true });
});

const agentToken = () =>
  openDevIssuer(dataDir).mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", run: "r_out", ttlMs: 600_000 });
const personToken = (person: string) =>
  openDevIssuer(dataDir).mintPersonToken({ person, name: person, roles: ["viewer", "approver"], groups: ["finance"], ttlMs: 600_000 });
const post = (url: string, token: string, body: object, headers: Readonly<Record<string, string>> = {}) =>
  fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

function* filesBelow(dir: string): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* filesBelow(join(dir, entry.name));
    else yield join(dir, entry.name);
  }
}

describe("neighbours on the machine", () => {
  it("what the gateway writes is for its owner alone, also in a folder that was open to all", () => {
    const open = [...filesBelow(dataDir)].filter(
      (file) => (statSync(file).mode & 0o077) !== 0 && !/checkpoints|endpoints\.json/.test(file),
    );
    assert.deepEqual(
      open.map((file) => file.slice(dataDir.length)),
      [],
    );
  });

  it("no argument of the process and no line of its log holds a token or a secret", async () => {
    const token = await agentToken();
    await post(`${gateway.agentsUrl}/sallyport/v1/tools/payments.lookup_charge`, token, { charge: "ch_1001" });
    await post(`${gateway.agentsUrl}/sallyport/v1/tools/payments.lookup_charge?access_token=${token}`, token, { charge: "ch_1001" });
    await sendRaw(gateway.agentsUrl, rawRequest(`GET /${token} HTTP/1.1`, ["Host: x", `Authorization: Bearer ${token}x`]), { until: 1 });
    const said = gateway.stderr() + readFileSync(`/proc/${gateway.pid}/cmdline`, "latin1");
    assert.doesNotMatch(said, /eyJ|sk_sandbox|PRIVATE KEY/);
  });

  it("no file of the store holds a token, a credential or a plain argument", async () => {
    const token = await agentToken();
    const note = "the customer of 12 Elm Street";
    const answer = await post(
      `${gateway.agentsUrl}/sallyport/v1/tools/payments.refund`,
      token,
      { charge: "ch_1001", amount: 100, reason: note },
      { "idempotency-key": "secret-1" },
    );
    assert.equal(answer.status, 200, await answer.text());
    const files = [...filesBelow(dataDir)].filter((file) => /sallyport\.db/.test(file));
    assert.ok(files.length >= 2);
    for (const file of files) {
      const text = readFileSync(file, "latin1");
      for (const secret of [token, "sk_sandbox", "Elm Street"]) assert.ok(!text.includes(secret), `${file} holds ${secret.slice(0, 12)}`);
    }
  });
});

describe("one person's words on another's terminal", () => {
  it("what the approver's terminal would obey is written out before the vote", async () => {
    const token = await agentToken();
    const held = await post(
      `${gateway.agentsUrl}/sallyport/v1/tools/payments.refund`,
      token,
      { charge: "ch_1006", amount: 20_000 },
      { "idempotency-key": "held-1" },
    );
    const { call_id: id } = (await held.json()) as { call_id: string };
    const first = await personToken("approver");
    const shown = (await (
      await fetch(`${gateway.peopleUrl}/sallyport/v1/calls/${id}`, { headers: { authorization: `Bearer ${first}` } })
    ).json()) as { call: { binding: string } };
    const reason = "fine\u001b[1A\u001b[2K\u009b2Kamount     1.00 USD\r";
    const voted = await post(`${gateway.peopleUrl}/sallyport/v1/holds/${id}/votes`, first, {
      approve: true,
      reason,
      binding: shown.call.binding,
    });
    assert.equal(voted.status, 200, await voted.text());
    const env = { SALLYPORT_DATA: dataDir, SALLYPORT_CONFIG: configFile };
    const looked = await runSallyport(["holds", "show", id], env);
    const signed = await runSallyport(["holds", "approve", id, "--as", "approver2", "--reason", "ok"], env);
    for (const { stdout, stderr } of [looked, signed]) assert.doesNotMatch(stdout + stderr, /[\u001b\u009b\r]/);
    assert.match(signed.stdout, /approved/);
  });
});

describe("who may start it, and how", () => {
  it("no start of production honours what tests use", async () => {
    const dead = { SALLYPORT_DATA: join(folder, "unused") };
    const killing = await runSallyport(["serve", "--config", configFile], { ...dead, SALLYPORT_KILL_AT: "before_socket_write:0" });
    assert.deepEqual([killing.code, /SALLYPORT_KILL_AT needs --dev/.test(killing.stderr)], [2, true]);
    const without = await runSallyport(["serve", "--config", configFile], dead);
    assert.equal(without.code, 1, "no issuer, no --dev: nobody could be let in");
  });

  for (const host of ["0.0.0.0", "::", "192.0.2.1", "127.0.0.1.nip.io", "", "2130706433"]) {
    it(`--dev does not listen on ${host === "" ? "an empty host" : host}`, () => {
      const file = writeDemoConfig(join(folder, `host-${host.replaceAll(/[^a-z0-9]/g, "_")}`), {
        edit: { "config/gateway.yaml": swap("people: { host: 127.0.0.1, port: 9090 }", `people: { host: "${host}", port: 0 }`) },
      });
      assert.equal(readConfiguration(file, { dev: true }).ok, false);
    });
  }

  it("a key file that a neighbour can read is not started with", async () => {
    const dir = mkdtempSync(join(folder, "keys-"));
    const first = await startGatewayProcess({ configFile, dataDir: dir });
    await first.stop();
    for (const key of ["payloads.key", "ledger.key", "dev/people.pem"]) {
      chmodSync(join(dir, key), 0o640);
      await assert.rejects(startGatewayProcess({ configFile, dataDir: dir }), /chmod 600/);
      chmodSync(join(dir, key), 0o600);
    }
  });

  it("a pattern whose time can grow without bound is refused at start: one argument could stop everybody", () => {
    const file = writeDemoConfig(join(folder, "pattern"), {
      edit: { "routes/tickets.yaml": swap("query: { type: string,", 'query: { type: string, pattern: "^(a+)+$",') },
    });
    assert.equal(readConfiguration(file, { dev: true }).ok, false);
  });

  it("a file of one secret that stands where a map should is not quoted in what the start complains of", () => {
    const file = writeDemoConfig(join(folder, "link"));
    const secret = join(folder, "api-key");
    writeFileSync(secret, "sk_live_4f1e9a\n");
    symlinkSync(secret, join(folder, "link", "routes", "zz.yaml"));
    const read = readConfiguration(file, { dev: true });
    assert.equal(read.ok, false);
    assert.doesNotMatch(JSON.stringify(read), /sk_live/);
  });

  const misplaced = [
    "credentials: sk_live_4f1e9a",
    "credentials: [sk_live_4f1e9a]",
    "credentials: { header: Authorization, value: [sk_live_4f1e9a] }",
    'credentials: { header: Authorization, value: "sk_live_4f1e9a {tenat}" }',
    "credentials: { header: Authorization, valeu: sk_live_4f1e9a }",
  ];
  for (const [at, text] of misplaced.entries()) {
    it(`a credential in the wrong shape (${at + 1} of ${misplaced.length}) is refused and not quoted`, () => {
      const edit = { "routes/payments.yaml": swap('credentials: { header: Authorization, value: "Bearer sk_sandbox_{tenant}" }', text) };
      const read = readConfiguration(writeDemoConfig(join(folder, `credential-${at}`), { edit }), { dev: true });
      assert.equal(read.ok, false);
      assert.doesNotMatch(JSON.stringify(read), /sk_live/);
    });
  }
});

describe("a stranger during a stop", () => {
  it("a socket that sends half a request does not hold up the drain", { timeout: 40_000 }, async () => {
    const own = await startGatewayProcess({ configFile });
    const sockets: Socket[] = [];
    try {
      for (const bytes of ["", "POST /x HTTP/1.1\r\nHost: x\r\n"]) {
        const socket = connect({ host: "127.0.0.1", port: Number(new URL(own.agentsUrl).port) });
        socket.on("error", () => undefined);
        await once(socket, "connect");
        socket.write(bytes);
        sockets.push(socket);
      }
      // An answered request says that the gateway has seen the sockets before.
      await fetch(`${own.agentsUrl}/sallyport/v1/tools`);
      const stopped = own.stop();
      const ending = await Promise.race([stopped, new Promise<null>((resolve) => setTimeout(() => resolve(null), 6000))]);
      for (const socket of sockets) socket.destroy();
      await stopped;
      assert.deepEqual(ending, { code: 0, signal: null }, "still draining after 6 s");
    } finally {
      for (const socket of sockets) socket.destroy();
      await own.kill();
    }
  });

  it("a log reader that has gone does not turn a stop into a crash", async () => {
    const main = join(import.meta.dirname, "../../src/main.ts");
    const args = [
      "serve",
      "--dev",
      "--json",
      "--config",
      configFile,
      "--data",
      mkdtempSync(join(folder, "log-")),
      "--agents-port",
      "0",
      "--people-port",
      "0",
    ];
    const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString("utf8")));
    await eventually("ready", async () => out.includes("\n"), 20_000);
    child.stderr.destroy();
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  });
});
