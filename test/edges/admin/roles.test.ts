import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { peopleRoutes } from "../../../src/edges/admin/people-routes.ts";
import { type Role, roles } from "../../../src/rules/principal.ts";
import { startGateway, type TestGateway } from "../../support/gateway.ts";

let world: TestGateway;
const tokenOf = new Map<Role | "none", string>();
before(async () => {
  world = await startGateway();
  for (const role of [...roles, "none"] as const) {
    const held = role === "none" ? [] : [role];
    tokenOf.set(
      role,
      await world.dev.mintPersonToken({ person: `p_${role}`, name: role, roles: held, groups: ["finance"], ttlMs: 600_000 }),
    );
  }
});
after(() => world.close());

const base = "/sallyport/v1";
const readers: readonly Role[] = ["viewer", "approver", "operator", "auditor", "admin"];
/** Every route, an address that names nothing there, and who may use it: written out again, so that a slip in the table shows. */
const rows: readonly (readonly [method: string, url: string, path: string, may: readonly Role[]])[] = [
  ["GET", `${base}/me`, `${base}/me`, readers],
  ["GET", `${base}/calls`, `${base}/calls`, readers],
  ["GET", `${base}/calls/:id`, `${base}/calls/c_0`, readers],
  ["POST", `${base}/calls/:id/cancel`, `${base}/calls/c_0/cancel`, ["operator", "admin"]],
  ["POST", `${base}/calls/:id/reconcile`, `${base}/calls/c_0/reconcile`, ["operator", "admin"]],
  ["GET", `${base}/holds`, `${base}/holds`, readers],
  ["POST", `${base}/holds/:id/votes`, `${base}/holds/c_0/votes`, ["approver", "admin"]],
  ["GET", `${base}/runs`, `${base}/runs`, readers],
  ["GET", `${base}/runs/:tenant/:agent/:run`, `${base}/runs/t/a/r`, readers],
  ["GET", `${base}/stops`, `${base}/stops`, readers],
  ["POST", `${base}/stops`, `${base}/stops`, ["operator", "admin"]],
  ["DELETE", `${base}/stops/:id`, `${base}/stops/s_0`, ["operator", "admin"]],
  ["GET", `${base}/ledger`, `${base}/ledger`, ["auditor", "admin"]],
];

async function ask(
  method: string,
  path: string,
  token: string | null,
  body?: string,
): Promise<{ status: number; code: unknown; text: string }> {
  const response = await fetch(`${world.gateway.peopleUrl}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const parsed = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
  return { status: response.status, code: parsed["code"], text };
}

test("every route of the people's listener stands in this table", () => {
  assert.deepEqual(
    peopleRoutes.map(({ method, url }) => `${method} ${url}`),
    rows.map(([method, url]) => `${method} ${url}`),
  );
});

for (const [method, url, path, may] of rows) {
  test(`${method} ${url} is for ${may.length === readers.length ? "every role" : may.join(" and ")}, and for nobody else`, async () => {
    for (const [role, token] of tokenOf) {
      const answer = await ask(method, path, token, method === "POST" ? "{}" : undefined);
      if (role !== "none" && may.includes(role)) assert.ok([200, 400, 404].includes(answer.status), `${role}: ${answer.text}`);
      else assert.deepEqual([answer.status, answer.code], [403, "ERR_ROLE"], `${role}: ${answer.text}`);
    }
    assert.equal(tokenOf.size, 6);
    for (const token of [null, "", "x", await world.agentToken()]) {
      const answer = await ask(method, path, token, method === "POST" ? "{}" : undefined);
      assert.equal(answer.status, 401, answer.text);
    }
  });
}

test("no person's token is accepted on the agents' listener, whatever its roles", async () => {
  for (const token of tokenOf.values()) {
    for (const path of [
      "/sallyport/v1/tools",
      "/sallyport/v1/calls/c_0",
      "/tickets/v1/tickets/tk_3001",
      "/sallyport/v1/holds",
      "/sallyport/v1/stops",
    ]) {
      const answer = await world.request("GET", path, { token });
      assert.deepEqual([answer.status, answer.body["code"]], [401, "ERR_TOKEN_UNTRUSTED"]);
    }
  }
  assert.equal(world.sandbox.requests().length, 0);
});

test("an agent finds none of the people's routes on its own listener", async () => {
  for (const [method, , path] of rows.filter(([, url]) => !["/calls/:id"].some((own) => url.endsWith(own)))) {
    const answer = await world.request(
      method,
      path,
      method === "POST" ? { body: "{}", headers: { "content-type": "application/json" } } : {},
    );
    // Some addresses are those of resources that agents have, with other methods.
    assert.ok(answer.status === 404 || answer.status === 405, `${method} ${path} ${answer.text}`);
  }
});

test("a body that is not exactly what a route takes is refused, and changes nothing", async () => {
  const operator = tokenOf.get("operator") ?? "";
  const approver = tokenOf.get("approver") ?? "";
  const token = await world.agentToken({ run: "r_bodies" });
  const held = await world.call("payments.refund", { charge: "ch_1006", amount: 20_000 }, { token, key: "bodies" });
  const id = held.body["call_id"] as string;
  const { binding } = (await world.people("viewer", "GET", `${base}/calls/${id}`)).body["call"] as { binding: string };
  const vote = (changes: object): string => JSON.stringify({ approve: true, reason: "yes", binding, ...changes });
  const bad: readonly (readonly [path: string, token: string, body: string])[] = [
    ...[
      "",
      "{",
      "[]",
      "null",
      '"x"',
      '{"scope":{}}',
      '{"scope":{},"reason":""}',
      '{"scope":{},"reason":" "}',
      '{"reason":"x"}',
      '{"scope":[],"reason":"x"}',
    ].map((body) => ["/stops", operator, body] as const),
    ...[
      { scope: { tennant: "a" } },
      { scope: { tenant: 5 } },
      { scope: { tenant: "" } },
      { scope: { tenant: "a", __x: "b" } },
      { scope: {}, expires_in_s: 0 },
      { scope: {}, expires_in_s: -5 },
      { scope: {}, expires_in_s: 1.5 },
      { scope: {}, expires_in_s: "60" },
      { scope: {}, extra: 1 },
      { scope: "acme_co" },
    ].map((body) => ["/stops", operator, JSON.stringify({ reason: "x", ...body })] as const),
    ["/stops", operator, '{"scope":{},"reason":"x","reason":"y"}'],
    ["/stops", operator, '{"scope":{},"Scope":{},"reason":"x"}'],
    ["/stops", operator, JSON.stringify({ scope: {}, reason: "x".repeat(501) })],
    ...[
      { approve: "true" },
      { approve: 1 },
      { approve: null },
      { reason: "" },
      { reason: 5 },
      { reason: undefined },
      { binding: null },
      { binding: undefined },
      { tier: "finance" },
    ].map((changes) => [`/holds/${id}/votes`, approver, vote(changes)] as const),
    [`/holds/${id}/votes`, approver, vote({}).replace('"approve":true', '"approve":false,"approve":true')],
    ...['{"reason":5}', "{}", '{"reason":"x","force":true}'].map((body) => [`/calls/${id}/cancel`, operator, body] as const),
    ...['{"outcome":"unknown","reason":"x"}', '{"outcome":"succeeded"}', '{"reason":"x"}', '{"outcome":"refused","reason":"x"}'].map(
      (body) => [`/calls/${id}/reconcile`, operator, body] as const,
    ),
  ];
  assert.equal(bad.length, 40);
  for (const [path, who, body] of bad) {
    const answer = await ask("POST", `${base}${path}`, who, body);
    assert.deepEqual([answer.status, answer.code], [400, "ERR_INVALID"], `${path} ${body.slice(0, 100)} ${answer.text}`);
  }
  const large = await ask("POST", `${base}/stops`, operator, JSON.stringify({ scope: {}, reason: "x".repeat(70_000) }));
  assert.ok(large.status >= 400 && large.status < 500, large.text);
  assert.deepEqual((await world.people("viewer", "GET", `${base}/stops`)).body["stops"], []);
  assert.equal(((await world.people("viewer", "GET", `${base}/calls/${id}`)).body["call"] as { state: string }).state, "held");
});

test("a query or an address that names nothing is told so", async () => {
  const asked: readonly (readonly [string, string, number])[] = [
    ["GET", "/calls/c_0", 404],
    ["GET", "/calls?state=open", 400],
    ["GET", "/calls?state=held&state=held", 400],
    ["GET", "/calls?limit=0", 400],
    ["GET", "/calls?limit=1001", 400],
    ["GET", "/calls?limit=x", 400],
    ["GET", "/calls?limit=1.5", 400],
    ["GET", "/ledger?from=0", 400],
    ["GET", "/ledger?from=x", 400],
    ["GET", "/ledger?limit=1001", 400],
    ["GET", "/ledger?from=1&limit=1", 200],
    ["GET", "/runs/a/b/c", 404],
    ["DELETE", "/stops/s_0", 404],
    ["GET", "/nothing", 404],
    ["PUT", "/stops", 405],
  ];
  for (const [method, path, status] of asked)
    assert.equal((await ask(method, `${base}${path}`, tokenOf.get("admin") ?? "")).status, status, path);
});

test("probes and metrics need no token and tell nothing of any call", async () => {
  for (const path of ["/livez", "/readyz", "/metrics"]) {
    const answer = await ask("GET", path, null);
    assert.equal(answer.status, 200, path);
    assert.ok(!/acme_co|c_[0-9a-f]{8}|ch_1/.test(answer.text), path);
  }
  assert.equal((await world.request("GET", "/metrics")).status, 404);
});
