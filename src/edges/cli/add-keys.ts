import { examples } from "./add-serve.ts";
import { askedDataDir, configFileOf, type PlaceOptions } from "./context.ts";
import { exitCodes, refused } from "./failure.ts";
import type { AddCommands } from "./program.ts";

/** `keys` */
export const addKeys: AddCommands = (program, context, run) => {
  program
    .command("keys")
    .summary("make the keys that a production start needs")
    .description(
      "Make the key that signs the ledger's checkpoints and the master key of payloads in the data folder, for this user alone. Keys that are there stay. Keep a copy of both: without them old payloads cannot be read, and the ledger goes on under another key.",
    )
    .option("--config <file>", "the configuration (or SALLYPORT_CONFIG; default config/gateway.yaml)")
    .option("--data <folder>", "the data folder (or SALLYPORT_DATA; default: as configured)")
    .addHelpText("after", examples("sallyport keys", "sallyport keys --data /var/lib/sallyport"))
    .action(
      run(async (flags: PlaceOptions) => {
        const dataDir = askedDataDir(context, flags) ?? (await configuredDataDir(configFileOf(context, flags)));
        for (const line of await (await context.wirings.offline()).makeKeys(dataDir)) context.print(line);
        return exitCodes.done;
      }),
    );
};

async function configuredDataDir(configFile: string): Promise<string> {
  const { readConfiguration } = await import("../../config/read.ts");
  const read = readConfiguration(configFile);
  if (!read.ok)
    throw refused(`${configFile} cannot be read, so the data folder is not known`, "name it with --data, or see `sallyport check`");
  return read.gateway.dataDir;
}
