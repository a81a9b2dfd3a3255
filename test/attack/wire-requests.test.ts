import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { codes } from "../../src/rules/codes.ts";
import type { TestGateway } from "../support/gateway.ts";
import type { RawExchange } from "../support/raw-http.ts";
import { wireCases } from "./wire-cases.ts";
import { bodiesByMark, markedBody, markedRequest, sendAll, startShort, statusesOf } from "./wire-world.ts";

// INV-11: one request in, at most one out, and what comes out is what was judged.

let world: TestGateway;
let exchanges: readonly RawExchange[];
let bodies: ReadonlyMap<string, readonly string[]>;
const outer = (index: number): string => `outer ${index}.`;
const inner = (index: number): string => `inner ${index}.`;

before(async () => {
  world = await startShort();
  const auth = `Authorization: Bearer ${await world.agentToken()}`;
  const bytes = wireCases.map((one, index) =>
    one.bytes({ body: markedBody(outer(index)), auth, inner: markedRequest(inner(index), auth) }),
  );
  exchanges = await sendAll(world.gateway.agentsUrl, bytes);
  bodies = bodiesByMark(world);
});
after(() => world.close());

test("the cases are many, and each has its own name", (context) => {
  const counts = Object.entries(Object.groupBy(wireCases, ({ fate }) => fate)).map(([fate, cases]) => `${cases?.length} ${fate}`);
  context.diagnostic(`${wireCases.length} requests: ${counts.join(", ")}`);
  assert.ok(wireCases.length >= 166);
  assert.equal(new Set(wireCases.map(({ name }) => name)).size, wireCases.length);
});

for (const [index, { name, fate }] of wireCases.entries()) {
  test(`${name}: ${fate === "none" ? "refused" : fate === "one" ? "one call" : "two calls"}`, () => {
    const exchange = exchanges[index] as RawExchange;
    const statuses = statusesOf(exchange);
    const told = JSON.stringify(exchange);
    assert.ok(exchange.closed, `the socket did not end: ${told}`);
    assert.ok(
      statuses.every((status) => status < 500),
      told,
    );
    assert.deepEqual(bodies.get(outer(index)) ?? [], fate === "none" ? [] : [markedBody(outer(index))], told);
    assert.deepEqual(bodies.get(inner(index)) ?? [], fate === "two" ? [markedBody(inner(index))] : [], told);
    if (fate === "none") assert.ok(statuses.length > 0 && statuses.every((status) => status >= 400), told);
    else assert.equal(statuses[0], 200, told);
    for (const { status, headers, body } of exchange.responses) {
      if (status < 400 || body === "") continue;
      const problem = JSON.parse(body) as { code: string; status: number; executed: unknown };
      assert.ok(Object.hasOwn(codes, problem.code) && problem.status === status && problem.executed === false, told);
      assert.ok(
        headers.some(([header, value]) => header === "content-type" && value.startsWith("application/problem+json")),
        told,
      );
    }
  });
}
