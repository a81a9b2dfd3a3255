import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { swap } from "../../support/demo-config.ts";
import { eventually } from "../../support/gateway.ts";
import { type PassWorld, startPassWorld } from "../../support/pass-world.ts";

let world: PassWorld;
before(async () => {
  world = await startPassWorld({ route: "limits: { response_bytes: 64MiB }" });
});
after(() => world.close());

const events = { "content-type": "text/event-stream" };

/** Makes the upstream hand over the response of the next request, with its head on the wire. */
function nextResponse(): Promise<ServerResponse> {
  return new Promise((resolve) => {
    world.upstream.answer = (request, response) => {
      request.resume();
      response.writeHead(200, events);
      response.flushHeaders();
      resolve(response);
    };
  });
}

async function beginStream(
  path = "/files/stream",
): Promise<{ upstream: ServerResponse; reader: ReadableStreamDefaultReader<Uint8Array>; callId: string; stop: AbortController }> {
  const stop = new AbortController();
  const upstream = nextResponse();
  const response = await world.fetch(path, { signal: stop.signal });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("x-accel-buffering"), "no");
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  return { upstream: await upstream, reader, callId: response.headers.get("sallyport-call-id") ?? "", stop };
}

const text = (value: Uint8Array | undefined): string => new TextDecoder().decode(value);

test("the head and each chunk reach the agent before the upstream sends the next", async () => {
  const { upstream, reader, callId } = await beginStream();
  for (let turn = 0; turn < 25; turn += 1) {
    upstream.write(`data: ${turn}\n\n`);
    const { value } = await reader.read();
    assert.equal(text(value), `data: ${turn}\n\n`);
  }
  upstream.end();
  assert.equal((await reader.read()).done, true);
  const { state, settled } = await world.settled(callId);
  assert.deepEqual([state, settled?.transfer?.responseBytes], ["succeeded", 10 * 9 + 15 * 10]);
});

test("an agent that hangs up ends the upstream's work within a second, and the read is on record as failed and used", async () => {
  const { upstream, reader, callId, stop } = await beginStream();
  upstream.write("data: 1\n\n");
  await reader.read();
  const startedMs = performance.now();
  const closed = once(upstream, "close");
  stop.abort();
  await closed;
  assert.ok(performance.now() - startedMs < 1000, "the upstream was cut within a second");
  const { state, settled } = await world.settled(callId);
  assert.deepEqual([state, settled?.status, settled?.transfer?.responseBytes], ["failed", 200, 9]);
  assert.match(settled?.detail ?? "", /hung up/);
});

test("an agent that hangs up before the answer begins ends the upstream's work too", async () => {
  const stop = new AbortController();
  const began = Promise.withResolvers<ServerResponse>();
  world.upstream.answer = (_request, response) => began.resolve(response);
  const asked = world.fetch("/ask", { method: "POST", body: "x", signal: stop.signal }).catch(() => null);
  const response = await began.promise;
  const closed = once(response, "close");
  stop.abort();
  await Promise.all([closed, asked]);
  assert.equal((await world.newest()).state, "failed");
});

test("an upstream that breaks off, or falls silent, never looks like a clean end", async () => {
  const rows: readonly (readonly [string, (response: ServerResponse) => void, RegExp])[] = [
    ["reset", (response) => response.socket?.resetAndDestroy(), /broke/],
    ["closed inside the body", (response) => response.destroy(), /broke/],
    ["silent", () => undefined, /silent for 1000 ms/],
  ];
  for (const [title, end, detail] of rows) {
    const { upstream, reader, callId } = await beginStream();
    upstream.write("data: 1\n\n");
    await reader.read();
    end(upstream);
    await assert.rejects(async () => reader.read(), title);
    const { state, settled } = await world.settled(callId);
    assert.equal(state, "failed", title);
    assert.match(settled?.detail ?? "", detail, title);
  }
  assert.equal(rows.length, 3);
});

test("a slow agent slows the upstream down: what is held in between is bounded", async () => {
  const chunk = Buffer.alloc(64 * 1024, "x");
  const whole = 40 * 1024 * 1024;
  let written = 0;
  world.upstream.answer = (_request, response) => {
    response.writeHead(200, { "content-type": "application/octet-stream" });
    const write = (): void => {
      while (written < whole) {
        written += chunk.length;
        if (!response.write(chunk)) return void response.once("drain", write);
      }
      response.end();
    };
    write();
  };
  const { hostname, port } = new URL(world.gateway.agentsUrl);
  const socket: Socket = connect({ host: hostname, port: Number(port) });
  socket.pause();
  socket.write(`GET /llm/files/big HTTP/1.1\r\nHost: gw.test\r\nAuthorization: Bearer ${world.token}\r\nConnection: close\r\n\r\n`);
  let before = -1;
  await eventually("the upstream stands still", async () => {
    const still = written > 0 && written === before;
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return still;
  });
  // Three sockets' buffers and ours: far from all of it.
  assert.ok(written < whole / 2, `${written} of ${whole} bytes were taken for a reader who took none`);
  let got = 0;
  socket.on("data", (bytes: Buffer) => (got += bytes.length)).resume();
  await once(socket, "close");
  assert.ok(got > whole, "all of it came once it was read");
});

test("a stop ends streams that are on their way within a second, but for tools that say finish", async () => {
  const cancelled = await beginStream("/files/x");
  const kept = await beginStream("/kept/x");
  cancelled.upstream.write("data: 1\n\n");
  kept.upstream.write("data: 1\n\n");
  await Promise.all([cancelled.reader.read(), kept.reader.read()]);
  const closed = once(cancelled.upstream, "close");
  const startedMs = performance.now();
  const set = await world.people("operator", "POST", "/sallyport/v1/stops", { scope: { agent: "reader" }, reason: "enough" });
  assert.ok(set.status < 300, set.text);
  await closed;
  assert.ok(performance.now() - startedMs < 1000, "within a second");
  await assert.rejects(async () => cancelled.reader.read());
  assert.match((await world.settled(cancelled.callId)).settled?.detail ?? "", /a stop came/);
  kept.upstream.end("data: 2\n\n");
  assert.equal(text((await kept.reader.read()).value), "data: 2\n\n");
  assert.equal((await kept.reader.read()).done, true);
  assert.equal((await world.settled(kept.callId)).state, "succeeded");
  assert.equal((await world.fetch("/files/x")).status, 403, "and no new one begins");
  const stops = await world.people("operator", "GET", "/sallyport/v1/stops");
  const [{ id }] = (stops.body["stops"] ?? stops.body) as unknown as [{ id: string }];
  assert.ok((await world.people("operator", "DELETE", `/sallyport/v1/stops/${id}`, { reason: "over" })).status < 300);
});

test("a drain lets streams finish until its limit; then they are cut and on record", async () => {
  const drained = await startPassWorld({
    edit: { "config/gateway.yaml": swap("limits:\n", "limits:\n  drain: 2s\n") },
  });
  const open = async (path: string) => {
    const upstream = new Promise<ServerResponse>((resolve) => {
      drained.upstream.answer = (_request, response) => {
        response.writeHead(200, events).flushHeaders();
        resolve(response);
      };
    });
    const response = await drained.fetch(path);
    return { upstream: await upstream, response, callId: response.headers.get("sallyport-call-id") ?? "" };
  };
  const quick = await open("/kept/quick");
  const endless = await open("/kept/endless");
  const beat = setInterval(() => endless.upstream.write("data: .\n\n"), 100);
  const quickText = quick.response.text();
  const endlessText = endless.response.text();
  endlessText.catch(() => undefined);
  const closing = drained.gateway.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  quick.upstream.end("data: done\n\n");
  assert.equal(await quickText, "data: done\n\n");
  await assert.rejects(endlessText);
  clearInterval(beat);
  await closing;
  await drained.restart();
  const [first, second] = await Promise.all([drained.settled(quick.callId), drained.settled(endless.callId)]);
  assert.deepEqual([first.state, second.state], ["succeeded", "failed"]);
  assert.match(second.settled?.detail ?? "", /the gateway was stopped/);
  await drained.close();
});
