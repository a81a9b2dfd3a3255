import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { eventually } from "../support/gateway.ts";
import { answering, rawTo, withAnswerOf } from "../support/pass-raw.ts";
import { type Answerer, type PassWorld, startPassWorld } from "../support/pass-world.ts";
import { rawRequest } from "../support/raw-http.ts";

let world: PassWorld;
before(async () => {
  world = await startPassWorld({
    route: "headers: { Range: {} }\nlimits: { response_bytes: 64KiB, request_bytes: 4KiB }",
    budgets: "  - { meter: cost, scope: agent, window: day, limit: 1000.00 USD }",
  });
});
after(() => world.close());

const raw = (line: string, headers: readonly string[] = [], body = "", authorized = true) => rawTo(world, line, headers, body, authorized);
const withAnswer = <T>(answer: Answerer, act: () => Promise<T>): Promise<T> => withAnswerOf(world, answer, act);

test("a body is what one reader says it is, at most as long as it may be", async () => {
  const good = await raw("POST /llm/act", ["Content-Length: 5", "Content-Type: text/plain"], "hello");
  assert.equal(good.status, 200);
  assert.equal(Buffer.concat(good.seen[0]?.chunks ?? []).toString(), "hello");
  const { settled } = await world.newest();
  assert.equal(settled?.transfer?.requestDigest, createHash("sha256").update("hello").digest("hex"));
  const chunked = await raw("POST /llm/act", ["Transfer-Encoding: chunked"], "5\r\nhello\r\n0\r\n\r\n");
  assert.equal(Buffer.concat(chunked.seen[0]?.chunks ?? []).toString(), "hello");
  const rows: readonly (readonly [string, string, readonly string[], string, readonly number[]])[] = [
    ["length and chunks", "POST /llm/act", ["Content-Length: 5", "Transfer-Encoding: chunked"], "0\r\n\r\n", [400]],
    ["two lengths", "POST /llm/act", ["Content-Length: 5", "Content-Length: 6"], "hello", [400]],
    ["a length with a sign", "POST /llm/act", ["Content-Length: +5"], "hello", [400]],
    ["another coding", "POST /llm/act", ["Transfer-Encoding: gzip, chunked"], "0\r\n\r\n", [400]],
    ["a body on GET", "GET /llm/files/a", ["Content-Length: 5"], "hello", [400]],
    ["a body on HEAD", "HEAD /llm/files/a", ["Content-Length: 5"], "hello", [400]],
    ["a packed body", "POST /llm/act", ["Content-Length: 5", "Content-Encoding: gzip"], "hello", [415]],
    ["a type with a tab", "POST /llm/act", ["Content-Length: 5", "Content-Type: text/plain\t;x"], "hello", [415]],
    ["a type with trailing text", "POST /llm/act", ["Content-Length: 5", "Content-Type: application/json garbage"], "hello", [415]],
    [
      "two types",
      "POST /llm/act",
      ["Content-Length: 5", "Content-Type: text/plain", "Content-Type: application/json"],
      "hello",
      [400, 415],
    ],
    ["a length beyond the limit", "POST /llm/act", ["Content-Length: 4097"], "x".repeat(4097), [413]],
  ];
  for (const [title, line, headers, body, statuses] of rows) {
    const got = await raw(line, headers, body);
    assert.ok(statuses.includes(got.status), `${title} got ${got.status} ${String(got.code)}`);
    assert.equal(got.seen.length, 0, title);
    assert.ok(got.count <= 1, title);
  }
  assert.equal(rows.length, 11);
});

test("a chunked body that grows beyond the limit is cut off: a write is unknown, and neither is told as not executed", async () => {
  const chunk = `800\r\n${"x".repeat(0x800)}\r\n`;
  const hang: Answerer = (request) => void request.resume();
  const write = await withAnswer(hang, () => raw("POST /llm/act", ["Transfer-Encoding: chunked"], chunk.repeat(4)));
  assert.deepEqual([write.status, write.code], [502, "ERR_OUTCOME_UNKNOWN"]);
  assert.equal((await world.newest()).state, "unknown");
  const read = await withAnswer(hang, () => raw("POST /llm/ask", ["Transfer-Encoding: chunked"], chunk.repeat(4)));
  assert.deepEqual([read.status, read.code], [413, "ERR_BODY_TOO_LARGE"]);
  assert.equal((await world.newest()).state, "failed");
  const broken = await withAnswer(hang, () => raw("POST /llm/act", ["Transfer-Encoding: chunked"], `${chunk}zz\r\n`));
  assert.deepEqual([broken.code, broken.seen.length], ["ERR_REQUEST_MALFORMED", 0], "told as not executed, and it was not");
  const { hostname, port } = new URL(world.gateway.agentsUrl);
  const late = await withAnswer(hang, async () => {
    const socket = connect({ host: hostname, port: Number(port) });
    let told = "";
    socket.on("data", (bytes: Buffer) => (told += bytes.toString()));
    const before = world.upstream.seen.length;
    socket.write(
      rawRequest("POST /llm/act HTTP/1.1", ["Host: gw.test", `Authorization: Bearer ${world.token}`, "Transfer-Encoding: chunked"], chunk),
    );
    await eventually("the first chunk is with the upstream", async () => (world.upstream.seen[before]?.chunks.length ?? 0) > 0);
    socket.write("zz\r\n");
    await once(socket, "close");
    return told;
  });
  assert.doesNotMatch(late, /NOT executed/);
  assert.equal((await world.newest()).state, "unknown");
});

test("an answer is as long as it may be, plain, and brings only its own headers", async () => {
  const big = Buffer.alloc(70_000, "x");
  const told = await withAnswer(answering(200, { "content-length": "70000" }, big), () => raw("GET /llm/files/a"));
  assert.deepEqual([told.status, told.code], [502, "ERR_ANSWER_WITHHELD"]);
  assert.equal((await world.newest()).state, "succeeded");
  const endless: Answerer = (_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const beat = setInterval(() => response.write(`data: ${"y".repeat(5000)}\n\n`), 1);
    response.once("close", () => clearInterval(beat));
  };
  const cut = await withAnswer(endless, () => world.fetch("/files/a"));
  await assert.rejects(cut.text(), "an answer that is cut never ends cleanly");
  const call = await world.newest();
  assert.equal(call.state, "failed");
  assert.match(call.settled?.detail ?? "", /longer than 65536/);
  assert.ok((call.settled?.transfer?.responseBytes ?? 0) <= 65_536);
  const bomb = await withAnswer(answering(200, { "content-encoding": "gzip" }, gzipSync(Buffer.alloc(10_000_000))), () =>
    raw("GET /llm/files/a"),
  );
  assert.deepEqual([bomb.status, bomb.code], [502, "ERR_ANSWER_WITHHELD"]);
  const noisy = answering(
    200,
    {
      "content-type": "text/html",
      "set-cookie": "a=b",
      location: "http://evil.example/",
      server: "x",
      "x-powered-by": "x",
      etag: '"1"',
      "content-length": "1",
      "access-control-allow-origin": "*",
      "strict-transport-security": "x",
      "sallyport-call-id": "c_forged",
      "content-security-policy": "none",
      link: "x",
    },
    "x",
  );
  const { response } = await withAnswer(noisy, () => raw("GET /llm/files/a"));
  const names = (response?.headers ?? []).map(([name]) => name);
  assert.deepEqual(names.filter((name) => !["connection", "date"].includes(name)).sort(), [
    "cache-control",
    "content-length",
    "content-security-policy",
    "content-type",
    "etag",
    "sallyport-call-id",
    "x-content-type-options",
  ]);
  assert.ok(!(response?.headers ?? []).some(([, value]) => value === "c_forged" || value === "none"));
});

test("what an upstream writes around its head does not reach the agent", async () => {
  const heads = [
    ["a status text", "HTTP/1.1 200 Evil\tText <script>\r\nContent-Length: 2\r\n\r\nok", 200],
    ["an early hint", "HTTP/1.1 103 Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200],
    ["a value in Latin-1", "HTTP/1.1 200 OK\r\nETag: \xe9\r\nContent-Length: 2\r\n\r\nok", 200],
    ["an impossible status", "HTTP/1.1 999 X\r\nContent-Length: 2\r\n\r\nok", 502],
    ["another protocol", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 502],
    ["a bare line feed in a header", "HTTP/1.1 200 OK\r\nETag: a\nX-Evil: 1\r\nContent-Length: 2\r\n\r\nok", 502],
    ["no HTTP", "hello\r\n\r\n", 502],
    ["length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 502],
    ["a huge head", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(40_000)}\r\nContent-Length: 2\r\n\r\nok`, 502],
  ] as const;
  for (const [title, bytes, status] of heads) {
    const got = await withAnswer(
      (_request, response) => void response.socket?.end(Buffer.from(bytes, "latin1")),
      () => raw("GET /llm/files/a"),
    );
    assert.equal(got.status, status, `${title} ${got.response?.body ?? ""}`);
    const text = JSON.stringify(got.response?.headers ?? []);
    assert.doesNotMatch(text, /evil|hints|xxxx|link/i, title);
    assert.equal(got.count, 1, title);
  }
  assert.equal(heads.length, 9);
});

test("HEAD and ranges are handed on, and ended before they are told", async () => {
  const head = await withAnswer(answering(200, { "content-length": "123456789", "accept-ranges": "bytes" }), () =>
    raw("HEAD /llm/files/a"),
  );
  assert.equal(head.status, 200);
  assert.equal(head.response?.headers.find(([name]) => name === "content-length")?.[1], "123456789");
  assert.equal(head.seen[0]?.method, "HEAD");
  assert.equal((await world.newest()).state, "succeeded");
  const range = await withAnswer(answering(206, { "content-range": "bytes 0-1/9", "content-length": "2" }, "ab"), () =>
    raw("GET /llm/files/a", ["Range: bytes=0-1"]),
  );
  assert.deepEqual([range.status, range.response?.body], [206, "ab"]);
  assert.equal(range.response?.headers.find(([name]) => name === "content-range")?.[1], "bytes 0-1/9");
  const empty = await withAnswer(answering(204, {}), () => raw("DELETE /llm/act/1"));
  assert.equal(empty.status, 204);
  assert.equal((await world.newest()).state, "succeeded");
});

test("a write that cannot be recorded never looks like a clean end", async () => {
  const { calls } = world.gateway.ports;
  const { settle } = calls;
  let tried = 0;
  calls.settle = () => {
    tried += 1;
    return Promise.reject(new Error("the store does not answer"));
  };
  try {
    const answer = await withAnswer(answering(200, { "content-length": "4" }, "done"), () =>
      world.fetch("/act", { method: "POST", body: "x" }),
    );
    assert.equal(answer.headers.get("content-length"), null, "its length would be an end of its own");
    await assert.rejects(answer.text());
    const empty = await withAnswer(answering(204, {}), () => raw("DELETE /llm/act/1"));
    assert.equal(empty.code, "ERR_OUTCOME_UNKNOWN");
  } finally {
    calls.settle = settle;
  }
  assert.ok(tried >= 2);
  await eventually(
    "the record is written when the store is back",
    async () => (await world.gateway.ports.calls.list({ limit: 1 }))[0]?.state === "succeeded",
  );
});
