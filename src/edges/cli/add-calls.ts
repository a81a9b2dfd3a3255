import { type Command, InvalidArgumentError, Option } from "commander";
import type { RunRow } from "../../ports/calls.ts";
import { states } from "../../rules/states.ts";
import { examples, withPlaces } from "./add-serve.ts";
import { askAsPerson } from "./ask-gateway.ts";
import type { Context } from "./context.ts";
import { defaultAgent, defaultTenant, type IdentityOptions } from "./identity.ts";
import { type OpenRunFlags, openRun } from "./open-run.ts";
import { amountOf, describeCall, fetchCall, findCallId, listCalls } from "./people-calls.ts";
import type { AddCommands } from "./program.ts";
import { printAs, table, timeOf } from "./show.ts";

interface Flags extends IdentityOptions {
  readonly json?: boolean;
}

interface ListFlags extends Flags {
  readonly state?: string;
  readonly agent?: string;
  readonly limit: number;
}

/** `calls` and `runs` */
export const addCalls: AddCommands = (program, context, run) => {
  const calls = program
    .command("calls")
    .summary("see and settle calls")
    .description("Every call that the gateway knows: list them, look at one, cancel a held one, settle an unknown one.");
  withPeople(calls.command("list"))
    .description("List calls, newest first.")
    .addOption(new Option("--state <state>", "only calls in this state").choices(states.filter((state) => state !== "received")))
    .option("--agent <name>", "only this agent's")
    .option("--tenant <name>", "only this tenant's")
    .option("--run <id>", "only this run's")
    .option("--limit <count>", "at most this many, 1 to 1000", readLimit, 50)
    .addHelpText("after", examples("sallyport calls list --state unknown", "sallyport calls list --run r_1 --json"))
    .action(run(async (flags: ListFlags) => list(context, flags)));
  withPeople(calls.command("show"))
    .argument("[id]", "the call, or latest", "latest")
    .description("Show everything about one call.")
    .addHelpText("after", examples("sallyport calls show latest"))
    .action(run(async (id: string, flags: Flags) => show(context, id, flags)));
  withPeople(calls.command("cancel"))
    .argument("<id>", "the held call, or latest")
    .requiredOption("--reason <text>", "why")
    .description("Take back a held or approved call before it runs.")
    .addHelpText("after", examples('sallyport calls cancel latest --reason "asked twice"'))
    .action(
      run(async (id: string, flags: Flags & { readonly reason: string }) => change(context, id, flags, "cancel", { reason: flags.reason })),
    );
  withPeople(calls.command("reconcile"))
    .argument("<id>", "the call with an unknown outcome, or latest")
    .addOption(
      new Option("--outcome <outcome>", "what you found out at the upstream")
        .choices(["succeeded", "failed", "not_sent"])
        .makeOptionMandatory(),
    )
    .requiredOption("--reason <text>", "how you know")
    .description("Settle a call whose outcome is unknown, by hand and once, and its money with it.")
    .addHelpText("after", examples('sallyport calls reconcile c_4f1e --outcome succeeded --reason "refund re_77 is in their dashboard"'))
    .action(
      run(async (id: string, flags: Flags & { readonly outcome: string; readonly reason: string }) =>
        change(context, id, flags, "reconcile", { outcome: flags.outcome, reason: flags.reason }),
      ),
    );
  addRuns(program, context, run);
};

const addOpenRun: AddCommands = (runs, context, run) => {
  withPlaces(runs.command("open"))
    .description("Open a run as an agent: prints its id and a token that names it, for clients that cannot be given another.")
    .option("--as <name>", "speak as this development agent")
    .option("--tenant <name>", "the tenant", defaultTenant)
    .option("--user <id>", "the person it acts for")
    .option("--ttl <time>", "how long the token lives, 1s to 1h; never longer than the token that opens the run")
    .option("--url <url>", "the agents' listener (or SALLYPORT_URL; default: where the development gateway is)")
    .option("--token-only", "print the token, and nothing else")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      examples(
        "sallyport runs open",
        "SALLYPORT_TOKEN=$(sallyport runs open --token-only) sallyport call payments.lookup_charge charge=ch_1001",
      ),
    )
    .action(run(async (flags: OpenRunFlags) => openRun(context, flags)));
};

const addRuns: AddCommands = (program, context, run) => {
  const runs = program.command("runs").summary("open and see runs").description("Runs: what an agent did in one attempt at its work.");
  addOpenRun(runs, context, run);
  withPeople(runs.command("list"))
    .description("List runs, the latest first.")
    .addHelpText("after", examples("sallyport runs list"))
    .action(run(async (flags: Flags) => listRuns(context, flags)));
  withPeople(runs.command("show"))
    .argument("<run>", "the run's id")
    .option("--agent <name>", "its agent", defaultAgent)
    .option("--tenant <name>", "its tenant", defaultTenant)
    .description("Print one run as a record of JSON Lines: its calls, approvals, outcome and cost.")
    .addHelpText("after", examples(`sallyport runs show r_1 --agent ${defaultAgent} --tenant ${defaultTenant}`))
    .action(run(async (id: string, flags: Flags & { readonly agent: string; readonly tenant: string }) => showRun(context, id, flags)));
};

/** Options of a command that people use. */
export function withPeople(command: Command): Command {
  return withPlaces(command)
    .option("--as <name>", "speak as this development person (or SALLYPORT_TOKEN)")
    .option("--url <url>", "the people's listener (or SALLYPORT_PEOPLE_URL; default: where the development gateway is)")
    .option("--json", "print JSON");
}

function readLimit(text: string): number {
  const limit = Number(text);
  if (!/^[0-9]{1,4}$/.test(text) || limit < 1 || limit > 1000) throw new InvalidArgumentError("It is a whole number from 1 to 1000.");
  return limit;
}

async function list(context: Context, flags: ListFlags): Promise<undefined> {
  const { state, agent, tenant, run, limit } = flags;
  const calls = await listCalls(context, flags, { state, agent, tenant, run, limit: String(limit) });
  printAs(context, flags.json, { calls }, () =>
    calls.length === 0
      ? ["no such call"]
      : table(
          ["ID", "RECEIVED", "STATE", "TOOL", "AGENT", "TENANT", "RUN", "AMOUNT"],
          calls.map((call) => [
            call.id,
            timeOf(call.receivedAtMs),
            call.state,
            call.tool,
            call.agent,
            call.tenant,
            call.run ?? "-",
            amountOf(call),
          ]),
        ),
  );
}

async function show(context: Context, id: string, flags: Flags): Promise<undefined> {
  const view = await fetchCall(context, flags, await findCallId(context, flags, id));
  printAs(context, flags.json, view, () => describeCall(view, Date.now()));
}

async function change(
  context: Context,
  id: string,
  flags: Flags,
  verb: "cancel" | "reconcile",
  body: Readonly<Record<string, string>>,
): Promise<undefined> {
  const callId = await findCallId(context, flags, id);
  const answer = await askAsPerson(context, flags, {
    method: "POST",
    path: `calls/${encodeURIComponent(callId)}/${verb}`,
    body,
    as: "operator",
  });
  printAs(context, flags.json, answer, () => [`${callId} is ${String(answer["state"])}`]);
}

async function listRuns(context: Context, flags: Flags): Promise<undefined> {
  const answer = await askAsPerson(context, flags, { method: "GET", path: "runs", as: "viewer" });
  const runs = answer["runs"] as unknown as readonly RunRow[];
  printAs(context, flags.json, { runs }, () =>
    runs.length === 0
      ? ["no run yet"]
      : table(
          ["RUN", "AGENT", "TENANT", "CALLS", "LAST CALL"],
          runs.map(({ run, agent, tenant, calls, lastMs }) => [run, agent, tenant, String(calls), timeOf(lastMs)]),
        ),
  );
}

async function showRun(
  context: Context,
  id: string,
  flags: Flags & { readonly agent: string; readonly tenant: string },
): Promise<undefined> {
  const path = ["runs", flags.tenant, flags.agent, id].map(encodeURIComponent).join("/");
  context.printJson(await askAsPerson(context, flags, { method: "GET", path, as: "viewer" }));
}
