import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { startWide } from "../path/wide-gateway.ts";
import { swap } from "../support/demo-config.ts";
import { eventually, type TestGateway } from "../support/gateway.ts";
import { headerOf, rawRequest, sendRaw } from "../support/raw-http.ts";

let world: TestGateway;
let token: string;
before(async () => {
  world = await startWide({
    edit: { "config/gateway.yaml": swap("limits:\n", "limits:\n  headers_timeout: 1s\n  request_timeout: 2s\n") },
  });
  token = await world.agentToken();
});
after(() => world.close());

const body = JSON.stringify({ charge: "ch_1001", amount: 100 });
const byName = "POST /sallyport/v1/tools/payments.refund HTTP/1.1";
const json = "Content-Type: application/json";
const auth = () => `Authorization: Bearer ${token}`;
let keys = 0;
const key = () => `Idempotency-Key: wire-${(keys += 1)}`;
const length = (text: string) => `Content-Length: ${text.length}`;

/** Bytes that two readers could read differently, or that ask for another protocol. Each is sent whole; none may refund anything. */
const tricks: Readonly<Record<string, () => string>> = {
  "Content-Length and Transfer-Encoding": () =>
    rawRequest(
      byName,
      ["Host: x", auth(), key(), json, length(body), "Transfer-Encoding: chunked"],
      `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    ),
  "Transfer-Encoding before Content-Length": () =>
    rawRequest(byName, ["Host: x", auth(), key(), json, "Transfer-Encoding: chunked", length(body)], body),
  "two Content-Lengths": () => rawRequest(byName, ["Host: x", auth(), key(), json, length(body), "Content-Length: 1"], body),
  "a signed Content-Length": () => rawRequest(byName, ["Host: x", auth(), key(), json, `Content-Length: +${body.length}`], body),
  "an unknown transfer coding": () => rawRequest(byName, ["Host: x", auth(), key(), json, "Transfer-Encoding: xchunked"], body),
  "a space before the colon": () => rawRequest(byName, ["Host: x", auth(), key(), json, `Content-Length : ${body.length}`], body),
  "a folded header": () => rawRequest(byName, ["Host: x", "Authorization:", ` Bearer ${token}`, key(), json, length(body)], body),
  "bare line feeds": () => `${byName}\nHost: x\n${auth()}\n${key()}\n${json}\n${length(body)}\n\n${body}`,
  "a NUL in a header": () => rawRequest(byName, ["Host: x", auth(), key(), json, "User-Agent: a\0b", length(body)], body),
  "no Host": () => rawRequest(byName, [auth(), key(), json, length(body)], body),
  "two Hosts": () => rawRequest(byName, ["Host: x", "Host: y", auth(), key(), json, length(body)], body),
  "two tokens": () => rawRequest(byName, ["Host: x", auth(), auth(), key(), json, length(body)], body),
  "two content types": () => rawRequest(byName, ["Host: x", auth(), key(), json, json, length(body)], body),
  "two keys": () => rawRequest(byName, ["Host: x", auth(), key(), key(), json, length(body)], body),
  "two dry-run headers": () =>
    rawRequest(byName, ["Host: x", auth(), key(), json, "Sallyport-Dry-Run: true", "Sallyport-Dry-Run: false", length(body)], body),
  "an absolute-form target": () =>
    rawRequest(byName.replace("/sallyport", "http://x/sallyport"), ["Host: x", auth(), key(), json, length(body)], body),
  "an encoded tool name": () => rawRequest(byName.replace("payments", "%70ayments"), ["Host: x", auth(), key(), json, length(body)], body),
  "a path parameter": () => rawRequest(byName.replace("refund", "refund;a=b"), ["Host: x", auth(), key(), json, length(body)], body),
  "an upgrade to h2c": () =>
    rawRequest(
      byName,
      ["Host: x", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk", auth(), key(), json, length(body)],
      body,
    ),
  "an HTTP/2 preface": () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  CONNECT: () => rawRequest("CONNECT payments:443 HTTP/1.1", ["Host: payments:443", auth()]),
  "an odd Expect": () => rawRequest(byName, ["Host: x", auth(), key(), json, "Expect: 200-ok", length(body)], body),
  "a method that nobody knows": () => rawRequest(byName.replace("POST", "REFUND"), ["Host: x", auth(), key(), json, length(body)], body),
  "a URL longer than the head may be": () =>
    rawRequest(`POST /payments/v1/refunds?${"a".repeat(20_000)} HTTP/1.1`, ["Host: x", auth(), key(), json, length(body)], body),
  "a request inside a body that GET announces": () =>
    rawRequest("GET /payments/v1/charges/ch_1001 HTTP/1.1", ["Host: x", auth(), "Content-Length: 20"], "x".repeat(20)),
};

describe("what the wire can say in two ways", () => {
  for (const [name, bytes] of Object.entries(tricks)) {
    it(`${name}: refused, and nothing is sent`, async () => {
      const before = world.sandbox.effects().length;
      const { responses, closed } = await sendRaw(world.gateway.agentsUrl, bytes(), { until: 1, timeoutMs: 1500 });
      assert.ok(closed || responses.length > 0, "neither an answer nor an end");
      const status = responses[0]?.status ?? 400;
      assert.ok(status >= 400 && status < 500, `${status} ${responses[0]?.body ?? ""}`);
      assert.equal(world.sandbox.effects().length, before);
    });
  }

  it("the control: the same request without a trick refunds", async () => {
    const { responses } = await sendRaw(world.gateway.agentsUrl, rawRequest(byName, ["Host: x", auth(), key(), json, length(body)], body), {
      until: 1,
    });
    assert.equal(responses[0]?.status, 200, responses[0]?.body);
    assert.equal(Object.keys(tricks).length, 25);
  });
});

describe("methods", () => {
  for (const method of ["HEAD", "OPTIONS", "TRACE", "PROPFIND", "QUERY"]) {
    it(`${method} on a tool's path reaches no upstream and tells browsers nothing`, async () => {
      const before = world.sandbox.requests().length;
      const headers = ["Host: x", "Connection: close", "Origin: http://evil.example", "Access-Control-Request-Method: POST", auth()];
      const bytes = rawRequest(`${method} /payments/v1/charges/ch_1001 HTTP/1.1`, headers);
      const { responses, rest } = await sendRaw(world.gateway.agentsUrl, bytes, { timeoutMs: 1500 });
      const head = responses[0] === undefined ? rest : JSON.stringify(responses[0]);
      assert.match(head, /HTTP\/1\.1 4[0-9]{2}|"status":4[0-9]{2}/);
      assert.doesNotMatch(head, /access-control-allow/i);
      assert.equal(world.sandbox.requests().length, before);
    });
  }
});

describe("a stranger's sockets", { concurrency: true }, () => {
  it("a request without a token is answered before its body is read", async () => {
    const bytes = rawRequest(byName, ["Host: x", json, "Content-Length: 262144"], "{");
    const { responses } = await sendRaw(world.gateway.agentsUrl, bytes, { until: 1, timeoutMs: 1500 });
    assert.equal(responses[0]?.status, 401, "the gateway waits for 256 KiB of somebody it does not know");
  });

  const slow: Readonly<Record<string, string>> = {
    "says nothing": "",
    "stops within its head": "POST /x HTTP/1.1\r\nHost: x\r\n",
    "stops within its body": rawRequest(byName, ["Host: x", json, "Content-Length: 100"], "{"),
  };
  for (const [name, bytes] of Object.entries(slow)) {
    it(`a socket that ${name} is closed soon after the configured timeout`, async () => {
      // headers_timeout is 1 s and request_timeout 2 s here.
      const { closed, responses } = await sendRaw(world.gateway.agentsUrl, bytes, { until: 1, timeoutMs: 5000 });
      assert.ok(closed || responses.length > 0, "still open after 5 s");
    });
  }

  it("a body that is cut off is the caller's fault and no fault of the gateway's", async () => {
    const faults = async () => {
      const text = await (await fetch(`${world.gateway.peopleUrl}/metrics`)).text();
      return Number(/^sallyport_faults_total\S* (\d+)/m.exec(text)?.[1]);
    };
    const before = await faults();
    for (let turn = 0; turn < 10; turn++) await cutOff();
    // The answer to one more request is a sign that those before it were looked at.
    await world.request("GET", "/sallyport/v1/tools");
    const grown = await eventually("faults are counted", async () => ((await faults()) > before ? true : null), 500).catch(() => false);
    assert.equal(grown, false, "each one is a line in the operator's log, written synchronously");
  });
});

async function cutOff(): Promise<void> {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(world.gateway.agentsUrl).port) });
  await new Promise<void>((resolve) => {
    socket.on("error", () => undefined);
    socket.once("close", () => resolve());
    socket.write(rawRequest(byName, ["Host: x", json, "Content-Length: 100"], "{"), () =>
      setImmediate(() => setTimeout(() => socket.resetAndDestroy(), 10)),
    );
  });
}

describe("answers", () => {
  it("an upstream's page is handed on so that no browser runs or keeps it", async () => {
    await world.sandbox.setFault({ path_prefix: "/v1/charges", mode: "not_json", status: 404, content_type: "text/html", times: 1 });
    const bytes = rawRequest("GET /payments/v1/charges/ch_1001 HTTP/1.1", ["Host: x", auth()]);
    const { responses } = await sendRaw(world.gateway.agentsUrl, bytes, { until: 1 });
    assert.equal(responses[0]?.status, 404);
    assert.equal(headerOf(responses[0], "x-content-type-options"), "nosniff");
    assert.equal(headerOf(responses[0], "cache-control"), "no-store");
    assert.match(headerOf(responses[0], "content-security-policy") ?? "", /sandbox|default-src 'none'/);
  });

  it("a Host that a stranger made up is in no Location and no type", async () => {
    const text = JSON.stringify({ charge: "ch_1006", amount: 50_000 });
    const bytes = rawRequest(byName, ["Host: evil.example", "X-Forwarded-Host: evil.example", auth(), key(), json, length(text)], text);
    const { responses } = await sendRaw(world.gateway.agentsUrl, bytes, { until: 1 });
    assert.equal(responses[0]?.status, 202, responses[0]?.body);
    assert.doesNotMatch(JSON.stringify(responses[0]), /evil\.example/);
  });
});
