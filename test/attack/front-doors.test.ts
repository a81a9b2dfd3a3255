import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { swap } from "../support/demo-config.ts";
import { type RawAnswer, type RawTrick, startTenants, type TenantWorld } from "./tenant-world.ts";

// An outsider at every way in: who it says it is, where the gateway says it is, and what a refusal looks like.

let world: TenantWorld;
let named: TenantWorld;
let token = "";

before(async () => {
  world = await startTenants({
    "routes/basic.yaml": () =>
      'upstream: http://127.0.0.1:9\nmount: { path: /basic }\nagent_token: { basic: username }\nset_headers: { X-A: "{tenant}" }\ntools:\n  basic.get: { match: GET /get, describe: Get., traits: { effect: read }, input: { type: object, additionalProperties: false } }\n',
    "config/contracts/billing-dispute.yaml": swap("  tickets.search: allow", "  basic.get: allow\n  tickets.search: allow"),
  });
  named = await startTenants({ "config/gateway.yaml": swap("issuers: []\n", "issuers: []\npublic_url: https://gw.acme.example/agents\n") });
  token = world.tokenOf("acme_co");
});
after(() => Promise.all([world.close(), named.close()]));

/** Every door of the gateway, by its listener: a request that leads to a call when somebody is let in. */
const doors: readonly (readonly [title: string, line: string, port: "agents" | "mount", host?: string])[] = [
  ["a mount", "GET /payments/v1/charges/ch_1001", "agents"],
  ["a form mount", "GET /forms/v1/charges/ch_1001", "agents"],
  ["a passthrough mount", "GET /open/v1/charges/ch_1001", "agents"],
  ["a basic mount", "GET /basic/get", "agents"],
  ["a mount with a host", "GET /v1/charges/ch_1001", "agents", "Host: globex.gw.example"],
  ["a mount with a port", "GET /v1/charges/ch_1001", "mount"],
  ["a call by name", "POST /sallyport/v1/tools/payments.lookup_charge", "agents"],
  ["a call by name on a mount's port", "POST /sallyport/v1/tools/payments.lookup_charge", "mount"],
  ["the tools", "GET /sallyport/v1/tools", "agents"],
  ["a run", "POST /sallyport/v1/runs", "agents"],
  ["no route", "GET /nowhere", "agents"],
];

const at = (port: "agents" | "mount", one = world): string =>
  port === "agents" ? one.gateway.agentsUrl : `http://127.0.0.1:${one.mountPort}`;

async function knock([, line, port, host]: (typeof doors)[number], trick: RawTrick): Promise<RawAnswer> {
  return world.send(line, { url: at(port), ...(host === undefined ? {} : { host }), ...trick });
}

// CVE-2026-59822 (LiteLLM): a made-up Authorization fell through a pass-through branch to an empty identity, which reached tools.
const madeUp: readonly (readonly [string, readonly string[]])[] = [
  ["no header", []],
  ["a made-up key", ["Authorization: Bearer sk-1234"]],
  ["an empty bearer", ["Authorization: Bearer "]],
  ["null", ["Authorization: Bearer null"]],
  ["undefined", ["Authorization: Bearer undefined"]],
  ["an object", ["Authorization: Bearer [object Object]"]],
  ["an empty object", ["Authorization: Bearer {}"]],
  ["the upstream's own key", ["Authorization: Bearer sk_sandbox_acme_co"]],
  [
    "an unsigned token",
    [
      `Authorization: Bearer ${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"sub":"billing-dispute-v3","tenant":"acme_co"}').toString("base64url")}.`,
    ],
  ],
  ["an unknown scheme", ["Authorization: Custom anything"]],
  ["a Basic pair", ["Authorization: Basic YWRtaW46YWRtaW4="]],
  ["an empty Basic pair", ["Authorization: Basic Og=="]],
  ["an empty X-API-Key", ["X-API-Key:"]],
  ["a made-up X-API-Key", ["X-API-Key: sk-1234"]],
  [
    "identity headers of a proxy",
    ["X-Forwarded-User: billing-dispute-v3", "X-Auth-Request-User: billing-dispute-v3", "X-Sallyport-Agent: billing-dispute-v3"],
  ],
  ["a client certificate's header", ['X-Forwarded-Client-Cert: Subject="CN=billing-dispute-v3"', "X-SSL-Client-Verify: SUCCESS"]],
  // CVE-2026-40575 and CVE-2026-76835 (oauth2-proxy): a public path in X-Forwarded-Uri opened a private one.
  ["a public path in X-Forwarded-Uri", ["X-Forwarded-Uri: /sallyport/v1/errors/ERR_INTERNAL"]],
  ["a public path in X-Original-URL", ["X-Original-URL: /.well-known/oauth-protected-resource"]],
  ["a public path in X-Rewrite-URL", ["X-Rewrite-URL: /sallyport/v1/openapi.json"]],
  ["a trusted address", ["X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1", "Forwarded: for=127.0.0.1"]],
  ["another method", ["X-HTTP-Method-Override: GET"]],
  // GHSA-x677-9fxg-v5c5 (Traefik): the dashed header was taken off, its underscore twin was not.
  ["underscore twins", ["X_API_Key: sk-1234", "Authorization_: Bearer x", "X_Forwarded_User: billing-dispute-v3"]],
];
for (const [title, headers] of madeUp) {
  it(`with ${title}, at any door`, async () => {
    const mark = world.mark();
    for (const door of doors) {
      const answer = await knock(door, { headers });
      assert.ok([400, 401].includes(answer.status), `${door[0]}: ${answer.status} ${answer.body}`);
      assert.match(answer.code ?? "", /^ERR_(TOKEN_|HEADER_REFUSED)/, door[0]);
      assert.ok(JSON.parse(answer.body).executed === false, door[0]);
    }
    assert.equal(world.assertOnly("nobody", mark, title), 0);
  });
}

const throughPublic = [
  "/.well-known/oauth-protected-resource/../../payments/v1/charges/ch_1001",
  "/.well-known/oauth-protected-resource/%2e%2e/%2e%2e/payments/v1/charges/ch_1001",
  "/.well-known/oauth-protected-resource%2F..%2F..%2Fpayments",
  "/.well-known/oauth-protected-resource;/payments",
  "/.well-known/oauth-protected-resource/payments/v1/charges/ch_1001",
  "/sallyport/v1/errors/../tools",
  "/sallyport/v1/errors/..%2Ftools",
  "/sallyport/v1/errors/%2e%2e/tools",
  "/sallyport/v1/errors/ERR_INTERNAL/../../tools",
  "/sallyport/v1/errors/__proto__",
  "/sallyport/v1/errors/ERR_INTERNAL%00",
  "/sallyport/v1/openapi.json/../tools",
  "/sallyport/v1/openapi.json%3F/../tools",
  "//sallyport/v1/tools",
  "/sallyport/v1//tools",
  "/SALLYPORT/v1/tools",
  "/sallyport/v1/tools/",
  "/sallyport/v1/tools;x",
  "/sallyport/v1/tools%20",
  "/%73allyport/v1/tools",
  "/.well-known/../payments/v1/charges/ch_1001",
  "/payments/../sallyport/v1/errors/ERR_INTERNAL",
];
it("and nothing private is reached through what is public", async () => {
  const mark = world.mark();
  for (const path of throughPublic) {
    for (const port of ["agents", "mount"] as const) {
      const answer = await world.send(`GET ${path}`, { url: at(port) });
      assert.ok(answer.status >= 400 && answer.status < 500, `${path}: ${answer.status} ${answer.body}`);
      assert.ok(!answer.body.includes("lookup_charge") && !answer.body.includes("cus_"), path);
    }
  }
  assert.equal(world.assertOnly("nobody", mark, "public"), 0);
});

const basic = (text: string): string => `Authorization: Basic ${Buffer.from(text, "latin1").toString("base64")}`;
const rows = (): readonly (readonly [title: string, door: string, headers: readonly string[], status: number])[] => [
  ["a key mount's own header", "a mount with a port", [`x-api-key: ${token}`], 200],
  ["its header in capitals", "a mount with a port", [`X-API-KEY: ${token}`], 200],
  ["bearer at a key mount", "a mount with a port", [`Authorization: Bearer ${token}`], 401],
  ["both at a key mount", "a mount with a port", [`x-api-key: ${token}`, `Authorization: Bearer ${token}`], 401],
  ["a key twice", "a mount with a port", [`x-api-key: ${token}`, `x-api-key: ${token}`], 401],
  ["a key in a list", "a mount with a port", [`x-api-key: ${token},x`], 401],
  ["a key with its scheme", "a mount with a port", [`x-api-key: Bearer ${token}`], 401],
  ["a key's underscore twin", "a mount with a port", [`x_api_key: ${token}`], 400],
  ["a key beside a cookie", "a mount with a port", [`x-api-key: ${token}`, "Cookie: a=b"], 401],
  ["a key where bearer belongs", "a mount", [`x-api-key: ${token}`], 401],
  ["a key at our own resources on a key mount's port", "a call by name on a mount's port", [`x-api-key: ${token}`], 401],
  ["the user name at a basic mount", "a basic mount", [basic(`${token}:`)], 502],
  ["the password at a basic mount", "a basic mount", [basic(`x:${token}`)], 401],
  ["the user name and a password", "a basic mount", [basic(`${token}:x`)], 401],
  ["no colon", "a basic mount", [basic(token)], 401],
  ["two colons", "a basic mount", [basic(`${token}::`)], 401],
  ["a line behind the token", "a basic mount", [basic(`${token}\n:`)], 401],
  ["base64url", "a basic mount", [`Authorization: Basic ${Buffer.from(`${token}:`).toString("base64url")}-_`], 401],
  ["no padding", "a basic mount", [basic(`${token}::`).replace(/=+$/, "")], 401],
  ["bearer at a basic mount", "a basic mount", [`Authorization: Bearer ${token}`], 401],
  ["basic at a bearer mount", "a mount", [basic(`${token}:`)], 401],
  ["basic at a passthrough mount", "a passthrough mount", [basic(`${token}:`)], 401],
  ["a proxy's header besides", "a passthrough mount", [`Authorization: Bearer ${token}`, "Proxy-Authorization: Basic Og=="], 401],
  ["a query at a passthrough mount", "a passthrough mount?", [], 401],
];
it("and is taken nowhere else", async () => {
  for (const [title, name, headers, status] of rows()) {
    const door = doors.find(([one]) => one === name.replace("?", ""));
    assert.ok(door);
    const [first, line, ...rest] = door;
    const asked = name.endsWith("?") ? `${line}?access_token=${token}` : line;
    const answer = await knock([first, asked, ...rest], { headers });
    assert.equal(answer.status, status, `${title}: ${answer.body}`);
  }
});

it("a mount's port serves its own mount and our own resources, and no other mount; the agents' port does not serve it", async () => {
  const key = [`x-api-key: ${token}`];
  const bearer = [`Authorization: Bearer ${token}`];
  for (const [line, port, headers, code] of [
    ["GET /payments/v1/charges/ch_1001", "mount", key, "ERR_ROUTE_UNKNOWN"],
    ["GET /payments/v1/charges/ch_1001", "mount", bearer, "ERR_TOKEN_MALFORMED"],
    ["GET /open/v1/charges/ch_1001", "mount", key, "ERR_ROUTE_UNKNOWN"],
    ["GET /v1/charges/ch_1001", "agents", bearer, "ERR_ROUTE_UNKNOWN"],
    ["GET /sallyport/v1/tools", "mount", bearer, undefined],
    ["GET /sallyport/v1/holds", "mount", key, "ERR_ROUTE_UNKNOWN"],
  ] as const)
    assert.equal((await world.send(line, { url: at(port), headers })).code, code, `${line} at ${port}`);
  // The other mount's host leads nowhere on this port.
  assert.equal(
    (await world.send("GET /v1/charges/ch_1001", { url: at("mount"), headers: key, host: "Host: globex.gw.example" })).status,
    200,
  );
  assert.equal(
    (await world.send("GET /v1/charges/ch_1001", { headers: bearer, host: `Host: 127.0.0.1:${world.mountPort}` })).code,
    "ERR_ROUTE_UNKNOWN",
  );
});

const liars: readonly RawTrick[] = [
  { host: "Host: evil.example" },
  { host: "Host: evil.example:80" },
  { host: "Host: gw.test", headers: ["X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https", "X-Forwarded-Port: 444"] },
  { host: "Host: gw.test", headers: ["Forwarded: host=evil.example;proto=https"] },
  { host: "Host: evil.example", headers: ["Origin: https://evil.example", "Referer: https://evil.example/"] },
  { host: "Host: gw.test", headers: ["X-Envoy-Original-Host: evil.example"] },
];

it("is never what a request says it is: not in metadata, challenge, document, problem or Location", async () => {
  let looked = 0;
  for (const here of [world, named]) {
    const bearer = here.tokenOf("acme_co");
    const self = here === named ? "https://gw.acme.example" : here.gateway.agentsUrl;
    for (const liar of liars) {
      const requests: readonly (readonly [string, RawTrick])[] = [
        ["GET /.well-known/oauth-protected-resource", {}],
        ["GET /.well-known/oauth-protected-resource/payments", {}],
        ["GET /sallyport/v1/openapi.json", {}],
        ["GET /sallyport/v1/tools", {}],
        ["GET /payments/v1/charges/ch_1001", {}],
        ["GET /payments/v1/charges/no", { token: bearer }],
        ["GET /open/v1/charges/ch_1001", {}],
        [
          "POST /sallyport/v1/tools/payments.refund",
          {
            token: bearer,
            headers: ["Content-Type: application/json", `Idempotency-Key: held-${looked}`],
            body: `{"charge":"ch_1006","amount":${20_000 + looked}}`,
          },
        ],
        ["GET /nowhere", { token: bearer }],
      ];
      for (const [line, trick] of requests) {
        for (const port of ["agents", "mount"] as const) {
          if (port === "mount" && trick.body !== undefined) continue;
          looked += 1;
          const answer = await here.send(line, {
            ...trick,
            url: at(port, here),
            host: liar.host ?? "",
            headers: [...(liar.headers ?? []), ...(trick.headers ?? [])],
          });
          const told = [answer.body, ...["location", "www-authenticate", "link"].map((name) => answer.header(name) ?? "")].join("\n");
          assert.ok(!/evil|:444/.test(told), `${line}: ${told}`);
          for (const url of told.match(/https?:\/\/[^"\\ ]*\/(?:sallyport|\.well-known)\/[^"\\ ]*/g) ?? [])
            assert.ok(url.startsWith(self), `${line}: ${url}`);
        }
      }
    }
  }
  assert.ok(looked > 150, `${looked}`);
});

it("has metadata for what it is made of alone", async () => {
  for (const path of ["", "/payments", "/open"]) {
    const answer = await world.send(`GET /.well-known/oauth-protected-resource${path}`);
    assert.equal((JSON.parse(answer.body) as { resource: string }).resource, `${world.gateway.agentsUrl}${path}`);
  }
  for (const path of [
    "/",
    "/nowhere",
    "/payments/",
    "/payments/v1",
    "/https://evil.example",
    "//evil.example",
    "/@evil.example",
    "/payments?resource=https://evil.example",
    "?resource=https://evil.example",
    "/sallyport",
    "/Payments",
    "/vault%2Fv1",
  ]) {
    const answer = await world.send(`GET /.well-known/oauth-protected-resource${path}`);
    assert.ok(answer.status >= 400 && !answer.body.includes('"resource"'), `${path}: ${answer.body}`);
  }
});

it("is not chosen by a host that leads elsewhere: the dialect and mount follow Host, identity and tenant do not", async () => {
  const mark = world.mark();
  for (const host of ["Host: globex.gw.example", "Host: globex.gw.example:1", "Host: GLOBEX.gw.example"]) {
    assert.equal((await world.send("GET /v1/charges/ch_1001", { token, host })).status, 200);
    assert.equal((await world.send("GET /payments/v1/charges/ch_1001", { token, host })).code, "ERR_ROUTE_UNKNOWN");
  }
  for (const host of [
    "Host: globex.gw.example@gw.test",
    "Host: globex.gw.example/x",
    "Host: globex.gw.example, gw.test",
    "Host:",
    "Host: xglobex.gw.example",
    "Host: globex.gw.example.evil.example",
  ])
    assert.match(
      (await world.send("GET /v1/charges/ch_1001", { token, host })).code ?? "",
      /^ERR_(ROUTE_UNKNOWN|REQUEST_MALFORMED)$/,
      host,
    );
  assert.ok(world.assertOnly("acme_co", mark, "host") >= 3);
});
