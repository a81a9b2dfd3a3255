import assert from "node:assert/strict";
import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openRun } from "../../src/control/open-run.ts";
import { isDenial } from "../../src/rules/denial.ts";
import { startGateway, type TestAnswer, type TestGateway } from "../support/gateway.ts";

const world = await startGateway();
const other = await startGateway();
after(() => Promise.all([world.close(), other.close()]));

type Claims = Record<string, unknown>;
interface Parts {
  readonly header: Claims;
  readonly claims: Claims;
}

const part = (value: object | string): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
const readPart = (text = ""): Claims => JSON.parse(Buffer.from(text, "base64url").toString("utf8")) as Claims;
const partsOf = (token: string): Parts => ({ header: readPart(token.split(".")[0]), claims: readPart(token.split(".")[1]) });

/** Signs as Ed25519 does, with any key. */
function signed({ header, claims }: Parts, key: KeyObject): string {
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString("base64url")}`;
}

const openerToken = (changes: object = {}, on: TestGateway = world): Promise<string> =>
  on.dev.mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", ttlMs: 600_000, ...changes });

const open = (token: string, options: { body?: string; headers?: Record<string, string>; query?: string } = {}, on = world) =>
  on.request("POST", `/sallyport/v1/runs${options.query ?? ""}`, {
    token,
    headers: { ...(options.body === undefined ? {} : { "content-type": "application/json" }), ...options.headers },
    ...(options.body === undefined ? {} : { body: options.body }),
  });

async function runToken(changes: object = {}, on = world): Promise<string> {
  const answer = await open(await openerToken(changes, on), {}, on);
  assert.equal(answer.status, 201, answer.text);
  return String(answer.body["token"]);
}

const listTools = (token: string, on = world): Promise<TestAnswer> => on.request("GET", "/sallyport/v1/tools", { token });
const lookUp = (token: string, headers: Record<string, string> = {}): Promise<TestAnswer> =>
  world.call("payments.lookup_charge", { charge: "ch_1001" }, { token, headers });

async function stop(scope: object): Promise<string> {
  const answer = await world.people("operator", "POST", "/sallyport/v1/stops", { scope, reason: "incident" });
  assert.ok(answer.status < 300, answer.text);
  return (answer.body["stop"] as { id: string }).id;
}

/** Ledger entries about opened runs. */
async function openings(on = world): Promise<readonly Claims[]> {
  const entries: Claims[] = [];
  for (let from = 1; ; from += 1000) {
    const page = (await on.gateway.ports.ledger.read(from, 1000)).map(({ entry }) => entry as Claims);
    entries.push(...page.filter((entry) => entry["type"] === "run.opened"));
    if (page.length < 1000) return entries;
  }
}

describe("replay after a stop", () => {
  const scopes: readonly (readonly [string, (run: unknown) => object, number])[] = [
    ["its agent", () => ({ agent: "billing-dispute-v3", tenant: "globex" }), 403],
    ["its tenant", () => ({ tenant: "globex" }), 403],
    ["its workflow", () => ({ workflow: "billing-dispute", tenant: "globex" }), 403],
    ["its run", (run) => ({ run: String(run) }), 201],
  ];
  for (const [title, scope, openable] of scopes) {
    it(`a stop on ${title} ends what its token may do${openable === 403 ? ", and nobody opens another" : ""}`, async () => {
      const token = await runToken({ tenant: "globex" });
      const opener = await openerToken({ tenant: "globex" });
      const call = (): Promise<TestAnswer> => world.call("tickets.search", { query: "refund" }, { token });
      const id = await stop(scope(partsOf(token).claims["run"]));
      try {
        assert.equal((await call()).body["code"], "ERR_STOPPED");
        const before = (await openings()).length;
        const again = await open(opener);
        assert.equal(again.status, openable, again.text);
        assert.equal((await openings()).length - before, openable === 201 ? 1 : 0);
      } finally {
        await world.people("operator", "DELETE", `/sallyport/v1/stops/${id}`);
      }
      assert.notEqual((await call()).body["code"], "ERR_STOPPED");
    });
  }

  it("a stop that is set between look and write still stops the opening", async () => {
    const { ports } = world.gateway;
    const blind = { ...ports, stops: { ...ports.stops, blocking: () => null } };
    const principal = await ports.tokens.verify(await openerToken({ tenant: "globex" }), Date.now());
    assert.ok(!isDenial(principal));
    const id = await stop({ tenant: "globex" });
    const { opened } = await openRun(blind, principal, { ttlMs: null });
    await world.people("operator", "DELETE", `/sallyport/v1/stops/${id}`);
    assert.equal(isDenial(opened) && opened.denied, "ERR_STOPPED");
  });
});

describe("somebody else's token", () => {
  it("another gateway's run token is a stranger's, and ours is one there", async () => {
    const [mine, theirs] = await Promise.all([runToken(), runToken({}, other)]);
    assert.equal((await listTools(theirs)).body["code"], "ERR_TOKEN_UNTRUSTED");
    assert.equal((await listTools(mine, other)).body["code"], "ERR_TOKEN_UNTRUSTED");
    assert.equal((await listTools(mine)).status, 200);
    assert.equal((await listTools(theirs, other)).status, 200);
  });

  it("another gateway's key does not sign our name", async () => {
    const key = createPrivateKey(readFileSync(join(other.dataDir, "runs.key")));
    assert.equal((await listTools(signed(partsOf(await runToken()), key))).body["code"], "ERR_TOKEN_UNTRUSTED");
  });

  it("a run token opens nothing on the people's listener", async () => {
    const token = await runToken();
    for (const path of ["me", "runs", "holds", "ledger", "stops"]) {
      const response = await fetch(`${world.gateway.peopleUrl}/sallyport/v1/${path}`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(response.status, 401, path);
    }
  });

  it("a person's token opens no run", async () => {
    assert.equal((await open(await world.personToken("admin"))).status, 401);
  });

  it("an issuer's token that claims to be a run token is that issuer's, and counts as no more", async () => {
    const dev = createPrivateKey(readFileSync(join(world.dataDir, "dev", "agents.pem")));
    const es256 = ({ header, claims }: Parts): string => {
      const input = `${part(header)}.${part(claims)}`;
      return `${input}.${sign("sha256", Buffer.from(input), { key: dev, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
    };
    const ours = partsOf(await runToken());
    const theirs = partsOf(await openerToken());
    const rows: readonly (readonly [string, Parts, number])[] = [
      ["our name, their key", { header: theirs.header, claims: ours.claims }, 401],
      ["our name and header, their key", { header: ours.header, claims: ours.claims }, 401],
      ["our type, their name", { header: { ...theirs.header, typ: "sallyport-run+jwt" }, claims: theirs.claims }, 401],
      ["both audiences", { header: theirs.header, claims: { ...theirs.claims, aud: [theirs.claims["aud"], ours.claims["aud"]] } }, 401],
      [
        "an opener of its own making",
        { header: theirs.header, claims: { ...theirs.claims, opened_by: { iss: "https://x.example", jti: "x" } } },
        200,
      ],
    ];
    for (const [title, parts, status] of rows) assert.equal((await listTools(es256(parts))).status, status, title);
    const principal = await world.gateway.ports.tokens.verify(es256(rows[4]?.[1] as Parts), Date.now());
    assert.ok(!isDenial(principal) && principal.runToken === undefined && principal.issuer === "https://dev.sallyport.local/agents");
  });
});

describe("a longer life", () => {
  it("no wish makes a run token outlive its opener, and a run token opens no other, nor a second life of itself", async () => {
    for (const ttl of [1, 60, 600, 3600]) {
      const opener = await openerToken({ ttlMs: 60_000 });
      const answer = await open(opener, { body: JSON.stringify({ ttl }) });
      const { exp } = partsOf(String(answer.body["token"])).claims as { exp: number };
      assert.ok(exp <= (partsOf(opener).claims as { exp: number }).exp, String(ttl));
      const again = await open(String(answer.body["token"]), { body: JSON.stringify({ ttl }) });
      assert.equal(again.body["code"], "ERR_RUN_TOKEN");
      assert.equal(again.status, 403);
    }
  });

  it("a token that names a run does not leave it, and its budgets, for a new one", async () => {
    assert.equal((await open(await openerToken({ run: "r_mine" }))).body["code"], "ERR_RUN_TOKEN");
  });

  it("what was signed does not change: later end, other tenant, other agent, other run, other opener", async () => {
    const token = await runToken();
    const { header, claims } = partsOf(token);
    const [, , signature] = token.split(".");
    const changes = [
      { exp: Number(claims["exp"]) + 3600 },
      { tenant: "globex" },
      { sub: "deploy-bot" },
      { run: "r_x", jti: "r_x" },
      { opened_by: { iss: claims["iss"] } },
    ];
    for (const change of changes) {
      const answer = await listTools(`${part(header)}.${part({ ...claims, ...change })}.${signature}`);
      assert.equal(answer.body["code"], "ERR_TOKEN_UNTRUSTED", JSON.stringify(change));
    }
    assert.equal(changes.length, 5);
  });
});

describe("what the request says", () => {
  const injections: readonly object[] = [
    { scope: "admin" },
    { scope: "sallyport:call sallyport:admin" },
    { tenant: "globex" },
    { agent: "deploy-bot" },
    { sub: "deploy-bot" },
    { run: "r_chosen" },
    { workflow: "deploys" },
    { environment: "staging" },
    { user: "ada" },
    { user_groups: ["finance"] },
    { exp: 9_999_999_999 },
    { expires_at: "2099-01-01T00:00:00Z" },
    { aud: "sallyport-people" },
    { iss: "https://dev.sallyport.local/people" },
    { opened_by: { iss: "x" } },
    { TTL: 60 },
    { ttl: 60, tenant: "globex" },
  ];
  it("a body says nothing of who calls, for whom, or what it may: it opens nothing", async () => {
    const token = await openerToken();
    const before = (await openings()).length;
    for (const injected of injections) {
      const answer = await open(token, { body: JSON.stringify(injected) });
      assert.equal(answer.body["code"], "ERR_ARGUMENTS_INVALID", JSON.stringify(injected));
    }
    const sharp = ['{"__proto__":{"ttl":60}}', '{"constructor":{"tenant":"globex"}}', '{"ttl":60,"ttl":3600}', '{"ttl":60} {}'];
    for (const body of sharp) assert.ok([400, 422].includes((await open(token, { body })).status), body);
    assert.equal((await openings()).length, before);
    assert.equal(injections.length + sharp.length, 21);
  });

  it("a header that names a run joins nothing and moves no money: the run is the token's", async () => {
    const token = await runToken();
    const own = partsOf(token).claims["run"];
    for (const name of ["sallyport-run", "sallyport-run-id", "x-run-id", "x-sallyport-run"]) {
      const answer = await lookUp(token, { [name]: "r_somebody_elses" });
      assert.equal(answer.body["code"], "ERR_HEADER_REFUSED", name);
    }
    const baggage = await lookUp(token, { baggage: "sallyport.run=r_somebody_elses", tracestate: "run=r_somebody_elses" });
    assert.equal(baggage.status, 200, baggage.text);
    const { body } = await world.people("viewer", "GET", `/sallyport/v1/calls/${baggage.headers.get("sallyport-call-id")}`);
    assert.equal((body["call"] as { run: string }).run, own);
  });

  it("a token in the query or the body is no token", async () => {
    const token = await openerToken();
    const bare = (path: string, init: RequestInit): Promise<Response> => fetch(`${world.gateway.agentsUrl}${path}`, init);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const before = (await openings()).length;
    assert.equal((await bare(`/sallyport/v1/runs?access_token=${token}`, { method: "POST" })).status, 401);
    assert.equal((await bare("/sallyport/v1/runs", { method: "POST", headers: form, body: `access_token=${token}` })).status, 401);
    assert.equal((await bare(`/payments/v1/charges/ch_1001?access_token=${await runToken()}`, { method: "GET" })).status, 401);
    assert.equal((await open(token, { query: `?access_token=${token}` })).body["code"], "ERR_QUERY_INVALID");
    assert.equal((await openings()).length, before + 1, "only the one that the mount was tried with");
  });
});

describe("another tenant", () => {
  it("a run token sees, cancels and reports nothing of another tenant's", async () => {
    const token = await runToken({ tenant: "globex" });
    const mine = await lookUp(await runToken());
    const id = mine.headers.get("sallyport-call-id");
    for (const method of ["GET", "DELETE"]) assert.equal((await world.request(method, `/sallyport/v1/calls/${id}`, { token })).status, 404);
    const foreign = await world.call("payments.refund", { charge: "ch_1001", amount: 100 }, { token, key: "foreign" });
    assert.equal(foreign.body["code"], "ERR_PREVIEW_FAILED");
    const usage = { token, headers: { "content-type": "application/json" }, body: '{"usd_micros":1}' };
    const { body } = await world.people("viewer", "GET", `/sallyport/v1/calls/${id}`);
    assert.equal((await world.request("POST", `/sallyport/v1/runs/${(body["call"] as { run: string }).run}/usage`, usage)).status, 404);
  });
});

describe("confusion of algorithms on our own key", () => {
  it("only Ed25519 by our key under our own header is ours", async () => {
    const token = await runToken();
    const { header, claims } = partsOf(token);
    const ourKey = createPrivateKey(readFileSync(join(world.dataDir, "runs.key")));
    const publicKey = createPublicKey(ourKey);
    const stranger = generateKeyPairSync("ed25519").privateKey;
    const strangerJwk = createPublicKey(stranger).export({ format: "jwk" });
    const hmac = (head: Claims, secret: string | Buffer): string => {
      const input = `${part(head)}.${part(claims)}`;
      return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
    };
    const { x = "" } = publicKey.export({ format: "jwk" });
    const pem = publicKey.export({ type: "spki", format: "pem" });
    const unsigned = (alg: string): string => `${part({ ...header, alg })}.${part(claims)}.`;
    const attacks: readonly (readonly [string, string])[] = [
      ["HS256 with the public key's bytes", hmac({ ...header, alg: "HS256" }, Buffer.from(x, "base64url"))],
      ["HS256 with the public key's text", hmac({ ...header, alg: "HS256" }, x)],
      ["HS256 with the public key's PEM", hmac({ ...header, alg: "HS256" }, pem)],
      ["an HMAC under our own header", hmac(header, Buffer.from(x, "base64url"))],
      ["none", unsigned("none")],
      ["None", unsigned("None")],
      ["our algorithm and no signature", unsigned("EdDSA")],
      ["ES256 over an Ed25519 signature", signed({ header: { ...header, alg: "ES256" }, claims }, ourKey)],
      ["a key in the header", signed({ header: { ...header, jwk: strangerJwk }, claims }, stranger)],
      ["a key's address in the header", signed({ header: { ...header, jku: "https://x.example/jwks" }, claims }, stranger)],
      ["another key under our key id", signed({ header, claims }, stranger)],
      ["our key under another type", signed({ header: { ...header, typ: "at+jwt" }, claims }, ourKey)],
      [
        "our key under the dev issuer's name",
        signed({ header, claims: { ...claims, iss: "https://dev.sallyport.local/agents", aud: "sallyport" } }, ourKey),
      ],
      ["our key with a critical extension", signed({ header: { ...header, crit: ["b64"], b64: false }, claims }, ourKey)],
      ["our key and a nested token", signed({ header: { ...header, cty: "JWT" }, claims }, ourKey)],
      ["another order of the header", signed({ header: { kid: header["kid"], typ: header["typ"], alg: header["alg"] }, claims }, ourKey)],
      ["another audience", signed({ header, claims: { ...claims, aud: "sallyport-people" } }, ourKey)],
      ["no opener", signed({ header, claims: { ...claims, opened_by: undefined } }, ourKey)],
      ["no run", signed({ header, claims: { ...claims, run: undefined } }, ourKey)],
      ["an extra dot", `${token}.`],
      ["a blank signature bit", `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`],
    ];
    for (const [title, forged] of attacks) {
      const answer = await listTools(forged);
      assert.equal(answer.status, 401, `${title}: ${answer.text}`);
    }
    assert.equal(attacks.length, 21);
    assert.equal((await listTools(signed({ header, claims }, ourKey))).status, 200, "the forger's tools do make good tokens");
  });
});

describe("ten thousand runs", () => {
  it("an agent opens 60 a minute for a tenant; the rest is 429, writes nothing and keeps nobody else out", async () => {
    const { ports } = other.gateway;
    const principal = await ports.tokens.verify(await openerToken({}, other), Date.now());
    assert.ok(!isDenial(principal));
    const before = (await openings(other)).length;
    const outcomes = new Map<string, number>();
    const startedMs = performance.now();
    for (let round = 0; round < 100; round += 1) {
      const answers = await Promise.all(Array.from({ length: 100 }, () => openRun(ports, principal, { ttlMs: null })));
      for (const { opened } of answers) {
        const outcome = isDenial(opened) ? opened.denied : "opened";
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
    }
    const minutes = Math.ceil((performance.now() - startedMs) / 60_000);
    const opened = outcomes.get("opened") ?? 0;
    assert.ok(opened <= 60 * (minutes + 1) && opened >= 50, JSON.stringify([...outcomes]));
    assert.equal((outcomes.get("ERR_RATE_LIMITED") ?? 0) + opened, 10_000);
    assert.equal((await openings(other)).length - before, opened);
    const refused = await open(await openerToken({}, other), {}, other);
    assert.equal(refused.status, 429);
    assert.match(refused.headers.get("ratelimit") ?? "", /^"runs";r=0;t=[0-9]+$/);
    assert.ok(Number(refused.headers.get("retry-after")) >= 1);
    assert.equal(
      (await open(await openerToken({ tenant: "globex" }, other), {}, other)).status,
      201,
      "another tenant's runs are counted apart",
    );
  });
});

describe("the store fails", () => {
  it("no run is told that is not on record", async () => {
    const { ports } = world.gateway;
    const principal = await ports.tokens.verify(await openerToken(), Date.now());
    assert.ok(!isDenial(principal));
    const { StoreUnavailable } = await import("../../src/ports/calls.ts");
    const broken = {
      ...ports,
      onFault: () => undefined,
      runs: { ...ports.runs, open: () => Promise.reject(new StoreUnavailable("injected")) },
    };
    const { opened } = await openRun(broken, principal, { ttlMs: null });
    assert.equal(isDenial(opened) && opened.denied, "ERR_STORE_UNAVAILABLE");
  });
});
