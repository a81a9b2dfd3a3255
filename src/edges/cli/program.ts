import { Command, CommanderError } from "commander";
import { addAgentCommands } from "./add-agents.ts";
import { addCalls } from "./add-calls.ts";
import { addConfiguration } from "./add-configuration.ts";
import { addHolds } from "./add-holds.ts";
import { addKeys } from "./add-keys.ts";
import { addLedger } from "./add-ledger.ts";
import { addServe } from "./add-serve.ts";
import { addStops } from "./add-stops.ts";
import type { Context } from "./context.ts";
import { CommandFailed, type ExitCode, exitCodes } from "./failure.ts";
import { forTerminal } from "./show.ts";
import type { Wirings } from "./wirings.ts";

/** Adds one group of commands. `run` wraps an action: what it answers becomes the exit code. */
export type AddCommands = (program: Command, context: Context, run: Runner) => void;

/** Makes a commander action of a function; null and undefined mean done. */
export type Runner = <Args extends readonly unknown[]>(
  action: (...args: Args) => Promise<ExitCode | undefined>,
) => (...args: Args) => Promise<void>;

const groups: readonly AddCommands[] = [addServe, addConfiguration, addKeys, addAgentCommands, addHolds, addCalls, addStops, addLedger];

/** Runs one command line and answers its exit code. Never throws: a fault is one line, with its stack only when SALLYPORT_DEBUG is set. */
export async function runCli(argv: readonly string[], env: Context["env"], wirings: Wirings): Promise<number> {
  const context: Context = {
    wirings,
    env,
    print: (line) => void process.stdout.write(`${forTerminal(line)}\n`),
    printJson: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
    warn: (line) => void process.stderr.write(`${forTerminal(line)}\n`),
  };
  // A reader that has seen enough, such as head, is not an error.
  process.stdout.on("error", () => process.exit(exitCodes.done));
  // A log that nobody reads any more must not end a gateway that is draining.
  process.stderr.on("error", () => undefined);
  let exitCode: number = exitCodes.done;
  const run: Runner =
    (action) =>
    async (...args) => {
      exitCode = (await action(...args)) ?? exitCodes.done;
    };
  try {
    await buildProgram(context, run).parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    return explain(context, error);
  }
}

function buildProgram(context: Context, run: Runner): Command {
  const program = new Command("sallyport");
  program
    .description("The gate for AI agents' tool calls: serve it, call tools through it, decide on held calls, verify its ledger.")
    .version(context.wirings.version(), "-V, --version", "print the version")
    .exitOverride()
    .showHelpAfterError("Add --help to see how it is used.")
    .addHelpText("after", exitCodeHelp);
  for (const add of groups) add(program, context, run);
  return program;
}

const exitCodeHelp = `
Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 the gateway cannot be reached; 4 the call is held.`;

function explain({ warn, env }: Context, error: unknown): number {
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
  if (env["SALLYPORT_DEBUG"] === "1" && error instanceof Error) warn(error.stack ?? error.message);
  if (error instanceof CommandFailed) {
    warn(`error: ${error.message}`);
    for (const detail of error.details) warn(`  ${detail}`);
    if (error.hint !== null) warn(`hint: ${error.hint}`);
    return error.exitCode;
  }
  warn(`error: ${error instanceof Error ? error.message : String(error)}`);
  warn("hint: this should not happen; SALLYPORT_DEBUG=1 shows where it did");
  return exitCodes.refused;
}
