import { existsSync, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { SealedEntry } from "../../rules/sealing.ts";
import { withPeople } from "./add-calls.ts";
import { examples } from "./add-serve.ts";
import { askAsPerson } from "./ask-gateway.ts";
import { type Context, dataDirOf } from "./context.ts";
import { type ExitCode, exitCodes, refused } from "./failure.ts";
import type { IdentityOptions } from "./identity.ts";
import { type Report, verifyLedger } from "./ledger-verifier.ts";
import type { AddCommands } from "./program.ts";
import { printAs } from "./show.ts";

interface ExportFlags extends IdentityOptions {
  readonly out?: string;
  readonly json?: boolean;
}

interface VerifyFlags extends IdentityOptions {
  readonly ledger?: string;
  readonly checkpoint?: string;
  readonly key?: string;
  readonly json?: boolean;
}

/** `ledger` */
export const addLedger: AddCommands = (program, context, run) => {
  const ledger = program
    .command("ledger")
    .summary("export and verify the ledger")
    .description("The sealed record of everything that was decided and done.");
  withPeople(ledger.command("export"))
    .option("--out <file>", "write to this file; absent: standard output")
    .description('Export the ledger as JSON Lines of {"seq","prev","hash","entry"}.')
    .addHelpText("after", examples("sallyport ledger export --out ledger.jsonl"))
    .action(run(async (flags: ExportFlags) => exportLedger(context, flags)));
  withPeople(ledger.command("verify"))
    .option("--ledger <file>", "an export; absent: ask the gateway; - reads standard input")
    .option("--checkpoint <file>", "a signed checkpoint, best one kept elsewhere; absent: the data folder's latest")
    .option("--key <file>", "the ledger's public key; absent: the data folder's")
    .description("Check that every entry is what was sealed and signed for. With all three files it needs no gateway.")
    .addHelpText(
      "after",
      `${examples("sallyport ledger verify", "sallyport ledger verify --ledger ledger.jsonl --checkpoint latest --key ledger.pub")}

Exit codes: 0 everything matches; 1 something was tampered with.`,
    )
    .action(run(async (flags: VerifyFlags) => verify(context, flags)));
};

const pageSize = 1000;

/** The sealed entries as lines, asked for page by page. */
async function* readLines(context: Context, flags: IdentityOptions): AsyncGenerator<string> {
  for (let from = 1; ; ) {
    const page = await askAsPerson(context, flags, { method: "GET", path: `ledger?from=${from}&limit=${pageSize}`, as: "auditor" });
    const entries = page["entries"] as unknown as readonly SealedEntry[];
    for (const { seq, prev, hash, entry } of entries) yield JSON.stringify({ seq, prev, hash, entry });
    const last = entries.at(-1);
    if (last === undefined || entries.length < pageSize) return;
    from = last.seq + 1;
  }
}

async function exportLedger(context: Context, flags: ExportFlags): Promise<undefined> {
  if (flags.out === undefined) {
    for await (const line of readLines(context, flags)) context.print(line);
    return;
  }
  let count = 0;
  const file = await open(flags.out, "w", 0o600);
  try {
    for await (const line of readLines(context, flags)) {
      await file.write(`${line}\n`);
      count += 1;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  printAs(context, flags.json, { out: flags.out, entries: count }, () => [`${count} entries are in ${flags.out}`]);
}

async function verify(context: Context, flags: VerifyFlags): Promise<ExitCode> {
  const folder = flags.checkpoint !== undefined && flags.key !== undefined ? "" : join(await dataDirOf(context, flags), "checkpoints");
  // The checkpoint is read before the export begins, so that the export holds all that it covers.
  const checkpoint = readText(flags.checkpoint ?? join(folder, "latest"), "checkpoint");
  const verifierKey = readText(flags.key ?? join(folder, "ledger.pub"), "key");
  if (flags.ledger !== undefined && flags.ledger !== "-" && !existsSync(flags.ledger)) throw refused(`there is no ledger ${flags.ledger}`);
  const report = await verifyLedger({ entries: flags.ledger ?? readLines(context, flags), checkpoint, verifierKey });
  printAs(context, flags.json, report, () => describe(report));
  return report.ok ? exitCodes.done : exitCodes.refused;
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw refused(
      `the ${what} ${file} cannot be read`,
      `name it with --${what}; a gateway publishes its first checkpoint a second after its first call`,
    );
  }
}

function describe({ ok, problems, problemCount, checked, covered, uncovered, head }: Report): readonly string[] {
  const found = problems.map(({ seq, what }) => `${seq === null ? "ledger" : `entry ${seq}`}: ${what}`);
  return [
    ...found,
    ...(problemCount > found.length ? [`and ${problemCount - found.length} more`] : []),
    `${ok ? "OK" : "TAMPERED"}: ${checked} entries checked, ${covered ?? 0} covered by the signed checkpoint, head ${head}`,
    ...(uncovered > 0 ? [`${uncovered} entries are newer than the checkpoint: chained, not yet signed for`] : []),
  ];
}
