import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";
import type { JsonObject } from "../../src/rules/json.ts";
import { writeDemoConfig } from "../support/demo-config.ts";
import { startGateway, type TestAnswer, type TestGateway } from "../support/gateway.ts";
import { startVendor, type VendorUpstream } from "../support/vendor-upstream.ts";
import { asTexts, flatReaders, formReaders } from "./form-readers.ts";

// A form that policy reads one way and the upstream another is a way round policy. Whatever is let through must be the same to every reader we know.

const routes = (url: string): string => `upstream: ${url}
mount: { path: /books }
credentials: { header: Authorization, value: "Bearer sk_books_{tenant}" }
tools:
  books.pay:
    match: POST /v1/pay
    describe: Pay.
    traits: { effect: write, reversible: true }
    body: form
    in: { notify: query }
    input:
      type: object
      required: [to, amount]
      additionalProperties: false
      properties:
        to: { type: string }
        amount: { type: integer, minimum: 1, maximum: 1000 }
        notify: { type: boolean }
        metadata: { type: object, additionalProperties: { type: string } }
        expand: { type: array, items: { type: string } }
        items: { type: array, items: { type: object, additionalProperties: false, properties: { price: { type: string }, quantity: { type: integer } } } }
  books.list:
    match: GET /v1/list
    describe: List.
    traits: { effect: read }
    query: brackets
    input:
      type: object
      additionalProperties: false
      properties: { limit: { type: integer, maximum: 100 }, created: { type: object, additionalProperties: false, properties: { gte: { type: integer } } } }
  books.end:
    match: DELETE /v1/end/{id}
    describe: End.
    traits: { effect: write, reversible: true }
    body: json
    in: { reason: body }
    input: { type: object, required: [id], additionalProperties: false, properties: { id: { type: string }, reason: { type: string }, when: { type: string } } }
`;

let world: TestGateway;
let vendor: VendorUpstream;
let folder = "";
let judged: JsonObject | null = null;
let played = 0;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-front-forms-"));
  vendor = await startVendor();
  const configFile = writeDemoConfig(folder, {
    edit: {
      "routes/books.yaml": () => routes(vendor.url),
      "config/contracts/books.yaml": () =>
        "agent: payer\nworkflow: paying\nowner: payments-team\ntenants: [acme_co, globex]\nstage: autonomous\ntools: { books.pay: allow, books.list: allow, books.end: allow }\nbudgets: [{ meter: calls, scope: agent, window: day, limit: 1000000 }]\n",
    },
  });
  world = await startGateway({ configFile });
  const ports = world.gateway.ports as { policy: TestGateway["gateway"]["ports"]["policy"] };
  const policy = ports.policy();
  ports.policy = () => ({
    digest: policy.digest,
    evaluate: (input) => {
      judged = input["args"] as JsonObject;
      return policy.evaluate(input);
    },
  });
});
after(async () => {
  await world.close();
  await vendor.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Played {
  readonly answer: TestAnswer;
  /** What policy saw; null when it was not asked. */
  readonly args: JsonObject | null;
  /** The one request that the upstream got, null for none. */
  readonly sent: { readonly url: string; readonly body: string } | null;
}

async function play(method: string, path: string, body?: string, type = "application/x-www-form-urlencoded"): Promise<Played> {
  played += 1;
  judged = null;
  const before = vendor.requests().length;
  const token = await world.agentToken({ agent: "payer", run: `r_${played}` });
  const answer = await world.request(method, path, {
    token,
    headers: body === undefined ? {} : { "content-type": type },
    ...(body === undefined ? {} : { body }),
  });
  const sent = vendor.requests().slice(before);
  assert.ok(sent.length <= 1);
  return { answer, args: judged, sent: sent[0] ?? null };
}

/** Refused, or read alike by policy and by every reader behind us. Answers whether it was let through. */
function assertOneMeaning({ answer, args, sent }: Played, what: string): boolean {
  if (sent === null) {
    assert.ok(answer.status >= 400 && answer.status < 500, `${what}: ${answer.status} ${answer.text}`);
    return false;
  }
  const { notify, ...inBody } = args ?? {};
  assert.equal(answer.status, 200, what);
  assert.equal(new URL(sent.url, "http://x").search, notify === undefined ? "" : `?notify=${String(notify)}`, what);
  for (const [name, read] of Object.entries(formReaders)) {
    const dropped = name === "qs" && Object.keys((inBody["metadata"] ?? {}) as object).some((key) => key in {});
    if (!dropped) assert.deepEqual(read(sent.body), asTexts(inBody), `${what}: ${name} reads ${sent.body}`);
  }
  for (const [name, read] of Object.entries(flatReaders))
    assert.equal((read(sent.body) as { amount: string }).amount, String(inBody["amount"]), `${what}: ${name} reads ${sent.body}`);
  return true;
}

const pay = "to=bob&amount=1";

/** Parameter pollution: what readers of PHP, Rails, Express and servlets take apart differently. */
const polluted: readonly string[] = [
  `${pay}&amount=1000`,
  `${pay}&amount[]=1000`,
  `${pay}&amount[0]=1000`,
  `${pay}&amount[a]=1000`,
  `${pay}&Amount=1000`,
  `${pay}&AMOUNT=1000`,
  `${pay}&amount%00=1000`,
  `${pay}&amount%00x=1000`,
  `${pay}&%20amount=1000`,
  `${pay}&amount%20=1000`,
  `${pay}&+amount=1000`,
  `${pay}&amount.=1000`,
  `${pay}&amount%5B=1000`,
  `${pay}&amount[=1000`,
  `${pay}&amount]=1000`,
  `${pay}&[amount]=1000`,
  `${pay};amount=1000`,
  `${pay}&;amount=1000`,
  `${pay}&to=eve`,
  "to=bob;to=eve&amount=1",
  `${pay}%26amount=1000`,
  `${pay}%26to%3Deve`,
  `${pay}&amount=1e3`,
  "to=bob&amount=1%2C000",
  "to=bob&amount=0x3E8",
  "to=bob&amount=%201",
  "to=bob&amount=1%20",
  "to=bob&amount=1%00",
  "to=bob&amount=+1",
  "to=bob&amount=-1",
  "to=bob&amount=１",
  "to=bob&amount=%EF%BC%91",
  "to=bob&amount=1_000",
  "to=bob&amount=01",
  "to[]=bob&to[]=eve&amount=1",
  "to[0]=bob&to[1]=eve&amount=1",
  "to=bob&to[]=eve&amount=1",
  "to[$ne]=bob&amount=1",
  "to=bob&amount[$gt]=1",
  "to=bob%0d%0aamount=1000&amount=1",
  "to=bob%00eve&amount=1",
  `${pay}&metadata[amount]=1000`,
  `${pay}&metadata[a]=1&metadata[a]=2`,
  `${pay}&metadata[a]=1&metadata[A]=2`,
  `${pay}&metadata[a][b]=1`,
  `${pay}&metadata[]=1`,
  `${pay}&metadata=1`,
  `${pay}&metadata.a=1`,
  `${pay}&metadata[a.b]=1`,
  `${pay}&metadata[a%20b]=1`,
  `${pay}&metadata[%20a]=1`,
  `${pay}&metadata[a%00]=1`,
  `${pay}&metadata[a%5D]=1`,
  `${pay}&metadata[a%5D%5Bb]=1`,
  `${pay}&metadata%5Ba%5D=1`,
  `${pay}&metadata%255Ba%255D=1`,
  `${pay}&metadata[0]=1`,
  `${pay}&metadata[1000]=1`,
  `${pay}&metadata[-1]=1`,
  `${pay}&metadata[toString]=1`,
  `${pay}&metadata[hasOwnProperty]=1`,
  `${pay}&metadata[__proto__]=1`,
  `${pay}&metadata[constructor][prototype]=1`,
  `${pay}&expand[]=a&expand[]=b`,
  `${pay}&expand[0]=a&expand[0]=b`,
  `${pay}&expand[1]=a`,
  `${pay}&expand[0]=a&expand[2]=b`,
  `${pay}&expand[]=a&expand[0]=b`,
  `${pay}&expand=a&expand=b`,
  `${pay}&expand[00]=a`,
  `${pay}&expand=a,b`,
  `${pay}&items[0][price]=a&items[0][quantity]=1`,
  `${pay}&items[][price]=a&items[][price]=b`,
  `${pay}&items[0][price]=a&items[0][price]=b`,
  `${pay}&items[0][price]=a&items[1][quantity]=2`,
  `${pay}&items[0]=a`,
  `${pay}&_method=DELETE`,
  `${pay}&utf8=%26%2310003%3B`,
  `${pay}&_charset_=utf-7`,
  `${pay}&isindex=1`,
  `${pay}&`,
  `&${pay}`,
  `${pay}&&`,
  `${pay}&=`,
  `${pay}&=x`,
  `${pay}&x`,
  `?${pay}`,
  `${pay}#x=1`,
  `${pay}&notify=true`,
];

it("each polluted form is refused, or read alike by PHP, Rack, qs and flat readers", async (context) => {
  let through = 0;
  for (const body of polluted) if (assertOneMeaning(await play("POST", "/books/v1/pay", body), body)) through += 1;
  context.diagnostic(`${polluted.length} forms, ${through} let through, all of one meaning`);
  assert.ok(through >= 5 && through <= 25, `${through}`);
});

/** Keys for a map of an argument. */
const oddKeys = [
  "a",
  "",
  "0",
  "1",
  "999",
  "1000",
  "-1",
  "01",
  "a]b",
  "a[b",
  "[",
  "]",
  "a][b",
  " a",
  "a ",
  "\ta",
  "a b",
  "a.b",
  "a=b",
  "a&b",
  "a;b",
  "a%5Bb",
  "a%00",
  "a\u0000b",
  "a\nb",
  "１",
  "Ａ",
  "toString",
  "hasOwnProperty",
  "length",
  "__proto__",
  "constructor",
  "ﬁ",
  "\u200ba",
  "a\ufeff",
  "é",
  "e\u0301",
  "😀",
  "a+b",
  "a,b",
  "$where",
  "x".repeat(500),
];

/** Values for a text argument. */
const oddTexts = [
  "&amount=1000",
  "x&to=eve",
  "a\u0000b",
  "\r\namount=1000",
  "%26amount%3D1000",
  "+",
  " ",
  "１",
  "\u202e",
  ";",
  "]",
  "=",
  "😀",
  "\u2028",
];

it("keys that a call by name may hold, and a form may not, are refused or travel as they are", async (context) => {
  let through = 0;
  for (const key of oddKeys) {
    const body = JSON.stringify({ to: "bob", amount: 1, metadata: { [key]: "v" } });
    if (assertOneMeaning(await play("POST", "/sallyport/v1/tools/books.pay", body, "application/json"), JSON.stringify(key))) through += 1;
  }
  for (const text of oddTexts)
    if (
      assertOneMeaning(
        await play(
          "POST",
          "/sallyport/v1/tools/books.pay",
          JSON.stringify({ to: text, amount: 1, metadata: { a: text } }),
          "application/json",
        ),
        JSON.stringify(text),
      )
    )
      through += 1;
  context.diagnostic(`${oddKeys.length + oddTexts.length} calls by name, ${through} let through`);
  assert.ok(through >= 15, `${through}`);
});

it("another content type does not make another reader of it", async () => {
  for (const type of [
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/x-www-form-urlencoded; charset=utf-7",
    "application/x-www-form-urlencoded, application/json",
    "application/vnd.x+json",
    "*/*",
  ]) {
    const { answer, sent } = await play("POST", "/books/v1/pay", pay, type);
    assert.ok(answer.status === 415 || answer.status === 400, `${type}: ${answer.text}`);
    assert.equal(sent, null);
  }
});

const misplaced: readonly (readonly [title: string, method: string, path: string, body?: string, type?: string])[] = [
  ["a body's argument in the query", "POST", "/books/v1/pay?amount=1000", pay],
  ["a body's argument in the query alone", "POST", "/books/v1/pay?amount=1", "to=bob"],
  ["the query's argument in the body", "POST", "/books/v1/pay", `${pay}&notify=true`],
  ["the query's argument in both", "POST", "/books/v1/pay?notify=true", `${pay}&notify=false`],
  ["the query's argument twice", "POST", "/books/v1/pay?notify=true&notify=false", pay],
  ["the query's argument in brackets", "POST", "/books/v1/pay?notify[]=true", pay],
  ["the path's argument in the query", "DELETE", "/books/v1/end/a?id=b"],
  ["the path's argument in the body", "DELETE", "/books/v1/end/a", '{"id":"b"}', "application/json"],
  ["a body's argument in a DELETE's query", "DELETE", "/books/v1/end/a?reason=x"],
  ["a query's argument in a DELETE's body", "DELETE", "/books/v1/end/a", '{"when":"now"}', "application/json"],
  ["a limit twice", "GET", "/books/v1/list?limit=1&limit=1000"],
  ["a limit as a list", "GET", "/books/v1/list?limit[]=1000"],
  ["a limit in capitals", "GET", "/books/v1/list?limit=1&Limit=1000"],
  ["a limit behind a semicolon", "GET", "/books/v1/list?limit=1;limit=1000"],
  ["a limit that is too high", "GET", "/books/v1/list?limit=101"],
  ["a limit in double encoding", "GET", "/books/v1/list?limit=1&%256cimit=1000"],
  ["an operator in brackets", "GET", "/books/v1/list?created[gte][$ne]=1"],
  ["an undeclared operator", "GET", "/books/v1/list?created[lt]=1"],
  ["both kinds of one name", "GET", "/books/v1/list?created=1&created[gte]=1"],
];
for (const [title, method, path, body, type] of misplaced) {
  it(`${title} is refused`, async () => {
    const { answer, sent } = await play(method, path, body, type);
    assert.ok(answer.status >= 400 && answer.status < 500, answer.text);
    assert.equal(sent, null);
  });
}

it("where each belongs, it travels", async () => {
  const rows: readonly (readonly [string, string, string | undefined, string | undefined, string])[] = [
    ["POST", "/books/v1/pay?notify=true", pay, undefined, "/v1/pay?notify=true"],
    ["DELETE", "/books/v1/end/a?when=now", '{"reason":"x"}', "application/json", "/v1/end/a?when=now"],
    ["GET", "/books/v1/list?created%5Bgte%5D=1&limit=2", undefined, undefined, "/v1/list?created%5Bgte%5D=1&limit=2"],
  ];
  for (const [method, path, body, type, url] of rows) assert.equal((await play(method, path, body, type)).sent?.url, url);
});
