import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { DemoChanges } from "../support/demo-config.ts";

/** Names that fit a tenant's pattern and are prefixes, suffixes or prototypes of each other. */
export const tenants: readonly string[] = [
  ...[
    "t",
    "t-",
    "t_",
    "t--",
    "t__",
    "t-1",
    "t_1",
    "t1",
    "t11",
    "1t",
    "0",
    "00",
    "1",
    "11",
    "construct",
    "proto",
    "tostring",
    "valueof",
    "null",
    "undefined",
  ],
  ...[
    "true",
    "false",
    "nan",
    "tenant",
    "production",
    "staging",
    "run",
    "agent",
    "ab",
    "a-b",
    "a_b",
    "a",
    "b",
    "aa",
    "x".repeat(62),
    "x".repeat(63),
    "acme",
    "acme_co",
    "acme-co",
  ],
  ...["acmeco", "acme_co_", "acme_co2", "globex", "globex_", "hasownproperty", "default", "system", "sallyport", "admin", "any"],
];
/** Ids of agents, one inside the other. */
export const agents: readonly string[] = ["a", "a:b", "a/b@c"];
/** Each agent has a contract in both. */
export const environments: readonly string[] = ["production", "staging"];
/** Run ids and users of every tenant alike. */
export const ids: readonly string[] = [
  "r",
  "r:1",
  "r/{}",
  "*",
  "__proto__",
  "constructor",
  "t:a",
  "ｒ",
  "r".repeat(200),
  '"],["',
  "%",
  "' OR 1=1 --",
  "😀",
];
/** What no claim may hold. */
export const unfitIds: readonly string[] = ["r\n1", "r\u0000", "r".repeat(201), " r", "r\u202e", "", "e\u0301", "r".repeat(10_000)];
/** Arguments that some reader might expand, cut or run. */
export const texts: readonly string[] = [
  "x",
  "line\nline",
  "nul\u0000nul",
  "{tenant}",
  "${file:/etc/hostname}",
  "__proto__",
  "\u202etxt",
  "long ".repeat(2000),
];

/** Limits of every contract. */
export interface SoakLimits {
  readonly ratePerHour: number;
  readonly budgetOfAgent: number;
  readonly budgetOfTenant: number;
}

const contractOf = (
  agent: string,
  environment: string,
  { ratePerHour, budgetOfAgent, budgetOfTenant }: SoakLimits,
): string => `agent: ${JSON.stringify(agent)}
workflow: soak
owner: payments-team
tenants: [${tenants.map((tenant) => JSON.stringify(tenant)).join(", ")}]
environment: ${environment}
stage: autonomous
tools: { echo.read: allow, echo.write: allow, echo.hold: { tier: finance } }
budgets:
  - { meter: calls, scope: agent, window: month, limit: ${budgetOfAgent} }
  - { meter: calls, scope: tenant, window: month, limit: ${budgetOfTenant} }
rates: [{ scope: agent, limit: ${ratePerHour}/h }]
`;

const tool = (name: string, match: string, effect: string): string =>
  `  ${name}: { match: ${match}, describe: Echo., traits: { effect: ${effect}, reversible: true }, input: { type: object, required: [text, whose], additionalProperties: false, properties: { text: { type: string }, whose: { type: string } } } }\n`;

/** What reached the upstream: whose credential and account, and whose name the agent had written into the arguments. */
export interface Echoed {
  readonly by: string;
  readonly account: string;
  readonly whose: string;
}

/** Starts the upstream, which answers whose credential it saw. */
export async function startEcho(echoed: Echoed[]): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      const query = new URL(request.url ?? "", "http://x").searchParams.get("whose");
      const by = (request.headers.authorization ?? "").replace("Bearer sk_", "");
      const { whose } = body === "" ? { whose: query ?? "" } : (JSON.parse(body) as { whose: string });
      echoed.push({ by, account: request.headers["x-account"] as string, whose });
      response.setHeader("content-type", "application/json").end(JSON.stringify({ tenant: by, serial: echoed.length }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return server;
}

/** The changes of the demo configuration: fifty tenants, six contracts, one upstream. */
export function soakEdits(echo: Server, limits: SoakLimits): NonNullable<DemoChanges["edit"]> {
  const contracts = agents.flatMap((agent, at) =>
    environments.map(
      (environment) => [`config/contracts/soak-${at}-${environment}.yaml`, () => contractOf(agent, environment, limits)] as const,
    ),
  );
  const upstream = `upstream: http://127.0.0.1:${(echo.address() as AddressInfo).port}\nmount: { path: /echo }\nset_headers: { X-Account: "{tenant.account}" }\n`;
  const credentials = 'credentials: { header: Authorization, value: "Bearer sk_{tenant}" }\n';
  const tools =
    tool("echo.read", "GET /read", "read") + tool("echo.write", "POST /write", "write") + tool("echo.hold", "POST /hold", "write");
  return {
    // The account's value looks like a template itself, and must travel as it is.
    "config/tenants.yaml": () =>
      [...new Set([...tenants, "acme_co", "globex"])]
        .map((tenant) => `${JSON.stringify(tenant)}: { account: "{tenant}/${tenant}", payments_account: acct_${tenant} }`)
        .join("\n"),
    "routes/echo.yaml": () => `${upstream}${credentials}tools:\n${tools}`,
    ...Object.fromEntries(contracts),
  };
}

/** Numbers from a seed, the same on every machine (mulberry32). */
export function randomsOf(start: number): (below: number) => number {
  let state = start >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
