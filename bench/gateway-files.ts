import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";

const repository = join(import.meta.dirname, "..");

const id = { type: "string", pattern: "^nt_[0-9]{10}$" };
const output = {
  type: "object",
  required: ["id", "account", "status"],
  properties: { id, account: { type: "string" }, status: { type: "string" }, priority: { type: "integer" }, amount: { type: "integer" } },
};

const routes = {
  upstream: "http://127.0.0.1:9",
  mount: { path: "/notes" },
  set_headers: { "X-Account": "{tenant.account}" },
  credentials: { header: "Authorization", value: "Bearer sk_bench_{tenant}" },
  tools: {
    "notes.write": {
      match: "POST /v1/notes",
      describe: "Write a note.",
      traits: { effect: "write", reversible: true, data: "internal", errors_detectable: true, maturity: "stable" },
      body: "json",
      input: {
        type: "object",
        required: ["note", "account", "text"],
        additionalProperties: false,
        properties: {
          note: id,
          account: { type: "string", pattern: "^acct_[0-9]{10}$" },
          priority: { type: "integer", minimum: 1, maximum: 5 },
          amount: { type: "integer", minimum: 0 },
          currency: { type: "string", pattern: "^[A-Z]{3}$" },
          text: { type: "string", minLength: 1, maxLength: 500 },
        },
      },
      output,
      price: { usd: "0.01" },
      idempotency: { header: "Idempotency-Key", honoured_for: "24h" },
      key: "required",
      outbound: { pointer: "/text", refuse: ["pan", "iban"], mask: ["email"] },
    },
    "notes.read": {
      match: "GET /v1/notes/{note}",
      describe: "Read a note.",
      traits: { effect: "read", data: "internal", errors_detectable: true, maturity: "stable" },
      input: { type: "object", required: ["note"], additionalProperties: false, properties: { note: id } },
      output,
      price: { usd: "0.01" },
    },
  },
};

const contract = {
  agent: "bench-agent",
  workflow: "bench",
  owner: "bench-team",
  tenants: ["acme_co"],
  stage: "autonomous",
  tools: { "notes.write": "allow", "notes.read": "allow" },
  budgets: [
    { meter: "cost", scope: "run", limit: "100000.00 USD", beyond: "stop" },
    { meter: "cost", scope: "agent", window: "day", limit: "1000000.00 USD", beyond: "stop" },
  ],
  rates: [
    { scope: "agent", limit: "10000000/min" },
    { scope: "tenant", limit: "10000000/min" },
  ],
};

/** Writes a configuration with everything on and limits that nothing reaches; the policies are the demo's. Answers the gateway file's name. */
export function writeGatewayFiles(folder: string): string {
  const write = (name: string, content: object): void =>
    writeFileSync(join(folder, name), stringify(content, { aliasDuplicateObjects: false }));
  mkdirSync(join(folder, "routes"), { recursive: true });
  mkdirSync(join(folder, "contracts"), { recursive: true });
  write("routes/notes.yaml", routes);
  write("contracts/bench.yaml", contract);
  write("tenants.yaml", { acme_co: { account: "acct_acme_co" } });
  write("tiers.yaml", { finance: { group: "finance", people: 1, expires: "8h", default: true } });
  write("gateway.yaml", {
    issuers: [],
    data_dir: "data",
    routes_dir: "routes",
    contracts_dir: "contracts",
    policies_dir: join(repository, "policies"),
  });
  return join(folder, "gateway.yaml");
}
