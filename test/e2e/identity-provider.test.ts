import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { startGateway } from "../support/gateway.ts";
import { startIdentityProvider } from "../support/identity-provider.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-idp-"));
const scope = "sallyport:call";
const provider = await startIdentityProvider({
  clientId: "billing-dispute-v3",
  claims: { tenant: "acme_co", workflow: "billing-dispute" },
  scopes: [scope],
});
provider.setTokenSeconds(7200);
const port = await freePort();
const ours = `http://127.0.0.1:${port}`;
const configFile = writeDemoConfig(folder, {
  edit: {
    "config/gateway.yaml": swap(
      "issuers: []",
      `issuers:
  - issuer: ${provider.issuer}
    jwks: ${provider.jwksUrl}
    audience: ${ours}
    required_scope: ${scope}
    claims: { agent: client_id }
`,
    ),
  },
});
/** The gateway's clock runs ahead of the provider's by this much. */
let aheadMs = 0;
const clock = { nowMs: () => Date.now() + aheadMs, monotonicMs: () => performance.now() + aheadMs };
const world = await startGateway({ configFile, agentsPort: port, clock });

after(async () => {
  await world.close();
  await provider.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A port that nobody has right now: `audience` is our URL, so it must be known before the start. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: free } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return free;
}

const listTools = (token: string) => world.request("GET", "/sallyport/v1/tools", { token });
const anyToken = async (): Promise<string> => (await provider.clientToken({ resource: ours, scope })).access_token;

async function readJson(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url, { headers: { accept: "application/json" } });
  assert.equal(response.status, 200, url);
  return (await response.json()) as Record<string, unknown>;
}

test("a client that knows only our URL finds the issuer, a token and its way to a call", async () => {
  // 1. It just calls, and is told where to look.
  const refused = await fetch(`${ours}/payments/v1/charges/ch_1001`);
  assert.equal(refused.status, 401);
  const metadataUrl = /resource_metadata="([^"]+)"/.exec(refused.headers.get("www-authenticate") ?? "")?.[1];
  assert.equal(metadataUrl, `${ours}/.well-known/oauth-protected-resource`);
  // 2. What this resource is, and who issues tokens for it (RFC 9728).
  const resource = await readJson(metadataUrl);
  assert.equal(resource["resource"], ours);
  const [issuer] = resource["authorization_servers"] as string[];
  assert.equal(issuer, provider.issuer);
  // 3. Where that issuer gives tokens (RFC 8414).
  const server = await readJson(`${issuer}/.well-known/oauth-authorization-server`);
  assert.equal(server["issuer"], issuer);
  // 4. A token for this resource (RFC 8707), with the scope that it asks for.
  const { id, secret } = provider.client;
  const answer = await fetch(String(server["token_endpoint"]), {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${id}:${secret}`)}` },
    body: new URLSearchParams({
      grant_type: "client_credentials",
      resource: resource["resource"],
      scope: (resource["scopes_supported"] as string[]).join(" "),
    }),
  });
  const { access_token: token } = (await answer.json()) as { access_token: string };
  // 5. A run, because this agent's contract has a budget for each run; then the call that was refused.
  const opened = await world.request("POST", "/sallyport/v1/runs", { token });
  assert.equal(opened.status, 201, opened.text);
  const called = await world.request("GET", "/payments/v1/charges/ch_1001", { token: String(opened.body["token"]) });
  assert.equal(called.status, 200, called.text);
  assert.equal(called.body["id"], "ch_1001");
});

test("what the provider signs for other uses, other resources or without the scope is refused", async (t) => {
  const person = await provider.login("ada", { resource: ours, scope });
  const rows: readonly (readonly [string, string, number, string])[] = [
    ["an access token for us", await anyToken(), 200, ""],
    ["a person's access token for us", person.access_token, 200, ""],
    ["the ID token of the same login", String(person.id_token), 401, "ERR_TOKEN_UNTRUSTED"],
    ["an opaque token", (await provider.clientToken({ resource: null })).access_token, 401, "ERR_TOKEN_MALFORMED"],
    ["the refresh token", String(person.refresh_token), 401, "ERR_TOKEN_MALFORMED"],
    [
      "a token for another resource",
      (await provider.clientToken({ resource: "https://other.example/", scope })).access_token,
      401,
      "ERR_TOKEN_CLAIMS",
    ],
    [
      "a token for our host and a path below",
      (await provider.clientToken({ resource: `${ours}/tickets/x`, scope })).access_token,
      401,
      "ERR_TOKEN_CLAIMS",
    ],
    ["a token without the scope", (await provider.clientToken({ resource: ours })).access_token, 403, "ERR_SCOPE_INSUFFICIENT"],
  ];
  for (const [title, token, status, code] of rows) {
    await t.test(title, async () => {
      const answer = await listTools(token);
      assert.equal(answer.status, status, answer.text);
      assert.equal(answer.body["code"] ?? "", code);
    });
  }
  assert.equal(rows.length, 8);
});

test("a token without the scope is told which scope, and what it opened without it never works", async () => {
  const { access_token: token } = await provider.clientToken({ resource: ours });
  const bodies = [undefined, "{}"];
  for (const body of bodies) {
    const answer = await world.request("POST", "/sallyport/v1/runs", {
      token,
      ...(body === undefined ? {} : { body, headers: { "content-type": "application/json" } }),
    });
    assert.equal(answer.status, 403, answer.text);
    assert.equal(
      answer.headers.get("www-authenticate"),
      `Bearer error="insufficient_scope", error_description="ERR_SCOPE_INSUFFICIENT", scope="${scope}", resource_metadata="${ours}/.well-known/oauth-protected-resource"`,
    );
  }
});

test("the provider's tokens open nothing on the people's listener", async () => {
  const response = await fetch(`${world.gateway.peopleUrl}/sallyport/v1/me`, { headers: { authorization: `Bearer ${await anyToken()}` } });
  assert.equal(response.status, 401);
});

test("the provider rotates its keys without a restart of ours, and a key that it removes is refused after ten minutes", async () => {
  const old = await anyToken();
  assert.equal((await listTools(old)).status, 200);
  const opened = await world.request("POST", "/sallyport/v1/runs", { token: old });
  provider.useKeys("second", "first");
  const young = await anyToken();
  aheadMs += 31_000;
  assert.equal((await listTools(young)).status, 200, "an unknown key id makes us read the keys again");
  assert.equal((await listTools(old)).status, 200, "the old key is still published");
  provider.useKeys("second");
  const reads = provider.keyReads();
  assert.equal((await listTools(old)).status, 200, "nobody asked for the keys yet");
  aheadMs += 601_000;
  const refused = await listTools(old);
  assert.equal(refused.body["code"], "ERR_TOKEN_UNTRUSTED");
  assert.equal(refused.status, 401);
  assert.equal((await listTools(young)).status, 200);
  assert.equal(provider.keyReads(), reads + 1, "one reading, however many tokens");
  // The run token is ours: it ends with its time, or when its opener is revoked, and not with the issuer's key.
  assert.equal((await listTools(String(opened.body["token"]))).status, 200);
});

test("a long-lived client refreshes its token before and after the old one ends", async () => {
  provider.setTokenSeconds(60 + aheadMs / 1000);
  const first = await provider.login("ada", { resource: ours, scope });
  assert.equal((await listTools(first.access_token)).status, 200);
  aheadMs += 61_000;
  const ended = await listTools(first.access_token);
  assert.equal(ended.status, 401);
  assert.equal(ended.body["code"], "ERR_TOKEN_EXPIRED");
  assert.match(ended.headers.get("www-authenticate") ?? "", /^Bearer error="invalid_token", .*resource_metadata="/);
  provider.setTokenSeconds(7200);
  const second = await provider.refresh(String(first.refresh_token), { resource: ours });
  assert.equal((await listTools(second.access_token)).status, 200);
  const third = await provider.refresh(String(second.refresh_token), { resource: ours });
  assert.equal((await listTools(third.access_token)).status, 200);
  assert.notEqual(third.access_token, second.access_token);
});
