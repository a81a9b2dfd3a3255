import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { refusedForms, takenForms } from "../rules/form-cases.ts";
import { asTexts, readFormAsStranger } from "../support/form-referee.ts";
import { eventually, type TestAnswer } from "../support/gateway.ts";
import { digestOf, type FormWorld, type Reached, startFormWorld } from "./form-world.ts";
import { storedCall } from "./wide-gateway.ts";

let books: FormWorld;
before(async () => {
  books = await startFormWorld();
});
after(() => books.close());

const formType = "application/x-www-form-urlencoded";
let keys = 0;

function send(method: string, path: string, body?: string, contentType: string | null = formType): Promise<TestAnswer> {
  keys += 1;
  const headers = body === undefined || contentType === null ? {} : { "content-type": contentType };
  return books.world.request(method, `/books${path}`, {
    headers,
    key: `form-${keys}`,
    ...(body === undefined ? {} : { body: Buffer.from(body, "utf8") }),
  });
}

/** The one request that reached the upstream while `act` ran. */
async function reachedBy(act: () => Promise<TestAnswer>): Promise<Reached & { readonly answer: TestAnswer }> {
  const from = books.reached.length;
  const answer = await act();
  assert.equal(answer.status, 200, answer.text);
  const [request, ...more] = books.reached.slice(from);
  assert.ok(request !== undefined && more.length === 0, `${books.reached.length - from} requests`);
  return { ...request, answer };
}

const messy =
  "note=a+b&items%5B0%5D%5Bquantity%5D=2&items[0][price]=p&charge=ch_1&metadata[b]=2&metadata[a]=%C3%A9&amount=700&expand[]=x&expand[]=y&reverse=true";
const clean =
  "amount=700&charge=ch_1&expand[0]=x&expand[1]=y&items[0][price]=p&items[0][quantity]=2&metadata[a]=%C3%A9&metadata[b]=2&note=a%20b&reverse=true";

test("a form goes upstream as one canonical form, whose digest is on record", async () => {
  const { body, contentTypes, target, answer } = await reachedBy(() => send("POST", "/v1/refunds", messy));
  assert.equal(body, clean);
  assert.deepEqual(contentTypes, [formType]);
  assert.equal(target, "/v1/refunds");
  const call = await storedCall(books.world, answer.headers.get("sallyport-call-id") ?? "");
  assert.equal(call?.bodyDigest, digestOf(clean));
});

test("a call by name is JSON and reaches the upstream as the same form", async () => {
  const args = { charge: "ch_2", amount: 701, notify: false, metadata: { k: "v" }, items: [{ price: "p" }], reverse: false };
  const named = await reachedBy(() => books.world.call("books.refund", args, { key: "named-1" }));
  const { notify: _inQuery, ...inBody } = args;
  assert.deepEqual(readFormAsStranger(named.body), asTexts(inBody));
  assert.equal(named.target, "/v1/refunds?notify=false");
  const token = await books.world.agentToken({ run: "r_other" });
  const mounted = await reachedBy(() =>
    books.world.request("POST", "/books/v1/refunds?notify=false", {
      token,
      key: "named-2",
      headers: { "content-type": formType },
      body: named.body,
    }),
  );
  assert.equal(mounted.body, named.body);
  const refused = await books.world.request("POST", "/sallyport/v1/tools/books.refund", {
    headers: { "content-type": formType },
    body: "charge=ch_1&amount=1",
    key: "n",
  });
  assert.equal(refused.status, 415, refused.text);
});

test("each tool has one body type, and nothing else reaches the upstream", async (context) => {
  const from = books.reached.length;
  const types = [
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    `${formType}; charset=latin1`,
    `${formType}; charset=utf-16`,
    `${formType};`,
    `${formType}; charset=utf-8; x=y`,
    `${formType}, application/json`,
    "application/x-www-form-urlencode",
    `${formType}+json`,
    "*/*",
  ];
  for (const type of types) assert.equal((await send("POST", "/v1/refunds", "charge=ch_1&amount=1", type)).status, 415, type);
  assert.equal((await send("POST", "/v1/refunds", '{"charge":"ch_1","amount":1}', "application/json")).status, 415);
  assert.equal((await send("POST", "/v1/refunds", '{"charge":"ch_1","amount":1}')).status, 400);
  assert.equal((await send("POST", "/v1/refunds", "charge=ch_1&amount=1", null)).status, 415);
  for (const type of [formType, "text/plain"]) assert.equal((await send("POST", "/v1/notes", '{"text":"x"}', type)).status, 415, type);
  assert.equal((await send("POST", "/v1/notes", "text=x", "application/json")).status, 400);
  assert.equal(books.reached.length, from);
  context.diagnostic(`${types.length + 6} bodies refused`);
  assert.equal((await send("POST", "/v1/refunds", "charge=ch_9&amount=1", `${formType}; charset=UTF-8`)).status, 200);
});

test("every trick of a form is refused by name, and nothing reaches the upstream", async (context) => {
  const from = books.reached.length;
  for (const [why, form] of refusedForms) {
    const answer = await send("POST", "/v1/anything", form);
    const code = why === "ARGUMENTS" ? "ERR_ARGUMENTS_INVALID" : `ERR_FORM_${why}`;
    assert.deepEqual([answer.body["code"], answer.body["executed"]], [code, false], form.slice(0, 80));
    assert.equal(answer.status, why === "ARGUMENTS" ? 422 : 400);
  }
  assert.equal(books.reached.length, from);
  context.diagnostic(`${refusedForms.length} forms refused`);
  assert.ok(refusedForms.length >= 195);
});

test("a stranger reads in what reaches the upstream what was judged", async (context) => {
  const forms = takenForms.filter(([form]) => form !== "");
  for (const [form, args] of forms) {
    const { body, answer } = await reachedBy(() => send("POST", "/v1/anything", form));
    assert.deepEqual(readFormAsStranger(body), asTexts(args), form);
    const call = await storedCall(books.world, answer.headers.get("sallyport-call-id") ?? "");
    assert.equal(call?.bodyDigest, digestOf(body), form);
  }
  context.diagnostic(`${forms.length} forms sent`);
  assert.ok(forms.length >= 45);
});

test("a query in bracket style is read and written like a form", async () => {
  const read = await reachedBy(() => send("GET", "/v1/charges?limit=3&created[gte]=5&expand[]=a+b&created%5Blt%5D=9"));
  assert.equal(read.target, "/v1/charges?created%5Bgte%5D=5&created%5Blt%5D=9&expand%5B0%5D=a%20b&limit=3");
  assert.deepEqual([read.body, read.contentTypes], ["", []]);
  const named = await reachedBy(() => books.world.call("books.list", { created: { lt: 9, gte: 5 } }));
  assert.equal(named.target, "/v1/charges?created%5Bgte%5D=5&created%5Blt%5D=9");
  for (const query of [
    "created[gte]=1&created[gte]=2",
    "created=1",
    "expand[1]=a",
    "limit[]=1",
    "created[gt]=1",
    "expand=a",
    "limit=01",
    "__proto__[a]=1",
    "created[gte=1",
  ]) {
    const answer = await send("GET", `/v1/charges?${query}`);
    assert.deepEqual([answer.status, answer.body["code"]], [400, "ERR_QUERY_INVALID"], query);
  }
});

test("an argument travels where `in` says, and nowhere else", async () => {
  const cancelled = await reachedBy(() => send("DELETE", "/v1/subscriptions/s_1?reason=late", "prorate=true"));
  assert.deepEqual(
    [cancelled.target, cancelled.body, cancelled.contentTypes],
    ["/v1/subscriptions/s_1?reason=late", "prorate=true", [formType]],
  );
  const named = await reachedBy(() => books.world.call("books.cancel", { id: "s_2", prorate: false, reason: "x" }));
  assert.deepEqual([named.target, named.body], ["/v1/subscriptions/s_2?reason=x", "prorate=false"]);
  const empty = await reachedBy(() => books.world.call("books.cancel", { id: "s_3" }));
  assert.deepEqual([empty.target, empty.body], ["/v1/subscriptions/s_3", ""]);
  const from = books.reached.length;
  const wrong: readonly (readonly [string, string, string | undefined, number])[] = [
    ["DELETE", "/v1/subscriptions/s_1?prorate=true", undefined, 400],
    ["DELETE", "/v1/subscriptions/s_1", "reason=late", 422],
    ["DELETE", "/v1/subscriptions/s_1", "id=s_2", 422],
    ["DELETE", "/v1/subscriptions/s_1?id=s_2", undefined, 400],
    ["DELETE", "/v1/subscriptions/s_1?reason=a", "reason=b", 422],
    ["DELETE", "/v1/notes/n_1", "x=1", 400],
    ["POST", "/v1/refunds", "charge=ch_1&amount=1&notify=true", 422],
    ["POST", "/v1/refunds?amount=1", "charge=ch_1&amount=1", 400],
    ["POST", "/v1/refunds?notify[]=true", "charge=ch_1&amount=1", 400],
  ];
  for (const [method, path, body, status] of wrong) {
    assert.equal((await send(method, path, body)).status, status, `${method} ${path} ${body ?? ""}`);
  }
  assert.equal(books.reached.length, from);
});

test("what a form cannot say is refused before anything is sent", async () => {
  const from = books.reached.length;
  const args = { charge: "ch_1", amount: 1 };
  for (const more of [
    { metadata: {} },
    { items: [] },
    { items: [{}] },
    { note: null },
    { metadata: { "a[b]": "x" } },
    { metadata: { "0": "x" } },
    { metadata: { "": "x" } },
  ]) {
    keys += 1;
    const answer = await books.world.call("books.refund", { ...args, ...more }, { key: `unsaid-${keys}` });
    assert.deepEqual([answer.status, answer.body["code"]], [422, "ERR_ARGUMENTS_INVALID"], JSON.stringify(more));
  }
  assert.equal(books.reached.length, from);
});

test("a dry run shows the body that would be sent", async () => {
  const from = books.reached.length;
  const answer = await books.world.request("POST", "/books/v1/refunds?notify=true", {
    headers: { "content-type": formType, "sallyport-dry-run": "true" },
    body: messy,
  });
  assert.equal(answer.status, 200, answer.text);
  const { body, url, args } = answer.body as { body: string; url: string; args: object };
  assert.equal(body, clean);
  assert.match(url, /\/v1\/refunds\?notify=true$/);
  assert.deepEqual((args as { metadata: object }).metadata, { a: "é", b: "2" });
  assert.equal(books.reached.length, from);
});

test("people sign the body that is sent after they approved it", async () => {
  const form = messy.replace("amount=700", "amount=70000");
  const held = await books.world.request("POST", "/books/v1/refunds", {
    headers: { "content-type": formType, prefer: "respond-async" },
    body: form,
    key: "held-1",
  });
  assert.equal(held.status, 202, held.text);
  const id = String(held.body["call_id"]);
  const shown = await books.world.people("approver", "GET", `/sallyport/v1/calls/${id}`);
  const signed = (shown.body["request"] as { body: string }).body;
  assert.equal(signed, clean.replace("amount=700", "amount=70000"));
  const from = books.reached.length;
  for (const person of ["approver", "approver2"]) await books.world.approve(person, id);
  await eventually("the call has run", async () => books.reached.length > from);
  assert.deepEqual(books.reached.slice(from), [{ method: "POST", target: "/v1/refunds", contentTypes: [formType], body: signed }]);
});
