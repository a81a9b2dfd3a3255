import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { EFFECTS_FILE, readLogLines } from "../../examples/sandbox/effects-log.ts";
import { comesTrue, type Demo, readTold, startDemo } from "../support/demo.ts";

let demo: Demo;
before(async () => {
  demo = await startDemo();
});
after(() => demo.stop());

describe("what npm start prints", () => {
  it("is ready within ten seconds, and says so", () => {
    const seconds = Number(/ready after ([0-9.]+) s/.exec(demo.text)?.[1]);
    assert.ok(seconds > 0 && seconds < 10, `ready after ${seconds} s`);
  });

  it("comes true, command by command, as printed", async () => {
    const story = readTold(demo.text);
    assert.ok(story.length >= 14, `${story.length} commands`);
    await comesTrue(demo, story);
  });

  it("had exactly the effects it tells of: two refunds, no reply, no deploy", () => {
    const done = readLogLines(join(demo.dataDir, "sandbox", EFFECTS_FILE)).flatMap((line) =>
      "done" in line && line.effect !== null ? [line] : [],
    );
    assert.deepEqual(
      done.map(({ tenant, effect, answer }) => [tenant, effect?.kind, (answer as { amount?: number } | undefined)?.amount]),
      [
        ["acme_co", "refund", 500],
        ["acme_co", "refund", 50_000],
      ],
    );
  });
});
