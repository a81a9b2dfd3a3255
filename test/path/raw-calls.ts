import assert from "node:assert/strict";
import { after, before } from "node:test";
import { codes } from "../../src/rules/codes.ts";
import type { TestGateway } from "../support/gateway.ts";
import { type RawExchange, rawRequest, sendRaw } from "../support/raw-http.ts";
import { startWide } from "./wide-gateway.ts";

let started: TestGateway;
let token: string;
let asked = 0;
before(async () => {
  started = await startWide();
  token = await started.agentToken();
});
after(() => started.close());

/** Start lines of one call in both ways in, and a body that both take. */
export const named = "POST /sallyport/v1/tools/tickets.create HTTP/1.1";
export const mounted = "POST /tickets/v1/tickets HTTP/1.1";
export const good = '{"subject":"a","text":"b"}';
/** Header lines. */
export const jsonType = "Content-Type: application/json";
export const lengthOf = (body: string): string => `Content-Length: ${Buffer.byteLength(body, "latin1")}`;
export const bearer = (): string => `Authorization: Bearer ${token}`;

/** Sends a request with these header lines on a connection of its own. */
export function send(startLine: string, headers: readonly string[], body = ""): Promise<RawExchange> {
  asked += 1;
  return sendRaw(started.gateway.agentsUrl, rawRequest(startLine, ["Host: gw", "Connection: close", ...headers], body));
}

/** Bytes as they are, with nothing added. */
export function sendBytes(bytes: string, timeoutMs = 500): Promise<RawExchange> {
  asked += 1;
  return sendRaw(started.gateway.agentsUrl, bytes, { timeoutMs });
}

/** Sends one after the other and asserts that each was refused with 4xx, in the problem form where the gateway itself spoke, and that nothing was forwarded. */
export async function allRefused(
  cases: readonly (readonly [string, () => Promise<RawExchange>])[],
  count: number,
): Promise<readonly number[]> {
  assert.equal(cases.length, count);
  const before = started.sandbox.requests().length;
  const statuses: number[] = [];
  for (const [what, act] of cases) {
    const exchange = await act();
    const [response] = exchange.responses;
    assert.ok(response !== undefined, `${what}: no answer`);
    const told = `${what}: ${response.status} ${response.body}`;
    assert.ok(response.status >= 400 && response.status < 500, told);
    assert.ok(
      exchange.responses.every(({ status }) => status >= 400 && status < 500),
      `${what}: ${JSON.stringify(exchange.responses)}`,
    );
    if (response.body !== "" && response.body.startsWith('{"type"')) {
      const { code, executed } = JSON.parse(response.body) as { code: string; executed: unknown };
      assert.ok(Object.hasOwn(codes, code) && executed === false, told);
    }
    assert.ok(!response.body.includes(token), what);
    statuses.push(response.status);
    assert.equal(started.sandbox.requests().length, before, `${what}: was forwarded`);
  }
  return statuses;
}

/** The gateway that all raw requests of this file go to. */
export const world = (): TestGateway => started;
/** The token that `bearer` sends. */
export const ownToken = (): string => token;
/** Raw requests sent so far. */
export const rawAsked = (): number => asked;
