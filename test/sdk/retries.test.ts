import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sdks } from "./clients.ts";
import { endPython, pythonMissing } from "./python.ts";
import { agentOf, openWorld, type SdkWorld } from "./world.ts";

let world: SdkWorld;
before(async () => {
  world = await openWorld(Object.fromEntries(Object.entries(sdks).map(([name, { vendor }]) => [name, vendor])));
});
after(async () => {
  await endPython();
  await world.close();
});

const withoutPython = pythonMissing();
const here = Object.entries(sdks).map(([name, sdk], index) => ({
  name,
  sdk,
  turn: 3000 + index * 10,
  skip: name === "python" ? (withoutPython ?? false) : false,
}));
const connect = async (name: string, temper: "usual" | "brisk", run: string) => {
  const sdk = sdks[name];
  if (sdk === undefined) throw new Error(name);
  const token = await world.gateway.agentToken({ agent: agentOf(name, temper), run });
  return sdk.connect(world.wires[sdk.vendor].url, token);
};

for (const { name, sdk, turn, skip } of here) {
  test(`${sdk.name}: an answer that is lost on the way costs no second effect, whether the SDK or the agent comes again`, {
    skip,
  }, async () => {
    const client = await connect(name, "usual", `r_lost_${name}`);
    const wire = world.wires[sdk.vendor];
    const before = world.effects(sdk.vendor);
    wire.reset();
    wire.loseAnswers(1);
    const first = await client.act(turn);
    const sent = wire.requests();
    // Octokit comes again for nothing, and the Python SDK not after a reset.
    assert.equal(sent, name === "octokit" || name === "python" ? 1 : 2, JSON.stringify(first));
    const again = await client.act(turn);
    assert.ok("id" in again, JSON.stringify(again));
    if (sent > 1) assert.deepEqual(first, again);
    assert.equal(world.effects(sdk.vendor) - before, 1);
  });
}

for (const { name, sdk, turn, skip } of here) {
  test(`${sdk.name}: a rate limit that passes in a second is thrown, or waited for by an SDK that knows how, and nothing runs twice`, {
    skip,
  }, async () => {
    const client = await connect(name, "brisk", `r_brisk_${name}`);
    const wire = world.wires[sdk.vendor];
    const before = world.effects(sdk.vendor);
    await client.act(turn);
    wire.reset();
    const second = await client.act(turn + 1);
    const waits = sdk.vendor === "openai" || sdk.vendor === "anthropic";
    if (waits) assert.ok("id" in second, JSON.stringify(second));
    else assert.match("thrown" in second ? second.message : "", /^NOT executed\. /);
    assert.ok(waits ? wire.requests() >= 2 : wire.requests() === 1, `${wire.requests()} requests`);
    assert.equal(world.effects(sdk.vendor) - before, waits ? 2 : 1);
  });
}
