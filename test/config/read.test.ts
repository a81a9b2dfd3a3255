import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { formatProblem } from "../../src/config/problems.ts";
import { type ConfigurationResult, type ReadOptions, readConfiguration } from "../../src/config/read.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { baseFiles, writeFiles } from "./base-config.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-read-"));
after(() => rmSync(folder, { recursive: true }));
let folders = 0;
const place = () => join(folder, String(++folders));

function good(result: ConfigurationResult): Extract<ConfigurationResult, { ok: true }> {
  if (!result.ok) assert.fail(result.problems.map(formatProblem).join("\n"));
  return result;
}

const read = (files: Readonly<Record<string, string | null>>, options?: ReadOptions) =>
  readConfiguration(writeFiles(place(), files), options);
const readBase = (change: Readonly<Record<string, string | null>> = {}) => good(read({ ...baseFiles, ...change }));

test("the demo configuration reads without a problem, from any folder", () => {
  const { catalogue, gateway } = good(
    readConfiguration(fileURLToPath(new URL("../../config/gateway.yaml", import.meta.url)), { dev: true }),
  );
  assert.equal(catalogue.tools.size, 8 + 1);
  assert.deepEqual(
    catalogue.mounts.map(({ path }) => path.join("/")),
    ["deploys", "payments", "tickets"],
  );
  assert.deepEqual(gateway.issuers, []);
  assert.equal(good(readConfiguration(writeDemoConfig(place()), { dev: true })).catalogue.digest, catalogue.digest);
});

test("the demo's third search of a run is beyond the run's budget", () => {
  const { catalogue } = good(readConfiguration(writeDemoConfig(place()), { dev: true }));
  const price = catalogue.tools.get("tickets.search")?.priceMicros ?? 0;
  const budget =
    catalogue.contracts.find(({ agent }) => agent === "billing-dispute-v3")?.budgets.find(({ name }) => name === "cost/run")?.limit ?? 0;
  assert.deepEqual([price, budget], [150_000, 400_000]);
  assert.ok(2 * price <= budget && 3 * price > budget);
});

test("a copy of the demo takes another upstream and edits", () => {
  const file = writeDemoConfig(place(), {
    upstreamUrl: "http://127.0.0.1:1",
    edit: { "config/tiers.yaml": swap("people: 2", "people: 3") },
  });
  const { catalogue } = good(readConfiguration(file, { dev: true, upstreams: { tickets: "http://127.0.0.1:2/" } }));
  assert.deepEqual(
    catalogue.mounts.map(({ upstream }) => upstream.url),
    ["http://127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:2"],
  );
  assert.equal(catalogue.tiers.get("release")?.people, 3);
  assert.throws(() => swap("no such text", "")("x"), /no longer says/);
});

test("the smallest set-up is three lines of gateway.yaml, one route and one contract", () => {
  const { gateway, catalogue } = good(
    read({
      "config/gateway.yaml":
        "issuers:\n  - { issuer: https://id.example.com,\n      jwks: https://id.example.com/jwks, audience: sallyport }\n",
      "config/contracts/one.yaml": "agent: a\nworkflow: w\nowner: o\ntenants: [t]\ntools: { desk.reply: allow }\n",
      "routes/desk.yaml": baseFiles["routes/desk.yaml"] ?? "",
    }),
  );
  assert.deepEqual(gateway.listen, { agents: { host: "127.0.0.1", port: 8080 }, people: { host: "127.0.0.1", port: 9090 } });
  assert.equal(gateway.issuers[0]?.clockToleranceMs, 5000);
  assert.equal(gateway.limits.bodyBytesMax, 256 * 1024);
  assert.equal(gateway.publicUrl, null);
  assert.equal(catalogue.contracts[0]?.stage, "draft");
  assert.deepEqual([...catalogue.tenants.keys()], ["t"]);
  assert.equal(catalogue.contracts[0]?.environment, "production");
});

test("values arrive in the units that the path works with", () => {
  const { gateway, catalogue } = readBase();
  assert.equal(gateway.publicUrl, "https://gw.example.com");
  assert.deepEqual(gateway.stops, { pollMs: 500, staleAfterMs: 5000 });
  assert.deepEqual(gateway.issuers[0]?.claims.tenant, "org_id");
  const [contract] = catalogue.contracts;
  assert.deepEqual(
    contract?.budgets.map(({ name, limit, currency, zone, heldShareMax }) => [name, limit, currency, zone, heldShareMax]),
    [
      ["cost/run", 400_000, null, "UTC", 50],
      ["cost/agent/day", 25_000_000, null, "UTC", 50],
      ["amount/tenant/day", 500_000, "USD", "Europe/Berlin", 50],
      ["calls/workflow/hour", 500, null, "UTC", 50],
    ],
  );
  assert.deepEqual(contract?.rates, [{ scope: "agent", limit: 60, windowMs: 60_000 }]);
  assert.deepEqual(contract?.gates.get("pay.refund"), { allow: false, upTo: { USD: 10_000 }, beyond: "hold", tier: "finance" });
  assert.deepEqual(contract?.gates.get("desk.reply"), { allow: true, upTo: null, beyond: "hold", tier: "release" });
  const refund = catalogue.tools.get("pay.refund");
  assert.deepEqual(
    [refund?.timeoutMs, refund?.responseBytesMax, refund?.idempotency?.honouredForMs, refund?.key],
    [5000, 262_144, 86_400_000, "required"],
  );
  assert.deepEqual(refund?.amount, { pointer: "/amount", currency: { fromPreview: "/currency" } });
  assert.deepEqual(refund?.headers, ["pay-version"]);
});

test("every argument has one place", () => {
  const { catalogue } = readBase();
  assert.deepEqual(
    [...(catalogue.tools.get("pay.lookup")?.places ?? [])],
    [
      ["charge", "path"],
      ["expand", "query"],
    ],
  );
  assert.deepEqual(
    [...(catalogue.tools.get("desk.reply")?.places ?? [])],
    [
      ["ticket", "path"],
      ["text", "body"],
    ],
  );
  assert.equal(catalogue.tools.get("pay.lookup")?.body, "none");
  assert.deepEqual(catalogue.tools.get("desk.reply")?.template, ["v1", "tickets", { parameter: "ticket" }, "replies"]);
});

test("a tenant's headers hold its own credential, and its account none", () => {
  const upstream = readBase().catalogue.mounts.find(({ path }) => path[0] === "pay")?.upstream;
  assert.deepEqual(upstream?.headersFor.get("acme_co"), { "pay-account": "acct_acme", authorization: "Bearer sk_canary_acme" });
  assert.deepEqual(upstream?.accountFor.get("acme_co"), { "pay-account": "acct_acme" });
  assert.equal(upstream?.url, "https://pay.example.com/api");
});

const withoutHeaders: readonly [title: string, change: Readonly<Record<string, string | null>>][] = [
  ["without its secret file", { "routes/secrets/globex": null }],
  ["without a value that a header names", { "config/tenants.yaml": "acme_co: { account: acct_acme }\nglobex: { region: eu }\n" }],
];
for (const [title, change] of withoutHeaders) {
  test(`a tenant ${title} has no headers, so that its calls are denied`, () => {
    const upstream = readBase(change).catalogue.mounts.find(({ path }) => path[0] === "pay")?.upstream;
    assert.deepEqual([[...(upstream?.headersFor.keys() ?? [])], [...(upstream?.accountFor.keys() ?? [])]], [["acme_co"], ["acme_co"]]);
  });
}

test("one credential may be shared when the file says so and an account, or a preview that names the owner, keeps tenants apart", () => {
  const pay = (baseFiles["routes/pay.yaml"] ?? "").replace('secrets/{tenant}}" }', 'secrets/acme_co}", shared: true }');
  readBase({ "routes/pay.yaml": pay });
  const owned = pay.replace(
    "output: { type: object, properties: { ",
    "output: { type: object, required: [account], properties: { account: { type: string }, ",
  );
  assert.notEqual(owned, pay);
  readBase({ "routes/pay.yaml": owned.replace("{tenant.account}", "everybody") });
});

test("a write without a gate goes to the default tier", () => {
  const { catalogue } = readBase({
    "config/contracts/billing.yaml": (baseFiles["config/contracts/billing.yaml"] ?? "").replace("desk.reply: allow", "desk.reply: hold"),
  });
  assert.deepEqual(catalogue.contracts[0]?.gates.get("desk.reply"), { allow: false, upTo: null, beyond: "hold", tier: "release" });
});

const sameDigest: readonly [title: string, change: Readonly<Record<string, string>>][] = [
  ["a comment", { "config/tiers.yaml": `# words\n${baseFiles["config/tiers.yaml"]}` }],
  ["the order of keys", { "config/tenants.yaml": "globex: { account: acct_globex }\nacme_co: { region: eu, account: acct_acme }\n" }],
  [
    "a default that is written out",
    { "config/contracts/billing.yaml": `${baseFiles["config/contracts/billing.yaml"]}environment: production\n` },
  ],
  ["a secret", { "routes/secrets/acme_co": "sk_other" }],
  ["a listener", { "config/gateway.yaml": (baseFiles["config/gateway.yaml"] ?? "").replace("9090", "9191") }],
];
for (const [title, change] of sameDigest) {
  test(`the catalogue's digest does not change with ${title}`, () => {
    assert.equal(readBase(change).catalogue.digest, readBase().catalogue.digest);
  });
}

test("the catalogue's digest does not change with a plain-text credential of a loopback upstream", () => {
  const digestWith = (key: string) =>
    readBase({
      "routes/desk.yaml": (baseFiles["routes/desk.yaml"] ?? "").replace(
        "tools:",
        `credentials: { value: "Bearer ${key}_{tenant}" }\ntools:`,
      ),
    }).catalogue.digest;
  assert.equal(digestWith("one"), digestWith("two"));
});

const otherDigest: readonly [file: string, from: string, to: string, toolToo: boolean][] = [
  ["config/tenants.yaml", "region: eu", "region: us", false],
  ["config/tiers.yaml", "group: finance", "group: treasury", false],
  ["config/tiers.yaml", "people: 2", "people: 3", false],
  ["config/tiers.yaml", "8h", "9h", false],
  ["config/contracts/billing.yaml", "agent: billing", "agent: billing-2", false],
  ["config/contracts/billing.yaml", "workflow: disputes", "workflow: other", false],
  ["config/contracts/billing.yaml", "payments-team", "other-team", false],
  ["config/contracts/billing.yaml", "[acme_co, globex]", "[acme_co]", false],
  ["config/contracts/billing.yaml", "stage: autonomous", "stage: suggest", false],
  ["config/contracts/billing.yaml", "stage: autonomous", "environment: staging\nstage: autonomous", false],
  ["config/contracts/billing.yaml", "USD: 10000", "USD: 10001", false],
  ["config/contracts/billing.yaml", "beyond: hold", "beyond: deny", false],
  ["config/contracts/billing.yaml", "tier: finance", "tier: release", false],
  ["config/contracts/billing.yaml", "  desk.reply: allow\n", "", false],
  ["config/contracts/billing.yaml", "0.40 USD", "0.41 USD", false],
  ["config/contracts/billing.yaml", "Europe/Berlin", "Europe/Paris", false],
  ["config/contracts/billing.yaml", "limit: 500 }", "limit: 500, held_share_max: 10 }", false],
  ["config/contracts/billing.yaml", "60/min", "61/min", false],
  ["config/contracts/billing.yaml", "call: 10s", "call: 11s", false],
  ["routes/pay.yaml", "pay.example.com", "pay2.example.com", false],
  ["routes/pay.yaml", "path: /pay", "path: /pay2", false],
  ["routes/pay.yaml", "Pay-Version", "Pay-Edition", true],
  ["routes/pay.yaml", '"{tenant.account}"', '"x-{tenant.account}"', false],
  ["routes/pay.yaml", "header: Authorization", "header: X-Key", false],
  ["routes/pay.yaml", "secrets/{tenant}", "./secrets/{tenant}", false],
  ["routes/pay.yaml", "256KiB", "255KiB", true],
  ["routes/pay.yaml", "POST /v1/refunds", "PUT /v1/refunds", true],
  ["routes/pay.yaml", "Refund a charge.", "Refund one charge.", true],
  ["routes/pay.yaml", "financial: high, data: pci", "financial: low, data: pci", true],
  ["routes/pay.yaml", "minimum: 1", "minimum: 2", true],
  ["routes/pay.yaml", "from: preview, pointer: /currency", "is: USD", true],
  ["routes/pay.yaml", "    reconcile: pay.lookup\n", "", true],
  ["routes/pay.yaml", "honoured_for: 24h", "honoured_for: 12h", true],
  ["routes/pay.yaml", "key: required", "key: from_arguments", true],
  ["routes/pay.yaml", "mask: [email]", "mask: []", true],
  ["routes/pay.yaml", "no_effect: [400, 404]", "no_effect: [400]", true],
  ["routes/pay.yaml", "timeout: 5s", "timeout: 6s", true],
];
test("the catalogue's digest changes with every field, and a tool's with every field of the tool", () => {
  const before = readBase().catalogue;
  const digests = new Set([before.digest]);
  for (const [file, from, to, toolToo] of otherDigest) {
    const text = baseFiles[file] ?? "";
    assert.ok(text.includes(from), from);
    const { catalogue } = readBase({ [file]: text.replace(from, () => to) });
    assert.ok(!digests.has(catalogue.digest), `${file}: ${to}`);
    digests.add(catalogue.digest);
    assert.equal(catalogue.tools.get("pay.refund")?.digest !== before.tools.get("pay.refund")?.digest, toolToo, `${file}: ${to}`);
  }
  assert.equal(digests.size, otherDigest.length + 1);
});

test("reading never throws, whatever one byte of a file becomes", () => {
  const gateway = writeFiles(place(), baseFiles);
  const root = join(folder, String(folders));
  const bytes = ["\u0000", "{", "&", "*", ":", "\n", '"', "-", "\ud800", "9", "!", "🙂"];
  let refused = 0;
  let cases = 0;
  for (const [name, text] of Object.entries(baseFiles).filter(([file]) => file.endsWith(".yaml"))) {
    for (let at = 0; at < text.length; at += 23) {
      writeFileSync(join(root, name), text.slice(0, at) + bytes[cases % bytes.length] + text.slice(at + 1));
      const result = readConfiguration(gateway);
      cases++;
      if (!result.ok) refused++;
      if (!result.ok) assert.ok(result.problems.every(({ line, column }) => line >= 1 && column >= 1));
    }
    writeFileSync(join(root, name), text);
  }
  assert.ok(cases > 100 && refused > cases / 2, `${refused} of ${cases} were refused`);
});
