import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { markedRequest } from "../attack/wire-world.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { sendRaw } from "../support/raw-http.ts";
import { type Referee, startSandbox } from "../support/referee.ts";
import { leakedReservations } from "./leaked.ts";

// INV-23: a stop has an end, and what is on its way then stays on record as what it is: unknown.

const rounds = process.env["SOAK"] === undefined ? 1 : 20;
const stuck = 8;

let sandbox: Referee;
let folder: string;
let configFile: string;
before(async () => {
  sandbox = await startSandbox();
  folder = mkdtempSync(join(tmpdir(), "sallyport-drain-limit-"));
  configFile = writeDemoConfig(folder, { edit: { "config/gateway.yaml": swap("limits:\n", "limits:\n  drain: 1s\n") } });
});
after(async () => {
  await sandbox.stop();
  rmSync(folder, { recursive: true, force: true });
});

for (let round = 0; round < rounds; round += 1) {
  test(`a stop ends at its limit when upstreams hang, and every call is on record as unknown (round ${round + 1} of ${rounds})`, async () => {
    const upstreams = { payments: sandbox.url, tickets: sandbox.url, deploys: sandbox.url };
    const gateway = await startGatewayProcess({ configFile, upstreams });
    const token = await openDevIssuer(gateway.dataDir).mintAgentToken({
      agent: "billing-dispute-v3",
      tenant: "acme_co",
      run: "r_stuck",
      ttlMs: 600_000,
    });
    const auth = `Authorization: Bearer ${token}`;
    await sandbox.setFault({ path_prefix: "/v1/tickets", mode: "hang", times: stuck });
    const seenBefore = sandbox.requests().length;
    const sent = Array.from({ length: stuck }, (_, index) =>
      sendRaw(gateway.agentsUrl, markedRequest(`stuck ${round} ${index}.`, auth), { timeoutMs: 20_000 }),
    );
    // A client that never ends its request keeps nobody waiting either.
    const half = sendRaw(gateway.agentsUrl, "POST / HTTP/1.1\r\nHost: gw\r\n", { timeoutMs: 20_000 });
    await sandbox.waitForRequest(() => sandbox.requests().length >= seenBefore + stuck, 10_000);
    const askedMs = performance.now();
    const ending = await gateway.stop();
    const ms = Math.round(performance.now() - askedMs);
    await sandbox.clearFaults();
    assert.deepEqual(ending, { code: 1, signal: null }, gateway.stderr());
    assert.ok(ms >= 900 && ms < 5500, `${ms} ms`);
    for (const { closed, responses } of await Promise.all([...sent, half]))
      assert.deepEqual([closed, responses.filter(({ status }) => status === 200).length], [true, 0]);
    const again = await startGatewayProcess({ configFile, dataDir: gateway.dataDir, upstreams });
    assert.deepEqual(again.recovered, { unknown: stuck, failed: 0 });
    await again.kill();
    assert.equal(leakedReservations(gateway.dataDir), 0);
    console.log(`stopped in ${ms} ms with ${stuck} calls on their way`);
  });
}
