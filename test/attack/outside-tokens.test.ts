import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { base64url, forge, goodClaims, goodHeader, jwks, keys, nowMs, nowS, stranger, withClaims } from "../adapters/jose/forge.ts";
import { forgedSignatures } from "../adapters/jose/forged-signatures.ts";
import { refusedTokens } from "../adapters/jose/refused-tokens.ts";
import { startWide } from "../path/wide-gateway.ts";
import { swap } from "../support/demo-config.ts";
import type { TestGateway } from "../support/gateway.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";

const second = "https://id.example.com/second";
const issuers = `issuers:
  - issuer: https://id.example.com/agents
    jwks: forged.json
    audience: sallyport
    algorithms: [ES256, RS256, RS384, RS512, PS256, PS384, PS512, EdDSA]
    typ: [at+jwt, JWT]
    required_claims: [sub]
  - issuer: ${second}
    jwks: second.json
    audience: sallyport
    typ: [at+jwt, JWT]
    required_claims: [sub]
`;
// The same key id as the first issuer's, and another key.
const secondKeys = { keys: [{ ...stranger.ES256.publicKey.export({ format: "jwk" }), kid: "es256" }] };

let world: TestGateway;
before(async () => {
  world = await startWide({
    clock: { nowMs: () => nowMs, monotonicMs: () => performance.now() },
    edit: {
      "config/gateway.yaml": swap("issuers: []\n", issuers),
      "config/contracts/billing-dispute.yaml": swap("  - { meter: cost, scope: run, limit: 100000.00 USD, beyond: stop }\n", ""),
      "config/forged.json": () => JSON.stringify(jwks),
      "config/second.json": () => JSON.stringify(secondKeys),
    },
  });
});
after(() => world.close());

const good = forge();
const body = JSON.stringify({ subject: "forged", text: "forged" });
let sent = 0;
let last = "";

/** One ticket with these very lines as its authorization; the status that came back, 0 for none. */
async function openTicketWith(authorization: readonly string[], target = "/sallyport/v1/tools/tickets.create"): Promise<number> {
  sent += 1;
  const lines = ["Host: localhost", ...authorization, `Idempotency-Key: forged-${sent}`, "Content-Type: application/json"];
  const text = rawRequest(`POST ${target} HTTP/1.1`, [...lines, `Content-Length: ${body.length}`, "Connection: close"], body);
  const { responses } = await sendRaw(world.gateway.agentsUrl, Buffer.from(text, "utf8"), { until: 1 });
  last = responses[0]?.body ?? "";
  return responses[0]?.status ?? 0;
}

interface Attempt {
  readonly title: string;
  readonly authorization: readonly string[];
  readonly target?: string;
}

const bearer = (title: string, token: string): Attempt => ({ title, authorization: [`Authorization: Bearer ${token}`] });
const part = (value: object): string => base64url(JSON.stringify(value));
const hexId = "es256";

const crossed: readonly Attempt[] = [
  bearer("the second issuer's key under the first one's name", forge({ key: stranger.ES256.privateKey })),
  bearer("the first issuer's key under the second one's name", forge({ claims: { ...goodClaims, iss: second } })),
  bearer("a token inside a token", forge({ claims: { ...goodClaims, token: good }, key: stranger.ES256.privateKey })),
  bearer("a token as the payload of another", `${part({ ...goodHeader, cty: "JWT" })}.${base64url(good)}.${good.split(".")[2]}`),
  bearer("an encrypted token", `${part({ alg: "RSA-OAEP", enc: "A256GCM", kid: "rsa" })}.AAAA.AAAA.AAAA.AAAA`),
  bearer("a detached payload", `${part({ ...goodHeader, b64: false, crit: ["b64"] })}..${good.split(".")[2]}`),
  bearer("a path as the key's id", forge({ header: { ...goodHeader, kid: "../../../../../../dev/null" } })),
  bearer("a query as the key's id", forge({ header: { ...goodHeader, kid: "es256' OR '1'='1" } })),
  bearer("a NUL in the key's id", forge({ header: { ...goodHeader, kid: `${hexId}\u0000` } })),
  bearer("an act that is a list", withClaims({ act: [{ sub: "intern" }] })),
  bearer("an act without a subject", withClaims({ act: {} })),
  bearer("an act of another issuer", withClaims({ act: { sub: "billing-dispute-v3", iss: second } })),
  bearer("five actors", withClaims({ act: { sub: "a", act: { sub: "b", act: { sub: "c", act: { sub: "d", act: { sub: "e" } } } } } })),
  bearer("auth_time in a token of typ JWT", forge({ header: { ...goodHeader, typ: "JWT" }, claims: { ...goodClaims, auth_time: nowS } })),
  bearer("a huge exp", withClaims({ exp: 1e18 })),
  bearer("an exp as text", withClaims({ exp: String(nowS + 300) })),
  bearer("a negative iat", withClaims({ iat: -1 })),
  bearer("no exp", withClaims({ exp: undefined })),
  bearer("no iat", withClaims({ iat: undefined })),
  bearer("an audience with a stranger", withClaims({ aud: ["sallyport", "stranger"] })),
  bearer("a key of ours, RSA, with an EC algorithm", forge({ header: { ...goodHeader, kid: "rsa" }, key: keys.ES256.privateKey })),
];

const headers: readonly Attempt[] = [
  { title: "no authorization", authorization: [] },
  { title: "an empty one", authorization: ["Authorization:"] },
  { title: "the scheme alone", authorization: ["Authorization: Bearer"] },
  { title: "the scheme and a blank", authorization: ["Authorization: Bearer "] },
  { title: "the token alone", authorization: [`Authorization: ${good}`] },
  { title: "two blanks", authorization: [`Authorization: Bearer  ${good}`] },
  { title: "a tab", authorization: [`Authorization: Bearer\t${good}`] },
  { title: "two headers, both good", authorization: [`Authorization: Bearer ${good}`, `Authorization: Bearer ${good}`] },
  { title: "two headers, one bad", authorization: [`Authorization: Bearer ${good}`, "Authorization: Bearer x"] },
  { title: "two tokens in one", authorization: [`Authorization: Bearer ${good}, Bearer ${good}`] },
  { title: "a comma", authorization: [`Authorization: Bearer ${good},`] },
  { title: "quotes", authorization: [`Authorization: Bearer "${good}"`] },
  { title: "the scheme twice", authorization: [`Authorization: Bearer Bearer ${good}`] },
  { title: "another scheme", authorization: [`Authorization: Token ${good}`] },
  { title: "Basic", authorization: [`Authorization: Basic ${Buffer.from(`x:${good}`).toString("base64")}`] },
  { title: "DPoP", authorization: [`Authorization: DPoP ${good}`] },
  { title: "a cookie", authorization: [`Cookie: access_token=${good}; Authorization=Bearer ${good}`] },
  { title: "a proxy's header", authorization: [`Proxy-Authorization: Bearer ${good}`] },
  { title: "a forwarded header", authorization: [`X-Forwarded-Authorization: Bearer ${good}`] },
  { title: "an underscore", authorization: [`Authorization_: Bearer ${good}`] },
  { title: "a header cut in two", authorization: ["Authorization: Bearer", ` ${good}`] },
  { title: "a full-width colon", authorization: [`Authorization： Bearer ${good}`] },
  ...["access_token", "token", "authorization", "bearer_token"].map((name) => ({
    title: `the query parameter ${name}`,
    authorization: [],
    target: `/sallyport/v1/tools/tickets.create?${name}=${good}`,
  })),
];

const attempts: readonly Attempt[] = [
  ...refusedTokens.map(([title, , token]) => bearer(title, token)),
  ...forgedSignatures.map(({ title, token }) => bearer(title, token)),
  ...crossed,
  ...headers,
];

/** Sixteen at a time: one connection each, as an attacker would. */
async function sendAll(): Promise<ReadonlyMap<string, number>> {
  const statuses = new Map<string, number>();
  const left = attempts.entries();
  const worker = async (): Promise<void> => {
    for (const [at, { title, authorization, target }] of left) statuses.set(`${at} ${title}`, await openTicketWith(authorization, target));
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return statuses;
}

test("no forged, foreign or misplaced token opens a ticket", async (t) => {
  const statuses = await sendAll();
  // 400 and 431 are HTTP's own: a line break in a header, a head that is too large.
  const odd = [...statuses].filter(([, status]) => ![400, 401, 431].includes(status));
  assert.deepEqual(odd, []);
  assert.equal(world.sandbox.effects().length, 0);
  const refused = [...statuses.values()].filter((status) => status === 401).length;
  assert.ok(attempts.length >= 600 && refused >= 600, `${refused} of ${attempts.length} were refused as tokens`);
  t.diagnostic(`${attempts.length} tokens, ${refused} answered 401, 0 accepted, 0 effects`);
  assert.equal(await openTicketWith([`Authorization: Bearer ${good}`]), 200, last);
  assert.equal(world.sandbox.effects().length, 1);
});
