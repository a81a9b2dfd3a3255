import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { type Referee, startSandbox } from "../support/referee.ts";
import { runSchemathesis, schemathesisMissing } from "../support/schemathesis.ts";

// A stranger's tool reads our OpenAPI documents and asks a real gateway for everything in them, rightly and wrongly: limits of every parameter and body,
// made-up ones, other methods, no token. What it gets must be what the document says, and never a fault.

const seed = Number(process.env["SEED"] ?? Math.trunc(Math.random() * 0x7fffffff));
const soak = process.env["SOAK"] === "1";
const examplesMax = soak ? 400 : 3;
const missing = schemathesisMissing();
const skip = missing === null ? false : `SKIPPED: nothing was asked. ${missing}`;
const hourMs = 3_600_000;

const folder = mkdtempSync(join(tmpdir(), "sallyport-schemathesis-config-"));
let sandbox: Referee;
let gateway: GatewayProcess;
const env: Record<string, string> = {};

before(async () => {
  if (missing !== null) return;
  sandbox = await startSandbox({});
  // The demo's limits would answer most requests themselves.
  const edit = {
    "config/contracts/billing-dispute.yaml": (text: string) =>
      swap("limit: 60/min", "limit: 100000/min")(swap("limit: 0.40 USD", "limit: 4000.00 USD")(text)),
    "config/gateway.yaml": (text: string) => `${text}\nruns: { open_per_minute: 10000 }\n`,
  };
  gateway = await startGatewayProcess({ configFile: writeDemoConfig(folder, { upstreamUrl: sandbox.url, edit }) });
  const dev = openDevIssuer(gateway.dataDir);
  const agent = { agent: "billing-dispute-v3", tenant: "acme_co", ttlMs: hourMs };
  env["AGENT_TOKEN"] = await dev.mintAgentToken({ ...agent, run: "r_asked" });
  env["RUNLESS_TOKEN"] = await dev.mintAgentToken(agent);
  env["PERSON_TOKEN"] = await dev.mintPersonToken({
    person: "asker",
    name: "Asker",
    roles: ["viewer", "admin"],
    groups: ["finance"],
    ttlMs: hourMs,
  });
  env["HELD_CALL"] = await hold("to-be-shown");
  env["DONE_CALL"] = await callOf("payments.lookup_charge", { charge: "ch_1001" });
});
after(async () => {
  if (missing === null) {
    await gateway.stop();
    await sandbox.stop();
  }
  rmSync(folder, { recursive: true, force: true });
});

async function callOf(tool: string, args: object, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const response = await fetch(`${gateway.agentsUrl}/sallyport/v1/tools/${tool}`, {
    method: "POST",
    headers: { authorization: `Bearer ${env["AGENT_TOKEN"]}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(args),
  });
  assert.ok(response.status < 300, await response.text());
  return response.headers.get("sallyport-call-id") ?? "";
}

function hold(key: string): Promise<string> {
  return callOf("payments.refund", { charge: "ch_1002", amount: 20000 }, { "idempotency-key": key });
}

async function ask(context: TestContext, url: string, config: string): Promise<void> {
  const run = await runSchemathesis({ url: `${url}/sallyport/v1/openapi.json`, config, env, examplesMax, seed });
  context.diagnostic(`seed ${seed}: ${run.cases} requests to ${run.operations} operations`);
  assert.equal(run.code, 0, run.output);
  assert.ok(run.cases > 100 && run.operations >= 10, run.output);
  assert.equal((await fetch(`${gateway.peopleUrl}/livez`)).status, 200);
  assert.equal(gateway.stderr().includes("fault"), false, gateway.stderr());
}

const common = `
[phases.coverage]
# A GET that has a body is refused for its body, by 400, before anything asks which resource it is for.
unexpected-methods = ["PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE", "QUERY"]
`;

test("the agents' listener answers as its document says, whatever it is asked", { skip }, async (context) => {
  await ask(
    context,
    gateway.agentsUrl,
    `${common}
[auth.openapi.agentToken]
bearer = "\${AGENT_TOKEN}"

[[operations]]
include-operation-id = "openRun"
headers = { Authorization = "Bearer \${RUNLESS_TOKEN}" }

[[operations]]
include-operation-id = ["reportUsage", "reportOutcome"]
parameters = { "path.id" = "r_asked" }

[[operations]]
include-operation-id = "callTool"
parameters = { "path.name" = ["payments.lookup_charge", "payments.refund", "tickets_create"] }
# The tool's own schema says which arguments it takes, and this document does not know it.
checks.positive_data_acceptance.enabled = false
checks.negative_data_rejection.enabled = false

[[operations]]
include-operation-id = "listTools"
# It adds a parameter whose value is an empty list, which disappears on the way; what then comes is right. test/edges/openapi.test.ts has the wrong ones.
checks.negative_data_rejection.enabled = false

[[operations]]
include-operation-id = "getCall"
parameters = { "path.id" = ["\${HELD_CALL}", "\${DONE_CALL}"] }
`,
  );
});

test("the people's listener answers as its document says, whatever it is asked", { skip }, async (context) => {
  await ask(
    context,
    gateway.peopleUrl,
    `${common}
[auth.openapi.personToken]
bearer = "\${PERSON_TOKEN}"

[[operations]]
include-operation-id = ["getCall", "cancelCall", "voteOnHold"]
parameters = { "path.id" = "\${HELD_CALL}" }

[[operations]]
include-operation-id = "reconcileCall"
parameters = { "path.id" = "\${DONE_CALL}" }

[[operations]]
include-operation-id = "getRun"
parameters = { "path.tenant" = "acme_co", "path.agent" = "billing-dispute-v3", "path.run" = "r_asked" }
`,
  );
});
