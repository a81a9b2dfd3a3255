import assert from "node:assert/strict";
import { createPrivateKey, type KeyObject, randomUUID, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RequestLine } from "../../examples/sandbox/effects-log.ts";
import { all, unlimited } from "../path/wide-gateway.ts";
import { findFreePort } from "../support/counting-relay.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { startGateway, type TestAnswer, type TestGateway } from "../support/gateway.ts";
import { headerOf, rawRequest, sendRaw } from "../support/raw-http.ts";

/** How many requests had reached the sandbox and the wired upstream. */
export interface Mark {
  readonly sandbox: number;
  readonly wired: number;
}

/** What came back of one raw request. */
export interface RawAnswer {
  readonly status: number;
  readonly code: string | undefined;
  readonly body: string;
  header(name: string): string | undefined;
}

export interface RawTrick {
  /** Default: the agents' listener. */
  readonly url?: string;
  readonly token?: string;
  /** Default `Host: gw.test`. */
  readonly host?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  /** A body in chunks, as it goes over the wire, trailers included. */
  readonly chunked?: string;
}

/** A gateway with two tenants, `acme_co` and `globex`, and every kind of door between them. Attacks are acme_co's. */
export interface TenantWorld extends TestGateway {
  readonly mountPort: number;
  /** A token with exactly these claims beside issuer, audience and dates, signed by the issuer that the gateway trusts. */
  signed(claims: object, rawPayload?: (text: string) => string): string;
  /** A token of the attacked agent. */
  tokenOf(tenant: string, more?: object): string;
  /** One request, byte for byte. */
  send(line: string, trick?: RawTrick): Promise<RawAnswer>;
  /** A number to compare with: what reached the upstream before. */
  mark(): Mark;
  /** Nothing since `mark` reached an upstream in another tenant's name than this one. Answers how many requests did in this one's. */
  assertOnly(tenant: string, mark: Mark, title: string): number;
  /** Tenants of the credentials that came over each connection of the wired upstream. */
  readonly wires: readonly ReadonlySet<string>[];
}

/** What only globex's books hold. None of it may come into an answer of acme_co's. */
export const secretsOfGlobex = [
  "cus_hank",
  "cus_scorpio",
  "Two payments for one delivery",
  "dp_6001",
  "warehouse",
  "sk_sandbox_globex",
  "acct_globex",
];

const agent = "billing-dispute-v3";
const budgets = "budgets: [{ meter: calls, scope: agent, window: day, limit: 1000000 }]";

const contract = (name: string, tools: string, more = budgets, environment = "production"): string =>
  `agent: ${name}\nworkflow: ${name}\nowner: payments-team\ntenants: [acme_co, globex]\nenvironment: ${environment}\nstage: autonomous\ntools: { ${tools} }\n${more}\n`;

const credentials = `set_headers: { Sandbox-Account: "{tenant.payments_account}" }\ncredentials: { header: Authorization, value: "Bearer sk_sandbox_{tenant}" }`;
const charge = (name: string): string => `  ${name}:
    match: GET /v1/charges/{charge}
    describe: Look up a charge.
    traits: { effect: read }
    input: { type: object, required: [charge], additionalProperties: false, properties: { charge: { type: string } } }
`;

const forms = `mount: { path: /forms }
${credentials}
tools:
  forms.refund:
    match: POST /v1/refunds
    describe: Refund.
    traits: { effect: write, reversible: false, financial: high }
    body: form
    key: required
    preview: forms.charge
    amount: { pointer: /amount, unit: minor, currency: { is: USD } }
    input:
      type: object
      required: [charge, amount]
      additionalProperties: false
      properties:
        charge: { type: string }
        amount: { type: integer, minimum: 1 }
        metadata: { type: object, additionalProperties: { type: string } }
${charge("forms.charge")}`;

/** One request as the wired upstream got it. */
interface WiredRequest {
  readonly url: string;
  /** Values of the two headers that say whose it is. */
  readonly whose: readonly string[];
}

/** An upstream that only notes whose credentials came over which connection. */
async function startWired(wires: Set<string>[], seenThere: WiredRequest[]) {
  const bySocket = new WeakMap<object, Set<string>>();
  const server = createServer((request, response) => {
    const seen = bySocket.get(request.socket) ?? new Set<string>();
    if (!bySocket.has(request.socket)) wires.push(seen);
    bySocket.set(request.socket, seen);
    const account = request.headers["sandbox-account"] as string;
    seen.add(account.replace(/^acct_/, ""));
    seenThere.push({ url: request.url ?? "", whose: [request.headers.authorization ?? "", account] });
    request.resume().on("end", () => response.setHeader("content-type", "application/json").end('{"ok":true}'));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => (server.closeAllConnections(), server.close()) };
}

const upstream = "upstream: http://127.0.0.1:9900\n";
const tools =
  "forms.refund: allow, forms.charge: allow, vault.charge: allow, hosted.charge: allow, ported.charge: allow, wired.get: allow, open.read: allow";

/** Route files of every kind: a secret file, a host, a port, an upstream of this test's own, a passthrough. */
function routesOf(mountPort: number, wiredUrl: string): Edits {
  return {
    "routes/forms.yaml": () => upstream + forms,
    // Only acme_co has a secret file; the demo's tenants are two, and one of them has no account here.
    "routes/vault.yaml": () =>
      `${upstream}mount: { path: /vault }\nset_headers: { Sandbox-Account: "{tenant.payments_account}" }\ncredentials: { header: Authorization, value: "Bearer \${file:secrets/{tenant}}" }\ntools:\n${charge("vault.charge")}`,
    "routes/secrets/acme_co": () => "sk_sandbox_acme_co\n",
    "routes/hosted.yaml": () => `${upstream}mount: { host: globex.gw.example }\n${credentials}\ntools:\n${charge("hosted.charge")}`,
    "routes/ported.yaml": () =>
      `${upstream}mount: { port: ${mountPort} }\nagent_token: { header: x-api-key }\n${credentials}\ntools:\n${charge("ported.charge")}`,
    "routes/wired.yaml": () =>
      `upstream: ${wiredUrl}\nmount: { path: /wired }\n${credentials}\ntools:\n  wired.get: { match: GET /get, describe: Get., traits: { effect: read }, input: { type: object, additionalProperties: false } }\n`,
    "routes/open.yaml": () =>
      `upstream: ${wiredUrl}\nmount: { path: /open }\npassthrough: true\n${credentials.replace("sk_sandbox_", "sk_open_")}\ntools:\n  open.read: { match: "GET /v1/**", describe: Read., traits: { effect: read } }\n`,
  };
}

/** Contracts that are small, rated, of another environment or of another agent. */
const contracts: Edits = {
  "config/contracts/small.yaml": () =>
    contract(
      "small-bot",
      "payments.lookup_charge: allow",
      "budgets: [{ meter: calls, scope: agent, window: month, limit: 3 }, { meter: calls, scope: tenant, window: month, limit: 9 }]",
    ),
  "config/contracts/rated.yaml": () =>
    contract(
      "rated-bot",
      "payments.lookup_charge: allow",
      `${budgets}\nrates: [{ scope: agent, limit: 3/h }, { scope: tenant, limit: 9/h }]`,
    ),
  "config/contracts/rated-staging.yaml": () =>
    contract(
      "rated-bot",
      "deploys.list: allow",
      `${budgets}\nrates: [{ scope: agent, limit: 3/h }, { scope: tenant, limit: 9/h }]`,
      "staging",
    ),
  "config/contracts/staging.yaml": () =>
    contract(
      agent,
      "deploys.list: allow",
      "budgets: [{ meter: cost, scope: run, limit: 0.40 USD }, { meter: cost, scope: agent, window: day, limit: 1000.00 USD }]",
      "staging",
    ),
  "config/contracts/other.yaml": () =>
    contract("other-bot", "payments.lookup_charge: allow, tickets.create: allow, payments.refund: { tier: finance }"),
};

type Edits = Readonly<Record<string, (text: string) => string>>;

/** Signs whatever claims a test says, as the development issuer would. */
function signerOf(issuer: string, key: KeyObject, header: object): TenantWorld["signed"] {
  const part = (text: string): string => Buffer.from(text).toString("base64url");
  return (claims, rawPayload = (text) => text) => {
    const iat = Math.floor(Date.now() / 1000);
    const own = { iss: issuer, aud: "sallyport", iat, exp: iat + 3600, jti: randomUUID(), sub: agent, run: "r_walls" };
    const input = `${part(JSON.stringify(header))}.${part(rawPayload(JSON.stringify({ ...own, ...claims })))}`;
    return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  };
}

/** Starts it; `edit` changes further files of the demo configuration. */
export async function startTenants(edit: Readonly<Record<string, (text: string) => string>> = {}): Promise<TenantWorld> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-tenants-"));
  const mountPort = await findFreePort();
  const wires: Set<string>[] = [];
  const wiredRequests: WiredRequest[] = [];
  const wired = await startWired(wires, wiredRequests);
  const billing = "config/contracts/billing-dispute.yaml";
  const ownEdit = edit[billing] ?? ((text: string) => text);
  const configFile = writeDemoConfig(folder, {
    edit: {
      ...routesOf(mountPort, wired.url),
      ...edit,
      [billing]: all(unlimited, swap("  tickets.search: allow", `  ${tools.replaceAll(", ", "\n  ")}\n  tickets.search: allow`), ownEdit),
      ...contracts,
    },
  });
  const world = await startGateway({
    configFile,
    moreUpstreams: (url) => Object.fromEntries(["forms", "vault", "hosted", "ported"].map((name) => [name, url])),
  });
  const key = createPrivateKey(readFileSync(join(world.dataDir, "dev", "agents.pem")));
  const kid = JSON.parse(Buffer.from((await world.agentToken()).split(".")[0] ?? "", "base64url").toString()) as object;
  const signed = signerOf(world.dev.agentIssuer.issuer, key, kid);
  const tokenOf: TenantWorld["tokenOf"] = (tenant, more = {}) => signed({ tenant, ...more });
  const send: TenantWorld["send"] = async (
    line,
    { url = world.gateway.agentsUrl, token, host = "Host: gw.test", headers = [], body, chunked } = {},
  ) => {
    const authorized = token === undefined ? [] : [`Authorization: Bearer ${token}`];
    const framed = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
    const bytes = rawRequest(`${line} HTTP/1.1`, [host, "Connection: close", ...authorized, ...headers, ...framed], chunked ?? body ?? "");
    const { responses, rest } = await sendRaw(url, Buffer.from(bytes, "utf8"), { until: 1 });
    const response = responses[0];
    const text = response?.body ?? rest;
    return { status: response?.status ?? 0, code: codeOf(text), body: text, header: (name) => headerOf(response, name) };
  };
  const { close } = world;
  return Object.defineProperties({} as TenantWorld, {
    ...Object.getOwnPropertyDescriptors(world),
    ...Object.getOwnPropertyDescriptors({
      mountPort,
      wires,
      signed,
      tokenOf,
      send,
      mark: () => ({ sandbox: world.sandbox.requests().length, wired: wiredRequests.length }),
      assertOnly: (tenant: string, mark: Mark, title: string) =>
        assertOnly(
          tenant,
          [...world.sandbox.requests().slice(mark.sandbox).map(whoseOf), ...wiredRequests.slice(mark.wired).map(({ whose }) => whose)],
          title,
        ),
      close: async () => {
        await close();
        wired.close();
        rmSync(folder, { recursive: true, force: true });
      },
    }),
  });
}

function whoseOf({ headers }: RequestLine): readonly string[] {
  return headers.flatMap(([name, value]) => (name === "authorization" || name === "sandbox-account" ? [value] : []));
}

function assertOnly(tenant: string, requests: readonly (readonly string[])[], title: string): number {
  const own = [`Bearer sk_sandbox_${tenant}`, `Bearer sk_open_${tenant}`, `acct_${tenant}`];
  for (const whose of requests)
    assert.ok(whose.length === 2 && whose.every((value) => own.includes(value)), `${title}: sent as ${whose.join(", ")}`);
  return requests.length;
}

function codeOf(text: string): string | undefined {
  try {
    return (JSON.parse(text) as { code?: string }).code;
  } catch {
    return undefined;
  }
}

/** An answer without what is new in every answer: ids of calls, those given besides, and the date. */
export const plain = ({ status, headers, text }: TestAnswer, ...ids: string[]): unknown => {
  const mask = (value: string): string =>
    ids.reduce((masked, id) => masked.replaceAll(id, "ID"), value.replaceAll(/c_[0-9a-f]{16,}/g, "ID"));
  const told = [...headers].filter(([name]) => !["date", "content-length"].includes(name)).map(([name, value]) => [name, mask(value)]);
  return { status, told, text: mask(text) };
};
