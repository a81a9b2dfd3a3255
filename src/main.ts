import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import { programVersion } from "./wiring/program-folder.ts";

// The program: checks the Node version, hands the wirings to the commands, and ends with their exit code. What is imported late is not loaded by commands
// that do not need it, and an old Node reads only these lines.
const nodeMajorMin = 24;

if (Number(process.versions.node.split(".")[0]) < nodeMajorMin) {
  process.stderr.write(
    `sallyport needs Node ${nodeMajorMin} or newer, and this is ${process.version}: run it as bin/sallyport, or install Node ${nodeMajorMin} LTS.\n`,
  );
  process.exit(1);
}

// Node keeps what it has compiled in the project itself: the second start of a command takes half as long. Where it cannot write, it goes without.
enableCompileCache(fileURLToPath(new URL("../.cache/node", import.meta.url)));

const { runCli } = await import("./edges/cli/program.ts");

process.exit(
  await runCli(process.argv.slice(2), process.env, {
    version: programVersion,
    async openGateway({ killAt, ...options }) {
      const { openGateway } = await import("./wiring/sqlite.ts");
      const { readKillAt } = await import("./wiring/kill-points.ts");
      return openGateway({ ...options, killAt: readKillAt(killAt) });
    },
    async offline() {
      const { offline } = await import("./wiring/offline.ts");
      return offline;
    },
  }),
);
