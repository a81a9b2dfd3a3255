import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { peopleRoutes } from "../../src/edges/admin/people-routes.ts";
import { eventually, startGateway, type TestGateway } from "../support/gateway.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";

let world: TestGateway;
before(async () => {
  world = await startGateway();
});
after(() => world.close());

const bearer = (token: string) => `Authorization: Bearer ${token}`;
const ask = async (startLine: string, headers: readonly string[], body = "") => {
  const bytes = rawRequest(
    `${startLine} HTTP/1.1`,
    ["Host: 127.0.0.1", ...headers, ...(body === "" ? [] : [`Content-Length: ${body.length}`])],
    body,
  );
  return (await sendRaw(world.gateway.peopleUrl, bytes, { until: 1 })).responses[0];
};
const stops = async () => ((await world.people("operator", "GET", "/sallyport/v1/stops")).body["stops"] as readonly object[]).length;
const stopText = JSON.stringify({ scope: {}, reason: "drill" });

describe("a web page in the browser of somebody who may", () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"]) {
    it(`a page's POST as ${type} sets no stop: nothing in a browser speaks for a person`, async () => {
      const answer = await ask(
        "POST /sallyport/v1/stops",
        ["Origin: http://evil.example", `Content-Type: ${type}`, "Cookie: token=x"],
        stopText,
      );
      assert.equal(answer?.status, 401, answer?.body);
      assert.equal(await stops(), 0);
    });
  }

  it("a preflight is answered with no permission, on either listener", async () => {
    for (const url of [world.gateway.peopleUrl, world.gateway.agentsUrl]) {
      const bytes = rawRequest("OPTIONS /sallyport/v1/stops HTTP/1.1", [
        "Host: 127.0.0.1",
        "Origin: http://evil.example",
        "Access-Control-Request-Method: POST",
      ]);
      const { responses } = await sendRaw(url, bytes, { until: 1 });
      assert.equal(responses[0]?.headers.filter(([name]) => name.startsWith("access-control")).length, 0);
      assert.ok((responses[0]?.status ?? 200) >= 400);
    }
  });

  it("a person's token counts only as the one Authorization header, in no query and no cookie", async () => {
    const token = await world.personToken("admin");
    const places = [
      [`GET /sallyport/v1/me?access_token=${token}`, []],
      ["GET /sallyport/v1/me", [`Cookie: token=${token}`]],
      ["GET /sallyport/v1/me", [`Proxy-Authorization: Bearer ${token}`]],
      ["GET /sallyport/v1/me", [`X-Authorization: Bearer ${token}`]],
    ] as const;
    for (const [line, headers] of places) assert.equal((await ask(line, headers))?.status, 401);
  });

  it("two Authorization headers are refused, as on the agents' side: what stands before us may have read the other one", async () => {
    const answer = await ask("GET /sallyport/v1/me", [bearer(await world.personToken("viewer")), bearer(await world.personToken("admin"))]);
    assert.equal(answer?.status, 401, answer?.body);
  });
});

describe("tokens on the other listener", () => {
  it("no agent is a person, on any route", async () => {
    const token = await world.agentToken();
    let asked = 0;
    for (const { method, url } of peopleRoutes) {
      const answer = await ask(
        `${method} ${url.replaceAll(/:[a-z]+/g, "x")}`,
        [bearer(token), "Content-Type: application/json"],
        method === "POST" ? "{}" : "",
      );
      assert.equal(answer?.status, 401, `${method} ${url}`);
      asked += 1;
    }
    assert.equal(asked, peopleRoutes.length);
  });

  it("no person is an agent", async () => {
    const token = await world.personToken("admin");
    for (const path of ["/sallyport/v1/tools", "/payments/v1/charges/ch_1001"])
      assert.equal((await world.request("GET", path, { token })).status, 401);
    assert.equal((await world.call("payments.lookup_charge", { charge: "ch_1001" }, { token })).status, 401);
  });

  it("the two development issuers share no name, audience or key", async () => {
    const { agentIssuer, peopleIssuer } = world.dev;
    assert.notEqual(agentIssuer.issuer, peopleIssuer.issuer);
    assert.notEqual(agentIssuer.audience, peopleIssuer.audience);
    assert.notDeepEqual(agentIssuer.jwks, peopleIssuer.jwks);
  });
});

/** Route and the roles that may: every other role is refused, whatever it sends. */
const bodies: Readonly<Record<string, string>> = {
  votes: '{"approve":true,"reason":"r","binding":"b"}',
  cancel: '{"reason":"r"}',
  reconcile: '{"outcome":"failed","reason":"r"}',
  stops: stopText,
};

describe("roles", () => {
  for (const { method, url, roles } of peopleRoutes) {
    it(`${method} ${url} is for ${roles.join(", ")} and admin alone`, async () => {
      const word = Object.keys(bodies).find((one) => url.endsWith(one)) ?? "";
      for (const role of ["viewer", "approver", "operator", "auditor"] as const) {
        const token = await world.dev.mintPersonToken({ person: role, name: role, roles: [role], groups: ["finance"], ttlMs: 60_000 });
        const body = method === "POST" ? (bodies[word] ?? "") : "";
        // A wrong role is refused before the body is judged, so a refused one never learns whether the id exists.
        if (roles.includes(role)) continue;
        const answer = await ask(`${method} ${url.replaceAll(/:[a-z]+/g, "x")}`, [bearer(token), "Content-Type: application/json"], body);
        assert.equal(answer?.status, 403, `${role}: ${answer?.body}`);
      }
      const nobody = await world.dev.mintPersonToken({ person: "p", name: "p", roles: [], groups: ["finance"], ttlMs: 60_000 });
      assert.equal((await ask(`${method} ${url.replaceAll(/:[a-z]+/g, "x")}`, [bearer(nobody)]))?.status, 403);
    });
  }

  it("admin without the tier's group signs for nothing", async () => {
    const held = await world.call("payments.refund", { charge: "ch_1002", amount: 50_000 }, { key: "admin-vote" });
    const vote = await world.approve("admin", String(held.body["call_id"]));
    assert.deepEqual([vote.status, vote.body["code"]], [409, "ERR_CONFLICT"]);
  });
});

describe("what people may send", () => {
  const odd = [
    '{"scope":{"__proto__":"x"},"reason":"r"}',
    '{"scope":{"tenant":["acme_co"]},"reason":"r"}',
    '{"scope":{},"reason":"r","reason":"s"}',
    '{"scope":null,"reason":"r"}',
    '{"scope":{},"reason":"r","expires_in_s":-1}',
    '{"scope":{},"reason":"r","expires_in_s":1e400}',
    '{"scope":{},"reason":"r","x":1}',
    "[]",
    '{"__proto__":{"approve":true}}',
    `{"scope":{},"reason":"${"r".repeat(501)}"}`,
  ];
  for (const body of odd) {
    it(`${body.slice(0, 60)} sets no stop`, async () => {
      const answer = await ask(
        "POST /sallyport/v1/stops",
        [bearer(await world.personToken("operator")), "Content-Type: application/json"],
        body,
      );
      assert.equal(answer?.status, 400, answer?.body);
      assert.equal(await stops(), 0);
    });
  }

  it("a stop until the end of numbers can be listed and cleared, and the ledger still seals", async () => {
    const set = await world.people("operator", "POST", "/sallyport/v1/stops", {
      scope: { tool: "nothing" },
      reason: "far",
      expires_in_s: Number.MAX_SAFE_INTEGER,
    });
    if (set.status !== 200) return assert.equal(set.status, 400, set.text);
    const { id } = set.body["stop"] as { id: string };
    assert.equal((await world.people("operator", "DELETE", `/sallyport/v1/stops/${id}`)).status, 200);
    await eventually(
      "sealed",
      async () => (await world.people("auditor", "GET", "/sallyport/v1/ledger")).text.includes("stop.cleared"),
      3000,
    );
  });

  for (const query of ["limit=0", "limit=1e9", "limit=NaN", "state=__proto__", "state=held'--", "limit=1001"]) {
    it(`calls?${query} is refused`, async () =>
      assert.equal((await world.people("viewer", "GET", `/sallyport/v1/calls?${query}`)).status, 400));
  }

  it("names that are SQL or prototypes find nothing", async () => {
    for (const name of ["' OR 1=1 --", "__proto__", "%00", "..%2f..", "x".repeat(3000)]) {
      const path = `/sallyport/v1/runs/${encodeURIComponent(name)}/a/b`;
      assert.ok([400, 404, 414].includes((await world.people("viewer", "GET", path)).status), name.slice(0, 20));
      const listed = await world.people("viewer", "GET", `/sallyport/v1/calls?tenant=${encodeURIComponent(name)}`);
      assert.deepEqual([listed.status, listed.body["calls"]], [200, []]);
    }
  });

  it("what no token is needed for tells no tenant, agent, tool, path or token", async () => {
    await world.call("payments.lookup_charge", { charge: "ch_1001" });
    for (const path of ["/livez", "/readyz", "/metrics"]) {
      const answer = await ask(`GET ${path}`, ["Connection: close"]);
      assert.equal(answer?.status, 200);
      assert.doesNotMatch(answer?.body ?? "", /acme|billing|ch_1001|payments|Bearer|\/tmp\//);
    }
  });
});
