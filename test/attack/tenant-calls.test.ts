import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import type { TestAnswer } from "../support/gateway.ts";
import { plain, startTenants, type TenantWorld } from "./tenant-world.ts";

// What one tenant has begun: calls, holds, keys and runs, asked for, joined, cancelled and reported by another.

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

const lookUp = "GET /payments/v1/charges/ch_2001";
const refund = { charge: "ch_1002", amount: 50_000 };

/** A held refund of one tenant. */
async function holdOf(token: string, key: string, args: object = refund): Promise<string> {
  const held = await world.call("payments.refund", args, { token, key });
  assert.equal(held.status, 202, held.text);
  return String(held.body["call_id"]);
}

const calls = "/sallyport/v1/calls";
const ask = (method: string, id: string, token: string, headers: Readonly<Record<string, string>> = {}): Promise<TestAnswer> =>
  world.request(method, `${calls}/${id}`, { token, headers });
const stateOf = async (id: string): Promise<string | undefined> => (await world.gateway.ports.calls.find(id))?.state;

it("is not there: asking, waiting, cancelling and reading its answer are those of an id that never was", async () => {
  const id = await holdOf(globex, "b-held", { charge: "ch_2004", amount: 50_000 });
  const never = `${id.slice(0, -4)}0000`;
  const others = {
    "the other tenant": acme,
    "the other agent": world.tokenOf("globex", { sub: "other-bot" }),
    "the other user": world.tokenOf("globex", { user: "u_1" }),
    "the other environment": world.tokenOf("globex", { environment: "staging" }),
    "an agent without a contract": world.tokenOf("globex", { sub: "nobody-bot" }),
  };
  for (const [title, token] of Object.entries(others)) {
    for (const [method, headers] of [
      ["GET", {}],
      ["GET", { prefer: "wait=1" }],
      ["DELETE", {}],
    ] as const) {
      tricks += 1;
      const [theirs, none] = [await ask(method, id, token, headers), await ask(method, never, token, headers)];
      assert.equal(theirs.body["code"], "ERR_CALL_NOT_FOUND", title);
      assert.deepEqual(plain(theirs, id), plain(none, never), `${title}: ${method}`);
    }
  }
  assert.equal(await stateOf(id), "held");
  assert.equal((await ask("DELETE", id, globex)).status, 200);
});

it("is not found by spellings of its id", async () => {
  const id = await holdOf(globex, "b-spelt", { charge: "ch_2004", amount: 60_000 });
  for (const spelling of [
    id.toUpperCase(),
    `${id}%00`,
    `${id}/`,
    `./${id}`,
    `%63${id.slice(1)}`,
    `${id}?tenant=globex`,
    `*`,
    `c_%25`,
    `${id},${id}`,
    `${id}'--`,
  ]) {
    tricks += 1;
    const answer = await world.request("DELETE", `${calls}/${spelling}`, { token: acme });
    assert.ok(answer.status >= 400, `${spelling}: ${answer.text}`);
  }
  assert.equal(await stateOf(id), "held");
  assert.equal((await ask("DELETE", id, globex)).status, 200);
});

it("cannot be approved by any agent, nor by a vote for another call", async () => {
  const theirs = await holdOf(globex, "b-vote", { charge: "ch_2004", amount: 70_000 });
  const ours = await holdOf(acme, "a-vote");
  const bindings = await Promise.all([theirs, ours].map(async (id) => (await world.gateway.ports.calls.find(id))?.binding));
  const vote = JSON.stringify({ approve: true, reason: "yes", binding: bindings[0] });
  for (const token of [acme, globex]) {
    tricks += 2;
    const path = `/sallyport/v1/holds/${theirs}/votes`;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    assert.equal((await fetch(`${world.gateway.peopleUrl}${path}`, { method: "POST", headers, body: vote })).status, 401);
    assert.equal((await world.request("POST", path, { token, headers: { "content-type": "application/json" }, body: vote })).status, 404);
  }
  tricks += 1;
  const crossed = await world.people("approver", "POST", `/sallyport/v1/holds/${theirs}/votes`, {
    approve: true,
    reason: "yes",
    binding: bindings[1],
  });
  assert.equal(crossed.status, 409, crossed.text);
  assert.deepEqual([await stateOf(theirs), await stateOf(ours)], ["held", "held"]);
  for (const [id, token] of [
    [theirs, globex],
    [ours, acme],
  ] as const)
    assert.equal((await ask("DELETE", id, token)).status, 200);
});

it("has no preview that anybody can ask for", async () => {
  const id = await holdOf(globex, "b-child", { charge: "ch_2004", amount: 80_000 });
  const listed = await world.gateway.ports.calls.list({ tenant: "globex", limit: 50 });
  const child = listed.find((call) => call.parent === id);
  for (const token of [acme, globex]) {
    tricks += 1;
    assert.equal((await ask("GET", child?.id ?? "", token)).body["code"], "ERR_CALL_NOT_FOUND");
  }
  assert.equal((await ask("DELETE", id, globex)).status, 200);
});

it("takes as long to be refused as one that never was", async () => {
  tricks += 1;
  const id = await holdOf(globex, "b-time", { charge: "ch_2004", amount: 90_000 });
  const never = `${id.slice(0, -4)}0000`;
  const times: Record<string, number[]> = { [id]: [], [never]: [] };
  for (let turn = 0; turn < 80; turn += 1) {
    for (const one of [id, never]) {
      const begun = performance.now();
      await ask("GET", one, acme);
      times[one]?.push(performance.now() - begun);
    }
  }
  const [theirs = 0, none = 0] = [id, never].map((one) => times[one]?.toSorted((left, right) => left - right)[40]);
  assert.ok(Math.abs(theirs - none) < Math.max(1, Math.min(theirs, none)), `median ${theirs} ms and ${none} ms`);
  assert.equal((await ask("DELETE", id, globex)).status, 200);
});

it("one key in two tenants, agents, users or environments is as many keys", async () => {
  const ticket = { subject: "one key", text: "same words" };
  const tokens = [
    acme,
    globex,
    world.tokenOf("acme_co", { sub: "other-bot" }),
    world.tokenOf("acme_co", { user: "u_1" }),
    world.tokenOf("acme_co", { user: "u_2" }),
  ];
  const before = world.sandbox.effects("ticket").length;
  const ids = new Set<unknown>();
  for (const token of tokens) {
    tricks += 1;
    const answer = await world.call("tickets.create", ticket, { token, key: "shared-key" });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers.get("sallyport-replayed"), null);
    ids.add(answer.body["id"]);
  }
  assert.equal(ids.size, tokens.length);
  assert.equal(world.sandbox.effects("ticket").length - before, tokens.length);
  const foreign = await world.call("tickets.create", { subject: "other", text: "words" }, { token: globex, key: "shared-key" });
  assert.equal(foreign.body["code"], "ERR_KEY_REUSED");
  const keyOwner = await world.gateway.ports.calls.find(String(/c_[0-9a-f]+/.exec(foreign.text)?.[0]));
  assert.equal(keyOwner?.tenant, "globex", "a reused key names only a call of one's own");
  tricks += 1;
  const staged = await world.call("deploys.list", {}, { token: world.tokenOf("acme_co", { environment: "staging" }), key: "shared-key" });
  assert.equal(staged.status, 200, staged.text);
});

it("a refused repetition never replays the other's answer", async () => {
  const first = await world.call("payments.lookup_charge", { charge: "ch_2001" }, { token: globex, key: "replay-me" });
  assert.equal(first.status, 200);
  tricks += 2;
  const mark = world.mark();
  const second = await world.call("payments.lookup_charge", { charge: "ch_2001" }, { token: acme, key: "replay-me" });
  assert.equal(second.headers.get("sallyport-replayed"), null);
  assert.ok(!second.text.includes("cus_hank"));
  const third = await world.call(
    "payments.lookup_charge",
    { charge: "ch_2001" },
    { token: world.tokenOf("acme_co", { sub: "small-bot", environment: "staging" }), key: "replay-me" },
  );
  assert.equal(third.body["code"], "ERR_CONTRACT_NONE");
  world.assertOnly("acme_co", mark, "replay");
});

it("the same call in the same run of the other tenant is neither attached to nor a twin of", async () => {
  const ticket = { subject: "unknown end", text: "of acme_co" };
  await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/tickets", mode: "reset_before", act: true, times: 1 });
  const lost = await world.call("tickets.create", ticket, { token: acme });
  assert.equal(lost.body["executed"], "unknown", lost.text);
  tricks += 1;
  const theirs = await world.call("tickets.create", ticket, { token: globex });
  assert.equal(theirs.status, 200, theirs.text);
  assert.equal(theirs.headers.get("sallyport-attached"), null);
  const again = await world.call("tickets.create", ticket, { token: acme });
  assert.equal(again.headers.get("sallyport-attached"), lost.body["call_id"], "its own agent attaches");
  const id = await holdOf(acme, "a-attach", { charge: "ch_1006", amount: 20_000 });
  const reply = await world.call("payments.refund", { charge: "ch_1006", amount: 20_000 }, { token: globex, key: "b-attach" });
  tricks += 1;
  assert.equal(reply.body["code"], "ERR_PREVIEW_FAILED", reply.text);
  assert.ok(!reply.text.includes(id));
  assert.equal((await ask("DELETE", id, acme)).status, 200);
});

it("nobody reports for the other's run, and an equal run id is another run", async () => {
  const report = (token: string, path: string, body: object): Promise<TestAnswer> =>
    world.request("POST", `/sallyport/v1/runs/${path}`, {
      token,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  const ours = world.tokenOf("acme_co", { run: "r_ours" });
  for (const path of ["r_theirs/usage", "r_theirs/outcome", "globex/usage", "r_ours%2F..%2Fr_theirs/usage", "R_OURS/usage", "*/usage"]) {
    tricks += 1;
    const answer = await report(ours, path, path.endsWith("usage") ? { usd_micros: 1 } : { status: "failed", reason: "sabotage" });
    assert.ok(answer.status >= 400, `${path}: ${answer.text}`);
  }
  tricks += 2;
  // More than the run may cost, and less than the agent's day.
  assert.equal((await report(ours, "r_ours/usage", { usd_micros: 100_001_000_000 })).status, 200);
  assert.equal((await report(ours, "r_ours/outcome", { status: "failed", reason: "ours" })).status, 200);
  assert.equal(
    (await world.call("payments.lookup_charge", { charge: "ch_1001" }, { token: ours })).body["code"],
    "ERR_BUDGET_EXHAUSTED",
    "its own run is over",
  );
  const theirs = await world.call("payments.lookup_charge", { charge: "ch_2001" }, { token: world.tokenOf("globex", { run: "r_ours" }) });
  assert.equal(theirs.status, 200, theirs.text);
  const shown = await world.people("viewer", "GET", "/sallyport/v1/runs/globex/billing-dispute-v3/r_ours");
  assert.equal(shown.body["outcome"], null, shown.text);
  assert.equal((shown.body["cost"] as { usd: number }).usd, 0.01);
});

it("a run token is good for its own tenant and run alone", async () => {
  const opened = await world.request("POST", "/sallyport/v1/runs", { token: world.tokenOf("acme_co", { run: undefined }) });
  assert.equal(opened.status, 201, opened.text);
  const token = String(opened.body["token"]);
  const id = await holdOf(globex, "b-run", { charge: "ch_2004", amount: 95_000 });
  tricks += 3;
  assert.equal((await ask("GET", id, token)).body["code"], "ERR_CALL_NOT_FOUND");
  assert.equal((await ask("DELETE", id, token)).body["code"], "ERR_CALL_NOT_FOUND");
  const mark = world.mark();
  assert.equal((await world.send(lookUp, { token })).status, 404);
  assert.equal(world.assertOnly("acme_co", mark, "run token"), 1);
  assert.equal((await ask("DELETE", id, globex)).status, 200);
});

it("what policy is told of a run is of this tenant, environment and agent alone", async () => {
  const { ports } = world.gateway;
  const policy = ports.policy();
  const told: unknown[] = [];
  const real = ports.policy;
  (ports as { policy: typeof ports.policy }).policy = () => ({
    digest: policy.digest,
    evaluate: (input) => {
      told.push(input["run"]);
      return policy.evaluate(input);
    },
  });
  try {
    const of = (tenant: string, more: object = {}): string => world.tokenOf(tenant, { run: "r_told", ...more });
    await world.call("deploys.list", {}, { token: of("acme_co", { environment: "staging" }) });
    for (const token of [of("acme_co"), of("globex"), of("acme_co", { sub: "other-bot" })]) {
      tricks += 1;
      await world.call("payments.lookup_charge", { charge: "ch_1001" }, { token });
    }
  } finally {
    (ports as { policy: typeof ports.policy }).policy = real;
  }
  assert.deepEqual(
    told,
    Array.from({ length: 4 }, () => ({ id: "r_told", calls: [] })),
  );
});

it("all tricks were played", (context) => {
  context.diagnostic(`${tricks} tricks, none got through`);
  assert.ok(tricks >= 50, `${tricks} tricks`);
});
