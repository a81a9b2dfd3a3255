import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { startGateway, type TestGateway } from "../support/gateway.ts";

const run = promisify(execFile);
const folder = join(import.meta.dirname, "../../examples/agents");
let world: TestGateway;
before(async () => {
  world = await startGateway();
});
after(() => world.close());

const runAgent = async (file: string, env: Record<string, string> = {}, user?: string): Promise<string> => {
  const token = await world.agentToken({ run: `r_${user ?? file}`, ...(user === undefined ? {} : { user }) });
  const { stdout } = await run(process.execPath, [join(folder, file)], {
    env: { ...process.env, SALLYPORT_URL: world.gateway.agentsUrl, SALLYPORT_TOKEN: token, ...env },
  });
  return stdout;
};

/** Each agent, and what a developer must see in its output. */
const agents: readonly [file: string, expected: readonly RegExp[]][] = [
  [
    "plain-fetch.ts",
    [
      /lookup: 200 12000 USD/,
      /another tenant's charge: 403 ERR_PREVIEW_FAILED - NOT executed\./,
      /large refund: 202 held - NOT executed\. Waiting for finance/,
    ],
  ],
  [
    "openai-style.ts",
    [
      /tools: .*payments_refund/,
      /payments_lookup_charge 200/,
      /payments_refund 200 \{"id":"re_/,
      /tickets_reply 422 .*ERR_OUTBOUND_REFUSED/,
    ],
  ],
  ["anthropic-style.ts", [/tools: .*tickets_reply/, /tickets_lookup 200/, /payments_refund 403 .*ERR_PREVIEW_FAILED/, /tickets_reply 200/]],
];

for (const [file, expected] of agents) {
  test(`examples/agents/${file} has at most 40 lines and does what its comment says`, async () => {
    const lines = readFileSync(join(folder, file), "utf8").split("\n").length - 1;
    assert.ok(lines <= 40, `${file} has ${lines} lines`);
    const output = await runAgent(file);
    for (const pattern of expected) assert.match(output, pattern);
  });
}

test("an agent that waits at the Location collects the answer once people have approved", async () => {
  const finished = runAgent("plain-fetch.ts", { WAIT_SECONDS: "20" }, "u_waits");
  const deadline = performance.now() + 15_000;
  for (;;) {
    const { holds } = (await world.people("approver", "GET", "/sallyport/v1/holds")).body as { holds: { id: string; run: string }[] };
    const mine = holds.find((hold) => hold.run === "r_u_waits");
    if (mine !== undefined) {
      assert.equal((await world.approve("approver", mine.id)).status, 200);
      break;
    }
    assert.ok(performance.now() < deadline, "the hold never appeared");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.match(await finished, /collected: 200 \{"id":"re_/);
});
