import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { swap } from "../support/demo-config.ts";
import type { TestGateway } from "../support/gateway.ts";
import { headerOf, type RawExchange, rawRequest } from "../support/raw-http.ts";
import { sendAll, startShort, statusesOf } from "./wire-world.ts";

// INV-10: path, host, header and method are canonical or refused: what the policy judged is what the upstream was asked.

let world: TestGateway;
let tokens: Readonly<Record<string, string>>;
before(async () => {
  world = await startShort(undefined, { "config/contracts/release-bot.yaml": swap("limit: 10/min", "limit: 100000/min") });
  tokens = { billing: await world.agentToken(), release: await world.agentToken({ agent: "release-bot" }) };
});
after(() => world.close());

interface Sample {
  readonly tool: string;
  readonly method: "GET" | "POST";
  readonly mount: string;
  /** The path below the mount: also what the upstream is asked for. */
  readonly path: string;
  readonly query?: string;
  /** Another one each time: the same write twice would be held. */
  readonly body?: (turn: number) => object;
  readonly agent: "billing" | "release";
}

const samples: readonly Sample[] = [
  { tool: "payments.lookup_charge", method: "GET", mount: "/payments", path: "/v1/charges/ch_1001", agent: "billing" },
  { tool: "payments.list_refunds", method: "GET", mount: "/payments", path: "/v1/refunds", agent: "billing" },
  {
    tool: "payments.refund",
    method: "POST",
    mount: "/payments",
    path: "/v1/refunds",
    body: (turn) => ({ charge: "ch_1001", amount: 1, reason: `path ${turn}` }),
    agent: "billing",
  },
  { tool: "tickets.search", method: "GET", mount: "/tickets", path: "/v1/tickets", query: "query=refund", agent: "billing" },
  { tool: "tickets.lookup", method: "GET", mount: "/tickets", path: "/v1/tickets/tk_3001", agent: "billing" },
  {
    tool: "tickets.create",
    method: "POST",
    mount: "/tickets",
    path: "/v1/tickets",
    body: (turn) => ({ subject: `path ${turn}`, text: "x" }),
    agent: "billing",
  },
  {
    tool: "tickets.reply",
    method: "POST",
    mount: "/tickets",
    path: "/v1/tickets/tk_3001/replies",
    body: (turn) => ({ text: `path ${turn}` }),
    agent: "billing",
  },
  { tool: "deploys.list", method: "GET", mount: "/deploys", path: "/v1/deploys", agent: "release" },
];

/** What some server takes for a slash, a dot segment, nothing at all, or the end of the path. */
const seams: readonly string[] = [
  ...[
    "//",
    "/./",
    "/../",
    "/.//",
    "/..;/",
    "/.;/",
    "/;/",
    "/;x=1/",
    "/;x=1;y=2/",
    "/..%3b/",
    "/%2e/",
    "/%2E/",
    "/%2e%2e/",
    "/%2E%2E/",
    "/.%2e/",
    "/%2e./",
  ],
  ...[
    "%2f",
    "%2F",
    "/%2f",
    "%2f%2f",
    "/%2e%2e%2f",
    "%5c",
    "%5C",
    "\\",
    "/\\",
    "\\..\\",
    "/%5c../",
    "/..%5c",
    "%252f",
    "%25252f",
    "/%252e%252e/",
    "%255c",
  ],
  ...[
    "/%c0%ae/",
    "/%c0%ae%c0%ae/",
    "%c0%af",
    "%c1%9c",
    "/%e0%80%ae/",
    "%e0%80%af",
    "%f0%80%80%af",
    "%ef%bc%8f",
    "%e2%81%84",
    "%e2%88%95",
    "/%ef%bc%8e%ef%bc%8e/",
  ],
  ...[
    "/%00/",
    "%00/",
    "/%0a",
    "/%0d%0a",
    "/%09/",
    "/%20/",
    "/%7f/",
    "/%u002f",
    "/%u002e%u002e/",
    "%%32%66",
    "/%/",
    "/%2/",
    "/%zz/",
    "#/",
    "/#",
    "%23/",
    "/%3f/",
  ],
  ...["/~/", "/*/", "/+/", "/.../"],
];

/** Other spellings of the whole path. */
const whole: Readonly<Record<string, (path: string) => string>> = {
  "upper case": (path) => path.toUpperCase(),
  "one capital": (path) => path.replace(/[a-z]/, (letter) => letter.toUpperCase()),
  "a letter encoded": (path) => path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  "every letter encoded": (path) => path.replace(/[a-z]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  "a letter encoded twice": (path) => path.replace(/[a-z]/, (letter) => `%25${letter.charCodeAt(0).toString(16)}`),
  "a full-width letter": (path) =>
    path.replace(/[a-z]/, (letter) => encodeURIComponent(String.fromCodePoint(letter.charCodeAt(0) + 0xfee0))),
  "a Cyrillic letter": (path) => path.replace("e", "%D0%B5"),
  "a zero-width joiner": (path) => path.replace("v1", "v%E2%80%8D1"),
  "a slash at the end": (path) => `${path}/`,
  "two slashes at the end": (path) => `${path}//`,
  "a dot at the end": (path) => `${path}/.`,
  "a format at the end": (path) => `${path}.json`,
  "an encoded slash at the end": (path) => `${path}%2F`,
  "a parameter at the end": (path) => `${path};jsessionid=1`,
  "a space at the end": (path) => `${path}%20`,
  "a NUL at the end": (path) => `${path}%00`,
  "a NUL and a format at the end": (path) => `${path}%00.json`,
  "a line end at the end": (path) => `${path}%0A`,
  "a fragment": (path) => `${path}#x`,
  "an encoded fragment": (path) => `${path}%23x`,
  "an encoded question mark": (path) => `${path}%3Fx=1`,
  "an undeclared query": (path) => `${path}?__proto__=1`,
  "a method in the query": (path) => `${path}?_method=DELETE`,
  "two question marks": (path) => `${path}??`,
  "an empty query": (path) => `${path}?`,
  "an absolute target": (path) => `http://gw${path}`,
  "an absolute target of the upstream": (path) => `http://127.0.0.1:9900${path}`,
  "an absolute target with a user": (path) => `http://a:b@gw${path}`,
  "a network path": (path) => `//gw${path}`,
  "a backslash in front": (path) => `\\${path}`,
  "no slash in front": (path) => path.slice(1),
  "two slashes in front": (path) => `/${path}`,
  "a dot segment in front": (path) => `/.${path}`,
  "two dots in front": (path) => `/..${path}`,
  "another mount in front": (path) => `/tickets/..${path}`,
  "our own space in front": (path) => `/sallyport/v1/tools/..%2f..%2f..${path}`,
  "the mount twice": (path) => path.replace(/^\/[a-z]+/, "$&$&"),
  "no mount": (path) => path.replace(/^\/[a-z]+/, ""),
  "a longer mount": (path) => path.replace(/^\/[a-z]+/, "$&x"),
  canonical: (path) => path,
};

const spellings: readonly (readonly [string, (path: string) => string])[] = [
  ...seams.map((seam) => [`${JSON.stringify(seam)} in the middle`, (path: string) => path.replace("/v1/", `${seam}v1/`)] as const),
  ...seams.map((seam) => [`${JSON.stringify(seam)} behind v1`, (path: string) => path.replace("/v1/", `/v1${seam}`)] as const),
  ...Object.entries(whole),
];

/** A spelling with the query that the tool needs. */
const withQuery = ({ query }: Sample, target: string): string =>
  query === undefined ? target : `${target}${target.includes("?") ? "&" : "?"}${query}`;
const askedUrl = (sample: Sample): string => withQuery(sample, sample.path);
const canonicalTarget = (sample: Sample): string => withQuery(sample, sample.mount + sample.path);

let keys = 0;
function bytesOf({ method, body, agent }: Sample, target: string, more: readonly string[] = [], host = "Host: gw"): string {
  keys += 1;
  const text = body === undefined ? "" : JSON.stringify(body(keys));
  const framing =
    body === undefined ? [] : ["Content-Type: application/json", `Content-Length: ${text.length}`, `Idempotency-Key: path-${keys}`];
  return rawRequest(
    `${method} ${target} HTTP/1.1`,
    [host, "Connection: close", `Authorization: Bearer ${tokens[agent]}`, ...framing, ...more],
    text,
  );
}

/** The tool that the policy judged, by the id in the answer; the upstream's log says what it was asked. */
async function judged(exchange: RawExchange): Promise<string | undefined> {
  const id = headerOf(exchange.responses[0], "sallyport-call-id") ?? "";
  return (await world.gateway.ports.calls.find(id))?.tool;
}

test("a path in any other spelling reaches no tool, and the canonical one reaches exactly its own", async (context) => {
  const cases = samples.flatMap((sample) =>
    spellings.map(([name, spell]) => ({ sample, name, target: withQuery(sample, spell(sample.mount + sample.path)) })),
  );
  const before = world.sandbox.requests().length;
  const exchanges = await sendAll(
    world.gateway.agentsUrl,
    cases.map(({ sample, target }) => bytesOf(sample, target)),
  );
  let accepted = 0;
  let refunds = 0;
  for (const [index, { sample, name, target }] of cases.entries()) {
    const exchange = exchanges[index] as RawExchange;
    const told = `${sample.tool}, ${name}: ${target} ${JSON.stringify(exchange)}`;
    const statuses = statusesOf(exchange);
    assert.equal(statuses.length, 1, told);
    const status = statuses[0] as number;
    assert.ok(status < 500, told);
    if (status >= 400) {
      assert.notEqual(name, "canonical", told);
      continue;
    }
    accepted += 1;
    if (sample.tool === "payments.refund") refunds += 1;
    assert.ok(name === "canonical" || name === "an empty query", told);
    assert.equal(await judged(exchange), sample.tool, told);
  }
  const asked = world.sandbox.requests().slice(before);
  const known = new Set([...samples.map((sample) => `${sample.method} ${askedUrl(sample)}`), "GET /v1/charges/ch_1001"]);
  assert.deepEqual(
    asked.filter(({ method, url }) => !known.has(`${method} ${url}`)),
    [],
  );
  // The preview of a refund is a read of its own.
  assert.equal(asked.length, accepted + refunds);
  context.diagnostic(`${cases.length} requests: ${spellings.length} spellings x ${samples.length} tools; ${accepted} accepted`);
  assert.ok(spellings.length >= 120 && samples.length === 8 && accepted >= 8);
});

/** Header lines that some server in the row takes for another method, path, host, tenant or caller. */
const tricks: readonly string[] = [
  ...[
    "X-Tenant: globex",
    "X_Tenant: globex",
    "X.Tenant: globex",
    "Sandbox-Account: acct_globex",
    "Sandbox_Account: acct_globex",
    "SANDBOX-ACCOUNT: acct_globex",
  ],
  ...[
    "X-HTTP-Method: DELETE",
    "X-HTTP-Method-Override: DELETE",
    "X-Method-Override: DELETE",
    "X_HTTP_Method_Override: DELETE",
    "X-Original-Method: DELETE",
  ],
  ...[
    "X-Original-URL: /v1/deploys",
    "X-Rewrite-URL: /v1/deploys",
    "X-Original-URI: /v1/deploys",
    "X-Forwarded-Prefix: /deploys",
    "X-Forwarded-Path: /deploys",
    "X-Envoy-Original-Path: /deploys",
  ],
  ...[
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Host: other",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Port: 1",
    "Forwarded: for=127.0.0.1;host=other",
    "X-Real-IP: 127.0.0.1",
    "X-Client-IP: 127.0.0.1",
  ],
  ...[
    "X-Forwarded-User: admin",
    "X-Remote-User: admin",
    "Remote-User: admin",
    "X-Auth-Request-Email: a@b",
    "X-Forwarded-Access-Token: a",
    "X-Api-Key: sk",
    "Proxy-Authorization: Basic YTpi",
    "Cookie: a=b",
  ],
  ...[
    "Authorization: Bearer x",
    "Authorization: Basic YTpi",
    "authorization:",
    "Authorization_: Bearer x",
    "Host: other",
    "Host:",
    "HOST: gw",
    ":authority: other",
    ":path: /v1/deploys",
  ],
  ...[
    "Connection: authorization",
    "Connection: sandbox-account",
    "Connection: x-tenant, close",
    "Connection: Idempotency-Key",
    "Keep-Alive: timeout=9",
    "Proxy-Connection: keep-alive",
  ],
  ...[
    "TE: trailers, chunked",
    "Trailer: Authorization",
    "Upgrade: h2c",
    "HTTP2-Settings: AAMAAABk",
    "Expect: 100-continue",
    "Expect: x",
    "Max-Forwards: 0",
    "Via: 1.1 x",
  ],
  ...[
    "Content-Type: text/plain",
    "Content-Encoding: gzip",
    "Content-Language: de",
    "Content-Location: /v1/deploys",
    "Range: bytes=0-0",
    "If-Match: x",
    "If-None-Match: *",
    "Accept: text/html",
    "Accept-Encoding: gzip",
  ],
  ...[
    "Idempotency-Key: other",
    "Idempotency_Key: other",
    "Sallyport-Dry-Run: false",
    "Sallyport-Dry-Run: TRUE",
    "Sallyport_Dry_Run: true",
    "Sallyport-Run: r_2",
    "Prefer: wait=0",
    "Prefer: respond-async, wait=0",
  ],
  ...[
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "baggage: tenant=globex",
    "X-Request-Id: x",
    "X-Amzn-Trace-Id: x",
    "CF-Connecting-IP: 127.0.0.1",
    "True-Client-IP: 127.0.0.1",
  ],
];

test("no header changes what the upstream is asked, or the request is refused", async (context) => {
  const cases = samples.flatMap((sample) => tricks.map((trick) => ({ sample, trick })));
  const plain = new Map<string, string>();
  const asSent = (lines: readonly (readonly [string, string])[]): string =>
    JSON.stringify(
      lines
        .filter(([name]) => !["idempotency-key", "content-length"].includes(name.toLowerCase()))
        .map(([name, value]) => [name.toLowerCase(), value]),
    );
  for (const sample of samples) {
    await sendAll(world.gateway.agentsUrl, [bytesOf(sample, canonicalTarget(sample))]);
    plain.set(sample.tool, asSent(world.sandbox.requests().at(-1)?.headers ?? []));
  }
  const counts = { refused: 0, same: 0 };
  for (const sample of samples) {
    const before = world.sandbox.requests().length;
    const own = cases.filter((one) => one.sample === sample);
    const exchanges = await sendAll(
      world.gateway.agentsUrl,
      own.map(({ trick }) => bytesOf(sample, canonicalTarget(sample), [trick])),
    );
    let accepted = 0;
    for (const [index, { trick }] of own.entries()) {
      const exchange = exchanges[index] as RawExchange;
      const told = `${sample.tool}, ${trick}: ${JSON.stringify(exchange)}`;
      const [status = 0, ...more] = statusesOf(exchange);
      assert.ok(status >= 200 && status < 500 && more.length === 0, told);
      if (status === 200) {
        accepted += 1;
        assert.equal(await judged(exchange), sample.tool, told);
      }
      counts[status === 200 ? "same" : "refused"] += 1;
    }
    const asked = world.sandbox.requests().slice(before);
    const seen = asked.filter(({ method, url }) => method === sample.method && url === askedUrl(sample));
    assert.equal(seen.length, accepted, sample.tool);
    for (const { headers } of seen) assert.equal(asSent(headers), plain.get(sample.tool), sample.tool);
    const others = asked.filter(
      ({ method, url }) =>
        !(method === sample.method && url === askedUrl(sample)) && !(sample.tool === "payments.refund" && url === "/v1/charges/ch_1001"),
    );
    assert.deepEqual(others, []);
  }
  context.diagnostic(`${cases.length} requests: ${tricks.length} header tricks x ${samples.length} tools; ${JSON.stringify(counts)}`);
  assert.ok(tricks.length >= 60 && counts.refused > 300 && counts.same > 50);
});
