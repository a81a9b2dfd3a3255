import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { SignJWT } from "jose";
import { openDevIssuer } from "../../src/adapters/dev-issuer/issuer.ts";
import { StoreUnavailable } from "../../src/ports/calls.ts";
import type { Code } from "../../src/rules/codes.ts";
import { deny } from "../../src/rules/denial.ts";
import { makeCertificates } from "../support/certificates.ts";
import { swap } from "../support/demo-config.ts";
import { type CallOptions, eventually, type TestAnswer, type TestGateway } from "../support/gateway.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";
import { all, inject, ownClock, startWide, storedCall } from "./wide-gateway.ts";

export const clock = ownClock();
let started: TestGateway;
let tlsServer: ReturnType<typeof createServer>;

const route = (name: string, upstream: string): string => `
upstream: ${upstream}
mount: { path: /${name} }
set_headers: { Sandbox-Account: "{tenant.${name === "lonely" ? "lonely_account" : "payments_account"}}" }
credentials: { header: Authorization, value: "Bearer sk_sandbox_{tenant}" }
tools:
  ${name}.ping:
    match: GET /v1/ping
    describe: Ask it whether it is there.
    traits: { effect: read, data: internal, errors_detectable: true, maturity: stable }
    input: { type: object, additionalProperties: false, properties: {} }
`;
const contract = (agent: string, lines: string): string => `
agent: ${agent}
workflow: billing-dispute
owner: payments-team
tenants: [acme_co, globex]
stage: autonomous
tools:
  payments.lookup_charge: allow
  lonely.ping: allow
  dead.ping: allow
  untrusted.ping: allow
${lines}
`;

before(async () => {
  tlsServer = createServer({ ...(await makeCertificates()).selfSigned }, (_request, response) => response.end("{}"));
  await new Promise<void>((resolve) => tlsServer.listen(0, "127.0.0.1", resolve));
  const { port } = tlsServer.address() as AddressInfo;
  started = await startWide({
    clock,
    lift: false,
    edit: {
      "config/gateway.yaml": all(
        swap("open_holds_per_run: 10", "open_holds_per_run: 1"),
        (text) => `${text}stops: { stale_after: 1s }\n`,
        swap(
          "issuers: []",
          `issuers:
  - { issuer: https://away.example, jwks: 'http://127.0.0.1:9/jwks.json', audience: sallyport }
  - { issuer: https://scoped.example, jwks: scoped.json, audience: sallyport, required_scope: sallyport:call }`,
        ),
      ),
      "config/scoped.json": () => JSON.stringify({ keys: [{ ...scopedKeys.publicKey.export({ format: "jwk" }), kid: "x" }] }),
      "config/contracts/billing-dispute.yaml": swap("limit: 60/min", "limit: 10000/min"),
      "config/contracts/others.yaml": () => contract("ping-bot", ""),
      "config/contracts/rated.yaml": () => contract("rated-bot", "rates:\n  - { scope: agent, limit: 1/day }"),
      "config/contracts/windowed.yaml": () =>
        contract("windowed-bot", "budgets:\n  - { meter: calls, scope: agent, window: day, limit: 1 }"),
      "config/tenants.yaml": (text) => text.replace("acme_co:", "acme_co:\n  lonely_account: a1"),
      "routes/payments.yaml": (text) => text.replaceAll("timeout: 10s", "timeout: 500ms"),
      "routes/dead.yaml": () => route("dead", "http://127.0.0.1:9"),
      "routes/untrusted.yaml": () => route("untrusted", `https://127.0.0.1:${port}`),
      "routes/lonely.yaml": () => route("lonely", "http://127.0.0.1:9"),
    },
  });
});
after(async () => {
  await started.close();
  tlsServer.close();
});

let turn = 0;
export const fresh = (name = "r"): string => `${name}_${++turn}`;
export const refund = { charge: "ch_1006", amount: 100 };
export const json = { "content-type": "application/json" };

export async function refundIn(run: string, changes: object = {}, options: CallOptions = {}): Promise<TestAnswer> {
  const token = options.token ?? (await started.agentToken({ run }));
  return started.call("payments.refund", { ...refund, reason: fresh(), ...changes }, { key: fresh("k"), ...options, token });
}
export const bare = (headers: Record<string, string>): Promise<TestAnswer> =>
  readFetch(`${started.gateway.agentsUrl}/sallyport/v1/tools/tickets.lookup`, headers);
async function readFetch(url: string, headers: Record<string, string>): Promise<TestAnswer> {
  const response = await fetch(url, { method: "POST", headers: { ...json, ...headers }, body: '{"ticket":"tk_3001"}' });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) as Record<string, unknown> };
}
export const bodied = (body: string, type = "application/json"): Promise<TestAnswer> =>
  started.request("POST", "/sallyport/v1/tools/tickets.lookup", { headers: { "content-type": type }, body });
export const rejecting = (error: Error) => async (): Promise<never> => {
  throw error;
};
export async function during(restore: () => void, call: () => Promise<TestAnswer>): Promise<TestAnswer> {
  try {
    return await call();
  } finally {
    restore();
  }
}
export const judging = (code: Code, call: () => Promise<TestAnswer>): Promise<TestAnswer> =>
  during(
    inject(started.gateway.ports, "policy", () => ({ evaluate: () => deny(code), digest: "" })),
    call,
  );
const lookUp = async (id: string, token: string): Promise<TestAnswer> => started.request("GET", `/sallyport/v1/calls/${id}`, { token });

/** A hold of a run of its own, and what its agent gets once `change` has happened to it. */
export async function heldThen(change: (id: string) => Promise<unknown>, state: string): Promise<TestAnswer> {
  const run = fresh();
  const token = await started.dev.mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", run, ttlMs: 20 * 3_600_000 });
  const held = await refundIn(run, { amount: 20_000 }, { token });
  assert.equal(held.status, 202, held.text);
  const id = held.body["call_id"] as string;
  await change(id);
  await eventually(`the call is ${state}`, async () => (await storedCall(started, id))?.state === state);
  return lookUp(id, token);
}
export async function reject(id: string): Promise<void> {
  const call = await storedCall(started, id);
  const body = { approve: false, reason: "no", binding: call?.binding };
  assert.equal((await started.people("approver", "POST", `/sallyport/v1/holds/${id}/votes`, body)).status, 200);
}
export async function faulty(fault: object, run = fresh()): Promise<TestAnswer> {
  await started.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "status", ...fault });
  const answer = await refundIn(run);
  await started.sandbox.clearFaults();
  return answer;
}
export async function reconciled(outcome: string): Promise<TestAnswer> {
  const run = fresh();
  const unknown = await faulty({ mode: "reset_before" }, run);
  const id = unknown.body["call_id"] as string;
  clock.pass(10_000);
  const settled = await started.people("operator", "POST", `/sallyport/v1/calls/${id}/reconcile`, { outcome, reason: "looked" });
  assert.equal(settled.status, 200, settled.text);
  return lookUp(id, await started.agentToken({ run }));
}
/** Keys of the issuer whose tokens must have a scope. */
export const scopedKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });

export async function signedBy(issuer: string, { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })): Promise<string> {
  const claims = { iss: issuer, aud: "sallyport", sub: "a", tenant: "acme_co", jti: "1" };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "x" })
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(privateKey);
}
export async function otherIssuersToken(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-other-"));
  try {
    return await openDevIssuer(folder).mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", run: "r", ttlMs: 60_000 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
export const expiredToken = (): Promise<string> =>
  openDevIssuer(started.dataDir, () => Date.now() - 7_200_000).mintAgentToken({
    agent: "billing-dispute-v3",
    tenant: "acme_co",
    ttlMs: 60_000,
  });
export const ping = async (tool: string, agent: string, tenant = "acme_co"): Promise<TestAnswer> =>
  started.call(tool, {}, { token: await started.agentToken({ agent, tenant }) });
export const charge = async (agent: string): Promise<TestAnswer> =>
  started.call("payments.lookup_charge", { charge: "ch_1001" }, { token: await started.agentToken({ agent }) });

export async function getWithBody(): Promise<TestAnswer> {
  const token = await started.agentToken();
  const head = ["Host: a", `Authorization: Bearer ${token}`, "Content-Type: application/json", "Content-Length: 2", "Connection: close"];
  const { responses } = await sendRaw(started.gateway.agentsUrl, rawRequest("GET /payments/v1/refunds HTTP/1.1", head, "{}"));
  const [response] = responses;
  assert.ok(response !== undefined);
  const headers = new Headers(response.headers.map(([name, value]) => [name, value]));
  return { status: response.status, headers, text: response.body, body: JSON.parse(response.body) as Record<string, unknown> };
}

export async function stopped(): Promise<TestAnswer> {
  const run = fresh();
  const stop = await started.people("operator", "POST", "/sallyport/v1/stops", { scope: { run }, reason: "odd" });
  const answer = await refundIn(run);
  assert.deepEqual(answer.body["reasons"], [{ rule: `stop/${(stop.body["stop"] as { id: string }).id}`, message: "odd" }]);
  return answer;
}

export async function inFlight(): Promise<TestAnswer> {
  const [run, key, reason] = [fresh(), fresh("k"), fresh()];
  await started.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode: "slow", delay_ms: 300 });
  const first = refundIn(run, { reason }, { key });
  await started.sandbox.waitForRequest(({ body }) => body.includes(`"${reason}"`));
  const second = await refundIn(run, { reason }, { key });
  later.push(async () => assert.equal((await first).status, 200));
  return second;
}

export async function staleStops(): Promise<TestAnswer> {
  const restore = inject(started.gateway.ports.stops, "refresh", rejecting(new StoreUnavailable("no")));
  try {
    return await eventually("the stops are stale", async () => {
      const answer = await started.call(
        "tickets.lookup",
        { ticket: "tk_3001" },
        { token: await started.agentToken({ agent: "intern-bot", run: fresh() }), headers: { "sallyport-dry-run": "true" } },
      );
      return answer.status === 503 ? answer : null;
    });
  } finally {
    restore();
    await started.gateway.ports.stops.refresh();
  }
}

export async function refused(): Promise<TestAnswer> {
  const run = fresh();
  const token = await started.agentToken({ run });
  const denying = started.gateway.ports.policy;
  (started.gateway.ports as { policy: typeof denying }).policy = realPolicy;
  const held = await refundIn(run, { amount: 20_000 }, { token });
  (started.gateway.ports as { policy: typeof denying }).policy = denying;
  const id = held.body["call_id"] as string;
  await started.approve("approver", id);
  await eventually("the call is refused", async () => (await storedCall(started, id))?.state === "refused");
  return lookUp(id, token);
}

export async function sleptBeforeSending(): Promise<TestAnswer> {
  const { upstreams } = started.gateway.ports;
  const send = upstreams.send.bind(upstreams);
  const sleepy: typeof upstreams.send = (request) => {
    if (request.method === "POST") clock.leap(6000);
    return send(request);
  };
  const answer = await during(inject(upstreams, "send", sleepy), () => refundIn(fresh()));
  await started.gateway.ports.stops.refresh();
  return answer;
}

/** What must still come to its end after a row. */
export const later: (() => Promise<void>)[] = [];
let realPolicy: TestGateway["gateway"]["ports"]["policy"];

/** Keeps the policy that is in force now, for acts that must put it back. */
export function keepPolicy(): void {
  realPolicy = started.gateway.ports.policy;
}
/** The gateway of this file. */
export const world = (): TestGateway => started;
