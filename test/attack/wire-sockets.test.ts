import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { addressKey } from "../../src/edges/listener/count-addresses.ts";
import { startWide } from "../path/wide-gateway.ts";
import { swap } from "../support/demo-config.ts";
import { eventually, type TestGateway } from "../support/gateway.ts";
import { headerOf, type RawExchange, rawRequest, sendRaw } from "../support/raw-http.ts";
import { bodiesByMark, markedBody, markedRequest, sendAll, startShort } from "./wire-world.ts";

// INV-24 (share): whatever a socket does, it ends, and it is answered in our words.

let world: TestGateway;
let auth: string;
before(async () => {
  world = await startShort();
  auth = `Authorization: Bearer ${await world.agentToken()}`;
});
after(() => world.close());

const line = "POST /sallyport/v1/tools/tickets.create HTTP/1.1";
const headOf = (more: readonly string[]): string => rawRequest(line, ["Host: gw", auth, "Content-Type: application/json", ...more]);

function codeOf({ responses: [response] }: RawExchange): string {
  return response === undefined || response.body === "" ? "" : (JSON.parse(response.body) as { code: string }).code;
}

/** Opens a socket that sends a piece at a time until the other end closes it; how long that took, and what came back. */
async function drip(
  base: string,
  pieces: (turn: number) => string,
  everyMs: number,
): Promise<{ readonly ms: number; readonly text: string }> {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(base).port) });
  const startedMs = performance.now();
  let text = "";
  let turn = 0;
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  const timer = setInterval(() => socket.writable && socket.write(pieces(turn++)), everyMs);
  await new Promise<void>((resolve) => {
    const end = (): void => resolve();
    socket.once("close", end);
    socket.once("end", end);
  });
  clearInterval(timer);
  socket.destroy();
  return { ms: performance.now() - startedMs, text };
}

describe("time-outs, with a problem document and the end of the connection", { concurrency: true }, () => {
  const slow: readonly (readonly [string, (turn: number) => string, number])[] = [
    ["a head that comes one header a time", (turn) => (turn === 0 ? `${line}\r\nHost: gw\r\n` : `X-${turn}: a\r\n`), 100],
    ["a head that comes one byte a time", (turn) => `${line}\r\nHost: gw\r\nX: ${"a".repeat(500)}`[turn] ?? "a", 20],
    ["empty lines for ever", () => "\r\n", 50],
    ["a body that comes one byte a time", (turn) => (turn === 0 ? headOf(["Content-Length: 500"]) : "a"), 50],
    ["chunks that come one byte a time", (turn) => (turn === 0 ? headOf(["Transfer-Encoding: chunked"]) : "1\r\na\r\n"), 50],
    ["trailers that come one a time", (turn) => (turn === 0 ? `${headOf(["Transfer-Encoding: chunked"])}0\r\n` : `X-${turn}: a\r\n`), 50],
  ];
  for (const [name, pieces, everyMs] of slow) {
    test(`${name}: 408`, async () => {
      const { ms, text } = await drip(world.gateway.agentsUrl, pieces, everyMs);
      assert.ok(ms < 6000, `${ms}`);
      assert.match(text, /^HTTP\/1\.1 408 [\s\S]*application\/problem\+json[\s\S]*connection: close[\s\S]*"ERR_REQUEST_TIMEOUT"/);
    });
  }

  test("a socket that says nothing, and one that says nothing more, are closed", async () => {
    const plain = rawRequest("GET /sallyport/v1/tools HTTP/1.1", ["Host: gw", auth]);
    const [silent, idle] = await Promise.all([
      sendRaw(world.gateway.agentsUrl, "", { timeoutMs: 8000 }),
      sendRaw(world.gateway.agentsUrl, plain, { timeoutMs: 8000 }),
    ]);
    assert.deepEqual([silent.closed, idle.closed, idle.responses[0]?.status], [true, true, 200]);
  });

  test("a client that has closed its half is taken for gone: its call is on record, and the connection ends", async () => {
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(world.gateway.agentsUrl).port), allowHalfOpen: true });
    socket.end(markedRequest("half closed", auth));
    await new Promise<void>((resolve) => socket.resume().once("end", () => resolve()));
    socket.destroy();
    const done = await eventually("the call has ended", async () => {
      const calls = await world.gateway.ports.calls.list({ states: ["succeeded"], limit: 500 });
      return calls.some(({ tool }) => tool === "tickets.create") && bodiesByMark(world).get("half closed");
    });
    assert.equal(done.length, 1);
  });
});

test("what no framework sees is answered in our words too", async () => {
  const rows: readonly (readonly [string, string, number, string])[] = [
    ["garbage", "GARBAGE\r\n\r\n", 400, "ERR_REQUEST_MALFORMED"],
    ["a head that is too large", rawRequest(line, ["Host: gw", `X: ${"a".repeat(20_000)}`]), 431, "ERR_HEAD_TOO_LARGE"],
    ["too many headers", rawRequest(line, ["Host: gw", ...Array.from({ length: 120 }, () => "TE: a")]), 431, "ERR_HEAD_TOO_LARGE"],
    ["extensions that are too long", `${headOf(["Transfer-Encoding: chunked"])}1;${"a".repeat(20_000)}\r\n`, 413, "ERR_BODY_TOO_LARGE"],
    ["a body that is announced too large", headOf(["Content-Length: 300000"]), 413, "ERR_BODY_TOO_LARGE"],
    ["CONNECT", rawRequest("CONNECT gw:1 HTTP/1.1", ["Host: gw:1"]), 400, "ERR_REQUEST_MALFORMED"],
    ["an expectation", headOf(["Expect: x", "Content-Length: 2"]), 417, "ERR_EXPECTATION"],
    ["a packed body", headOf(["Content-Encoding: gzip", "Content-Length: 2"]), 415, "ERR_BODY_TYPE"],
    ["no Host", rawRequest("GET / HTTP/1.1", [auth]), 400, "ERR_REQUEST_MALFORMED"],
  ];
  for (const base of [world.gateway.agentsUrl, world.gateway.peopleUrl]) {
    for (const [what, bytes, status, code] of rows) {
      const people = base === world.gateway.peopleUrl;
      const exchange = await sendRaw(base, people ? bytes.replace("Host: gw\r\n", "Host: 127.0.0.1\r\n") : bytes, { timeoutMs: 5000 });
      assert.deepEqual(
        [exchange.responses[0]?.status, codeOf(exchange), exchange.closed],
        [status, code, true],
        `${what}: ${JSON.stringify(exchange)}`,
      );
      assert.equal(headerOf(exchange.responses[0], "cache-control"), "no-store", what);
      if (!people) assert.match(headerOf(exchange.responses[0], "content-type") ?? "", /problem\+json/, what);
    }
  }
});

test("100-continue is said when it is known who asks and the body would be taken, and not before", async () => {
  const rows: readonly (readonly [string, string, number])[] = [
    ["a stranger", rawRequest(line, ["Host: gw", "Content-Type: application/json", "Expect: 100-continue", "Content-Length: 20"]), 401],
    ["a body that is too large", headOf(["Expect: 100-continue", "Content-Length: 300000"]), 413],
    ["a packed body", headOf(["Expect: 100-continue", "Content-Encoding: br", "Content-Length: 20"]), 415],
  ];
  for (const [what, bytes, status] of rows) {
    const exchange = await sendRaw(world.gateway.agentsUrl, bytes, { timeoutMs: 5000 });
    assert.deepEqual([exchange.interim, exchange.responses[0]?.status, exchange.closed], [0, status, true], what);
  }
  const waiting = await sendRaw(world.gateway.agentsUrl, headOf(["Expect: 100-continue", "Content-Length: 20"]), { timeoutMs: 400 });
  assert.deepEqual([waiting.interim, waiting.responses.length], [1, 0]);
});

test("an answer to bytes that are no request never stands where a call's own answer belongs", async () => {
  await world.sandbox.setFault({ path_prefix: "/v1/tickets", mode: "slow", delay_ms: 400, times: 1 });
  const exchange = await sendRaw(world.gateway.agentsUrl, `${markedRequest("before garbage", auth)}GARBAGE\r\n\r\n`, { timeoutMs: 8000 });
  await world.sandbox.clearFaults();
  assert.deepEqual(
    exchange.responses.map(({ status }) => status),
    [200, 400],
    JSON.stringify(exchange),
  );
  assert.deepEqual(bodiesByMark(world).get("before garbage"), [markedBody("before garbage")]);
});

test("a broken request behind a call that is on its way is answered after it, and the connection ends", async () => {
  const rests = { "a broken chunk": "zz\r\n", "a chunk that never ends": "5\r\nab" };
  for (const [what, rest] of Object.entries(rests)) {
    await world.sandbox.setFault({ path_prefix: "/v1/tickets", mode: "slow", delay_ms: 400, times: 1 });
    const bytes = `${markedRequest(`before ${what}`, auth)}${headOf(["Transfer-Encoding: chunked"])}${rest}`;
    const exchange = await sendRaw(world.gateway.agentsUrl, bytes, { timeoutMs: 8000 });
    await world.sandbox.clearFaults();
    const statuses = exchange.responses.map(({ status }) => status);
    assert.deepEqual([statuses, exchange.closed], [[200, what === "a broken chunk" ? 400 : 408], true], JSON.stringify(exchange));
    assert.equal(bodiesByMark(world).get(`before ${what}`)?.length, 1);
  }
});

test("requests that are sent together are answered in their order, and a flood of them ends the connection", async () => {
  const marks = Array.from({ length: 20 }, (_, index) => `pipelined ${index}.`);
  const { responses } = await sendRaw(world.gateway.agentsUrl, marks.map((mark) => markedRequest(mark, auth)).join(""), {
    until: 20,
    timeoutMs: 8000,
  });
  assert.deepEqual(
    responses.map(({ body }) => (JSON.parse(body) as { subject: string }).subject),
    marks,
  );
  const flood = await sendRaw(
    world.gateway.agentsUrl,
    Array.from({ length: 60 }, (_, index) => markedRequest(`flood ${index}.`, auth)).join(""),
    { timeoutMs: 8000 },
  );
  assert.ok(flood.closed && flood.responses.length < 60);
});

test("a connection goes on after a large body", async () => {
  const large = JSON.stringify({ subject: "large", text: "y".repeat(4900) });
  const padded = `${large.slice(0, -1)}${" ".repeat(200_000)}}`;
  const first = headOf([`Content-Length: ${padded.length}`]) + padded;
  const { responses } = await sendRaw(world.gateway.agentsUrl, first + markedRequest("after large", auth), { until: 2, timeoutMs: 8000 });
  assert.deepEqual(
    responses.map(({ status }) => status),
    [200, 200],
  );
});

test("arrays 100,000 deep, and 200 bodies of 1 MiB, are refused and nothing falls over", async (context) => {
  const deep = `{"subject":${"[".repeat(100_000)}${"]".repeat(100_000)},"text":"x"}`;
  const big = "z".repeat(1024 * 1024);
  const rss = process.memoryUsage().rss;
  const bytes = [
    ...Array.from({ length: 20 }, () => headOf(["Connection: close", `Content-Length: ${deep.length}`]) + deep),
    ...Array.from({ length: 200 }, () => headOf(["Connection: close", `Content-Length: ${big.length}`]) + big),
  ];
  const exchanges = await sendAll(world.gateway.agentsUrl, bytes, 10_000, 16);
  const counts = Object.groupBy(exchanges, (one) => String(one.responses[0]?.status ?? "cut"));
  const told = Object.entries(counts).map(([status, all]) => `${status}: ${all?.length}`);
  context.diagnostic(`${bytes.length} requests: ${told.join(", ")}; ${Math.round((process.memoryUsage().rss - rss) / 1e6)} MB more`);
  // A client that goes on sending what nobody reads may lose the answer with the connection.
  assert.deepEqual(
    Object.keys(counts).filter((status) => !["400", "413", "cut"].includes(status)),
    [],
  );
  assert.equal(counts["400"]?.length, 20);
  assert.equal((await world.call("tickets.lookup", { ticket: "tk_3001" })).status, 200);
});

test("one address has its share of connections where that is configured, and gets them back", async () => {
  const own = await startWide({
    edit: { "config/gateway.yaml": swap("limits:\n", "limits:\n  connections_per_address: 5\n  keep_alive_timeout: 1s\n") },
  });
  const port = Number(new URL(own.gateway.agentsUrl).port);
  const open = (): Promise<Socket | null> =>
    new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.on("error", () => resolve(null));
      socket.once("close", () => resolve(null));
      // Whoever is refused hears of it at once; whoever is not is answered.
      socket.once("data", () => resolve(socket));
      socket.write(rawRequest("GET /sallyport/v1/errors/ERR_HELD HTTP/1.1", ["Host: gw"]));
    });
  const sockets = await Promise.all(Array.from({ length: 12 }, open));
  assert.equal(sockets.filter((socket) => socket !== null).length, 5);
  for (const socket of sockets) socket?.destroy();
  await eventually("a connection is free again", open, 5000).then((socket) => socket.destroy());
  await own.close();
});

test("an IPv6 address counts with its whole network, and IPv4 in its clothes as IPv4", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["10.0.0.1", "10.0.0.1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["::1", "0:0:0:0::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:0DB8::1", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ];
  for (const [address, key] of rows) assert.equal(addressKey(address), key, address);
});
