import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { openUpstreams } from "../../../src/adapters/upstream/upstreams.ts";
import { answer, type CountingServer, request, startServer } from "./counting-server.ts";

/** Sends RST. Not on a socket that is ending already: libuv refuses that and Node then never gets rid of the handle, not even at exit. */
const reset = (socket: Socket) => (socket.writableEnded ? socket.destroy() : socket.resetAndDestroy());

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** How an upstream misbehaves once it has a request, and what `send` must call it. */
const faults: Record<string, { readonly fault: (socket: Socket) => void; readonly expect: string; readonly timeoutMs?: number }> = {
  "answers 503": { fault: (socket) => socket.write(answer(503, "busy", ["retry-after: 0"])), expect: "answered 503" },
  "answers 502": { fault: (socket) => socket.write(answer(502, "bad")), expect: "answered 502" },
  "answers 408 and closes": { fault: (socket) => socket.end(answer(408, "", ["connection: close"])), expect: "answered 408" },
  "answers 425": { fault: (socket) => socket.write(answer(425)), expect: "answered 425" },
  "resets before headers": { fault: (socket) => reset(socket), expect: "interrupted broken" },
  "closes before headers": { fault: (socket) => socket.end(), expect: "interrupted broken" },
  "resets in the headers": {
    fault: (socket) => socket.write("HTTP/1.1 200 OK\r\nx: ", () => reset(socket)),
    expect: "interrupted broken",
  },
  "closes in the headers": { fault: (socket) => socket.end("HTTP/1.1 200 OK\r\nx: "), expect: "interrupted broken" },
  "resets in the body": { fault: (socket) => socket.write(cut, () => reset(socket)), expect: "interrupted broken" },
  "closes in the body": { fault: (socket) => socket.end(cut), expect: "interrupted broken" },
  "closes in a chunk": {
    fault: (socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc"),
    expect: "interrupted broken",
  },
  "answers garbage": { fault: (socket) => socket.write("EHLO there\r\n\r\n"), expect: "interrupted broken" },
  "says nothing": { fault: () => undefined, expect: "interrupted timeout", timeoutMs: 40 },
};
const cut = answer(200, "0123456789").slice(0, -5);
const rounds = 6;

for (const [name, { fault, expect, timeoutMs = 5000 }] of Object.entries(faults)) {
  test(`an upstream that ${name} sees each call once`, async (t) => {
    const counts = await Promise.all(methods.map((method) => strain(method, fault, timeoutMs)));
    const told = new Set(counts.flatMap(({ kinds }) => kinds));
    assert.deepEqual([...told], [expect]);
    const [sent, seen, reused] = [sum(counts, "sent"), sum(counts, "seen"), sum(counts, "reused")];
    assert.equal(sent, methods.length * rounds * 2);
    assert.equal(seen, sent);
    assert.ok(reused >= methods.length * rounds, "each fault must have hit a connection that was used before");
    t.diagnostic(`${sent} calls sent, ${seen} seen, ${reused} on used connections`);
  });
}

const bodyOf = (method: string) => (method === "GET" || method === "DELETE" ? { method, body: null } : { method });

/** On one connection: a good call, so that the connection is a used one (which clients like to retry), then the fault. */
async function strain(method: string, fault: (socket: Socket) => void, timeoutMs: number) {
  const server = await startServer((socket, number) => void (number % 2 === 1 ? socket.write(answer(200)) : fault(socket)));
  const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: null }], connectionsMax: 1 });
  const kinds: string[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const good = await upstreams.send(request(server, { ...bodyOf(method), headers: { "x-mark": `good-${round}` } }));
    assert.equal(good.kind, "answered");
    const bad = await upstreams.send(request(server, { ...bodyOf(method), headers: { "x-mark": `bad-${round}` }, timeoutMs }));
    kinds.push(bad.kind === "answered" ? `answered ${bad.status}` : bad.kind === "interrupted" ? `interrupted ${bad.cause}` : bad.kind);
  }
  assert.equal(new Set(marksOf(server)).size, server.requests.length, "a mark was seen twice");
  const result = { kinds, sent: rounds * 2, seen: server.requests.length, reused: server.requests.length - server.connections() };
  await upstreams.close();
  await server.close();
  return result;
}

function marksOf(server: CountingServer): readonly string[] {
  return server.requests.map((text) => /x-mark: (\S+)/.exec(text)?.[1] ?? "none");
}

function sum<K extends string>(rows: readonly Record<K, number>[], key: K): number {
  return rows.reduce((total, row) => total + row[key], 0);
}

/** How the upstream drops a connection that it left open after an answer. */
const drops: Record<string, (socket: Socket) => void> = {
  "with FIN": (socket) => socket.end(),
  "with RST": (socket) => reset(socket),
};

for (const [how, drop] of Object.entries(drops)) {
  test(`a kept connection that the upstream drops ${how} around the next call never sends it twice`, async (t) => {
    const kinds: Record<string, number> = {};
    for (const method of methods) {
      for (const moment of ["with the answer", "before the call", "in the call's turn", "after the call's turn"] as const) {
        const server = await startServer((socket) => {
          socket.write(answer(200), () => (moment === "with the answer" ? drop(socket) : undefined));
        });
        const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: null }], connectionsMax: 1 });
        for (let round = 0; round < rounds; round += 1) {
          await upstreams.send(request(server, { ...bodyOf(method), headers: { "x-mark": `first-${round}` } }));
          if (moment === "before the call") for (const socket of server.open()) drop(socket);
          const maySend = () => {
            if (moment === "in the call's turn") for (const socket of server.open()) drop(socket);
            if (moment === "after the call's turn") queueMicrotask(() => server.open().forEach(drop));
            return true;
          };
          const outcome = await upstreams.send(request(server, { ...bodyOf(method), headers: { "x-mark": `next-${round}` }, maySend }));
          const seen = marksOf(server).filter((mark) => mark === `next-${round}`).length;
          kinds[outcome.kind] = (kinds[outcome.kind] ?? 0) + 1;
          assert.ok(seen <= 1, `seen ${seen} times`);
          if (outcome.kind === "answered") assert.equal(seen, 1);
          if (outcome.kind === "not_sent") assert.equal(seen, 0);
        }
        await upstreams.close();
        await server.close();
      }
    }
    const total = Object.values(kinds).reduce((a, b) => a + b, 0);
    assert.equal(total, methods.length * 4 * rounds);
    assert.ok((kinds["interrupted"] ?? 0) > 0, "the race was never hit");
    t.diagnostic(`${total} calls: ${JSON.stringify(kinds)}`);
  });
}

test("a redirect is an answer, and the place it names hears nothing", async (t) => {
  let tried = 0;
  const other = await startServer((socket) => socket.write(answer(200)));
  for (const status of [301, 302, 303, 307, 308]) {
    const server = await startServer((socket) => socket.write(answer(status, "", [`location: ${other.url}/steal`])));
    const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: null }] });
    for (const method of methods) {
      const outcome = await upstreams.send(request(server, { method }));
      assert.equal(outcome.kind === "answered" && outcome.status, status);
      tried += 1;
    }
    assert.equal(server.requests.length, methods.length);
    await upstreams.close();
    await server.close();
  }
  assert.equal(tried, 25);
  assert.equal(other.connections(), 0);
  t.diagnostic(`${tried} redirects answered, 0 followed`);
  await other.close();
});
