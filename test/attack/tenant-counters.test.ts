import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import type { TestAnswer } from "../support/gateway.ts";
import { plain, type RawAnswer, startTenants, type TenantWorld } from "./tenant-world.ts";

// What tenants might share without anybody's wish: counters, stops, connections, keys of payloads, and the words of refusals.

let world: TenantWorld;
let acme = "";
let globex = "";
let tricks = 0;

before(async () => {
  world = await startTenants();
  acme = world.tokenOf("acme_co");
  globex = world.tokenOf("globex");
});
after(() => world.close());

const lookUpBy = async (token: string): Promise<number> =>
  (await world.call("payments.lookup_charge", { charge: "ch_1001" }, { token })).status;

it("a tenant that has used up its budgets has used up nobody else's", async () => {
  const [ours, theirs] = ["acme_co", "globex"].map((tenant) => world.tokenOf(tenant, { sub: "small-bot" })) as [string, string];
  const statuses: number[] = [];
  for (let turn = 0; turn < 5; turn += 1) statuses.push(await lookUpBy(ours));
  assert.deepEqual(statuses, [200, 200, 200, 429, 429]);
  tricks += 1;
  assert.equal(await lookUpBy(theirs), 404);
});

it("a tenant or environment that has used up its rates has used up no other's", async () => {
  const token = (tenant: string, more: object = {}): string => world.tokenOf(tenant, { sub: "rated-bot", ...more });
  const statuses: number[] = [];
  for (let turn = 0; turn < 4; turn += 1)
    statuses.push((await world.call("deploys.list", {}, { token: token("acme_co", { environment: "staging" }) })).status);
  assert.deepEqual(statuses, [200, 200, 200, 429]);
  tricks += 2;
  assert.equal(await lookUpBy(token("acme_co")), 200, "staging has used up production's rate");
  for (let turn = 0; turn < 4; turn += 1) await lookUpBy(token("acme_co"));
  assert.equal(await lookUpBy(token("acme_co")), 429);
  assert.equal(await lookUpBy(token("globex")), 404);
});

it("reports, refusals and openings of one tenant or environment take no other's rate", async () => {
  const of = (tenant: string, more: object = {}): string => world.tokenOf(tenant, { run: "r_rate", ...more });
  const report = (token: string): Promise<TestAnswer> =>
    world.request("POST", "/sallyport/v1/runs/r_rate/usage", {
      token,
      headers: { "content-type": "application/json" },
      body: '{"prompt_tokens":1}',
    });
  const staging = of("acme_co", { environment: "staging" });
  const statuses = await Promise.all(Array.from({ length: 40 }, async () => (await report(staging)).status));
  assert.ok(statuses.includes(429));
  for (const token of [of("acme_co"), of("globex")]) {
    tricks += 1;
    assert.equal((await report(token)).status, 200);
  }
  const opener = (tenant: string, more: object = {}): string => world.tokenOf(tenant, { run: undefined, ...more });
  const opened = await Promise.all(
    Array.from(
      { length: 70 },
      async () => (await world.request("POST", "/sallyport/v1/runs", { token: opener("acme_co", { environment: "staging" }) })).status,
    ),
  );
  assert.ok(opened.includes(429));
  for (const token of [opener("acme_co"), opener("globex")]) {
    tricks += 1;
    assert.equal((await world.request("POST", "/sallyport/v1/runs", { token })).status, 201);
  }
});

it("a stop of one tenant stops that tenant, and a name inside another name is another name", async () => {
  const set = async (scope: object): Promise<string> => {
    const answer = await world.people("operator", "POST", "/sallyport/v1/stops", { scope, reason: "incident" });
    return (answer.body["stop"] as { id: string }).id;
  };
  for (const scope of [
    { tenant: "globex" },
    { tenant: "acme" },
    { tenant: "acme_co_2" },
    { tenant: "*" },
    { tenant: "globex", run: "r_walls" },
    { tenant: "__proto__" },
  ]) {
    tricks += 1;
    const id = await set(scope);
    assert.equal(await lookUpBy(acme), 200, JSON.stringify(scope));
    assert.equal((await lookUpBy(globex)) === 403, scope.tenant === "globex");
    assert.equal((await world.people("operator", "DELETE", `/sallyport/v1/stops/${id}`)).status, 200);
  }
});

it("no agent sees holds, ledger, runs or calls of anybody in a list", async () => {
  for (const path of [
    "holds",
    "ledger",
    "runs",
    "calls",
    "stops",
    "me",
    "runs/globex/billing-dispute-v3/r_walls",
    "calls?tenant=globex",
    "runs/r_walls",
  ]) {
    tricks += 2;
    const answer = await world.request("GET", `/sallyport/v1/${path}`, { token: acme });
    assert.ok([404, 405].includes(answer.status), `${path}: ${answer.text}`);
    const response = await fetch(`${world.gateway.peopleUrl}/sallyport/v1/${path}`, { headers: { authorization: `Bearer ${acme}` } });
    assert.ok([401, 404].includes(response.status), path);
  }
});

it("a payload of one tenant does not open as another's, and equal payloads have unequal names", async () => {
  const { cipher } = world.gateway.ports;
  const plainBytes = new TextEncoder().encode('{"charge":"ch_1001"}');
  const [ours, theirs] = [cipher.seal("acme_co", plainBytes), cipher.seal("globex", plainBytes)];
  tricks += 3;
  assert.notEqual(ours.digest, theirs.digest);
  assert.throws(() => cipher.open({ ...theirs, tenant: "acme_co" }));
  assert.throws(() => cipher.open({ ...theirs, tenant: "acme_co", digest: ours.digest }));
  assert.deepEqual(cipher.open(theirs), Buffer.from(plainBytes));
});

it("a connection to an upstream is one tenant's for all its life", async () => {
  const before = world.wires.length;
  for (let turn = 0; turn < 10; turn += 1) {
    tricks += 1;
    const got: readonly RawAnswer[] = await Promise.all(
      [acme, globex, acme, globex].map((token, at) => world.send(at < 2 ? "GET /wired/get" : "GET /open/v1/x", { token })),
    );
    assert.deepEqual(
      got.map(({ status }) => status),
      [200, 200, 200, 200],
    );
  }
  const wires = world.wires.slice(before);
  assert.ok(wires.length >= 2 && wires.some((wire) => wire.has("globex")), `${wires.length} connections`);
  for (const wire of wires) assert.equal(wire.size, 1, [...wire].join(" and "));
});

it("a refusal's words are the same for what the other has and for what nobody has", async () => {
  for (const [title, theirs, nobodys] of [
    [
      "refund",
      () => world.call("payments.refund", { charge: "ch_2001", amount: 1 }, { token: acme, key: "o1" }),
      () => world.call("payments.refund", { charge: "ch_9999", amount: 1 }, { token: acme, key: "o2" }),
    ],
    [
      "look-up",
      () => world.call("payments.lookup_charge", { charge: "ch_2001" }, { token: acme }),
      () => world.call("payments.lookup_charge", { charge: "ch_9999" }, { token: acme }),
    ],
    [
      "account",
      () => world.call("vault.charge", { charge: "ch_2001" }, { token: acme }),
      () => world.call("vault.charge", { charge: "ch_9999" }, { token: acme }),
    ],
  ] as const) {
    tricks += 1;
    const [one, other] = [await theirs(), await nobodys()];
    const without = (answer: TestAnswer): unknown => {
      const { status, text } = plain(answer, "ch_2001", "ch_9999") as { status: number; text: string };
      return { status, text };
    };
    assert.deepEqual(without(one), without(other), title);
  }
});

it("all tricks were played", (context) => {
  context.diagnostic(`${tricks} tricks, none got through`);
  assert.ok(tricks >= 40, `${tricks} tricks`);
});
