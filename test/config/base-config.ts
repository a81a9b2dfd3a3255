import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A small configuration without a mistake that uses most of what there is, as files by name. Tests change one thing in it. */
export const baseFiles: Readonly<Record<string, string>> = {
  "config/gateway.yaml": `listen:
  agents: { host: 0.0.0.0, port: 8080 }
  people: { host: 127.0.0.1, port: 9090 }
public_url: https://gw.example.com/
issuers:
  - issuer: https://id.example.com/agents
    jwks: keys.json
    audience: sallyport
    claims: { tenant: org_id }
people:
  issuers:
    - issuer: https://id.example.com/people
      jwks: https://id.example.com/people.json
      audience: console
limits: { body_bytes: 256KiB, wait_max: 30s }
stops: { poll: 500ms, stale_after: 5s }
`,
  "config/keys.json": `{"keys":[{"kty":"EC","crv":"P-256","x":"eA","y":"eQ","kid":"1"}]}`,
  "config/tenants.yaml": `acme_co: { account: acct_acme, region: eu }
globex: { account: acct_globex }
`,
  "config/tiers.yaml": `finance: { group: finance, people: 2, expires: 8h }
release: { group: release, people: 1, expires: 30m, default: true }
`,
  "config/contracts/billing.yaml": `agent: billing
workflow: disputes
owner: payments-team
tenants: [acme_co, globex]
stage: autonomous
tools:
  pay.lookup: allow
  pay.refund: { up_to: { USD: 10000 }, beyond: hold, tier: finance }
  desk.reply: allow
budgets:
  - { meter: cost, scope: run, limit: 0.40 USD, beyond: stop }
  - { meter: cost, scope: agent, window: day, limit: 25.00 USD }
  - { meter: amount, scope: tenant, window: day, zone: Europe/Berlin, limit: 5000.00 USD }
  - { meter: calls, scope: workflow, window: hour, limit: 500 }
rates:
  - { scope: agent, limit: 60/min }
timeouts: { call: 10s }
`,
  "routes/pay.yaml": `upstream: https://pay.example.com/api/
mount: { path: /pay }
headers: { Pay-Version: {} }
set_headers: { Pay-Account: "{tenant.account}" }
credentials: { header: Authorization, value: "Bearer \${file:secrets/{tenant}}" }
limits: { response_bytes: 256KiB }
tools:
  pay.lookup:
    match: GET /v1/charges/{charge}
    describe: Look up a charge.
    traits: { effect: read, data: pci }
    input: { type: object, required: [charge], additionalProperties: false, properties: { charge: { type: string }, expand: { type: boolean } } }
    output: { type: object, properties: { currency: { type: string } } }
    price: { usd: "0.01" }
  pay.refund:
    match: POST /v1/refunds
    describe: Refund a charge.
    traits: { effect: write, reversible: false, financial: high, data: pci, errors_detectable: false, maturity: stable }
    body: json
    input:
      type: object
      required: [charge, amount]
      additionalProperties: false
      properties:
        charge: { type: string }
        amount: { type: integer, minimum: 1 }
        note: { type: string }
    amount: { pointer: /amount, unit: minor, currency: { from: preview, pointer: /currency } }
    preview: pay.lookup
    reconcile: pay.lookup
    idempotency: { header: Idempotency-Key, honoured_for: 24h }
    key: required
    outbound: { pointer: /note, refuse: [pan, iban], mask: [email] }
    no_effect: [400, 404]
    timeout: 5s
`,
  "routes/secrets/acme_co": "sk_canary_acme\n",
  "routes/secrets/globex": "sk_canary_globex\n",
  "routes/desk.yaml": `upstream: http://127.0.0.1:9900
mount: { path: /desk }
tools:
  desk.reply:
    match: POST /v1/tickets/{ticket}/replies
    describe: Reply to a ticket.
    traits: { effect: write, reversible: true }
    input: { type: object, required: [ticket, text], additionalProperties: false, properties: { ticket: { type: string }, text: { type: string } } }
`,
};

/** Writes files below a folder and answers the path of its `config/gateway.yaml`. A null leaves the file out. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | null>>): string {
  for (const [name, text] of Object.entries(files)) {
    if (text === null) continue;
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return join(folder, "config", "gateway.yaml");
}
