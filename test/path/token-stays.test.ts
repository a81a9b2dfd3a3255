import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { eventually, type TestGateway } from "../support/gateway.ts";
import { startWide, storedCall } from "./wide-gateway.ts";

let world: TestGateway;
const tokens: string[] = [];
before(async () => {
  world = await startWide();
});
after(() => world.close());

async function ownToken(run: string, user?: string): Promise<string> {
  const token = await world.agentToken({ run, ...(user === undefined ? {} : { user }) });
  tokens.push(token);
  return token;
}

test("no request to the upstream holds the agent's token or a part of it: by name, on a mount, previewed, approved, replayed", async (context) => {
  const headers = { "content-type": "application/json" };
  const jobs = Array.from({ length: 60 }, (_, index) => async () => {
    const token = await ownToken(`r_${index}`, index % 3 === 0 ? "u_1" : undefined);
    const refund = { charge: "ch_1006", amount: 100 + index, reason: `t${index}` };
    await world.request("GET", "/tickets/v1/tickets/tk_3001", { token });
    await world.request("GET", `/tickets/v1/tickets?query=t${index}`, { token });
    await world.call("payments.lookup_charge", { charge: "ch_1001" }, { token });
    await world.call("tickets.create", { subject: `t${index}`, text: "x" }, { token });
    await world.call("payments.refund", refund, { token, key: `a${index}` });
    await world.call("payments.refund", refund, { token, key: `a${index}` });
    await world.request("POST", "/payments/v1/refunds", {
      token,
      headers,
      key: `b${index}`,
      body: JSON.stringify({ ...refund, reason: `m${index}` }),
    });
    await world.call(
      "payments.refund",
      { ...refund, reason: `d${index}` },
      { token, key: `d${index}`, headers: { "sallyport-dry-run": "true" } },
    );
    if (index % 10 !== 0) return;
    const held = await world.call("payments.refund", { ...refund, amount: 20_000 }, { token, key: `h${index}` });
    const id = held.body["call_id"] as string;
    assert.equal((await world.approve("approver", id)).status, 200);
    await eventually("it ran", async () => (await storedCall(world, id))?.state === "succeeded");
  });
  await Promise.all(jobs.map((job) => job()));
  const sent = world.sandbox.requests();
  const secrets = tokens
    .flatMap((token) => [token, ...token.split(".")])
    .concat(tokens.map((token) => Buffer.from(token).toString("base64")));
  // The header part is the same for all; a claim part is 200 characters and more, so a hit is no accident.
  const needles = [...new Set(secrets)];
  assert.ok(needles.every((needle) => needle.length > 20));
  for (const line of sent) {
    const text = JSON.stringify(line);
    assert.ok(!needles.some((needle) => text.includes(needle)), line.url);
    const names = line.headers.map(([name]) => name);
    assert.equal(new Map(line.headers).get("authorization"), "Bearer sk_sandbox_acme_co");
    assert.deepEqual(
      names.filter((name) => name.startsWith("sallyport") || name === "cookie"),
      [],
    );
  }
  context.diagnostic(`${sent.length} requests, ${needles.length} needles`);
  assert.ok(sent.length >= 400, `${sent.length}`);
});

test("a redirect is not followed, whatever its status: the other server sees nothing", async () => {
  let seen = 0;
  const other = createServer((_request, response) => {
    seen += 1;
    response.end("{}");
  });
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const location = `http://127.0.0.1:${(other.address() as AddressInfo).port}/v1/stolen`;
  const places = [location, "//127.0.0.1:9/x", "/v1/refunds?again=1"];
  let turn = 0;
  for (const status of [301, 302, 303, 307, 308]) {
    for (const place of places) {
      turn += 1;
      const token = await ownToken(`redirect_${turn}`);
      const before = world.sandbox.requests().length;
      await world.sandbox.setFault({ path_prefix: "/v1/tickets/tk_3001", mode: "redirect", status, location: place });
      const read = await world.request("GET", "/tickets/v1/tickets/tk_3001", { token });
      // A read's failed answer is the upstream's own; what leads elsewhere is not handed on.
      assert.equal(read.headers.get("location")?.includes("/v1/stolen") ?? false, false);
      await world.sandbox.setFault({ method: "POST", path_prefix: "/v1/tickets", mode: "redirect", status, location: place });
      const write = await world.call("tickets.create", { subject: `redirect ${turn}`, text: "x" }, { token });
      assert.deepEqual([write.status, write.body["code"], write.body["executed"]], [502, "ERR_OUTCOME_UNKNOWN", "unknown"], write.text);
      assert.equal(world.sandbox.requests().length - before, 2);
    }
  }
  assert.equal(turn, 15);
  assert.equal(seen, 0);
  other.close();
});
