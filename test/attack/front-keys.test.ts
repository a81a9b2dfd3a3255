import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { all, unlimited } from "../path/wide-gateway.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { startGateway, type TestAnswer, type TestGateway } from "../support/gateway.ts";
import { type Answerer, answerEmpty, type ScriptedUpstream, startUpstream } from "../support/pass-world.ts";

// Keys that look made up, answers that look like another's, refusals that look like success.

const charge = "properties: { charge: { type: string }, amount: { type: integer, minimum: 1 }, reason: { type: string, maxLength: 200 } }";
const refund = (name: string, key: string, path: string): string => `  ${name}:
    match: POST ${path}
    describe: Refund.
    traits: { effect: write, reversible: false, financial: high }
    body: form
    key: ${key}
    amount: { pointer: /amount, unit: minor, currency: { is: USD } }
    input: { type: object, required: [charge, amount], additionalProperties: false, ${charge} }
`;
const routes = (url: string): string => `upstream: ${url}
mount: { path: /pay }
errors: stripe
client_key_pattern: "^(stripe-node-retry-|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$)"
limits: { response_bytes: 64KiB, items: { pointer: /data, max: 3 } }
credentials: { header: Authorization, value: "Bearer sk_pay_{tenant}" }
tools:
${refund("pay.once", "from_arguments", "/once")}${refund("pay.keyed", "required", "/keyed")}${refund("pay.big", "required", "/big")}  pay.note: { match: POST /note, describe: Note., traits: { effect: write, reversible: true }, body: form, input: { type: object, additionalProperties: false, ${charge} } }
  pay.list: { match: GET /list, describe: List., traits: { effect: read }, input: { type: object, additionalProperties: false } }
  pay.shaped: { match: GET /shaped, describe: List., traits: { effect: read }, input: { type: object, additionalProperties: false }, output: { type: object, required: [data], properties: { data: { type: array } } } }
`;

let world: TestGateway;
let upstream: ScriptedUpstream;
let folder = "";
let turns = 0;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-front-keys-"));
  upstream = await startUpstream();
  const configFile = writeDemoConfig(folder, {
    edit: {
      "routes/pay.yaml": () => routes(upstream.url),
      "config/contracts/billing-dispute.yaml": all(
        unlimited,
        swap(
          "  tickets.search: allow",
          "  pay.once: allow\n  pay.keyed: allow\n  pay.big: { up_to: { USD: 10 }, beyond: hold, tier: finance }\n  pay.note: allow\n  pay.list: allow\n  pay.shaped: allow\n  tickets.search: allow",
        ),
      ),
    },
  });
  world = await startGateway({ configFile });
});
after(async () => {
  await world.close();
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Sent {
  readonly key?: string;
  readonly args?: string;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A form to the mount; the reason tells the turn, so that effects can be counted. */
async function pay(
  tool: string,
  { key, args = `charge=ch_1&amount=1&reason=turn${turns}`, token, headers = {} }: Sent = {},
): Promise<TestAnswer> {
  return world.request("POST", `/pay/${tool}`, {
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: args,
    ...(key === undefined ? {} : { key }),
    ...(token === undefined ? {} : { token }),
  });
}

const bodies = (): readonly string[] => upstream.seen.map(({ chunks }) => Buffer.concat(chunks).toString("utf8"));
const effects = (): number =>
  bodies().filter((body) => body.includes(`reason=turn${turns}&`) || body.endsWith(`reason=turn${turns}`)).length;
const newTurn = (): void => {
  turns += 1;
};
const made = (number: number): string => `stripe-node-retry-${String(number).padStart(8, "0")}-0000-4000-8000-000000000000`;

it("does not stand for a key of the agent's: a grave write without one is refused, whatever the made-up key looks like", async () => {
  newTurn();
  for (const key of [
    made(1),
    "stripe-node-retry-",
    "stripe-node-retry-mine",
    "00000000-0000-4000-8000-000000000000",
    '"stripe-node-retry-quoted"',
  ]) {
    const answer = await pay("keyed", { key });
    assert.equal(answer.body["code"], "ERR_KEY_REQUIRED", `${key}: ${answer.text}`);
  }
  assert.equal(effects(), 0);
});

it("makes no second effect where the key comes from the arguments: twenty at once, and twenty after it", async () => {
  newTurn();
  const atOnce = await Promise.all(Array.from({ length: 20 }, (_, at) => pay("once", { key: made(at) })));
  const later: TestAnswer[] = [];
  for (let at = 20; at < 40; at += 1) later.push(await pay("once", at % 2 === 0 ? { key: made(at) } : {}));
  assert.equal(effects(), 1);
  const calls = new Set([...atOnce, ...later].map(({ headers }) => headers.get("sallyport-call-id")));
  assert.equal(calls.size, 1, [...calls].join(", "));
});

it("joins nobody else's call: tenant, agent, user and run each have their own", async () => {
  newTurn();
  const others = [{ tenant: "globex" }, { user: "u_1" }, { user: "u_2" }, { run: "r_other" }];
  const ids = new Set<unknown>();
  for (const of of [{}, ...others])
    ids.add((await pay("once", { key: made(1), token: await world.agentToken(of) })).headers.get("sallyport-call-id"));
  assert.equal(ids.size, 5);
  assert.equal(effects(), 5);
  for (const { headers } of upstream.seen)
    assert.ok(!JSON.stringify(headers).includes("stripe-node-retry"), "an agent's key went upstream");
});

it("does not stretch over other arguments, and does not shrink two calls to one", async () => {
  newTurn();
  const [first, second] = [
    await pay("once", { key: made(1) }),
    await pay("once", { key: made(1), args: `charge=ch_1&amount=2&reason=turn${turns}` }),
  ];
  assert.notEqual(first.headers.get("sallyport-call-id"), second.headers.get("sallyport-call-id"));
  assert.equal(effects(), 2);
  assert.equal((await pay("note", { key: made(2) })).status, 200);
  assert.equal((await pay("note", { key: made(2), args: "charge=ch_1&amount=9" })).body["code"], "ERR_KEY_REUSED");
});

it("is known by its beginning alone: what only holds the pattern, or differs in case, is the agent's own key, and each is one effect", async () => {
  newTurn();
  const own = [
    "x-stripe-node-retry-1",
    "Stripe-Node-Retry-1",
    "stripe-node-retry_1",
    "stripe_node_retry-1",
    "00000000-0000-4000-8000-000000000000x",
    "00000000-0000-4000-8000-00000000000G",
  ];
  for (const key of own) {
    const answers = [await pay("keyed", { key }), await pay("keyed", { key }), await pay("keyed", { key: `"${key}"` })];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200],
      key,
    );
    assert.equal(new Set(answers.map(({ headers }) => headers.get("sallyport-call-id"))).size, 1, key);
  }
  assert.equal(effects(), own.length);
});

it("by name is the agent's own, and is the same call by both ways", async () => {
  newTurn();
  const key = made(7);
  const named = await world.call("pay.note", { charge: "ch_1", amount: 1, reason: `turn${turns}` }, { key });
  const mounted = await pay("note", { key });
  assert.equal(named.headers.get("sallyport-call-id"), mounted.headers.get("sallyport-call-id"));
  assert.equal(effects(), 1);
});

it("that is no key at all is refused: too long, blanks, control and foreign characters, a comma list of two headers", async () => {
  newTurn();
  for (const key of ["", " ", "a b", "x".repeat(256), "ä", '""', '"a', 'a"b', "\u0001", "a\tb"]) {
    const answer = await pay("keyed", { key }).catch(() => null);
    if (answer !== null) assert.ok([400, 422].includes(answer.status), `${JSON.stringify(key)}: ${answer.status} ${answer.text}`);
  }
  assert.equal(effects(), 0);
});

/** What official SDKs take for success: any 2xx, and for Stripe's any document without `error`. */
function assertRefused({ status, body, headers }: TestAnswer, title: string): void {
  assert.ok(status >= 400, `${title}: ${status}`);
  assert.equal(typeof body["error"], "object", title);
  assert.notEqual(body["executed"], undefined, title);
  assert.equal(headers.get("location")?.startsWith(world.gateway.agentsUrl) ?? true, true, title);
}

const answering =
  (status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): Answerer =>
  (request, response) => {
    request.resume().on("end", () => response.writeHead(status, headers).end(body));
  };

it("is no success, however the request asks to be answered", async () => {
  newTurn();
  const wishes: readonly Readonly<Record<string, string>>[] = [
    {},
    { prefer: "respond-async" },
    { prefer: "wait=1" },
    { prefer: "return=minimal" },
    { accept: "text/event-stream" },
    { accept: "text/html" },
    { accept: "image/png" },
    { "accept-encoding": "gzip, br" },
    { te: "trailers" },
    { "user-agent": "Stripe/v1 NodeBindings/20.0.0" },
    { "accept-language": "de" },
  ];
  for (const [at, headers] of wishes.entries()) {
    assertRefused(await pay("keyed", { headers }), "no key");
    assertRefused(await pay("once", { headers, args: "charge=ch_1" }), "no amount");
    assertRefused(await pay("nowhere", { headers }), "no route");
    assertRefused(await pay("once", { headers, token: "no-token" }), "no token");
    assertRefused(await pay("big", { headers, key: `big-${at}`, args: `charge=ch_1&amount=${5000 + at}` }), "held");
  }
  for (const value of ["TRUE", "1", "yes", "", "true, true", "false"]) {
    const answer = await pay("keyed", { key: `dry-${value}`, headers: { "sallyport-dry-run": value } });
    assertRefused(answer, `dry run ${JSON.stringify(value)}`);
  }
  assert.equal(effects(), 0);
});

it("is told to HEAD, OPTIONS and other methods by its status", async () => {
  for (const method of ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "GET"]) {
    const answer = await world.request(method, "/pay/once");
    assert.ok(answer.status >= 400, `${method}: ${answer.status}`);
  }
});

const items = (count: number): string => JSON.stringify({ data: Array.from({ length: count }, (_, at) => ({ at })) });
const withheld: readonly (readonly [title: string, path: string, answer: Answerer])[] = [
  ["four items of three", "list", answering(200, { "content-type": "application/json" }, items(4))],
  ["four items with another good status", "list", answering(206, { "content-type": "application/json" }, items(4))],
  ["four members in place of items", "list", answering(200, {}, '{"data":{"a":1,"b":2,"c":3,"d":4}}')],
  ["items that are no JSON", "list", answering(200, { "content-type": "text/csv" }, "a\nb\nc\nd\n")],
  ["items behind a byte order mark", "list", answering(200, {}, `\ufeff${items(4)}`)],
  ["items as lines", "list", answering(200, { "content-type": "application/x-ndjson" }, `${items(1)}\n${items(4)}`)],
  [
    "packed items",
    "list",
    answering(200, { "content-type": "application/json", "content-encoding": "gzip" }, Buffer.from("1f8b08", "hex")),
  ],
  ["items that call themselves packed twice", "list", answering(200, { "content-encoding": "identity, gzip" }, items(1))],
  ["more bytes than the limit", "list", answering(200, {}, `{"data":[],"x":"${"x".repeat(70_000)}"}`)],
  ["another shape", "shaped", answering(200, {}, '{"data":"all"}')],
  ["no shape", "shaped", answering(200, {}, "[]")],
];
for (const [title, path, answer] of withheld) {
  it(`with ${title} is withheld by name`, async () => {
    upstream.answer = answer;
    try {
      const got = await world.request("GET", `/pay/${path}`);
      assertRefused(got, title);
      assert.ok(["ERR_ANSWER_WITHHELD", "ERR_OUTPUT_INVALID"].includes(String(got.body["code"])), got.text);
      assert.equal(got.body["executed"], true);
      assert.ok(!got.text.includes('"at":3') && got.text.length < 4000, got.text.slice(0, 200));
    } finally {
      upstream.answer = answerEmpty;
    }
  });
}

it("brings none of the upstream's headers that mean something to a client or to us", async () => {
  const loud = {
    "set-cookie": "session=stolen",
    location: "https://evil.example/",
    "www-authenticate": "Bearer realm=evil",
    "sallyport-call-id": "c_forged",
    "sallyport-replayed": "true",
    "sallyport-attached": "c_forged",
    "access-control-allow-origin": "*",
    "strict-transport-security": "max-age=0",
    "clear-site-data": '"*"',
    "stripe-should-retry": "true",
    "retry-after": "0",
    refresh: "0;url=https://evil.example",
  };
  upstream.answer = answering(200, { ...loud, "content-type": "application/json" }, '{"data":[]}');
  try {
    const got = await world.request("GET", "/pay/list");
    assert.equal(got.status, 200);
    const told = JSON.stringify([...got.headers]);
    for (const part of ["stolen", "evil", "c_forged", "max-age=0", "clear-site", "should-retry", "refresh"])
      assert.ok(!told.includes(part), told);
    assert.equal(got.headers.get("sallyport-replayed"), null);
  } finally {
    upstream.answer = answerEmpty;
  }
});
