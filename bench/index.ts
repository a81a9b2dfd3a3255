import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { roles } from "./roles.ts";

const help = `npm run bench -- [--quick] [--write] [--rounds N] [--unpinned] [--profile] [--steps] [--folder DIR]

  --quick      one round of half a second for each cell
  --rounds     rounds over all cells; 5 unless told otherwise
  --unpinned   leaves it to the system which core runs what
  --profile    profiles Sallyport's cells, and says where its time goes
  --steps      times each step of a call alone
  --write      puts what was measured into docs/performance.md
  --folder     where Sallyport's store stands meanwhile; on a real disk, or its commits cost nothing
`;

async function main(): Promise<number> {
  const [first, role = "", ...words] = process.argv.slice(2);
  if (first === "--role") {
    await roles[role]?.(...words);
    return -1;
  }
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
      unpinned: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      steps: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      rounds: { type: "string" },
      folder: { type: "string", default: tmpdir() },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const { folder, quick, write, unpinned } = values;
  if (values.profile) return (await import("./profile.ts")).profileSallyport({ folder, quick, write });
  if (values.steps) return (await import("./steps.ts")).timeSteps({ folder, quick, write });
  const rounds = values.rounds === undefined ? null : Number(values.rounds);
  return (await import("./compare.ts")).compare({ folder, quick, write, unpinned, rounds });
}

const code = await main();
// A role goes on until it is told to end; everything else is over, whatever it may have left open.
if (code >= 0) process.exitCode = code;
