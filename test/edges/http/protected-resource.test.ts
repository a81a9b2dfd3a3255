import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { challengeOf, metadataUrl } from "../../../src/edges/http/challenge.ts";
import { type Code, codeRow, codes } from "../../../src/rules/codes.ts";
import { swap, writeDemoConfig } from "../../support/demo-config.ts";
import { startGateway } from "../../support/gateway.ts";
import { headerOf, rawRequest, sendRaw } from "../../support/raw-http.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-prm-"));
const publicUrl = "https://gw.example.com/agents";
const issuerRows = `issuers:
  - { issuer: "https://id.example.com/a", jwks: "https://id.example.com/a.json", audience: "${publicUrl}", required_scope: "sallyport:call" }
  - { issuer: "https://id.example.com/b", jwks: "https://id.example.com/b.json", audience: sallyport }
public_url: ${publicUrl}
documentation_url: https://wiki.example.com/sallyport
`;
const plain = await startGateway();
const behindProxy = await startGateway({
  configFile: writeDemoConfig(folder, { edit: { "config/gateway.yaml": swap("issuers: []", issuerRows) } }),
});
const wellKnown = "/.well-known/oauth-protected-resource";

after(async () => {
  await Promise.all([plain.close(), behindProxy.close()]);
  rmSync(folder, { recursive: true, force: true });
});

test("the metadata names resource, issuers, scopes and documentation, and anybody may read and keep it", async () => {
  const response = await fetch(`${behindProxy.gateway.agentsUrl}${wellKnown}`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("cache-control"), "public, max-age=300");
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  assert.deepEqual(await response.json(), {
    resource: publicUrl,
    authorization_servers: ["https://id.example.com/a", "https://id.example.com/b", "https://dev.sallyport.local/agents"],
    scopes_supported: ["sallyport:call"],
    bearer_methods_supported: ["header"],
    resource_name: "Sallyport",
    resource_documentation: "https://wiki.example.com/sallyport",
  });
});

test("a document's resource is the URL into which the well-known path was inserted", async (t) => {
  const ours = plain.gateway.agentsUrl;
  const rows: readonly (readonly [typeof plain, string, string | null])[] = [
    [plain, "", ours],
    [plain, "/payments", `${ours}/payments`],
    [plain, "/tickets", `${ours}/tickets`],
    [behindProxy, "/agents", publicUrl],
    [behindProxy, "/agents/payments", `${publicUrl}/payments`],
    // A proxy that cuts the path of the public URL off.
    [behindProxy, "/payments", `${publicUrl}/payments`],
    [plain, "/", null],
    [plain, "/payments/", null],
    [plain, "/Payments", null],
    [plain, "/payments/v1", null],
    [plain, "/%70ayments", null],
    [plain, "/payments%2F..", null],
    [plain, "/agents", null],
    [plain, "/sallyport", null],
    [plain, "?resource=https://evil.example", null],
    [plain, "/payments?x=1", null],
    [plain, "s", null],
    [behindProxy, "/agents/agents", null],
  ];
  for (const [world, suffix, resource] of rows) {
    await t.test(`${suffix} → ${resource ?? "nothing"}`, async () => {
      const { responses } = await sendRaw(
        world.gateway.agentsUrl,
        rawRequest(`GET ${wellKnown}${suffix} HTTP/1.1`, ["Host: evil.example", "X-Forwarded-Host: evil.example", "Connection: close"]),
      );
      const [response] = responses;
      if (resource !== null) assert.equal((JSON.parse(response?.body ?? "") as { resource: string }).resource, resource);
      else assert.ok([400, 401, 404].includes(response?.status ?? 0), String(response?.status));
      assert.doesNotMatch(response?.body ?? "", /evil\.example/);
    });
  }
  assert.equal(rows.length, 18);
});

test("the metadata of a public URL with a path stands between its host and its path", () => {
  assert.equal(metadataUrl("https://gw.example.com"), `https://gw.example.com${wellKnown}`);
  assert.equal(metadataUrl("https://gw.example.com:8443/a/b"), `https://gw.example.com:8443${wellKnown}/a/b`);
});

const metadata = `resource_metadata="https://gw.example.com${wellKnown}"`;
const challenges: Partial<Record<Code, string>> = {
  ERR_TOKEN_MISSING: `Bearer ${metadata}`,
  ERR_TOKEN_MALFORMED: `Bearer error="invalid_request", error_description="ERR_TOKEN_MALFORMED", ${metadata}`,
  ERR_TOKEN_UNTRUSTED: `Bearer error="invalid_token", error_description="ERR_TOKEN_UNTRUSTED", ${metadata}`,
  ERR_TOKEN_EXPIRED: `Bearer error="invalid_token", error_description="ERR_TOKEN_EXPIRED", ${metadata}`,
  ERR_TOKEN_CLAIMS: `Bearer error="invalid_token", error_description="ERR_TOKEN_CLAIMS", ${metadata}`,
  ERR_SCOPE_INSUFFICIENT: `Bearer error="insufficient_scope", error_description="ERR_SCOPE_INSUFFICIENT", scope="a:b", ${metadata}`,
};

test("every 401 challenges, a lacking scope does, and no other answer", () => {
  const seen = Object.keys(codes).map((name) => {
    const code = name as Code;
    const challenge = challengeOf(code, "https://gw.example.com", code === "ERR_SCOPE_INSUFFICIENT" ? "a:b" : undefined);
    if (Object.hasOwn(challenges, code)) assert.equal(challenge, challenges[code]);
    else if (codeRow(code).status === 401)
      assert.equal(challenge, `Bearer error="invalid_token", error_description="${code}", ${metadata}`);
    else assert.equal(challenge, undefined, code);
    return challenge;
  });
  assert.ok(seen.filter((challenge) => challenge !== undefined).length >= 6);
});

const asked: readonly (readonly [string, string, readonly string[], RegExp])[] = [
  ["no token on a mount", "GET /payments/v1/charges/ch_1001", [], /^Bearer resource_metadata="/],
  ["no token on our own", "GET /sallyport/v1/tools", [], /^Bearer resource_metadata="/],
  ["no token where nothing is", "GET /nothing/here", [], /^Bearer resource_metadata="/],
  ["no token under .well-known", "GET /.well-known/nothing", [], /^Bearer resource_metadata="/],
  ["no token and a body", "POST /sallyport/v1/tools/payments.refund", ["Content-Length: 2"], /^Bearer resource_metadata="/],
  ["two tokens", "GET /sallyport/v1/tools", ["Authorization: Bearer a", "Authorization: Bearer b"], /^Bearer error="invalid_request"/],
  ["another scheme", "GET /sallyport/v1/tools", ["Authorization: Basic YTpi"], /^Bearer error="invalid_request"/],
  ["a stranger's token", "GET /sallyport/v1/tools", [`Authorization: Bearer ${strangerToken()}`], /^Bearer error="invalid_token"/],
  [
    "a stranger's token and a body",
    "POST /sallyport/v1/runs",
    [`Authorization: Bearer ${strangerToken()}`, "Content-Length: 2"],
    /^Bearer error="invalid_token"/,
  ],
];
for (const [title, line, headers, expected] of asked) {
  test(`${title} is 401 and is told where the metadata stands`, async () => {
    const request = rawRequest(
      `${line} HTTP/1.1`,
      ["Host: a", ...headers, "Connection: close"],
      headers.some((one) => one.startsWith("Content-Length")) ? "{}" : "",
    );
    const { responses } = await sendRaw(plain.gateway.agentsUrl, request);
    assert.equal(responses[0]?.status, 401);
    const challenge = headerOf(responses[0], "www-authenticate") ?? "";
    assert.match(challenge, expected);
    assert.ok(challenge.endsWith(`resource_metadata="${plain.gateway.agentsUrl}${wellKnown}"`), challenge);
  });
}

function strangerToken(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "ES256", typ: "at+jwt" })}.${part({ iss: "https://stranger.example" })}.${Buffer.alloc(64).toString("base64url")}`;
}
