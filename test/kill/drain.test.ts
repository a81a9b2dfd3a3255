import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { type Referee, startSandbox } from "../support/referee.ts";
import { leakedReservations } from "./leaked.ts";

// INV-23 (share): SIGTERM under load loses nothing.

const rounds = process.env["SOAK"] === undefined ? 3 : 50;
const callers = 32;
const drainMsMax = 30_000;

let sandbox: Referee;
let configFolder: string;
let configFile: string;
before(async () => {
  sandbox = await startSandbox();
  configFolder = mkdtempSync(join(tmpdir(), "sallyport-drain-"));
  const contract = "config/contracts/billing-dispute.yaml";
  configFile = writeDemoConfig(configFolder, {
    edit: {
      [contract]: (text) =>
        swap("limit: 60/min", "limit: 1000000/min")(swap("0.40 USD", "4000.00 USD")(swap("25.00 USD", "4000.00 USD")(text))),
    },
  });
});
after(async () => {
  await sandbox.stop();
  rmSync(configFolder, { recursive: true, force: true });
});

const upstreams = () => ({ payments: sandbox.url, tickets: sandbox.url, deploys: sandbox.url });

interface Sent {
  readonly mark: string;
  /** Null: the connection broke, or was refused, before an answer. */
  readonly status: number | null;
}

/** Callers that send writes one after the other until they are refused. */
async function load(gateway: GatewayProcess, round: number, sent: Sent[]): Promise<void> {
  const token = await openDevIssuer(gateway.dataDir).mintAgentToken({
    agent: "billing-dispute-v3",
    tenant: "acme_co",
    run: "r_drain",
    ttlMs: 3_600_000,
  });
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const caller = async (name: number): Promise<void> => {
    for (let turn = 0; ; turn += 1) {
      const mark = `drain ${round}/${name}/${turn}.`;
      const request = {
        method: "POST",
        headers: { ...headers, "idempotency-key": mark.replaceAll(" ", "-") },
        body: JSON.stringify({ subject: mark, text: "x" }),
      };
      const status = await fetch(`${gateway.agentsUrl}/sallyport/v1/tools/tickets.create`, request)
        .then(async (response) => (await response.text(), response.status))
        .catch(() => null);
      sent.push({ mark, status });
      if (status !== 200) return;
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, name) => caller(name)));
}

for (let round = 0; round < rounds; round += 1) {
  test(`SIGTERM under load: accepted calls finish, others are refused, nothing is unknown (round ${round + 1} of ${rounds})`, async () => {
    const gateway = await startGatewayProcess({ configFile, upstreams: upstreams() });
    const sent: Sent[] = [];
    const loaded = load(gateway, round, sent);
    const enough = performance.now() + 10_000;
    while (sent.length < 150 && performance.now() < enough) await new Promise((resolve) => setTimeout(resolve, 5));
    const asked = performance.now();
    const ending = await gateway.stop();
    await loaded;
    assert.deepEqual(ending, { code: 0, signal: null }, gateway.stderr());
    const drainMs = Math.round(performance.now() - asked);
    assert.ok(drainMs < drainMsMax);

    const done = sent.filter((one) => one.status === 200);
    const refused = sent.filter((one) => one.status !== 200);
    assert.ok(done.length >= 100, `only ${done.length} calls were answered before the drain`);
    const seen = sandbox.requests().filter((one) => one.url === "/v1/tickets");
    const countOf = ({ mark }: Sent): number => seen.filter((one) => one.body.includes(mark)).length;
    for (const one of done) assert.equal(countOf(one), 1, one.mark);
    for (const one of refused) assert.ok(one.status === null || one.status === 503, `${one.mark}: ${one.status}`);
    for (const one of refused.filter(({ status }) => status === 503)) assert.equal(countOf(one), 0, one.mark);

    const again = await startGatewayProcess({ configFile, dataDir: gateway.dataDir, upstreams: upstreams() });
    assert.deepEqual(again.recovered, { unknown: 0, failed: 0 });
    await again.kill();
    assert.equal(leakedReservations(gateway.dataDir), 0);
    console.log(`drained: ${done.length} answered, ${refused.length} refused, ${drainMs} ms`);
  });
}
