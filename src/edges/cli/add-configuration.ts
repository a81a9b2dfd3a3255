import { existsSync } from "node:fs";
import { explainContracts, renderExplainTable } from "../../config/explain.ts";
import { formatProblem } from "../../config/problems.ts";
import type { ConfigurationResult } from "../../config/read.ts";
import { examples } from "./add-serve.ts";
import { type Context, configFileOf, type PlaceOptions } from "./context.ts";
import { CommandFailed, type ExitCode, exitCodes, refused } from "./failure.ts";
import type { AddCommands } from "./program.ts";

interface CheckFlags extends PlaceOptions {
  readonly dev?: boolean;
  readonly explain?: boolean;
  readonly json?: boolean;
}

/** `check`, `policy` and `opa` */
export const addConfiguration: AddCommands = (program, context, run) => {
  program
    .command("check")
    .summary("check the configuration")
    .description("Read the configuration and the policy bundle as a start would, and print every problem with file, line and column.")
    .option("--config <file>", "the configuration (or SALLYPORT_CONFIG; default config/gateway.yaml)")
    .option("--dev", "as for `serve --dev`: no issuer is needed")
    .option("--explain", "print what happens when each agent calls each tool")
    .option("--json", "print JSON")
    .addHelpText("after", examples("sallyport check --dev", "sallyport check --dev --explain"))
    .action(run(async (flags: CheckFlags) => check(context, flags)));

  const policy = program
    .command("policy")
    .summary("build, check and test policies")
    .description("Work on the policies folder. Needs opa: `sallyport opa install`.");
  const verbs = {
    build: "Build the bundle that the gateway loads.",
    check: "Check sources, tests and bundle.",
    test: "Run the policies' tests.",
  };
  for (const [verb, description] of Object.entries(verbs)) {
    policy
      .command(verb)
      .argument("[folder]", "the policies", "policies")
      .description(description)
      .addHelpText("after", examples(`sallyport policy ${verb}`))
      .action(run(async (folder: string) => runPolicy(context, verb, folder)));
  }

  program
    .command("opa")
    .summary("install opa, the policy compiler")
    .description("The compiler of policies; the gateway itself needs none.")
    .command("install")
    .description("Build the pinned release of opa with `go install`, into the cache folder. Takes minutes.")
    .addHelpText("after", examples("sallyport opa install"))
    .action(
      run(async () => {
        const missing = await (await context.wirings.offline()).installOpa(context.warn);
        if (missing !== null) throw refused(missing);
        return exitCodes.done;
      }),
    );
};

async function check(context: Context, flags: CheckFlags): Promise<ExitCode> {
  const file = configFileOf(context, flags);
  const { readConfiguration } = await import("../../config/read.ts");
  const read = readConfiguration(file, { dev: flags.dev === true });
  const bundle = read.ok ? await (await context.wirings.offline()).checkBundle(read.gateway.policiesDir, read.gateway.bundleFile) : null;
  const stale = (bundle?.stale ?? []).map(
    (source) => `${source} is not what the policy bundle was built from; run \`bin/sallyport policy build\``,
  );
  const problems = [...(read.ok ? [] : read.problems.map(formatProblem)), ...(bundle?.faults ?? []), ...stale];
  const counts = read.ok ? countOf(read) : null;
  if (flags.json === true) printChecked(context, flags, read, { problems, counts });
  else for (const line of problems) context.print(line);
  if (problems.length > 0) return exitCodes.refused;
  if (flags.json !== true) {
    if (flags.explain === true && read.ok) context.print(renderExplainTable(explainContracts(read.catalogue)).trimEnd());
    context.print(`OK: ${file} with ${sentenceOf(counts ?? {})}, and a policy bundle that is up to date`);
  }
  return exitCodes.done;
}

/** The files of a configuration can be read without problems and still hold nothing: the numbers show it. */
function countOf({ catalogue, gateway }: Extract<ConfigurationResult, { ok: true }>): Readonly<Record<string, number>> {
  return {
    "route files": catalogue.mounts.length,
    tools: catalogue.tools.size,
    contracts: catalogue.contracts.length,
    tiers: catalogue.tiers.size,
    issuers: gateway.issuers.length + gateway.peopleIssuers.length,
  };
}

function sentenceOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(", ");
}

function printChecked(
  { printJson }: Context,
  { explain }: CheckFlags,
  read: ConfigurationResult,
  { problems, counts }: { readonly problems: readonly string[]; readonly counts: object | null },
): void {
  const rows = explain === true && read.ok ? { explain: explainContracts(read.catalogue) } : {};
  const places = read.ok ? [] : read.problems;
  printJson({ ok: problems.length === 0, problems, places, counts, ...rows });
}

async function runPolicy({ wirings }: Context, verb: string, folder: string): Promise<ExitCode> {
  if (!existsSync(folder)) throw refused(`there is no folder ${folder}`, "run this in the project's folder, or name the policies' folder");
  const code = await (await wirings.offline()).runPolicyTool(verb, folder);
  if (typeof code === "string") throw refused(code);
  if (code === 0) return exitCodes.done;
  throw new CommandFailed(exitCodes.refused, `policy ${verb} found what is printed above`);
}
