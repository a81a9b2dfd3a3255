import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { openUpstreams, type UpstreamsOptions } from "../../../src/adapters/upstream/upstreams.ts";
import type { OutboundRequest, UpstreamOutcome } from "../../../src/ports/upstream.ts";
import { answer, type CountingServer, type Reply, request, startServer, until } from "./counting-server.ts";

type Use = (server: CountingServer, send: (change?: Partial<OutboundRequest>) => Promise<UpstreamOutcome>) => Promise<void>;

async function withServer(reply: Reply, use: Use, options: Omit<UpstreamsOptions, "upstreams"> = {}): Promise<void> {
  const server = await startServer(reply);
  const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: null }], ...options });
  try {
    await use(server, (change) => upstreams.send(request(server, change)));
  } finally {
    await upstreams.close();
    await server.close();
  }
}

/** The connection that served the request must go. undici may open another in its place, on which nothing is sent. */
async function droppedFirst(server: CountingServer): Promise<void> {
  await until(() => server.accepted[0]?.destroyed === true, "the connection is dropped");
  assert.equal(server.bytes(), server.requests.join("").length, "bytes outside of requests");
}

function trickle(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => socket.write(text[at++ % text.length] as string), 10);
  socket.on("close", () => clearInterval(timer));
}

const slow: Record<string, { readonly reply: Reply; readonly detail: RegExp }> = {
  "says nothing": { reply: () => undefined, detail: /^no complete answer within 150 ms$/ },
  "stops in the headers": { reply: (socket) => socket.write("HTTP/1.1 200 OK\r\nx: "), detail: /ms$/ },
  "stops in the body": {
    reply: (socket) => socket.write(answer(200, "0123456789").slice(0, -5)),
    detail: /after headers with status 200$/,
  },
  "trickles headers": { reply: (socket) => trickle(socket, "HTTP/1.1 200 OK\r\nx-a: "), detail: /ms$/ },
  "trickles a body": {
    reply: (socket) => {
      socket.write("HTTP/1.1 503 Busy\r\nconnection: close\r\n\r\n");
      trickle(socket, "a");
    },
    detail: /after headers with status 503$/,
  },
  "sends informational answers for ever": {
    reply: (socket) => trickle(socket, "HTTP/1.1 103 Early Hints\r\n\r\n"),
    detail: /ms$/,
  },
};

for (const [name, { reply, detail }] of Object.entries(slow)) {
  test(`an upstream that ${name} is waited for until the deadline and no longer`, async (t) => {
    await withServer(reply, async (server, send) => {
      const startedAtMs = performance.now();
      const outcome = await send({ timeoutMs: 150 });
      const tookMs = performance.now() - startedAtMs;
      assert.equal(outcome.kind === "interrupted" && outcome.cause, "timeout");
      assert.match(outcome.kind === "interrupted" ? outcome.detail : "", detail);
      assert.ok(tookMs >= 145 && tookMs < 400, `took ${tookMs} ms`);
      await droppedFirst(server);
      assert.equal(server.requests.length, 1);
      t.diagnostic(`took ${tookMs.toFixed(0)} ms of 150`);
    });
  });
}

test("an upstream that never finishes its handshake is given up at the deadline, with nothing sent", async () => {
  const server = await startServer(() => undefined);
  const url = server.url.replace("http:", "https:");
  const upstreams = openUpstreams({ upstreams: [{ name: "up", url, ca: null }] });
  const startedAtMs = performance.now();
  const outcome = await upstreams.send(request({ url }, { timeoutMs: 150, maySend: () => assert.fail("must not be asked") }));
  assert.equal(outcome.kind === "not_sent" && outcome.cause, "unreachable");
  assert.ok(performance.now() - startedAtMs < 400);
  assert.equal(server.requests.length, 0);
  await server.close();
  await upstreams.close();
});

test("an upstream where nobody listens is unreachable, and the detail names no address", async () => {
  const server = await startServer(() => undefined);
  await server.close();
  const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: null }] });
  const outcome = await upstreams.send(request(server));
  assert.deepEqual(outcome, { kind: "not_sent", cause: "unreachable", detail: "no connection (ECONNREFUSED)" });
  await upstreams.close();
});

const limit = 1000;
const chunked = (size: number) =>
  `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${size.toString(16)}\r\n${"a".repeat(size)}\r\n0\r\n\r\n`;
const sizes: readonly { readonly name: string; readonly text: string; readonly expect: string }[] = [
  { name: "exactly the limit, by length", text: answer(200, "a".repeat(limit)), expect: "answered 200 1000" },
  { name: "one byte more, by length", text: answer(200, "a".repeat(limit + 1)), expect: "too_large 200" },
  { name: "far more, of which nothing comes", text: "HTTP/1.1 500 No\r\ncontent-length: 99999999\r\n\r\n", expect: "too_large 500" },
  { name: "exactly the limit, in chunks", text: chunked(limit), expect: "answered 200 1000" },
  { name: "one byte more, in chunks", text: chunked(limit + 1), expect: "too_large 200" },
  {
    name: "one byte more, until the end",
    text: `HTTP/1.1 404 No\r\nconnection: close\r\n\r\n${"a".repeat(limit + 1)}`,
    expect: "too_large 404",
  },
  { name: "nothing", text: "HTTP/1.1 204 No Content\r\n\r\n", expect: "answered 204 0" },
];

for (const { name, text, expect } of sizes) {
  test(`an answer of ${name} is ${expect}`, async () => {
    await withServer(
      (socket) => socket.write(text),
      async (server, send) => {
        const outcome = await send({ responseBytesMax: limit });
        const told =
          outcome.kind === "answered"
            ? `answered ${outcome.status} ${outcome.body.byteLength}`
            : `${outcome.kind} ${"status" in outcome ? outcome.status : ""}`;
        assert.equal(told, expect);
        if (outcome.kind === "too_large") await droppedFirst(server);
        assert.equal(server.requests.length, 1);
      },
    );
  });
}

test("an answer without end is dropped at the limit, not read on", async () => {
  let written = 0;
  const pour = (socket: Socket) => {
    while (!socket.destroyed && socket.write("a".repeat(65_536))) written += 65_536;
    socket.once("drain", () => pour(socket));
  };
  const reply: Reply = (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    pour(socket);
  };
  await withServer(reply, async (server, send) => {
    assert.equal((await send({ responseBytesMax: 100_000 })).kind, "too_large");
    await droppedFirst(server);
    assert.ok(written < 16_777_216, `the upstream could write ${written} bytes`);
  });
});

for (const [name, headers] of [
  ["one long header", [`x-long: ${"a".repeat(3000)}`]],
  ["many headers", Array.from({ length: 100 }, (_, at) => `x-header-${at}: ${"a".repeat(20)}`)],
] as const) {
  test(`an answer with ${name} beyond the limit is interrupted`, async () => {
    await withServer(
      (socket) => socket.write(answer(200, "{}", headers)),
      async (server, send) => {
        const outcome = await send();
        assert.equal(outcome.kind === "interrupted" && outcome.cause, "broken");
        assert.equal(server.requests.length, 1);
      },
      { responseHeaderBytesMax: 2000 },
    );
  });
}

test("more calls than the upstream's limit are not sent, and places come back", async () => {
  const sockets: Socket[] = [];
  await withServer(
    (socket) => sockets.push(socket),
    async (server, send) => {
      for (let round = 1; round <= 3; round += 1) {
        sockets.length = 0;
        const accepted = Array.from({ length: 10 }, () => send());
        const beyond = await Promise.all(Array.from({ length: 20 }, () => send()));
        assert.deepEqual([...new Set(beyond.map((outcome) => outcome.kind))], ["not_sent"]);
        await until(() => sockets.length === 10, "ten requests");
        for (const socket of sockets) socket.end(answer(200, "", ["connection: close"]));
        assert.deepEqual([...new Set((await Promise.all(accepted)).map((outcome) => outcome.kind))], ["answered"]);
        assert.equal(server.requests.length, 10 * round);
      }
      // Places must come back from every kind of end, else an upstream that fails often enough is never called again.
      for (let call = 0; call < 30; call += 1) await send({ timeoutMs: 3 });
      for (let call = 0; call < 30; call += 1) await send({ maySend: () => false });
      for (let call = 0; call < 30; call += 1) await send({ url: "http://elsewhere/" });
      sockets.length = 0;
      const last = send();
      await until(() => sockets.length === 1, "the last request");
      sockets[0]?.write(answer(200));
      assert.equal((await last).kind, "answered");
    },
    { callsMax: 10, connectionsMax: 10 },
  );
});

test("200 calls at once over 8 connections each get their own answer", async () => {
  const reply: Reply = (socket, number) => socket.write(answer(200, String(number)));
  await withServer(
    reply,
    async (server, send) => {
      const outcomes = await Promise.all(Array.from({ length: 200 }, () => send()));
      const bodies = new Set(outcomes.map((outcome) => (outcome.kind === "answered" ? Buffer.from(outcome.body).toString() : "none")));
      assert.equal(bodies.size, 200);
      assert.equal(server.requests.length, 200);
      assert.ok(server.connections() <= 8, `${server.connections()} connections`);
    },
    { connectionsMax: 8 },
  );
});
