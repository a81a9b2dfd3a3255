import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const index = join(import.meta.dirname, "../../bench/index.ts");
const contenders = ["upstream, direct", "bare @fastify/http-proxy", "plain fastify + undici", "Sallyport, everything on"];
const loads = [1, 64];

test("the bench compares every contender under every load, and every answer is right", { timeout: 60_000 }, () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [index, "--quick"], { encoding: "utf8", timeout: 50_000 });
  assert.equal(status, 0, stderr);
  const rows = stdout.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| who") && !line.startsWith("| ---"));
  assert.equal(rows.length, 8);
  const cells = rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  assert.deepEqual(
    cells.map(([who, connections]) => [who, Number(connections)]),
    loads.flatMap((connections) => contenders.map((who) => [who, connections])),
  );
  for (const [who = "", , ...numbers] of cells) {
    const [requestsPerSecond = 0, ratio = 0, p50 = 0, p99 = 0, cpuMicros = 0, errors = 1] = numbers.map(Number);
    assert.equal(errors, 0, `${who} has errors`);
    for (const measured of [requestsPerSecond, ratio, p50, p99, cpuMicros]) assert.ok(measured > 0, `${who} has ${numbers.join(", ")}`);
    assert.ok(p50 <= p99, `${who}: p50 ${p50} is above p99 ${p99}`);
  }
});

test("an unknown option of the bench is refused", () => {
  const { status, stderr } = spawnSync(process.execPath, [index, "--quik"], { encoding: "utf8", timeout: 20_000 });
  assert.equal(status, 1);
  assert.match(stderr, /--quik/);
});
