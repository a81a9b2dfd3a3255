import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { type Code, codeRow } from "../../src/rules/codes.ts";
import { mayResend } from "../../src/rules/dialects.ts";
import { eventually } from "../support/gateway.ts";
import { headerOf, rawRequest, sendRaw } from "../support/raw-http.ts";
import { agentOf, openWorld, type SdkWorld, type Vendor, vendors } from "./world.ts";

let world: SdkWorld;
let token: string;
before(async () => {
  world = await openWorld({ agent: "stripe", github: "github", openai: "openai", anthropic: "anthropic" });
  token = await world.gateway.agentToken({ agent: agentOf("agent", "usual") });
});
after(() => world.close());

interface Refused {
  readonly code: Code;
  readonly line: (write: string) => string;
  readonly headers: (good: readonly string[]) => readonly string[];
  readonly body?: string;
}

const json = "content-type: application/json";
const as = (line: string) => () => line;
const keep = (good: readonly string[]) => good;
const and =
  (...more: readonly string[]) =>
  (good: readonly string[]) => [...good, ...more];

/** A write of each vendor: its method and path, the body that its tool takes, and a path that is a read. */
const writes: Readonly<Record<Vendor, { readonly base: string; readonly path: string; readonly type: string }>> = {
  stripe: { base: "", path: "/v1/refunds", type: "content-type: application/x-www-form-urlencoded" },
  github: { base: "/github", path: "/repos/o/r/issues", type: json },
  openai: { base: "/openai", path: "/v1/vector_stores", type: json },
  anthropic: { base: "/anthropic", path: "/v1/messages/batches", type: json },
};

/** Refusals by every step that can refuse before a call is admitted, by the framework, and by the wire; `{base}` is the mount's. */
const refusals: readonly Refused[] = [
  { code: "ERR_TOKEN_MISSING", line: (write) => `POST ${write} HTTP/1.1`, headers: () => [json], body: "{}" },
  { code: "ERR_TOKEN_MISSING", line: as("GET {base}/nothing HTTP/1.1"), headers: () => [] },
  {
    code: "ERR_TOKEN_MALFORMED",
    line: (write) => `POST ${write} HTTP/1.1`,
    headers: () => ["authorization: Bearer x.y.z", json],
    body: "{}",
  },
  { code: "ERR_TOKEN_MALFORMED", line: (write) => `POST ${write} HTTP/1.1`, headers: and("x-api-key: k", json), body: "{}" },
  { code: "ERR_ROUTE_UNKNOWN", line: as("GET {base}/nothing HTTP/1.1"), headers: keep },
  { code: "ERR_ROUTE_UNKNOWN", line: as("DELETE {base}/v1/nothing HTTP/1.1"), headers: keep },
  { code: "ERR_ROUTE_UNKNOWN", line: as("OPTIONS {base}/v1/nothing HTTP/1.1"), headers: keep },
  { code: "ERR_PATH_NOT_CANONICAL", line: as("GET {base}/a%2fb HTTP/1.1"), headers: keep },
  { code: "ERR_PATH_NOT_CANONICAL", line: as("GET {base}/a/../b HTTP/1.1"), headers: keep },
  { code: "ERR_PATH_NOT_CANONICAL", line: as("GET {base}/%zz HTTP/1.1"), headers: keep },
  { code: "ERR_BODY_TYPE", line: (write) => `POST ${write} HTTP/1.1`, headers: and("content-type: text/plain"), body: "{}" },
  { code: "ERR_BODY_TYPE", line: (write) => `POST ${write} HTTP/1.1`, headers: keep, body: "{}" },
  { code: "ERR_BODY_TOO_LARGE", line: (write) => `POST ${write} HTTP/1.1`, headers: and(json, "content-length: 99999999") },
  { code: "ERR_HEADER_REFUSED", line: (write) => `POST ${write} HTTP/1.1`, headers: and(json, "x-strange: 1"), body: "{}" },
  { code: "ERR_DRY_RUN_HEADER", line: (write) => `POST ${write} HTTP/1.1`, headers: and(json, "sallyport-dry-run: yes"), body: "{}" },
  { code: "ERR_EXPECTATION", line: (write) => `POST ${write} HTTP/1.1`, headers: and(json, "expect: tea"), body: "{}" },
  {
    code: "ERR_HEAD_TOO_LARGE",
    line: as("GET {base}/nothing HTTP/1.1"),
    headers: and(...Array.from({ length: 150 }, (_, n) => `x-a${n}: 1`)),
  },
];

const opening = { false: "NOT executed. ", true: "EXECUTED. ", unknown: "It is NOT KNOWN" } as const;

function speaks(
  vendor: Vendor | "problem",
  response: { status: number; headers: readonly (readonly [string, string])[]; body: string },
  code: Code,
): void {
  const what = `${vendor} ${code}: ${response.status} ${response.body}`;
  const body = JSON.parse(response.body) as { readonly [name: string]: unknown; readonly error?: { readonly message?: string } };
  const row = codeRow(code);
  assert.deepEqual([body["code"], body["status"], body["title"], body["executed"]], [code, response.status, row.title, row.executed], what);
  assert.match(String(body["type"]), new RegExp(`/sallyport/v1/errors/${code}$`), what);
  assert.match(String(body["call_id"]), /^c_/, what);
  assert.ok(String(body["message"]).startsWith(opening[String(row.executed) as keyof typeof opening]), what);
  assert.equal(body.error?.message, body["message"], what);
  const find = (name: string) => response.headers.find(([one]) => one === name)?.[1];
  assert.equal(find("content-type"), `application/${vendor === "problem" ? "problem+json" : "json"}; charset=utf-8`, what);
  const retry = mayResend(code, null) ? undefined : "false";
  assert.deepEqual([find("stripe-should-retry"), find("x-should-retry")], [retry, retry], what);
}

test("whichever step refuses, on a mount it speaks the mount's dialect", async () => {
  let count = 0;
  for (const vendor of vendors) {
    const { base, path } = writes[vendor];
    for (const { code, line, headers, body } of refusals) {
      const good = ["host: gw", `authorization: Bearer ${token}`, "connection: close"];
      const given = headers(good);
      const all = [...(given.some((one) => one.startsWith("host")) ? [] : ["host: gw", "connection: close"]), ...given];
      const sized = body === undefined ? all : [...all, `content-length: ${body.length}`];
      const request = rawRequest(line(`${base}${path}`).replace("{base}", base), sized, body);
      const { responses } = await sendRaw(world.wires[vendor].url, request, { until: 1 });
      assert.equal(responses.length, 1, `${vendor} ${request}`);
      assert.equal(headerOf(responses[0], "sallyport-call-id")?.startsWith("c_"), true);
      speaks(vendor, responses[0] as (typeof responses)[number], code);
      count += 1;
    }
  }
  assert.equal(count, vendors.length * refusals.length);
});

test("bytes that are no request are refused in the dialect of a listener that is one mount's, and so that every SDK throws elsewhere", async () => {
  for (const [vendor, dialect] of [
    ["stripe", "stripe"],
    ["github", "problem"],
  ] as const) {
    const { responses } = await sendRaw(world.wires[vendor].url, "BROKEN\r\n\r\n", { until: 1 });
    speaks(dialect, responses[0] as (typeof responses)[number], "ERR_REQUEST_MALFORMED");
  }
});

test("an address of no mount makes every SDK throw: a base URL that is misspelt is no success", async () => {
  for (const path of ["/v1/refunds", "/githubb/x", "/"]) {
    const request = rawRequest(
      `POST ${path} HTTP/1.1`,
      ["host: gw", `authorization: Bearer ${token}`, json, "content-length: 2", "connection: close"],
      "{}",
    );
    const { responses } = await sendRaw(world.gateway.gateway.agentsUrl, request, { until: 1 });
    speaks("problem", responses[0] as (typeof responses)[number], "ERR_ROUTE_UNKNOWN");
  }
});

test("our own resources and calls by name are refused by the bare document, on a mount's own listener too", async () => {
  const rows = [
    ["GET", "/sallyport/v1/nothing", 404],
    ["GET", "/sallyport/v1/calls/c_unknown", 404],
    ["POST", "/sallyport/v1/tools/nothing", 404],
    ["POST", "/sallyport/v1/tools/stripe.create_customer", 403],
    ["GET", "/.well-known/nothing", 404],
  ] as const;
  for (const base of [world.gateway.gateway.agentsUrl, world.wires.stripe.url]) {
    for (const [method, path, status] of rows) {
      const response = await fetch(`${base}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
      const body = (await response.json()) as Record<string, unknown>;
      assert.deepEqual(
        [response.status, "error" in body, response.headers.get("x-should-retry")],
        [status, false, null],
        `${method} ${path}`,
      );
      assert.equal(response.headers.get("content-type"), "application/problem+json; charset=utf-8");
    }
  }
});

test("a vendor's SDK is told held by 403 whatever it prefers, and the wait is kept", async () => {
  const held = async (vendor: Vendor, path: string, body: string, prefer: string) => {
    const agent = agentOf(vendor === "stripe" ? "agent" : vendor, "usual");
    const headers = {
      authorization: `Bearer ${await world.gateway.agentToken({ agent, run: `r_${vendor}_${prefer}` })}`,
      "content-type": writes[vendor].type.split(": ")[1] ?? "",
      prefer,
    };
    return fetch(`${world.wires[vendor].url}${path}`, { method: vendor === "github" ? "PUT" : "POST", headers, body });
  };
  for (const prefer of ["respond-async", "wait=1"]) {
    for (const answer of await Promise.all([
      held("stripe", "/v1/refunds", "charge=ch_1006&amount=20000", prefer),
      held("github", "/github/repos/o/r/pulls/1/merge", "{}", prefer),
      held("openai", "/openai/v1/fine_tuning/jobs", '{"model":"m","training_file":"file-1"}', prefer),
      held("anthropic", "/anthropic/v1/messages/batches/b1/cancel", "", prefer),
    ])) {
      const body = (await answer.json()) as Record<string, unknown>;
      assert.deepEqual([answer.status, body["code"], body["executed"]], [403, "ERR_HELD", false], JSON.stringify(body));
      assert.equal(answer.headers.get("preference-applied"), prefer === "wait=1" ? "wait=1" : null);
    }
  }
  assert.equal(world.vendor.effects() + world.gateway.sandbox.effects().length, 0);
});

test("a stop speaks it too", async () => {
  const scope = { agent: agentOf("agent", "usual") };
  const stopped = await world.gateway.people("operator", "POST", "/sallyport/v1/stops", { scope, reason: "test" });
  assert.equal(stopped.status, 200, stopped.text);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/x-www-form-urlencoded" };
  const answer = await fetch(`${world.wires.stripe.url}/v1/refunds`, { method: "POST", headers, body: "charge=ch_1006&amount=1" });
  speaks("stripe", { status: answer.status, headers: [...answer.headers], body: await answer.text() }, "ERR_STOPPED");
});

test("a process that shuts down speaks it too", async () => {
  const stranger = await world.gateway.agentToken({ agent: agentOf("github", "usual") });
  await world.gateway.sandbox.setFault({ path_prefix: "/v1/charges", mode: "hang" });
  const busy = world.gateway.request("GET", "/payments/v1/charges/ch_1001").catch(() => null);
  await world.gateway.sandbox.waitForRequest(({ url }) => url === "/v1/charges/ch_1001");
  // A request whose body is still coming when the process is told to stop: it was begun, and not admitted.
  world.wires.github.reset();
  const late = connect({ host: "127.0.0.1", port: world.wires.github.port });
  const head = ["host: gw", `authorization: Bearer ${stranger}`, json, "content-length: 13"];
  late.write(rawRequest("POST /github/repos/o/r/issues HTTP/1.1", head, '{"title"'));
  await eventually("the request has come in", async () => world.wires.github.requests() > 0);
  await new Promise((resolve) => setImmediate(resolve));
  const closed = world.gateway.gateway.close();
  late.write(':"t"}');
  const [chunk] = (await once(late, "data")) as [Buffer];
  const text = chunk.toString("utf8");
  const headers = text.split("\r\n").map((line) => [line.split(": ")[0]?.toLowerCase() ?? "", line.split(": ")[1] ?? ""] as const);
  speaks("github", { status: Number(text.slice(9, 12)), headers, body: text.slice(text.indexOf("{")) }, "ERR_DRAINING");
  late.destroy();
  await world.gateway.sandbox.clearFaults();
  await Promise.all([busy, closed]);
});
