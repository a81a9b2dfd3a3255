import assert from "node:assert/strict";
import { test } from "node:test";
import { acme, codeOf, host, idOf, itemsOf, json, refund, refundedOf, type Sent, send, start } from "./sandbox-client.ts";

test("refunds add up and never exceed the charge", async (t) => {
  const referee = await start(t);
  const steps = [
    { amount: 12_001, status: 422, refunded: 0 },
    { amount: 5_000, status: 200, refunded: 5_000 },
    { amount: 7_001, status: 422, refunded: 5_000 },
    { amount: 7_000, status: 200, refunded: 12_000 },
    { amount: 1, status: 422, refunded: 12_000 },
  ];
  for (const step of steps) {
    const got = await send(referee, refund(step.amount));
    assert.equal(got.status, step.status, `amount ${step.amount}`);
    if (got.status === 422) assert.equal(codeOf(got), "amount_too_large");
    assert.equal(await refundedOf(referee), step.refunded);
  }
  const listed = await send(referee, { path: "/v1/refunds?charge=ch_1001" });
  assert.deepEqual(
    itemsOf(listed).map((item) => item.id),
    referee.effects("refund").map((line) => line.effect.id),
  );
  assert.equal(itemsOf(listed).length, 2);
  assert.deepEqual(itemsOf(await send(referee, { path: "/v1/refunds?charge=ch_1002" })), []);
});

test("forty refunds at once take no more than the charge has", async (t) => {
  const referee = await start(t);
  const got = await Promise.all(Array.from({ length: 40 }, () => send(referee, refund(1_000))));
  assert.equal(got.filter((answer) => answer.status === 200).length, 12);
  assert.equal(got.filter((answer) => answer.status === 422).length, 28);
  assert.equal(await refundedOf(referee), 12_000);
  assert.equal(referee.effects("refund").length, 12);
});

test("the same key and body refund once, at once or later", async (t) => {
  const referee = await start(t);
  const got = await Promise.all(Array.from({ length: 20 }, () => send(referee, refund(100, { key: "k-1" }))));
  got.push(await send(referee, refund(100, { key: "k-1" })));
  assert.equal(got.filter((answer) => answer.status === 200).length, 21);
  assert.equal(new Set(got.map((answer) => answer.text)).size, 1);
  assert.equal(got.filter((answer) => answer.headers["idempotent-replayed"] === "true").length, 20);
  assert.equal(referee.effects("refund").length, 1);
  assert.equal(await refundedOf(referee), 100);
});

test("a key with another body is 422, a refused refund leaves its key free, and a key belongs to one tenant", async (t) => {
  const referee = await start(t);
  assert.equal(codeOf(await send(referee, refund(99_999, { key: "k" }))), "amount_too_large");
  assert.equal((await send(referee, refund(100, { key: "k" }))).status, 200);
  const other = await send(referee, refund(101, { key: "k" }));
  assert.equal(other.status, 422);
  assert.equal(codeOf(other), "idempotency_key_reused");
  const globex = await send(referee, refund(100, { key: "k", tenant: "globex" }, "ch_2001"));
  assert.equal(globex.status, 200);
  assert.equal(globex.headers["idempotent-replayed"], undefined);
  assert.equal((await send(referee, refund(100))).status, 200);
  assert.equal((await send(referee, refund(100))).status, 200);
  assert.equal(referee.effects("refund").length, 4);
});

test("what belongs to one tenant is 404 for the other and in none of its lists", async (t) => {
  const referee = await start(t);
  const asGlobex = { tenant: "globex" } as const;
  const rows: Sent[] = [
    { path: "/v1/charges/ch_1001", ...asGlobex },
    { path: "/v1/tickets/tk_3001", ...asGlobex },
    refund(1, asGlobex),
    { path: "/v1/tickets/tk_3001/replies", body: '{"text":"hello"}', ...asGlobex },
    { path: "/v1/charges/ch_2001" },
    refund(1, {}, "ch_2001"),
  ];
  for (const row of rows) assert.equal((await send(referee, row)).status, 404, row.path);
  await send(referee, refund(1));
  for (const path of ["/v1/charges", "/v1/tickets", "/v1/deploys", "/v1/refunds"]) {
    const acmeIds = new Set(itemsOf(await send(referee, { path })).map((item) => item.id));
    const globexIds = itemsOf(await send(referee, { path, ...asGlobex })).map((item) => item.id);
    assert.ok(acmeIds.size >= 1, path);
    assert.deepEqual(
      globexIds.filter((id) => acmeIds.has(id)),
      [],
      path,
    );
  }
  assert.deepEqual(
    referee.effects().map((line) => line.tenant),
    ["acme_co"],
  );
});

test("tickets, replies and deploys are made, found again and logged as effects", async (t) => {
  const referee = await start(t);
  const ticket = idOf(await send(referee, { path: "/v1/tickets", body: '{"subject":"Refund","text":"Where is MY money?"}' }));
  const reply = await send(referee, { path: `/v1/tickets/${ticket}/replies`, body: '{"text":"On its way."}' });
  const deploy = idOf(await send(referee, { path: "/v1/deploys", body: '{"service":"checkout","version":"1.4.3"}' }));
  const idsAt = async (path: string) => itemsOf(await send(referee, { path })).map((item) => item.id);
  assert.deepEqual(await idsAt("/v1/tickets?query=my%20money"), [ticket]);
  assert.deepEqual(await idsAt("/v1/deploys?service=checkout"), ["dp_5001", deploy]);
  const shown = JSON.parse((await send(referee, { path: `/v1/tickets/${ticket}` })).text) as { replies: unknown[] };
  assert.deepEqual(shown.replies, [JSON.parse(reply.text)]);
  assert.deepEqual(
    referee.effects().map((line) => line.effect),
    [
      { kind: "ticket", id: ticket },
      { kind: "reply", id: idOf(reply) },
      { kind: "deploy", id: deploy },
    ],
  );
});

test("credentials that do not agree are 401", async (t) => {
  const referee = await start(t);
  const rows: string[][] = [
    [],
    ["Authorization", "Bearer sk_sandbox_acme_co"],
    ["Sandbox-Account", "acct_acme_co"],
    ["Authorization", "Bearer sk_sandbox_acme_co", "Sandbox-Account", "acct_globex"],
    ["Authorization", "Bearer sk_sandbox_globex", "Sandbox-Account", "acct_acme_co"],
    ["Authorization", "bearer sk_sandbox_acme_co", "Sandbox-Account", "acct_acme_co"],
    ["Authorization", "Bearer sk_sandbox_acme_co ,x", "Sandbox-Account", "acct_acme_co"],
    ["Authorization", "Bearer sk_sandbox_umbrella", "Sandbox-Account", "acct_umbrella"],
    ["Authorization", "Bearer sk_sandbox_", "Sandbox-Account", "acct_"],
  ];
  for (const row of rows) {
    const got = await send(referee, refund(1, { rawHeaders: [...host, ...json, ...row] }));
    assert.equal(got.status, 401, row.join(" "));
    assert.equal(codeOf(got), "unauthorized");
  }
  assert.equal(referee.requests().length, 9);
  assert.equal(referee.effects().length, 0);
});

test("a request of another form is refused with a JSON error, logged, and changes nothing", async (t) => {
  const referee = await start(t);
  const post = (body: string | Uint8Array, more: Partial<Sent> = {}): Sent => ({ method: "POST", path: "/v1/refunds", body, ...more });
  const good = '{"charge":"ch_1001","amount":1}';
  const withHeaders = (...raw: string[]): Sent => post(good, { rawHeaders: raw });
  const rows: [Sent, number, string][] = [
    [post("{"), 400, "body_malformed"],
    [post("[]"), 400, "body_malformed"],
    [post("null"), 400, "body_malformed"],
    [post(""), 400, "body_malformed"],
    [post(`\ufeff${good}`), 400, "body_malformed"],
    [post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), 400, "body_malformed"],
    [post('{"charge":"ch_1001"}'), 400, "field_invalid"],
    [post('{"charge":"ch_1001","amount":0}'), 400, "field_invalid"],
    [post('{"charge":"ch_1001","amount":-5}'), 400, "field_invalid"],
    [post('{"charge":"ch_1001","amount":1.5}'), 400, "field_invalid"],
    [post('{"charge":"ch_1001","amount":"1"}'), 400, "field_invalid"],
    [post('{"charge":"ch_1001","amount":9007199254740992}'), 400, "field_invalid"],
    [post('{"charge":["ch_1001"],"amount":1}'), 400, "field_invalid"],
    [post('{"charge":"ch_1001","amount":1,"dry_run":true}'), 400, "field_unknown"],
    [post('{"charge":"ch_1001","amount":1,"__proto__":1}'), 400, "field_unknown"],
    [post('{"charge":"ch_none","amount":1}'), 404, "charge_not_found"],
    [post('{"charge":"ch_1005","amount":1}'), 422, "charge_not_refundable"],
    [post(good, { path: "/v1/refunds?charge=ch_1001" }), 400, "query_invalid"],
    [post(good, { key: "a b" }), 400, "idempotency_key_invalid"],
    [post(good, { key: "k".repeat(256) }), 400, "idempotency_key_invalid"],
    [post(" ".repeat(65_537)), 413, "body_too_large"],
    [withHeaders(...host, ...acme), 415, "content_type_unsupported"],
    [withHeaders(...host, ...acme, "Content-Type", "text/plain"), 415, "content_type_unsupported"],
    [withHeaders(...host, ...acme, "Content-Type", "application/json;x"), 415, "content_type_unsupported"],
    [withHeaders(...host, ...acme, ...json, ...json), 400, "header_repeated"],
    [withHeaders(...host, ...acme, ...acme, ...json), 400, "header_repeated"],
    [withHeaders(...host, ...acme, ...json, "Idempotency-Key", "a", "Idempotency-Key", "b"), 400, "header_repeated"],
    [withHeaders(...host, ...host, ...acme, ...json), 400, "header_repeated"],
    [withHeaders(...acme, ...json), 400, "host_missing"],
    [{ path: "/v1/charges/ch_1001", method: "DELETE" }, 405, "method_not_allowed"],
    [{ path: "/v1/charges/ch_1001", method: "GET", body: good }, 400, "body_unexpected"],
    [{ path: "/v1/charges/ch%5f1001" }, 404, "route_not_found"],
    [{ path: "/v1//charges" }, 404, "route_not_found"],
    [{ path: "/v1/charges/" }, 404, "route_not_found"],
    [{ path: "/v1/tickets?query=a&query=b" }, 400, "query_invalid"],
    [{ path: "/v1/tickets?limit=1" }, 400, "query_invalid"],
  ];
  for (const [sent, status, code] of rows) {
    const got = await send(referee, sent);
    assert.deepEqual([got.status, codeOf(got)], [status, code], JSON.stringify(sent).slice(0, 200));
  }
  assert.equal(rows.length, 36);
  assert.equal(referee.requests().length, 36);
  assert.equal(referee.effects().length, 0);
  assert.equal(await refundedOf(referee), 0);
});
