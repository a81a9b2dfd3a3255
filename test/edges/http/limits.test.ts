import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import fastify from "fastify";
import { upstreamDefaults } from "../../../src/adapters/upstream/upstreams.ts";
import { readConfiguration } from "../../../src/config/read.ts";
import { peopleListener } from "../../../src/edges/admin/server.ts";
import { waitersMax } from "../../../src/edges/http/agent-routes.ts";
import { agentListenerFixed } from "../../../src/edges/http/server.ts";
import { guardSockets } from "../../../src/edges/listener/guard-sockets.ts";
import { type ListenerLimits, listenerOptions } from "../../../src/edges/listener/listener-limits.ts";

const root = join(import.meta.dirname, "../../..");
const page = readFileSync(join(root, "docs/limits.md"), "utf8");
const read = readConfiguration(join(root, "config/gateway.yaml"), { dev: true });
assert.ok(read.ok);
const { limits } = read.gateway;

const size = (bytes: number): string => `${bytes / 1024}KiB`;
const seconds = (ms: number): string => `${ms / 1000}s`;
const count = (value: number): string => String(value);

/** The page's sections, the limits of each in their order. */
const sections: Readonly<Record<string, readonly string[]>> = {
  "The agents' listener": [
    size(limits.headerBytesMax),
    count(agentListenerFixed.headersMax),
    size(limits.bodyBytesMax),
    seconds(limits.headersTimeoutMs),
    seconds(limits.requestTimeoutMs),
    seconds(limits.answerTimeoutMs),
    seconds(limits.keepAliveTimeoutMs),
    seconds(limits.waitMaxMs),
    count(limits.connectionsMax),
    count(limits.connectionsPerAddressMax),
    count(agentListenerFixed.requestsPerSocketMax),
    count(agentListenerFixed.pipelinedMax),
    count(waitersMax),
    count(limits.queueMax),
    count(limits.openHoldsPerAgentMax),
    count(limits.openHoldsPerRunMax),
    seconds(limits.drainMs),
  ],
  "The people's listener": [
    size(peopleListener.headerBytesMax),
    count(peopleListener.headersMax),
    size(peopleListener.bodyBytesMax),
    seconds(peopleListener.headersTimeoutMs),
    seconds(peopleListener.requestTimeoutMs),
    seconds(peopleListener.answerTimeoutMs),
    seconds(peopleListener.keepAliveTimeoutMs),
    count(peopleListener.connectionsMax),
    count(peopleListener.requestsPerSocketMax),
    count(peopleListener.pipelinedMax),
  ],
  "The client to upstreams": [
    seconds(upstreamDefaults.connectTimeoutMs),
    count(upstreamDefaults.connectionsMax),
    count(upstreamDefaults.callsMax),
    seconds(upstreamDefaults.idleMs),
    size(upstreamDefaults.responseHeaderBytesMax),
  ],
};

for (const [title, values] of Object.entries(sections)) {
  test(`docs/limits.md tells the limits of the source: ${title}`, () => {
    const text = page.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
    const rows = [...text.matchAll(/^\| (?!limit |---)[^|]+ \| ([^|]+) \|/gm)].map(([, value]) => value);
    assert.deepEqual(rows, values);
  });
}

test("every key of the page exists, and the limits that have a key are all on it", () => {
  const schema = readFileSync(join(root, "src/config/schema/gateway.ts"), "utf8");
  const keys = [...page.matchAll(/\| `([a-z_]+)` \|$/gm)].map(([, key]) => key as string);
  assert.equal(keys.length, 13);
  assert.deepEqual(
    keys.filter((key) => !schema.includes(`    ${key}: `)),
    [],
  );
  assert.equal(Object.keys(limits).length, keys.length, "a limit was added that the page does not tell");
});

test("Node's server has every limit, and none by default", async () => {
  const asked: ListenerLimits = {
    ...peopleListener,
    headersTimeoutMs: 1234,
    requestTimeoutMs: 2345,
    keepAliveTimeoutMs: 3456,
    connectionsMax: 77,
    requestsPerSocketMax: 88,
    headersMax: 99,
  };
  const server = fastify(listenerOptions(asked));
  guardSockets(server, asked, () => ({ status: 400, headers: {}, body: "" }));
  const http = server.server;
  const { headersTimeout, requestTimeout, keepAliveTimeout, maxConnections, maxRequestsPerSocket, maxHeadersCount, timeout } = http;
  assert.deepEqual(
    { headersTimeout, requestTimeout, keepAliveTimeout, maxConnections, maxRequestsPerSocket, timeout },
    { headersTimeout: 1234, requestTimeout: 2345, keepAliveTimeout: 3456, maxConnections: 77, maxRequestsPerSocket: 88, timeout: 0 },
  );
  // Node drops headers beyond its own number: it must be higher than ours, or a dry run's header could be lost.
  assert.ok((maxHeadersCount ?? 0) > asked.headersMax);
  assert.equal(http.listenerCount("upgrade"), 0);
  for (const event of ["clientError", "checkContinue", "checkExpectation", "connect"]) assert.equal(http.listenerCount(event), 1, event);
  await server.close();
  const options: object = listenerOptions(asked).http;
  for (const name of [
    "maxHeaderSize",
    "insecureHTTPParser",
    "requireHostHeader",
    "joinDuplicateHeaders",
    "connectionsCheckingInterval",
    "highWaterMark",
    "noDelay",
    "keepAlive",
    "rejectNonStandardBodyWrites",
    "uniqueHeaders",
  ])
    assert.ok(Object.hasOwn(options, name), name);
  createServer(options).close();
});
