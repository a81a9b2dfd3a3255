// `npm run check`: everything that can be told about the code without running the product. Each part says what it counted; counting nothing
// is a failure. Prints every failure, not the first. The exit code is 0 or 1.
import { checks } from "./checks.ts";
import { mapBounded } from "./map-bounded.ts";

/** The parts mostly run programs that use a core each. */
const partsAtOnce = 2;

const begunMs = performance.now();
const results = await mapBounded(checks, partsAtOnce, async ({ name, run }) => {
  const startedMs = performance.now();
  const result = await run();
  const failed = result.failure !== null || result.count === 0;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(
    `${failed ? "✖" : "✔"} ${name.padEnd(10)} ${String(result.count).padStart(5)} ${result.of.padEnd(34)} ${seconds.padStart(5)} s`,
  );
  return { name, failed, ...result };
});

for (const { name, failed, failure } of results) {
  if (failed) console.error(`\n── ${name}\n${failure ?? "It looked at nothing, and that proves nothing."}`);
}
for (const { notice } of results) if (notice !== undefined) console.error(`\n${notice}`);

const failures = results.filter(({ failed }) => failed).map(({ name }) => name);
const seconds = ((performance.now() - begunMs) / 1000).toFixed(1);
console.log(
  failures.length === 0 ? `\nall ${results.length} checks passed in ${seconds} s` : `\nfailed: ${failures.join(", ")} (${seconds} s)`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
