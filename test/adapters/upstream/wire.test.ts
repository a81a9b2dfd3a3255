import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openUpstreams } from "../../../src/adapters/upstream/upstreams.ts";
import type { OutboundRequest } from "../../../src/ports/upstream.ts";
import { answer, type CountingServer, type Reply, request, startServer, until } from "./counting-server.ts";

async function withServer(
  reply: Reply,
  use: (server: CountingServer, upstreams: ReturnType<typeof openUpstreams>) => Promise<void>,
): Promise<void> {
  const server = await startServer(reply);
  const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: null }], connectionsMax: 1 });
  try {
    await use(server, upstreams);
  } finally {
    await upstreams.close();
    await server.close();
  }
}

const good: Reply = (socket) => socket.write(answer(200, "{}", ["content-type: application/json"]));
const body = Buffer.from('{"note":"ü \\" ","amount":1}');

/** What is given, and every byte that must come out after the host line. */
const wire: readonly { readonly name: string; readonly give: Partial<OutboundRequest>; readonly line: string; readonly rest: string }[] = [
  {
    name: "a POST with a body",
    give: {
      method: "POST",
      body,
      headers: { authorization: "Bearer s", "content-type": "application/json", "stripe-version": "2026-01-01" },
    },
    line: "POST /v1/refunds",
    rest: `authorization: Bearer s\r\ncontent-type: application/json\r\nstripe-version: 2026-01-01\r\naccept-encoding: identity\r\ncontent-length: ${body.length}\r\n\r\n${body.toString("latin1")}`,
  },
  { name: "a GET", give: { method: "GET", body: null, headers: {} }, line: "GET /v1/refunds", rest: "accept-encoding: identity\r\n\r\n" },
  {
    name: "a DELETE",
    give: { method: "DELETE", body: null, headers: { "x-b": "2", "x-a": "1" } },
    line: "DELETE /v1/refunds",
    rest: "x-b: 2\r\nx-a: 1\r\naccept-encoding: identity\r\n\r\n",
  },
  {
    name: "a PUT without a body",
    give: { method: "PUT", body: null, headers: {} },
    line: "PUT /v1/refunds",
    rest: "accept-encoding: identity\r\ncontent-length: 0\r\n\r\n",
  },
  {
    name: "a PATCH of a slice of a larger buffer",
    give: { method: "PATCH", body: new Uint8Array(Buffer.from("xx{}yy")).subarray(2, 4), headers: {} },
    line: "PATCH /v1/refunds",
    rest: "accept-encoding: identity\r\ncontent-length: 2\r\n\r\n{}",
  },
];

test("the bytes on the wire are exactly those given, plus host, framing and connection", async () => {
  let compared = 0;
  await withServer(good, async (server, upstreams) => {
    for (const { name, give, line, rest } of wire) {
      await upstreams.send(request(server, give));
      const host = server.url.slice("http://".length);
      assert.equal(server.requests.at(-1), `${line} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n${rest}`, name);
      compared += 1;
    }
    const bytes = server.requests.reduce((total, text) => total + text.length, 0);
    assert.equal(server.bytes(), bytes, "bytes outside of requests");
  });
  assert.equal(compared, wire.length);
});

test("targets are written as they stand, apostrophes and escapes too", async () => {
  const targets = [
    "/v1/x?note=it's",
    "/v1/%7Euser/~user",
    "/v1/a%2Fb",
    "/v1/x?a=1&a=2&=&?/",
    '/v1/{"a"}|^`',
    "/v1/a;b=c:@!$(*),",
    "/v1/..a/b..",
    "/",
  ];
  await withServer(good, async (server, upstreams) => {
    for (const target of targets) await upstreams.send(request(server, { method: "GET", body: null, url: server.url + target }));
    assert.deepEqual(
      server.requests.map((text) => text.split(" ")[1]),
      targets,
    );
  });
});

test("maySend is asked once, when the connection stands and before any byte has left", async () => {
  let asked = 0;
  const seen: number[] = [];
  await withServer(good, async (server, upstreams) => {
    for (let call = 1; call <= 3; call += 1) {
      const before = server.bytes();
      const outcome = await upstreams.send(
        request(server, {
          maySend: () => {
            asked += 1;
            seen.push(server.bytes() - before);
            return true;
          },
        }),
      );
      assert.equal(outcome.kind, "answered");
    }
  });
  assert.equal(asked, 3);
  assert.deepEqual(seen, [0, 0, 0]);
});

for (const [name, maySend] of [
  ["says no", () => false],
  ["throws", () => assert.fail("no")],
  ["answers something else than true", () => "yes" as unknown as boolean],
] as const) {
  test(`a call whose maySend ${name} sends no byte and costs no connection`, async () => {
    await withServer(good, async (server, upstreams) => {
      for (let call = 0; call < 20; call += 1) {
        const outcome = await upstreams.send(request(server, { maySend }));
        assert.equal(outcome.kind === "not_sent" && outcome.cause, "expired");
      }
      assert.equal(server.bytes(), 0);
      assert.equal((await upstreams.send(request(server))).kind, "answered");
      assert.equal(server.requests.length, 1);
      assert.equal(server.connections(), 1);
    });
  });
}

test("a call whose deadline passes while it waits for a connection is never sent, and costs no connection", async () => {
  const first: Socket[] = [];
  const reply: Reply = (socket, number) => {
    if (number === 1) first.push(socket);
    else good(socket, number);
  };
  await withServer(reply, async (server, upstreams) => {
    const slow = upstreams.send(request(server));
    await until(() => first.length === 1, "the first request");
    const waiting = await Promise.all(Array.from({ length: 20 }, () => upstreams.send(request(server, { timeoutMs: 30 }))));
    assert.deepEqual([...new Set(waiting.map((outcome) => outcome.kind === "not_sent" && outcome.cause))], ["unreachable"]);
    first[0]?.write(answer(200));
    assert.equal((await slow).kind, "answered");
    assert.equal((await upstreams.send(request(server))).kind, "answered");
    assert.equal(server.requests.length, 2);
    assert.equal(server.connections(), 1);
  });
});

test("a second answer to one request never becomes the answer of the next", async () => {
  const reply: Reply = (socket, number) => socket.write(number === 1 ? answer(200, "mine") + answer(200, "planted") : answer(200, "yours"));
  await withServer(reply, async (server, upstreams) => {
    const first = await upstreams.send(request(server));
    const second = await upstreams.send(request(server));
    assert.equal(first.kind === "answered" && Buffer.from(first.body).toString(), "mine");
    assert.equal(second.kind === "answered" && Buffer.from(second.body).toString(), "yours");
  });
});

test("an answer that nobody asked for ends the idle connection it came on", async () => {
  await withServer(
    (socket) => socket.write(answer(200, "real")),
    async (server, upstreams) => {
      for (let round = 1; round <= 10; round += 1) {
        await upstreams.send(request(server));
        for (const socket of server.open()) socket.write(answer(200, "planted"));
        await until(() => server.open().length === 0, "the connection's end");
        const next = await upstreams.send(request(server));
        assert.equal(next.kind === "answered" && Buffer.from(next.body).toString(), "real");
        assert.equal(server.connections(), 2 * round);
        for (const socket of server.open()) socket.write(answer(200, "planted"));
        await until(() => server.open().length === 0, "the connection's end");
      }
    },
  );
});

test("informational answers are skipped", async () => {
  const hints = "HTTP/1.1 103 Early Hints\r\ncontent-type: text/plain\r\ncontent-length: 99999999\r\n\r\n";
  await withServer(
    (socket) => socket.write(`${hints}HTTP/1.1 102 Processing\r\n\r\n${answer(201, "{}", ["content-type: application/json"])}`),
    async (server, upstreams) => {
      const outcome = await upstreams.send(request(server));
      assert.equal(outcome.kind, "answered");
      assert.deepEqual(outcome.kind === "answered" && [outcome.status, outcome.contentType], [201, "application/json"]);
    },
  );
});

// undici refuses a 100 and a 101 that nobody asked for; the call then ends as what it is, not known.
for (const status of ["100 Continue", "101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade"]) {
  test(`an unasked ${status.slice(0, 3)} ends as interrupted, and nothing is sent again`, async () => {
    await withServer(
      (socket) => socket.write(`HTTP/1.1 ${status}\r\n\r\n${answer(200)}`),
      async (server, upstreams) => {
        assert.equal((await upstreams.send(request(server))).kind, "interrupted");
        assert.equal(server.requests.length, 1);
      },
    );
  });
}

test("an encoded answer keeps its status, is named, and is not unpacked", async () => {
  const packed = gzipSync("{}");
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: GZip\r\ncontent-length: ${packed.length}\r\n\r\n`;
  await withServer(
    (socket) => socket.write(Buffer.concat([Buffer.from(head), packed])),
    async (server, upstreams) => {
      const outcome = await upstreams.send(request(server));
      assert.equal(outcome.kind, "answered");
      assert.equal(outcome.kind === "answered" && outcome.encoding, "gzip");
      assert.deepEqual(outcome.kind === "answered" && Buffer.from(outcome.body), packed);
    },
  );
});

const heads: readonly { readonly lines: readonly string[]; readonly contentType: string | null; readonly encoding: string | null }[] = [
  { lines: [], contentType: null, encoding: null },
  {
    lines: ["Content-Type: text/plain; charset=utf-8", "Content-Encoding: identity"],
    contentType: "text/plain; charset=utf-8",
    encoding: null,
  },
  { lines: ["content-type: text/html", "content-type: application/json"], contentType: null, encoding: null },
  { lines: ["content-type: text/\u00e9"], contentType: null, encoding: null },
  { lines: [`content-type: a/${"b".repeat(300)}`], contentType: null, encoding: null },
  { lines: ["content-encoding: gzip", "content-encoding: br"], contentType: null, encoding: "gzip, br" },
];

test("a content type that is doubled, long or not ASCII is not handed on", async () => {
  let row = 0;
  await withServer(
    (socket) => socket.write(answer(200, "", heads[row]?.lines), "latin1"),
    async (server, upstreams) => {
      for (; row < heads.length; row += 1) {
        const outcome = await upstreams.send(request(server));
        assert.equal(outcome.kind, "answered");
        if (outcome.kind !== "answered") continue;
        assert.deepEqual([outcome.contentType, outcome.encoding], [heads[row]?.contentType, heads[row]?.encoding]);
      }
      assert.equal(server.requests.length, heads.length);
    },
  );
});

test("closing waits for the call on its way, and later calls are not sent", async () => {
  const held: Socket[] = [];
  const server = await startServer((socket) => held.push(socket));
  const upstreams = openUpstreams({ upstreams: [{ name: "up", url: server.url, ca: null }] });
  const onItsWay = upstreams.send(request(server));
  await until(() => held.length === 1, "the request");
  const closed = upstreams.close();
  const late = await upstreams.send(request(server));
  assert.equal(late.kind, "not_sent");
  held[0]?.write(answer(200));
  assert.equal((await onItsWay).kind, "answered");
  await closed;
  await upstreams.close();
  assert.equal(server.requests.length, 1);
  const ended = server.open().map((socket) => once(socket, "close"));
  await Promise.all(ended);
  await server.close();
});
