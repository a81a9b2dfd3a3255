import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { StoreOverloaded, StoreUnavailable } from "../../src/ports/calls.ts";
import { type Code, codeRow, codes } from "../../src/rules/codes.ts";
import type { TestAnswer } from "../support/gateway.ts";
import { rawRequest } from "../support/raw-http.ts";
import {
  bare,
  bodied,
  charge,
  clock,
  during,
  expiredToken,
  faulty,
  fresh,
  getWithBody,
  heldThen,
  inFlight,
  json,
  judging,
  keepPolicy,
  later,
  otherIssuersToken,
  ping,
  reconciled,
  refund,
  refundIn,
  refused,
  reject,
  rejecting,
  scopedKeys,
  signedBy,
  sleptBeforeSending,
  staleStops,
  stopped,
  world,
} from "./answer-acts.ts";
import { inject, sentTo, startWide, storedCall } from "./wide-gateway.ts";

/** How a code is brought about; `record` is the state that the store has afterwards, null when it has no call. */
interface Row {
  readonly code: Code;
  readonly record: string | null;
  readonly act: () => Promise<TestAnswer>;
  /** Requests that may reach the upstream, previews apart. Default 0. */
  readonly sent?: number;
  readonly retryAfter?: true;
}

const rows: readonly Row[] = [
  { code: "ERR_TOKEN_MISSING", record: null, act: () => bare({}) },
  { code: "ERR_TOKEN_MALFORMED", record: null, act: () => bare({ authorization: "Bearer abc" }) },
  { code: "ERR_TOKEN_UNTRUSTED", record: null, act: async () => bare({ authorization: `Bearer ${await otherIssuersToken()}` }) },
  { code: "ERR_TOKEN_EXPIRED", record: null, act: async () => bare({ authorization: `Bearer ${await expiredToken()}` }) },
  {
    code: "ERR_TOKEN_CLAIMS",
    record: null,
    act: async () => bare({ authorization: `Bearer ${await world().agentToken({ tenant: " " })}` }),
  },
  {
    code: "ERR_ISSUER_UNAVAILABLE",
    record: null,
    retryAfter: true,
    act: async () => bare({ authorization: `Bearer ${await signedBy("https://away.example")}` }),
  },
  {
    code: "ERR_SCOPE_INSUFFICIENT",
    record: null,
    act: async () => bare({ authorization: `Bearer ${await signedBy("https://scoped.example", scopedKeys)}` }),
  },
  { code: "ERR_ROUTE_UNKNOWN", record: null, act: () => world().request("GET", "/payments/v1/nothing") },
  { code: "ERR_METHOD_UNKNOWN", record: null, act: () => world().request("PUT", "/sallyport/v1/tools") },
  { code: "ERR_TOOL_UNKNOWN", record: null, act: () => world().call("payments.nothing", {}) },
  { code: "ERR_CALL_NOT_FOUND", record: null, act: () => world().request("GET", "/sallyport/v1/calls/c_0") },
  { code: "ERR_PATH_NOT_CANONICAL", record: null, act: () => world().request("GET", "/payments//v1/charges/ch_1001") },
  { code: "ERR_QUERY_INVALID", record: null, act: () => world().request("GET", "/tickets/v1/tickets?query=a&query=b") },
  {
    code: "ERR_HEADER_REFUSED",
    record: null,
    act: () => world().call("tickets.lookup", { ticket: "tk_3001" }, { headers: { "x-tenant": "globex" } }),
  },
  { code: "ERR_BODY_TYPE", record: null, act: () => bodied("{}", "text/plain") },
  { code: "ERR_BODY_TOO_LARGE", record: null, act: () => bodied(`{"ticket":"${"x".repeat(300 * 1024)}"}`) },
  { code: "ERR_BODY_UNEXPECTED", record: null, act: getWithBody },
  { code: "ERR_JSON_MALFORMED", record: null, act: () => bodied("{") },
  { code: "ERR_JSON_DUPLICATE_KEY", record: null, act: () => bodied('{"ticket":"tk_3001","ticket":"tk_3002"}') },
  { code: "ERR_JSON_KEY_FORBIDDEN", record: null, act: () => bodied('{"ticket":"tk_3001","__proto__":{}}') },
  { code: "ERR_JSON_TOO_DEEP", record: null, act: () => bodied(`{"ticket":${"[".repeat(40)}${"]".repeat(40)}}`) },
  { code: "ERR_JSON_NUMBER", record: null, act: () => bodied('{"ticket":9007199254740993}') },
  { code: "ERR_JSON_STRING", record: null, act: () => bodied('{"ticket":"\\ud800"}') },
  { code: "ERR_ARGUMENTS_INVALID", record: "denied", act: () => bodied('{"ticket":5}') },
  { code: "ERR_OUTBOUND_REFUSED", record: "denied", act: () => refundIn(fresh(), { reason: "card 4111 1111 1111 1111" }) },
  { code: "ERR_TOKEN_IN_ARGUMENTS", record: "denied", act: refundWithOwnToken },
  { code: "ERR_AMOUNT_UNDETERMINED", record: "denied", act: () => refundIn(fresh(), { charge: "ch_1003" }) },
  { code: "ERR_DRY_RUN_HEADER", record: null, act: () => refundIn(fresh(), {}, { headers: { "sallyport-dry-run": "yes" } }) },
  { code: "ERR_KEY_MALFORMED", record: null, act: () => refundIn(fresh(), {}, { key: "a b" }) },
  { code: "ERR_KEY_REQUIRED", record: null, act: () => world().call("payments.refund", refund) },
  { code: "ERR_CONTRACT_NONE", record: "denied", act: () => charge("nobody") },
  { code: "ERR_TOOL_NOT_IN_CONTRACT", record: "denied", act: () => world().call("deploys.list", {}) },
  {
    code: "ERR_STAGE_DRAFT",
    record: "denied",
    act: async () =>
      world().call("tickets.reply", { ticket: "tk_3001", text: "hi" }, { token: await world().agentToken({ agent: "intern-bot" }) }),
  },
  {
    code: "ERR_RUN_REQUIRED",
    record: "denied",
    act: async () => {
      const token = await world().dev.mintAgentToken({ agent: "billing-dispute-v3", tenant: "acme_co", ttlMs: 60_000 });
      return world().call("tickets.lookup", { ticket: "tk_3001" }, { token });
    },
  },
  { code: "ERR_RUN_TOKEN", record: null, act: () => world().request("POST", "/sallyport/v1/runs") },
  { code: "ERR_CREDENTIAL_NONE", record: "denied", act: () => ping("lonely.ping", "ping-bot", "globex") },
  { code: "ERR_STOPPED", record: "denied", act: stopped },
  {
    code: "ERR_RATE_LIMITED",
    record: null,
    retryAfter: true,
    act: async () => {
      assert.equal((await charge("rated-bot")).status, 200);
      return charge("rated-bot");
    },
  },
  { code: "ERR_PREVIEW_FAILED", record: "denied", act: () => refundIn(fresh(), { charge: "ch_2001" }) },
  {
    code: "ERR_POLICY_DENIED",
    record: "denied",
    act: async () =>
      world().call(
        "deploys.create",
        { service: "ledger", version: "1.0.0" },
        { token: await world().agentToken({ agent: "release-bot" }) },
      ),
  },
  { code: "ERR_POLICY_FAULT", record: "denied", act: () => judging("ERR_POLICY_FAULT", () => refundIn(fresh())) },
  { code: "ERR_POLICY_SHAPE", record: "denied", act: () => judging("ERR_POLICY_SHAPE", () => refundIn(fresh())) },
  { code: "ERR_POLICY_UNLOADED", record: "denied", act: () => judging("ERR_POLICY_UNLOADED", () => refundIn(fresh())) },
  {
    code: "ERR_HELD",
    record: "held",
    retryAfter: true,
    act: async () =>
      world().request("POST", "/payments/v1/refunds", {
        headers: json,
        body: JSON.stringify({ ...refund, amount: 20_000, reason: fresh() }),
        key: fresh("k"),
        token: await world().agentToken({ run: fresh() }),
      }),
  },
  {
    code: "ERR_HOLDS_TOO_MANY",
    record: null,
    act: async () => {
      const run = fresh();
      assert.equal((await refundIn(run, { amount: 20_000 })).status, 202);
      return refundIn(run, { amount: 20_000 });
    },
  },
  {
    code: "ERR_BUDGET_EXHAUSTED",
    record: "denied",
    sent: 2,
    act: async () => {
      const token = await world().agentToken({ run: fresh() });
      const search = (): Promise<TestAnswer> => world().call("tickets.search", { query: "twice" }, { token });
      assert.deepEqual([(await search()).status, (await search()).status], [200, 200]);
      return search();
    },
  },
  {
    code: "ERR_BUDGET_WINDOW",
    record: null,
    retryAfter: true,
    act: async () => {
      assert.equal((await charge("windowed-bot")).status, 200);
      return charge("windowed-bot");
    },
  },
  { code: "ERR_CALL_IN_FLIGHT", record: "started", sent: 1, retryAfter: true, act: inFlight },
  {
    code: "ERR_KEY_REUSED",
    record: "denied",
    sent: 1,
    act: async () => {
      const [run, key] = [fresh(), fresh("k")];
      assert.equal((await refundIn(run, {}, { key })).status, 200);
      return refundIn(run, {}, { key });
    },
  },
  {
    code: "ERR_STORE_UNAVAILABLE",
    record: null,
    retryAfter: true,
    act: () => during(inject(world().gateway.ports.calls, "admit", rejecting(new StoreUnavailable("no"))), () => refundIn(fresh())),
  },
  {
    code: "ERR_OVERLOADED",
    record: null,
    retryAfter: true,
    act: () => during(inject(world().gateway.ports.calls, "admit", rejecting(new StoreOverloaded("no"))), () => refundIn(fresh())),
  },
  {
    code: "ERR_PREVIEW_UNAVAILABLE",
    record: null,
    retryAfter: true,
    act: async () => {
      await world().sandbox.setFault({ method: "GET", path_prefix: "/v1/charges/", mode: "reset_before", times: 1 });
      return refundIn(fresh());
    },
  },
  { code: "ERR_STOPS_STALE", record: null, act: staleStops },
  { code: "ERR_HOLD_REJECTED", record: "rejected", act: () => heldThen(reject, "rejected") },
  {
    code: "ERR_HOLD_REFUSED",
    record: "refused",
    act: () => judging("ERR_POLICY_DENIED", async () => refused()),
  },
  {
    code: "ERR_CALL_CANCELLED",
    record: "cancelled",
    act: () =>
      heldThen(async (id) => world().people("operator", "POST", `/sallyport/v1/calls/${id}/cancel`, { reason: "off" }), "cancelled"),
  },
  { code: "ERR_RECONCILED_EXECUTED", record: "succeeded", sent: 1, act: () => reconciled("succeeded") },
  { code: "ERR_RECONCILED_FAILED", record: "failed", sent: 1, act: () => reconciled("failed") },
  { code: "ERR_UPSTREAM_UNREACHABLE", record: "not_sent", act: () => ping("dead.ping", "ping-bot") },
  { code: "ERR_UPSTREAM_TLS", record: "not_sent", act: () => ping("untrusted.ping", "ping-bot") },
  { code: "ERR_START_EXPIRED", record: "not_sent", act: sleptBeforeSending },
  {
    code: "ERR_UPSTREAM_FAILED",
    record: "failed",
    sent: 1,
    act: async () => {
      await world().sandbox.setFault({ path_prefix: "/v1/tickets/tk_3001", mode: "reset_before" });
      return world().call("tickets.lookup", { ticket: "tk_3001" });
    },
  },
  { code: "ERR_OUTCOME_UNKNOWN", record: "unknown", sent: 1, act: () => faulty({ status: 503 }) },
  { code: "ERR_UPSTREAM_TIMEOUT", record: "unknown", sent: 1, act: () => faulty({ mode: "hang" }) },
  { code: "ERR_OUTPUT_INVALID", record: "succeeded", sent: 1, act: () => faulty({ mode: "not_json", act: true }) },
  { code: "ERR_ANSWER_WITHHELD", record: "succeeded", sent: 1, act: () => faulty({ mode: "huge", bytes: 1_000_000, act: true }) },
  {
    code: "ERR_ANSWER_UNREADABLE",
    record: "succeeded",
    sent: 1,
    act: async () => {
      const [run, key, reason] = [fresh(), fresh("k"), fresh()];
      assert.equal((await refundIn(run, { reason }, { key })).status, 200);
      return during(inject(world().gateway.ports.calls, "payload", rejecting(new StoreUnavailable("no"))), () =>
        refundIn(run, { reason }, { key }),
      );
    },
  },
  {
    code: "ERR_ANSWER_ERASED",
    record: "succeeded",
    sent: 1,
    act: async () => {
      const [run, key, reason] = [fresh(), fresh("k"), fresh()];
      assert.equal((await refundIn(run, { reason }, { key })).status, 200);
      return during(
        inject(world().gateway.ports.calls, "payload", async () => null),
        () => refundIn(run, { reason }, { key }),
      );
    },
  },
  {
    code: "ERR_INTERNAL",
    record: null,
    act: () => during(inject(world().gateway.ports.calls, "standing", rejecting(new Error("secret"))), () => refundIn(fresh())),
  },
  // The last one, since it ends the other tokens too.
  { code: "ERR_HOLD_EXPIRED", record: "expired", act: () => heldThen(async () => clock.pass(9 * 3_600_000), "expired") },
];

/** Codes that no request gets today, and why. */
const unreachable: Readonly<Partial<Record<Code, string>>> = {
  ERR_REQUEST_MALFORMED: "raw bytes: test/attack/wire-sockets.test.ts",
  ERR_REQUEST_TIMEOUT: "raw sockets: test/attack/wire-sockets.test.ts",
  ERR_EXPECTATION: "raw bytes: test/attack/wire-sockets.test.ts",
  ERR_HEAD_TOO_LARGE: "raw bytes: test/attack/wire-sockets.test.ts",
  ERR_HOST_REFUSED: "the people's listener: test/edges/http/gate.test.ts",
  ERR_TOKEN_REVOKED: "the demo has no revocations: test/path/revoked.test.ts",
  ERR_REVOCATIONS_STALE: "the demo has no revocations: test/path/revoked.test.ts",
  ERR_FORM_MALFORMED: "the demo has no forms: test/path/form-calls.test.ts with test/rules/form-cases.ts",
  ERR_FORM_DUPLICATE_KEY: "the demo has no forms: test/path/form-calls.test.ts with test/rules/form-cases.ts",
  ERR_FORM_KEY_FORBIDDEN: "the demo has no forms: test/path/form-calls.test.ts with test/rules/form-cases.ts",
  ERR_FORM_TOO_DEEP: "the demo has no forms: test/path/form-calls.test.ts with test/rules/form-cases.ts",
  ERR_FORM_ARRAY: "the demo has no forms: test/path/form-calls.test.ts with test/rules/form-cases.ts",
  ERR_FORM_VALUE: "the demo has no forms: test/path/form-calls.test.ts with test/rules/form-cases.ts",
  ERR_OUTBOUND_TOO_LONG: "no schema of the demo lets so long a text pass: test/rules/outbound-rules.test.ts",
};
/** Shown by a test of its own below. */
const apart: readonly Code[] = ["ERR_DRAINING", "ERR_DRY_RUN_PASSTHROUGH", "ERR_HOLD_PASSTHROUGH"];

async function refundWithOwnToken(): Promise<TestAnswer> {
  const token = await world().agentToken({ run: fresh() });
  return refundIn(fresh(), { reason: `see ${token.split(".")[2]}` }, { token });
}

const openings = { false: "NOT executed. ", true: "EXECUTED. ", unknown: "It is NOT KNOWN whether this was executed. " } as const;

for (const { code, record, act, sent = 0, retryAfter } of rows) {
  test(`${code} is told by the table, and ${record === null ? "no call" : `a call that is ${record}`} is on record`, async () => {
    await world().sandbox.clearFaults();
    keepPolicy();
    const before = sentTo(world()).length;
    const answer = await act();
    const row = codeRow(code);
    assert.deepEqual(
      [answer.body["code"], answer.status, answer.body["status"], answer.body["executed"], answer.body["retryable"]],
      [code, row.status, row.status, row.executed, row.retryable],
      answer.text,
    );
    assert.equal(answer.headers.get("content-type"), "application/problem+json; charset=utf-8");
    const message = String(answer.body["message"]);
    assert.ok(message.startsWith(openings[String(row.executed) as keyof typeof openings]) && message.includes(row.advice), message);
    assert.ok(!answer.text.includes("secret"));
    const explained = await fetch(String(answer.body["type"]));
    assert.deepEqual([explained.status, ((await explained.json()) as { code: string }).code], [200, code]);
    const id = String(answer.body["call_id"]);
    assert.equal(answer.headers.get("sallyport-call-id"), id);
    assert.equal((await storedCall(world(), id))?.state ?? null, record);
    const location = record === null ? null : `${world().gateway.agentsUrl}/sallyport/v1/calls/${id}`;
    assert.equal(answer.headers.get("location"), location);
    // Where the same call is only too early, an honest client must be told how long to wait.
    if (retryAfter || (row.retryable && [429, 503].includes(row.status)))
      assert.match(answer.headers.get("retry-after") ?? "", /^[1-9][0-9]*$/);
    assert.equal(answer.headers.has("www-authenticate"), row.status === 401 || code === "ERR_SCOPE_INSUFFICIENT");
    assert.equal(sentTo(world()).length - before, sent);
    for (const end of later.splice(0)) await end();
  });
}

test("a request that is half sent when the drain begins keeps nobody waiting, and is not executed", async () => {
  const other = await startWide();
  const token = await other.agentToken();
  const { hostname, port } = new URL(other.gateway.agentsUrl);
  const socket = connect(Number(port), hostname);
  let received = "";
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  const ended = once(socket, "close");
  const request = rawRequest("GET /tickets/v1/tickets/tk_3001 HTTP/1.1", ["Host: a", `Authorization: Bearer ${token}`]);
  // The other call's answer proves that the beginning was read.
  socket.write(request.slice(0, 40));
  assert.equal((await other.call("tickets.lookup", { ticket: "tk_3002" })).status, 200);
  const closing = other.gateway.close();
  socket.write(request.slice(40));
  await Promise.all([closing, ended]);
  assert.ok(received === "" || received.startsWith("HTTP/1.1 503 "), received);
  assert.deepEqual(
    sentTo(other).map(({ url }) => url),
    ["/v1/tickets/tk_3002"],
  );
  await other.sandbox.stop();
});

test("every code that an agent can get has a row here", () => {
  const shown = new Set<string>([...rows.map((row) => row.code), ...apart]);
  assert.deepEqual(
    Object.keys(codes).filter((code) => !shown.has(code)),
    Object.keys(unreachable),
  );
  assert.equal(rows.length, Object.keys(codes).length - apart.length - Object.keys(unreachable).length);
});
