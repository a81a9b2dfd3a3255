import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { inject, startWide, type WideOptions } from "../path/wide-gateway.ts";
import { swap } from "../support/demo-config.ts";
import { startGateway, type TestAnswer, type TestGateway, type TestGatewayOptions } from "../support/gateway.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";

const most = Number.MAX_SAFE_INTEGER;

async function inWorld(run: (world: TestGateway) => Promise<void>, options: TestGatewayOptions = {}): Promise<void> {
  const world = await startGateway(options);
  try {
    await run(world);
  } finally {
    await world.close();
  }
}

async function inWide(run: (world: TestGateway) => Promise<void>, options: WideOptions = {}): Promise<void> {
  const world = await startWide(options);
  try {
    await run(world);
  } finally {
    await world.close();
  }
}

const report = (world: TestGateway, usage: object, token?: string, run = "r_test") =>
  world.request("POST", `/sallyport/v1/runs/${run}/usage`, {
    headers: { "content-type": "application/json" },
    body: JSON.stringify(usage),
    ...(token === undefined ? {} : { token }),
  });

describe("usage that an agent reports", () => {
  it("a report beyond all sense is refused or uses the budget up; it is no fault of the store", () =>
    inWorld(async (world) => {
      for (let turn = 0; turn < 2; turn++) await report(world, { usd_micros: most });
      const answer = await world.call("payments.lookup_charge", { charge: "ch_1001" });
      assert.ok([200, 429].includes(answer.status), answer.text);
    }));

  it("what one tenant's token reports leaves the agent's calls for another tenant answerable", () =>
    inWorld(async (world) => {
      for (let turn = 0; turn < 2; turn++) await report(world, { usd_micros: most });
      const token = await world.agentToken({ tenant: "globex", run: "r_other" });
      const answer = await world.call("payments.lookup_charge", { charge: "ch_2001" }, { token });
      assert.notEqual(answer.status, 503, answer.text);
    }));

  it("token counts that add up beyond 2^53 leave the run readable", () =>
    inWorld(async (world) => {
      for (let turn = 0; turn < 2; turn++) await report(world, { prompt_tokens: most });
      const shown = await world.people("viewer", "GET", "/sallyport/v1/runs/acme_co/billing-dispute-v3/r_test");
      assert.equal(shown.status, 200, shown.text);
    }));

  it("a held call can still be cancelled after its agent reported what it liked", () =>
    inWorld(async (world) => {
      const held = await world.call("payments.refund", { charge: "ch_1002", amount: 50_000 }, { key: "held" });
      assert.equal(held.status, 202, held.text);
      for (let turn = 0; turn < 2; turn++) await report(world, { usd_micros: most });
      const cancelled = await world.people("operator", "POST", `/sallyport/v1/calls/${String(held.body["call_id"])}/cancel`, {
        reason: "taken back",
      });
      assert.equal(cancelled.status, 200, cancelled.text);
    }));

  it("no report keeps the gateway from starting again", async () => {
    const world = await startGateway();
    try {
      // A call is on its way while its own budget's account is pushed beyond what the store can read.
      await world.sandbox.setFault({ path_prefix: "/v1/charges", mode: "slow", delay_ms: 700, times: 1 });
      const slow = world.call("payments.lookup_charge", { charge: "ch_1001" });
      await world.sandbox.waitForRequest(({ url }) => url.startsWith("/v1/charges"));
      for (let turn = 0; turn < 2; turn++) await report(world, { usd_micros: most });
      await slow;
      await assert.doesNotReject(world.restart());
    } finally {
      await world.close().catch(() => undefined);
      await world.sandbox.stop();
    }
  });

  it("a report for another run than the token's is refused", () =>
    inWorld(async (world) => {
      assert.equal((await report(world, { usd_micros: 1 }, undefined, "r_theirs")).body["code"], "ERR_CALL_NOT_FOUND");
      for (const usd_micros of [-1, 0.5, "1", 2 ** 53, null])
        assert.equal(
          (await report(world, { usd_micros })).body["code"],
          usd_micros === 2 ** 53 ? "ERR_JSON_NUMBER" : "ERR_ARGUMENTS_INVALID",
        );
    }));
});

describe("what one agent can take from the others", () => {
  it("refused calls are limited too: an agent cannot write the ledger as fast as it can ask", () =>
    inWorld(async (world) => {
      // The contract allows 60 calls in a minute.
      for (let turn = 0; turn < 4; turn++)
        await Promise.all(Array.from({ length: 50 }, () => world.call("payments.refund", { charge: "none" }, { key: "k" })));
      const denied = await world.people("viewer", "GET", "/sallyport/v1/calls?state=denied&limit=1000");
      const count = (denied.body["calls"] as readonly unknown[]).length;
      assert.ok(count <= 120, `${count} of 200 refusals were recorded within seconds`);
    }));

  it("reports are limited: one token cannot grow the ledger without end", () =>
    inWorld(async (world) => {
      const statuses: number[] = [];
      for (let turn = 0; turn < 6; turn++)
        statuses.push(...(await Promise.all(Array.from({ length: 50 }, async () => (await report(world, { prompt_tokens: 1 })).status))));
      assert.ok(statuses.includes(429), "300 reports within seconds, 300 ledger entries");
    }));
});

describe("connections that one agent can take from the others", () => {
  it(
    "one socket full of waiters is no load on the store: others are served, and nobody's look-ups fill its queue",
    { timeout: 30_000 },
    () =>
      inWide(async (world) => {
        const held = await world.call("payments.refund", { charge: "ch_1002", amount: 50_000 }, { key: "held" });
        assert.equal(held.status, 202, held.text);
        const { calls } = world.gateway.ports;
        const { find } = calls;
        let looks = 0;
        inject(calls, "find", (id) => {
          looks += 1;
          return find(id);
        });
        const target = `/sallyport/v1/calls/${String(held.body["call_id"])}`;
        const wait = rawRequest(`GET ${target} HTTP/1.1`, [
          "Host: x",
          `Authorization: Bearer ${await world.agentToken()}`,
          "Prefer: wait=30",
        ]);
        const socket = connect({ host: "127.0.0.1", port: Number(new URL(world.gateway.agentsUrl).port) });
        socket.on("error", () => undefined);
        socket.resume();
        try {
          socket.write(wait.repeat(9000));
          const token = await world.agentToken({ tenant: "globex", run: "r_other" });
          const statuses: number[] = [];
          for (let turn = 0; turn < 8; turn++)
            statuses.push((await world.call("payments.lookup_charge", { charge: "ch_2001" }, { token })).status);
          assert.deepEqual([...new Set(statuses)], [200], "another tenant's call was refused");
          assert.ok(looks < 2000, `${looks} look-ups for one socket's waiters`);
        } finally {
          socket.destroy();
        }
      }),
  );

  it("a tenant whose upstream hangs leaves connections for the others", { timeout: 30_000 }, () =>
    inWide(async (world) => {
      await world.sandbox.setFault({ path_prefix: "/v1/charges/ch_1001", mode: "hang", times: 400 });
      const flood = Array.from({ length: 160 }, () => world.call("payments.lookup_charge", { charge: "ch_1001" }));
      await world.sandbox.waitForRequest(({ url }) => url.startsWith("/v1/charges/ch_1001"));
      const token = await world.agentToken({ tenant: "globex", run: "r_other" });
      await new Promise<void>((resolve) => setTimeout(resolve, 700));
      const answer = await world.call("payments.lookup_charge", { charge: "ch_2001" }, { token });
      await world.sandbox.clearFaults();
      await world.sandbox.stop();
      await Promise.all(flood);
      assert.equal(answer.status, 200, answer.text);
    }),
  );

  it("many strange paths and names make no new metric", () =>
    inWide(async (world) => {
      const series = async () =>
        (await (await fetch(`${world.gateway.peopleUrl}/metrics`)).text()).split("\n").filter((line) => line.includes('le="+Inf"')).length;
      const ask = (turn: number) => [
        world.request("GET", `/strange/${turn}`),
        world.call(`no.such_${turn}`, {}),
        world.request("GET", `/sallyport/v1/calls/c_${turn}`),
      ];
      await Promise.all(ask(0));
      const before = await series();
      await Promise.all(Array.from({ length: 40 }, (_, turn) => ask(turn + 1)).flat());
      assert.ok((await series()) - before <= 1);
    }));
});

describe("whose call it is", () => {
  it("a token of another environment neither sees nor cancels a production call", () =>
    inWorld(async (world) => {
      const held = await world.call("payments.refund", { charge: "ch_1002", amount: 50_000 }, { key: "held" });
      const id = String(held.body["call_id"]);
      const staging = await world.dev.mintAgentToken({
        agent: "billing-dispute-v3",
        tenant: "acme_co",
        run: "r_x",
        environment: "staging",
        ttlMs: 60_000,
      });
      assert.equal((await world.request("GET", `/sallyport/v1/calls/${id}`, { token: staging })).status, 404);
      assert.equal((await world.request("DELETE", `/sallyport/v1/calls/${id}`, { token: staging })).status, 404);
    }));

  it("another tenant's, agent's and user's token gets the very answer of an id that is not there", () =>
    inWorld(async (world) => {
      const held = await world.call("payments.refund", { charge: "ch_1002", amount: 50_000 }, { key: "held" });
      const id = String(held.body["call_id"]);
      const strangers = [{ tenant: "globex" }, { agent: "intern" }, { user: "ada" }];
      for (const stranger of strangers) {
        const token = await world.agentToken(stranger);
        for (const method of ["GET", "DELETE"]) {
          const [theirs, none] = await Promise.all(
            [id, `c_${"0".repeat(32)}`].map((one) => world.request(method, `/sallyport/v1/calls/${one}`, { token })),
          );
          const told = (one: TestAnswer | undefined) => ({ ...one?.body, call_id: null });
          assert.deepEqual([theirs?.status, told(theirs)], [404, told(none)]);
        }
      }
    }));

  const odd = ["__proto__", "constructor", "toString", "hasOwnProperty", "../acme_co", "acme_co/", "ACME_CO", "acme_co,globex"];
  for (const name of odd) {
    it(`a token for the tenant or agent ${name} can call nothing`, () =>
      inSharedWorld(async (world) => {
        for (const claims of [{ tenant: name }, { agent: name }]) {
          const answer = await world.call("payments.lookup_charge", { charge: "ch_1001" }, { token: await world.agentToken(claims) });
          assert.deepEqual([answer.status, answer.body["executed"]], [403, false], answer.text);
        }
        const code = await world.request("GET", `/sallyport/v1/errors/${encodeURIComponent(name)}`);
        assert.equal(code.status, name === "../acme_co" || name === "acme_co/" ? code.status : 404);
      }));
  }
});

describe("headers that a tool declares", () => {
  it("a value that could not be sent is refused at the door, and nothing is admitted", () =>
    inWide(
      async (world) => {
        const token = await world.agentToken();
        for (const value of ["caf\xe9", "a\tb", "\x80"]) {
          const bytes = rawRequest("GET /payments/v1/charges/ch_1001 HTTP/1.1", [
            "Host: x",
            `Authorization: Bearer ${token}`,
            `X-Note: ${value}`,
          ]);
          const { responses } = await sendRaw(world.gateway.agentsUrl, bytes, { until: 1 });
          assert.equal(responses[0]?.status, 400, responses[0]?.body);
        }
      },
      {
        edit: {
          "routes/payments.yaml": swap("limits: { response_bytes: 256KiB }", "headers: { X-Note: {} }\nlimits: { response_bytes: 256KiB }"),
        },
      },
    ));

  it("a call cannot bring the account, the credential or the upstream's key", () =>
    inSharedWorld(async (world) => {
      const before = world.sandbox.requests().length;
      const refused = {
        ERR_HEADER_REFUSED: ["sandbox-account", "x-http-method-override", "sallyport-call-id"],
        ERR_TOKEN_MALFORMED: ["x-api-key", "cookie"],
      };
      for (const [code, names] of Object.entries(refused)) {
        for (const name of names) {
          const answer = await world.request("GET", "/payments/v1/charges/ch_1001", { headers: { [name]: "acct_globex" } });
          assert.equal(answer.body["code"], code, answer.text);
        }
      }
      assert.equal(world.sandbox.requests().length, before);
    }));
});

let shared: Promise<TestGateway> | null = null;
/** Attacks that leave nothing behind use one gateway. */
async function inSharedWorld(run: (world: TestGateway) => Promise<void>): Promise<void> {
  shared ??= startWide();
  await run(await shared);
}
it("the shared gateway ends", async () => (await shared)?.close());
