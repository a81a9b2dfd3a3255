import { type Command, InvalidArgumentError, Option } from "commander";
import type { AddCommands } from "./program.ts";
import type { ServeFlags } from "./serve.ts";

/** `serve` */
export const addServe: AddCommands = (program, context, run) => {
  withPlaces(program.command("serve"))
    .summary("run the gateway")
    .description("Run the gateway until it is told to stop. It does not start when anything that is configured cannot be enforced.")
    .option("--dev", "development: it mints its own tokens and makes its own keys; loopback only")
    .option("--demo", "with --dev: start the sandbox too, with fresh state, and print a story to try")
    .option("--keep", "with --demo: go on with the state of the last start")
    .option("--agents-port <port>", "port for agents; 0 takes a free one", readPort)
    .option("--people-port <port>", "port for people; 0 takes a free one", readPort)
    .option("--json", "print one JSON line when ready, and nothing else")
    .addOption(new Option("--upstream <name=url>", "with --dev: another address for an upstream").argParser(readUpstream).hideHelp())
    .addHelpText("after", examples("sallyport serve --config config/gateway.yaml", "sallyport serve --dev --demo"))
    .action(
      run(async (flags: ServeFlags) => {
        const { serve } = await import("./serve.ts");
        return serve(context, flags);
      }),
    );
};

/** The options that say where configuration and data are. */
export function withPlaces(command: Command): Command {
  return command
    .option("--config <file>", "the configuration (or SALLYPORT_CONFIG; default config/gateway.yaml)")
    .option("--data <folder>", "the data folder (or SALLYPORT_DATA; default: as configured)");
}

/** The end of a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\n${lines.length === 1 ? "Example" : "Examples"}:\n${lines.map((line) => `  ${line}`).join("\n")}`;
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^[0-9]{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  return port;
}

function readUpstream(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at < 1 || !URL.canParse(text.slice(at + 1))) throw new InvalidArgumentError("Write it as name=http://host:port.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
