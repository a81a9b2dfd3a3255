import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import { openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { unlimited } from "../path/wide-gateway.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";
import { type Referee, startSandbox } from "../support/referee.ts";

// INV-24: hostile load is bounded. The gateway is a process of its own, so that its memory is its own.

const soak = process.env["SOAK"] !== undefined;
/** Sockets of each kind; the soak's are 5,000 idle ones and 500 of each slow kind. */
const idleSockets = soak ? 5000 : 300;
const slowSockets = soak ? 500 : 40;
const bigBodies = soak ? 200 : 40;
const honestCalls = soak ? 1500 : 60;
/** Long enough that all of them are open at once. */
const lives = soak
  ? "  headers_timeout: 20s\n  request_timeout: 25s\n  keep_alive_timeout: 10s\n"
  : "  headers_timeout: 3s\n  request_timeout: 4s\n  keep_alive_timeout: 2s\n";
/** What the gateway may hold in memory when all of this is going on. Some thousand calls alone bring it to about 370 MB. */
const rssBytesMax = 800e6;
/** Honest callers share two cores with whoever attacks, who here is on the same machine. */
/** The share of `npm test` runs beside other tests, and its 99th percentile is its worst call. */
const slackMs = soak ? 150 : 2000;

let sandbox: Referee;
let folder: string;
let gateway: GatewayProcess;
let auth: string;
before(async () => {
  sandbox = await startSandbox({ logReads: false });
  folder = mkdtempSync(join(tmpdir(), "sallyport-load-"));
  const configFile = writeDemoConfig(folder, {
    edit: {
      "config/contracts/billing-dispute.yaml": unlimited,
      "config/gateway.yaml": swap("limits:\n", `limits:\n${lives}`),
    },
  });
  gateway = await startGatewayProcess({ configFile, upstreams: { payments: sandbox.url, tickets: sandbox.url, deploys: sandbox.url } });
  const token = await openDevIssuer(gateway.dataDir).mintAgentToken({
    agent: "billing-dispute-v3",
    tenant: "acme_co",
    run: "r_load",
    ttlMs: 3_600_000,
  });
  auth = `Authorization: Bearer ${token}`;
});
after(async () => {
  await gateway.kill();
  await sandbox.stop();
  rmSync(folder, { recursive: true, force: true });
});

const rssBytes = (): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${gateway.pid}/status`, "utf8"))?.[1]) * 1024;
const line = "POST /sallyport/v1/tools/tickets.create HTTP/1.1";
const headOf = (more: readonly string[]): string => rawRequest(line, ["Host: gw", auth, "Content-Type: application/json", ...more]);

/** An honest agent in a thread of its own, so that its times are not those of the attackers' thread. */
const honestAgent = `
  const { parentPort, workerData: { url, authorization, calls } } = require("node:worker_threads");
  (async () => {
    const times = [];
    for (let turn = 0; turn < calls; turn += 1) {
      const startedMs = performance.now();
      const response = await fetch(url, { headers: { authorization } });
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error("answered " + response.status);
      times.push(performance.now() - startedMs);
    }
    parentPort.postMessage(times);
  })();
`;

/** Calls one after the other; the 99th percentile of their times, milliseconds. */
async function honestP99(): Promise<number> {
  const url = `${gateway.agentsUrl}/tickets/v1/tickets/tk_3001`;
  const workerData = { url, authorization: auth.slice("Authorization: ".length), calls: honestCalls };
  const worker = new Worker(honestAgent, { eval: true, workerData });
  const times = await new Promise<readonly number[]>((resolve, reject) => worker.once("message", resolve).once("error", reject));
  assert.equal(times.length, honestCalls);
  return times.toSorted((one, other) => one - other)[Math.floor(times.length * 0.99)] as number;
}

/** Opens a socket that says this, and then a byte each second, until it is closed. */
function open(sockets: Set<Socket>, first: string, drip = ""): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(gateway.agentsUrl).port) });
    socket.on("error", () => undefined);
    socket.once("close", () => {
      clearInterval(timer);
      sockets.delete(socket);
      resolve();
    });
    const timer = setInterval(() => drip !== "" && socket.writable && socket.write(drip), 1000);
    socket.once("connect", () => {
      sockets.add(socket);
      // Nobody here reads an answer.
      socket.pause();
      if (first !== "") socket.write(first);
      resolve();
    });
  });
}

test("idle and slow sockets, deep arrays and large bodies cost bounded memory, and honest calls go on", async (context) => {
  await honestP99();
  const calm = await honestP99();
  const rssBefore = rssBytes();
  const sockets = new Set<Socket>();
  let rssMost = rssBefore;
  const watch = setInterval(() => (rssMost = Math.max(rssMost, rssBytes())), 50);
  await Promise.all(Array.from({ length: idleSockets }, () => open(sockets, "")));
  await Promise.all(
    Array.from({ length: slowSockets }, () => [
      open(sockets, `${line}\r\nHost: gw\r\n`, "X-A: b\r\n"),
      open(sockets, headOf(["Content-Length: 200000"]), "a".repeat(100)),
      open(sockets, headOf(["Transfer-Encoding: chunked"]), "1\r\na\r\n"),
      open(sockets, rawRequest("GET /sallyport/v1/tools HTTP/1.1", ["Host: gw", auth]).repeat(30)),
    ]).flat(),
  );
  const openMost = sockets.size;
  const amongSockets = await honestP99();
  const deep = `{"subject":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  const big = "z".repeat(1024 * 1024);
  const attack = async (): Promise<void> => {
    for (let turn = 0; turn < bigBodies; turn += 4) {
      await Promise.all([
        sendRaw(gateway.agentsUrl, headOf(["Connection: close", `Content-Length: ${deep.length}`]) + deep, { timeoutMs: 20_000 }),
        ...Array.from({ length: 4 }, () =>
          sendRaw(gateway.agentsUrl, headOf(["Connection: close", "Transfer-Encoding: chunked"]) + `100000\r\n${big}\r\n0\r\n\r\n`, {
            timeoutMs: 20_000,
          }),
        ),
      ]);
    }
  };
  const [underLoad] = await Promise.all([honestP99(), attack()]);
  clearInterval(watch);
  const told = `p99 ${calm.toFixed(1)} ms calm, ${amongSockets.toFixed(1)} ms among the sockets, ${underLoad.toFixed(1)} ms under load; ${Math.round(rssBefore / 1e6)} MB before, ${Math.round(rssMost / 1e6)} MB at most; ${openMost} sockets, ${bigBodies} bodies of 1 MiB`;
  context.diagnostic(told);
  assert.ok(openMost >= idleSockets, told);
  assert.ok(rssMost < rssBytesMax, told);
  assert.ok(amongSockets < 2 * calm + slackMs, told);
  assert.ok(underLoad < 2 * calm + slackMs, told);
  // Every one of them ends by itself, without a client's help.
  const until = performance.now() + 45_000;
  while (sockets.size > 0 && performance.now() < until) {
    for (const socket of sockets) socket.resume();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(sockets.size, 0, `${sockets.size} sockets are still open`);
  assert.equal(gateway.stderr(), "");
});
