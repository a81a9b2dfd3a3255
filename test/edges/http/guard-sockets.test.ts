import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import fastify, { type FastifyInstance } from "fastify";
import { peopleListener } from "../../../src/edges/admin/server.ts";
import { guardSockets } from "../../../src/edges/listener/guard-sockets.ts";
import { type ListenerLimits, listenerOptions } from "../../../src/edges/listener/listener-limits.ts";
import { eventually } from "../../support/gateway.ts";
import { rawRequest, sendRaw } from "../../support/raw-http.ts";

// A listener whose time-outs but one are long: what is cut here is cut by the guard.
const limits: ListenerLimits = {
  ...peopleListener,
  bodyBytesMax: 64 * 1024,
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 60_000,
  answerTimeoutMs: 400,
};
/** More than the kernel takes for a client that does not read. */
const answerBytes = 64 * 1024 * 1024;

let server: FastifyInstance;
let port: number;
let handled = 0;
before(async () => {
  server = fastify(listenerOptions(limits));
  const sockets = guardSockets(server, limits, () => ({ status: 400, headers: {}, body: "" }));
  server.addHook("onRequest", async (request, reply) => {
    const refused = await sockets.admit(request.raw, reply.raw, async () => {
      if (request.url !== "/refused") return null;
      await new Promise((resolve) => setTimeout(resolve, 50));
      return "refused";
    });
    if (refused === "ignore") return reply.hijack();
    return refused === null ? undefined : reply.code(400).send("");
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.get("/whole", async () => Buffer.alloc(answerBytes, "a"));
  server.get("/moderate", async () => Buffer.alloc(1_000_000, "a"));
  server.get("/stream", async () => Readable.from(pieces(1000)));
  // A stream that says something now and then, and whose client takes it, goes on.
  server.get("/events", async () => Readable.from(pieces(15, 100)));
  server.get("/small", async () => {
    handled += 1;
    return "small";
  });
  server.post("/refused", async () => "never");
  server.post("/body", async () => "taken");
  await server.listen({ host: "127.0.0.1", port: 0 });
  port = (server.server.address() as { port: number }).port;
});
after(() => server.close());

async function* pieces(count: number, everyMs = 0): AsyncGenerator<Buffer> {
  for (let turn = 0; turn < count; turn += 1) {
    if (everyMs > 0) await new Promise((resolve) => setTimeout(resolve, everyMs));
    yield Buffer.alloc(everyMs > 0 ? 100 : 64 * 1024, "a");
  }
}

function open(bytes: string): Socket {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => undefined);
  socket.pause();
  socket.write(bytes);
  return socket;
}

const openCount = (): Promise<number> => new Promise((resolve) => server.server.getConnections((_error, count) => resolve(count)));
const get = (path: string): string => rawRequest(`GET ${path} HTTP/1.1`, ["Host: 127.0.0.1"]);

for (const path of ["/whole", "/stream"]) {
  test(`a client that takes nothing of ${path} is cut soon after the answer's time`, async () => {
    const startedMs = performance.now();
    const socket = open(get(path));
    await eventually("the answer has begun", async () => socket.bytesRead >= 0 && (await openCount()) === 1);
    await eventually("the server has let go of it", async () => (await openCount()) === 0, 8000);
    assert.ok(performance.now() - startedMs >= limits.answerTimeoutMs);
    socket.destroy();
  });
}

test("a client that takes an answer a little at a time is cut all the same", async () => {
  const socket = open(get("/whole"));
  const timer = setInterval(() => socket.read(1024), 20);
  await eventually("the connection is there", async () => (await openCount()) === 1);
  await eventually("the server has let go of it", async () => (await openCount()) === 0, 8000);
  clearInterval(timer);
  socket.destroy();
});

test("an honest reader gets all of it, and a slow stream that is read goes on for longer than the answer's time", async () => {
  for (const [path, bytes] of [
    ["/moderate", 1_000_000],
    ["/events", 1500],
  ] as const) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    assert.equal((await response.arrayBuffer()).byteLength, bytes, path);
  }
});

test("an idle connection whose answers were taken is left alone", async () => {
  const socket = open(get("/small"));
  socket.resume();
  await new Promise<void>((resolve) => socket.once("data", () => resolve()));
  const until = performance.now() + 2500;
  await eventually("the guard has looked twice", async () => performance.now() > until);
  assert.equal(socket.destroyed, false);
  socket.destroy();
});

test("a request behind one that is still being decided waits for that, and is none when it ends the connection", async () => {
  const before = handled;
  const refused = rawRequest("POST /refused HTTP/1.1", ["Host: 127.0.0.1", "Content-Type: a/b", "Content-Length: 2"], "{}");
  const { responses, closed } = await sendRaw(`http://127.0.0.1:${port}`, refused + get("/small"), { timeoutMs: 5000 });
  assert.deepEqual([responses.map(({ status }) => status), closed, handled], [[400], true, before]);
  await sendRaw(`http://127.0.0.1:${port}`, get("/small") + get("/small"), { until: 2 });
  assert.equal(handled, before + 2);
});

test("a chunked body that is mostly not body is cut, whatever time it has", async () => {
  const socket = open(rawRequest("POST /body HTTP/1.1", ["Host: 127.0.0.1", "Content-Type: a/b", "Transfer-Encoding: chunked"]));
  socket.resume();
  const startedMs = performance.now();
  const piece = `1;${"a".repeat(8000)}\r\n \r\n`.repeat(20);
  const timer = setInterval(() => socket.writable && socket.write(piece), 10);
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  clearInterval(timer);
  assert.ok(performance.now() - startedMs < limits.requestTimeoutMs / 2, "only its time ended it");
  assert.ok(socket.bytesWritten > 8 * limits.bodyBytesMax, "it was cut before it was too much");
});
