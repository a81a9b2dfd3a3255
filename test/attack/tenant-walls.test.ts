import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import type { Code } from "../../src/rules/codes.ts";
import { type RawTrick, secretsOfGlobex, startTenants, type TenantWorld } from "./tenant-world.ts";

// Tenant acme_co attacks tenant globex over real HTTP. The sandbox writes down whose credential and account every request came with.

let world: TenantWorld;
let acme = "";
let globex = "";
let tricks = 0;

before(async () => {
  world = await startTenants();
  acme = world.tokenOf("acme_co");
  globex = world.tokenOf("globex");
});
after(() => world.close());

/** What a trick must come to: a refusal with this code and no request upstream, or the upstream's answer to acme_co's own account. */
type Expected = Code | "own account";
type Trick = readonly [title: string, line: string, trick: RawTrick, expected: Expected];

const lookUp = "GET /payments/v1/charges/ch_2001";
const json = "Content-Type: application/json";
const form = "Content-Type: application/x-www-form-urlencoded";
const keyed = (name: string): string => `Idempotency-Key: walls-${name}`;
const named = (tool: string): string => `POST /sallyport/v1/tools/${tool}`;
const post = (body: object | string, ...headers: string[]): RawTrick => ({
  headers: [json, ...headers],
  body: typeof body === "string" ? body : JSON.stringify(body),
});

const byHeader: readonly Trick[] = [
  ["the upstream's account header", lookUp, { headers: ["Sandbox-Account: acct_globex"] }, "ERR_HEADER_REFUSED"],
  ["the account header in small letters", lookUp, { headers: ["sandbox-account: acct_globex"] }, "ERR_HEADER_REFUSED"],
  ["its underscore twin", lookUp, { headers: ["Sandbox_Account: acct_globex"] }, "ERR_HEADER_REFUSED"],
  ["its dotted twin", lookUp, { headers: ["Sandbox.Account: acct_globex"] }, "ERR_HEADER_REFUSED"],
  ["its own value", lookUp, { headers: ["Sandbox-Account: acct_acme_co"] }, "ERR_HEADER_REFUSED"],
  ["an empty one", lookUp, { headers: ["Sandbox-Account:"] }, "ERR_HEADER_REFUSED"],
  ["one with a blank before the colon", lookUp, { headers: ["Sandbox-Account : acct_globex"] }, "ERR_REQUEST_MALFORMED"],
  ["one on a folded line", lookUp, { headers: ["User-Agent: x", " Sandbox-Account: acct_globex"] }, "ERR_REQUEST_MALFORMED"],
  ["one listed in Connection", lookUp, { headers: ["Connection: Sandbox-Account", "Sandbox-Account: acct_globex"] }, "ERR_HEADER_REFUSED"],
  ["authorization listed in Connection", lookUp, { headers: ["Connection: authorization, sandbox-account"] }, "own account"],
  ["one in the trailer", named("payments.lookup_charge"), trailing("Sandbox-Account: acct_globex"), "own account"],
  [
    "one in a trailer that was announced",
    named("payments.lookup_charge"),
    trailing("Sandbox-Account: acct_globex", "Trailer: Sandbox-Account"),
    "ERR_HEADER_REFUSED",
  ],
  ["Stripe-Account", lookUp, { headers: ["Stripe-Account: acct_globex"] }, "ERR_HEADER_REFUSED"],
  ["OpenAI-Organization", lookUp, { headers: ["OpenAI-Organization: globex"] }, "ERR_HEADER_REFUSED"],
  ["X-Tenant", lookUp, { headers: ["X-Tenant: globex"] }, "ERR_HEADER_REFUSED"],
  ["X_Tenant", lookUp, { headers: ["X_Tenant: globex"] }, "ERR_HEADER_REFUSED"],
  ["X-Tenant-Id twice", lookUp, { headers: ["X-Tenant-Id: acme_co", "X-Tenant-Id: globex"] }, "ERR_HEADER_REFUSED"],
  ["X-Scope-OrgID", lookUp, { headers: ["X-Scope-OrgID: globex"] }, "ERR_HEADER_REFUSED"],
  ["Sallyport-Tenant", lookUp, { headers: ["Sallyport-Tenant: globex"] }, "ERR_HEADER_REFUSED"],
  ["X-Forwarded-User", lookUp, { headers: ["X-Forwarded-User: globex"] }, "ERR_HEADER_REFUSED"],
  ["X-Forwarded-Host", lookUp, { headers: ["X-Forwarded-Host: globex.gw.example"] }, "own account"],
  ["Forwarded", lookUp, { headers: ["Forwarded: for=globex;host=globex.gw.example"] }, "own account"],
  ["baggage", lookUp, { headers: ["baggage: tenant=globex,Sandbox-Account=acct_globex"] }, "own account"],
  ["a header of the mesh", lookUp, { headers: ["X-Envoy-Original-Path: /payments/v1/charges/ch_2001?account=acct_globex"] }, "own account"],
  ["a cookie", lookUp, { headers: ["Cookie: tenant=globex"] }, "ERR_TOKEN_MALFORMED"],
  ["the other's credential beside", lookUp, { headers: ["Proxy-Authorization: Bearer sk_sandbox_globex"] }, "ERR_TOKEN_MALFORMED"],
  [
    "a second Authorization with the other's credential",
    lookUp,
    { headers: ["Authorization: Bearer sk_sandbox_globex"] },
    "ERR_TOKEN_MALFORMED",
  ],
  ["the upstream's key as X-API-Key", lookUp, { headers: ["X-API-Key: sk_sandbox_globex"] }, "ERR_TOKEN_MALFORMED"],
];

function trailing(line: string, ...headers: readonly string[]): RawTrick {
  const body = '{"charge":"ch_2001"}';
  return {
    headers: [json, "Transfer-Encoding: chunked", ...headers],
    chunked: `${body.length.toString(16)}\r\n${body}\r\n0\r\n${line}\r\n\r\n`,
  };
}

const byArgument: readonly Trick[] = [
  ["the other's object in the path", lookUp, {}, "own account"],
  ["the other's object by name", named("payments.lookup_charge"), post({ charge: "ch_2001" }), "own account"],
  ["a path that climbs", "GET /payments/v1/charges/ch_1001%2F..%2Fch_2001", {}, "ERR_PATH_NOT_CANONICAL"],
  ["a path parameter that climbs, by name", named("forms.charge"), post({ charge: "../../globex/ch_2001" }), "ERR_ARGUMENTS_INVALID"],
  ["a path parameter with a query", named("forms.charge"), post({ charge: "ch_1001?account=acct_globex" }), "ERR_ARGUMENTS_INVALID"],
  [
    "a path parameter with a second line",
    named("forms.charge"),
    post({ charge: "ch_1001\r\nSandbox-Account: acct_globex" }),
    "ERR_ARGUMENTS_INVALID",
  ],
  ["a full-width slash in it", named("forms.charge"), post({ charge: "ch_1001／..／ch_2001" }), "ERR_ARGUMENTS_INVALID"],
  ["tenant in the query", `${lookUp}?tenant=globex`, {}, "ERR_QUERY_INVALID"],
  ["account in the query", `${lookUp}?Sandbox-Account=acct_globex`, {}, "ERR_QUERY_INVALID"],
  [
    "tenant in the query of a call by name",
    `${named("payments.lookup_charge")}?tenant=globex`,
    post({ charge: "ch_2001" }),
    "ERR_QUERY_INVALID",
  ],
  ["tenant in the body", named("payments.lookup_charge"), post({ charge: "ch_2001", tenant: "globex" }), "ERR_ARGUMENTS_INVALID"],
  [
    "account in the body",
    named("payments.lookup_charge"),
    post({ charge: "ch_2001", "sandbox-account": "acct_globex" }),
    "ERR_ARGUMENTS_INVALID",
  ],
  [
    "headers in the body",
    named("payments.lookup_charge"),
    post({ charge: "ch_2001", headers: { "sandbox-account": "acct_globex" } }),
    "ERR_ARGUMENTS_INVALID",
  ],
  [
    "a tenant in a nested object",
    named("payments.lookup_charge"),
    post({ charge: { id: "ch_2001", tenant: "globex" } }),
    "ERR_ARGUMENTS_INVALID",
  ],
  [
    "a tenant behind a prototype",
    named("payments.lookup_charge"),
    post('{"charge":"ch_2001","__proto__":{"tenant":"globex"}}'),
    "ERR_JSON_KEY_FORBIDDEN",
  ],
  ["the argument twice", named("payments.lookup_charge"), post('{"charge":"ch_1001","charge":"ch_2001"}'), "ERR_JSON_DUPLICATE_KEY"],
  [
    "the argument in capital letters",
    named("payments.lookup_charge"),
    post('{"charge":"ch_1001","Charge":"ch_2001"}'),
    "ERR_JSON_DUPLICATE_KEY",
  ],
  [
    "account in a form",
    "POST /forms/v1/refunds",
    { headers: [form, keyed("f1")], body: "charge=ch_1001&amount=1&account=acct_globex" },
    "ERR_ARGUMENTS_INVALID",
  ],
  [
    "account in form brackets",
    "POST /forms/v1/refunds",
    { headers: [form, keyed("f2")], body: "charge=ch_1001&amount=1&charge[account]=acct_globex" },
    "ERR_FORM_DUPLICATE_KEY",
  ],
  [
    "the object twice in a form",
    "POST /forms/v1/refunds",
    { headers: [form, keyed("f3")], body: "charge=ch_1001&amount=1&charge=ch_2001" },
    "ERR_FORM_DUPLICATE_KEY",
  ],
  [
    "a prototype in form brackets",
    "POST /forms/v1/refunds",
    { headers: [form, keyed("f4")], body: "charge=ch_1001&amount=1&metadata[__proto__]=globex" },
    "ERR_FORM_KEY_FORBIDDEN",
  ],
  [
    "the other's object in a form's preview",
    "POST /forms/v1/refunds",
    { headers: [form, keyed("f5")], body: "charge=ch_2001&amount=1" },
    "ERR_PREVIEW_FAILED",
  ],
  [
    "a preview that climbs",
    "POST /forms/v1/refunds",
    { headers: [form, keyed("f6")], body: "charge=..%2Fch_2001&amount=1" },
    "ERR_ARGUMENTS_INVALID",
  ],
  ["the other's object in a preview", named("payments.refund"), post({ charge: "ch_2001", amount: 1 }, keyed("p1")), "ERR_PREVIEW_FAILED"],
  [
    "the other's object in a dry run",
    named("payments.refund"),
    post({ charge: "ch_2001", amount: 1 }, "Sallyport-Dry-Run: true"),
    "ERR_PREVIEW_FAILED",
  ],
  ["the other's ticket", named("tickets.lookup"), post({ ticket: "tk_4001" }), "own account"],
  ["a reply to the other's customer", named("tickets.reply"), post({ ticket: "tk_4001", text: "hello" }, keyed("t1")), "own account"],
];

const byDoor: readonly Trick[] = [
  ["an upstream where only the other had an account", "GET /vault/v1/charges/ch_2001", {}, "own account"],
  ["the host that is named after the other", "GET /v1/charges/ch_2001", { host: "Host: globex.gw.example" }, "own account"],
  ["that host in capitals, with a port", "GET /v1/charges/ch_2001", { host: "Host: GLOBEX.GW.EXAMPLE:443" }, "own account"],
  ["that host with a dot at its end", "GET /v1/charges/ch_2001", { host: "Host: globex.gw.example." }, "ERR_ROUTE_UNKNOWN"],
  ["that host twice", "GET /v1/charges/ch_2001", { host: "Host: globex.gw.example", headers: ["Host: gw.test"] }, "ERR_HEADER_REFUSED"],
  ["an absolute target", "GET http://globex.gw.example/v1/charges/ch_2001", {}, "ERR_PATH_NOT_CANONICAL"],
  ["the passthrough mount", "GET /open/v1/charges/ch_2001", {}, "own account"],
  ["its query", "GET /open/v1/charges/ch_2001?account=acct_globex&tenant=globex", {}, "own account"],
  ["its account header", "GET /open/v1/charges/ch_2001", { headers: ["Sandbox-Account: acct_globex"] }, "ERR_HEADER_REFUSED"],
  ["its account header's twin", "GET /open/v1/charges/ch_2001", { headers: ["sandbox_account: acct_globex"] }, "ERR_HEADER_REFUSED"],
  ["a credential in its query", "GET /open/v1/charges/ch_2001?access_token=sk_open_globex", {}, "ERR_QUERY_INVALID"],
  ["a passthrough path out of its mount", "GET /open/../payments/v1/charges/ch_2001", {}, "ERR_PATH_NOT_CANONICAL"],
  ["its tool by name", named("open.read"), post({}), "ERR_TOOL_UNKNOWN"],
];

const owned = (line: string): boolean => line.includes("preview") || line.includes("dry run");

async function assertTrick([title, line, trick, expected]: Trick): Promise<void> {
  tricks += 1;
  const mark = world.mark();
  const answer = await world.send(line, { token: acme, ...trick });
  const sent = world.assertOnly("acme_co", mark, title);
  for (const secret of secretsOfGlobex) assert.ok(!answer.body.includes(secret), `${title}: told ${secret}`);
  if (expected === "own account") {
    assert.ok(sent > 0, `${title}: ${answer.status} ${answer.body}`);
    assert.equal(answer.code, undefined, answer.body);
  } else {
    assert.equal(answer.code, expected, `${title}: ${answer.status} ${answer.body}`);
    assert.equal(sent, owned(title) && expected === "ERR_PREVIEW_FAILED" ? 1 : expected === "ERR_PREVIEW_FAILED" ? 1 : 0, title);
  }
}

for (const [kind, rows] of Object.entries({ byHeader, byArgument, byDoor })) {
  for (const row of rows) it(`${kind.slice(2).toLowerCase()}: ${row[0]}`, () => assertTrick(row));
}

// Texts that some layer might fold, cut, glob or expand into the other tenant's name.
const hostileNames: readonly string[] = [
  "globex ",
  " globex",
  "globex\n",
  "globex\u0000",
  "globex\u200b",
  "\u202eglobex",
  "Globex",
  "GLOBEX",
  "ɡlobex",
  "ｇlobex",
  "globéx".normalize("NFD"),
  "glob",
  "globex2",
  "globex:acme_co",
  "acme_co:globex",
  "acme_co,globex",
  "acme_co globex",
  "*",
  "glob*",
  "?lobex",
  "{}",
  "{tenant}",
  "{globex}",
  "${file:secrets/globex}",
  "../globex",
  "./globex",
  "globex/.",
  "globex%00",
  "%67lobex",
  "globex'--",
  '"globex"',
  '["globex"]',
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "undefined",
  "null",
  "",
  "0",
  "x".repeat(200),
  "x".repeat(201),
  "\ud83d\ude00",
];
const notNames: readonly unknown[] = [["globex"], ["acme_co", "globex"], { tenant: "globex" }, 7, true, null, { toString: "globex" }];

for (const tenant of hostileNames) {
  it(`is nobody's: ${JSON.stringify(tenant).slice(0, 40)}`, () => assertNobody(tenant));
}
for (const tenant of notNames) it(`is refused: ${JSON.stringify(tenant)}`, () => assertNobody(tenant));

async function assertNobody(tenant: unknown): Promise<void> {
  const [token, runless] = [world.signed({ tenant }), world.signed({ tenant, run: undefined })];
  const mark = world.mark();
  for (const [line, trick] of [
    ["GET /payments/v1/charges/ch_2001", {}],
    ["GET /vault/v1/charges/ch_2001", {}],
    ["GET /open/v1/charges/ch_2001", {}],
    ["POST /sallyport/v1/runs", {}],
    ["POST /sallyport/v1/runs/r_walls/usage", post({ usd_micros: 1 })],
  ] as const) {
    tricks += 1;
    const answer = await world.send(line, { token: line.endsWith("/runs") ? runless : token, ...trick });
    assert.ok(
      ["ERR_TOKEN_CLAIMS", "ERR_TOKEN_MALFORMED", "ERR_CONTRACT_NONE"].includes(answer.code ?? ""),
      `${line}: ${answer.status} ${answer.body}`,
    );
  }
  const tools = await world.send("GET /sallyport/v1/tools", { token });
  assert.ok(tools.status === 401 || tools.body.trim() === '{"tools":[]}', tools.body);
  assert.equal(world.assertOnly("nobody", mark, "strange tenant"), 0);
}

it("of 10 kB is too long to be looked at", async () => {
  tricks += 1;
  assert.equal((await world.send(lookUp, { token: world.signed({ tenant: "g".repeat(10_000) }) })).code, "ERR_TOKEN_MALFORMED");
});

it("that names two tenants is malformed, whichever comes last", async () => {
  for (const [first, last] of [
    ["acme_co", "globex"],
    ["globex", "acme_co"],
  ] as const) {
    tricks += 1;
    const token = world.signed({ tenant: last }, (text) => text.replace("{", `{"tenant":"${first}",`));
    assert.equal((await world.send(lookUp, { token })).code, "ERR_TOKEN_MALFORMED");
  }
  tricks += 1;
  const cased = world.signed({ tenant: "acme_co", Tenant: "globex" });
  assert.notEqual((await world.send(lookUp, { token: cased })).status, 200);
});

it("that says the other tenant anywhere but in its claim stays acme_co's", async () => {
  const rows: readonly object[] = [
    { act: { sub: "billing-dispute-v3", tenant: "globex" }, sub: "u_7" },
    { act: { sub: "billing-dispute-v3", act: { sub: "billing-dispute-v3", tenant: "globex" } }, sub: "u_7" },
    { tenant_id: "globex", org: "globex", org_id: "globex", tid: "globex", account: "acct_globex" },
    { opened_by: { iss: world.dev.agentIssuer.issuer, tenant: "globex" } },
    { user: "globex", user_groups: ["globex"] },
    { run: "globex", workflow: "billing-dispute" },
  ];
  for (const claims of rows) {
    tricks += 1;
    const mark = world.mark();
    const answer = await world.send(lookUp, { token: world.tokenOf("acme_co", claims) });
    assert.equal(world.assertOnly("acme_co", mark, JSON.stringify(claims)), 1, answer.body);
  }
  for (const act of [
    { sub: "billing-dispute-v3", iss: "https://globex.example" },
    ["billing-dispute-v3"],
    "globex",
    { tenant: "globex" },
  ]) {
    tricks += 1;
    assert.equal((await world.send(lookUp, { token: world.tokenOf("acme_co", { sub: "u_7", act }) })).code, "ERR_TOKEN_CLAIMS");
  }
});

it("cut together from a remembered one is refused: payload, signature and header of two good tokens", async () => {
  for (const token of [acme, globex]) assert.equal((await world.send("GET /sallyport/v1/tools", { token })).status, 200);
  const [a, b] = [acme, globex].map((token) => token.split(".")) as [string[], string[]];
  const forged = [
    [a[0], b[1], a[2]],
    [b[0], b[1], a[2]],
    [a[0], a[1], b[2]],
  ].map((parts) => parts.join("."));
  for (const token of [...forged, `${globex}=`, `${globex}.`, globex.slice(0, -1), `${globex} ${acme}`, `${acme},${globex}`]) {
    tricks += 1;
    assert.equal((await world.send(lookUp, { token })).status, 401);
  }
});

it("all tricks were played", (context) => {
  context.diagnostic(`${tricks} tricks, none got through`);
  assert.ok(tricks >= 250, `${tricks} tricks`);
});
