import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { all, unlimited } from "../path/wide-gateway.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { findCanaries, makeCanary } from "./canaries.ts";
import { type LeakingRequest, nameIsTold, places, upstreamMoods } from "./leaking-calls.ts";

const canaryCount = process.env["SOAK"] === undefined ? 400 : 4000;
const seed = Number(process.env["SEED"] ?? Math.trunc(Math.random() * 0x7fffffff));
const atOnce = 16;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly head: string;
}

let folder: string;
let gateway: GatewayProcess;
let token: string;
/** Everything the upstream was sent. */
let received = "";
let turn = 0;
const upstream = createServer((incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => {
    const said = `${incoming.url} ${JSON.stringify(incoming.headers)} ${Buffer.concat(chunks).toString()}`;
    received += `${said}\n`;
    answerAs(upstreamMoods[(turn += 1) % upstreamMoods.length] ?? "echo", said, incoming, outgoing);
  });
});

function answerAs(mood: (typeof upstreamMoods)[number], said: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const isCharge = incoming.url?.startsWith("/v1/charges/ch_1001") === true;
  const charge = { id: "ch_1001", amount: 100_000, currency: "USD", status: "succeeded" };
  if (isCharge) return void outgoing.setHeader("content-type", "application/json").end(JSON.stringify(charge));
  const canary = /qZ7xKw3v[0-9a-f]{16}/i.exec(said)?.[0] ?? "none";
  switch (mood) {
    case "echo":
      return void outgoing.setHeader("content-type", "application/json").end(JSON.stringify({ id: canary, said }));
    case "error":
      return void outgoing.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify({ error: { message: said } }));
    case "page":
      return void outgoing.writeHead(404, `No ${canary}`, { "content-type": "text/html" }).end(`<p>${said}`);
    case "not json":
      return void outgoing.setHeader("content-type", "application/json").end(`{${said}`);
    case "reset":
      outgoing.writeHead(200, { "content-type": "application/json", "content-length": "100000" }).write(said);
      return void setImmediate(() => incoming.socket.destroy());
    case "redirect":
      return void outgoing.writeHead(307, { location: `http://127.0.0.1:1/${canary}` }).end();
    case "headers":
      return void outgoing
        .writeHead(503, { "content-type": `application/${canary}`, "retry-after": canary, [`x-${canary}`]: canary })
        .end(said);
  }
}

/** Tickets with a header that means something, an object that takes anything, and a default that refuses and masks. */
const tickets = all(
  swap("tools:\n", 'headers: { "X-Note": {} }\noutbound_default: { refuse: [pan, secret], mask: [email] }\ntools:\n'),
  swap(
    "        text: { type: string, minLength: 1, maxLength: 5000 }\n    outbound:\n",
    "        text: { type: string, minLength: 1, maxLength: 5000 }\n        metadata: { type: object }\n    outbound:\n",
  ),
);

before(async () => {
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  folder = mkdtempSync(join(tmpdir(), "sallyport-leaks-"));
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const configFile = writeDemoConfig(join(folder, "site"), {
    edit: { "routes/tickets.yaml": tickets, "config/contracts/billing-dispute.yaml": unlimited },
  });
  const dataDir = join(folder, "data");
  gateway = await startGatewayProcess({ configFile, dataDir, upstreams: { payments: url, tickets: url, deploys: url } });
  token = await openDevIssuer(dataDir).mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", run: "r_leaks", ttlMs: 3_600_000 });
});
after(async () => {
  await gateway.kill();
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

function send({ method, path, headers = {}, body }: LeakingRequest): Promise<Answer> {
  const { hostname, port } = new URL(gateway.agentsUrl);
  return new Promise((resolve, reject) => {
    const sent = { authorization: `Bearer ${token}`, ...headers };
    const outgoing = request({ hostname, port, method, path, headers: sent }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const head = `${incoming.statusMessage} ${JSON.stringify(incoming.headers)}`;
        resolve({ status: incoming.statusCode ?? 0, type: incoming.headers["content-type"] ?? "", text, head });
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** A problem document, or the same in a dialect of the mount: what the gateway says and not the upstream. A dry run's proposal repeats the call by design. */
function isRefusal({ status, type, text }: Answer): boolean {
  return type.startsWith("application/problem+json") || (status > 200 && text.includes('"executed":'));
}

async function people(path: string): Promise<string> {
  const dev = openDevIssuer(join(folder, "data"));
  const person = await dev.mintPersonToken({
    person: "auditor",
    name: "auditor",
    roles: ["viewer", "auditor"],
    groups: [],
    ttlMs: 600_000,
  });
  const answer = await fetch(`${gateway.peopleUrl}${path}`, { headers: { authorization: `Bearer ${person}` } });
  assert.equal(answer.status, 200, path);
  return answer.text();
}

function filesBelow(path: string): readonly string[] {
  return readdirSync(path).flatMap((name) => {
    const file = join(path, name);
    return statSync(file).isDirectory() ? filesBelow(file) : [file];
  });
}

test("marked values from every place of a call are in no log, metric, ledger row, run or answer to a refusal, and in no byte of the store", async (context) => {
  context.diagnostic(`seed ${seed}, ${canaryCount} canaries in ${Object.keys(places).length} places`);
  const kinds = Object.entries(places);
  const statuses = new Map<string, number>();
  const leaks: string[] = [];
  const refusals: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < canaryCount) {
      const index = next++;
      const [place, make] = kinds[index % kinds.length] ?? assert.fail();
      const answer = await send(make(makeCanary(seed, index)));
      statuses.set(String(answer.status), (statuses.get(String(answer.status)) ?? 0) + 1);
      if (!isRefusal(answer)) continue;
      refusals.push(answer.text);
      if (place === nameIsTold) continue;
      for (const where of findCanaries(`${answer.head}\n${answer.text}`)) leaks.push(`${place} (${answer.status}): ${where}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  context.diagnostic(`answers by status: ${JSON.stringify(Object.fromEntries([...statuses].sort()))}`);
  assert.deepEqual(leaks.slice(0, 10), [], "answers to refusals");
  const held = refusals.filter((text) => text.includes("Waiting for finance")).length;
  const executed = statuses.get("200") ?? 0;
  assert.ok(
    refusals.length > canaryCount / 3 && executed > canaryCount / 50 && held > 0,
    `${refusals.length} refused, ${executed} executed, ${held} held`,
  );

  const shown: Readonly<Record<string, string>> = {
    metrics: await (await fetch(`${gateway.peopleUrl}/metrics`)).text(),
    ledger: await people("/sallyport/v1/ledger?limit=1000"),
    run: await people("/sallyport/v1/runs/acme_co/billing-dispute-v3/r_leaks"),
    runs: await people("/sallyport/v1/runs"),
    "list of calls": await people("/sallyport/v1/calls?limit=200"),
    "list of holds": await people("/sallyport/v1/holds"),
  };
  const bytes = () =>
    Object.fromEntries(filesBelow(join(folder, "data")).map((file) => [file.slice(folder.length), readFileSync(file)] as const));
  const running = bytes();
  await gateway.stop();
  const database = new DatabaseSync(
    filesBelow(join(folder, "data")).find((file) => file.endsWith(".db") || file.endsWith(".sqlite")) ?? assert.fail("no store"),
  );
  const entries = database.prepare("SELECT entry FROM ledger").all();
  database.close();
  const written = { stdout: gateway.stdout(), stderr: gateway.stderr(), rows: JSON.stringify(entries), ...running, ...bytes() };
  for (const [where, what] of Object.entries({ ...shown, ...written })) {
    const found = findCanaries(what);
    assert.deepEqual(found.slice(0, 5), [], `${where}: ${found.length} places`);
  }
  const size = Object.values(running).reduce((sum, file) => sum + file.length, 0);
  context.diagnostic(
    `${entries.length} ledger entries, ${Object.keys(running).length} files of ${size} bytes, ${gateway.stderr().length} characters of log`,
  );
  assert.ok(entries.length > canaryCount / 10, `${entries.length} entries`);

  const sent = findCanaries(received).length;
  assert.ok(sent > canaryCount / 4, `the search finds what the upstream was sent: ${sent} places`);
});
