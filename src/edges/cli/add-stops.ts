import type { Stop, StopScope } from "../../rules/stops.ts";
import { withPeople } from "./add-calls.ts";
import { examples } from "./add-serve.ts";
import { askAsPerson } from "./ask-gateway.ts";
import { type Context, readDuration } from "./context.ts";
import { refused, usage } from "./failure.ts";
import type { IdentityOptions } from "./identity.ts";
import { latest } from "./people-calls.ts";
import type { AddCommands } from "./program.ts";
import { printAs, table, timeLeft } from "./show.ts";

interface Flags extends IdentityOptions {
  readonly json?: boolean;
}

interface SetFlags extends Flags {
  readonly workflow?: string;
  readonly agent?: string;
  readonly tool?: string;
  readonly all?: boolean;
  readonly reason: string;
  readonly expires?: string;
}

/** `stops` */
export const addStops: AddCommands = (program, context, run) => {
  const stops = program
    .command("stops")
    .summary("halt agents, and let them go on")
    .description("Kill switches: while one is in force, every call that it covers is refused.");
  withPeople(stops.command("set"))
    .description("Stop calls. Every scope that is named must match; --all stops everything.")
    .option("--tenant <name>", "calls for this tenant")
    .option("--workflow <name>", "calls of this workflow")
    .option("--agent <name>", "calls of this agent")
    .option("--tool <name>", "calls of this tool")
    .option("--run <id>", "calls of this run")
    .option("--all", "everything")
    .requiredOption("--reason <text>", "why; agents read it")
    .option("--expires <time>", "ends by itself, such as 30m or 1h; absent: until cleared")
    .addHelpText(
      "after",
      examples(
        'sallyport stops set --agent billing-dispute-v3 --reason "odd refunds"',
        'sallyport stops set --all --reason "drill" --expires 10m',
      ),
    )
    .action(run(async (flags: SetFlags) => set(context, flags)));
  withPeople(stops.command("clear"))
    .argument("<id>", "the stop, or latest")
    .description("End a stop.")
    .addHelpText("after", examples("sallyport stops clear latest"))
    .action(run(async (id: string, flags: Flags) => clear(context, id, flags)));
  withPeople(stops.command("list"))
    .description("List the stops in force, oldest first.")
    .addHelpText("after", examples("sallyport stops list"))
    .action(run(async (flags: Flags) => list(context, flags)));
};

async function set(context: Context, flags: SetFlags): Promise<undefined> {
  const { tenant, workflow, agent, tool, run, all, reason, expires } = flags;
  const scope = Object.fromEntries(
    Object.entries({ tenant, workflow, agent, tool, run }).filter((one): one is [string, string] => one[1] !== undefined),
  );
  const named = Object.keys(scope).length;
  if (named === 0 && all !== true)
    throw usage("say what to stop: --tenant, --workflow, --agent, --tool or --run", "--all stops everything");
  if (named > 0 && all === true) throw usage("--all stops everything, so no other scope goes with it");
  const expiry = expires === undefined ? {} : { expires_in_s: Math.max(1, Math.round(readDuration(expires, "--expires") / 1000)) };
  const answer = await askAsPerson(context, flags, { method: "POST", path: "stops", body: { scope, reason, ...expiry }, as: "operator" });
  const stop = answer["stop"] as unknown as Stop;
  printAs(context, flags.json, { stop }, () => [`stop ${stop.id} is in force: ${scopeOf(stop.scope)}`]);
}

async function clear(context: Context, id: string, flags: Flags): Promise<undefined> {
  const found = id === latest ? (await fetchStops(context, flags)).at(-1)?.id : id;
  if (found === undefined) throw refused("no stop is in force");
  const answer = await askAsPerson(context, flags, { method: "DELETE", path: `stops/${encodeURIComponent(found)}`, as: "operator" });
  printAs(context, flags.json, answer, () => [`stop ${found} is cleared`]);
}

async function list(context: Context, flags: Flags): Promise<undefined> {
  const stops = await fetchStops(context, flags);
  const nowMs = Date.now();
  printAs(context, flags.json, { stops }, () =>
    stops.length === 0
      ? ["no stop is in force"]
      : table(
          ["ID", "STOPS", "SET BY", "ENDS", "REASON"],
          stops.map(({ id, scope, setBy, expiresAtMs, reason }) => [
            id,
            scopeOf(scope),
            setBy,
            expiresAtMs === null ? "when cleared" : `in ${timeLeft(expiresAtMs, nowMs)}`,
            reason,
          ]),
        ),
  );
}

async function fetchStops(context: Context, flags: Flags): Promise<readonly Stop[]> {
  const { stops } = await askAsPerson(context, flags, { method: "GET", path: "stops", as: "operator" });
  return stops as unknown as readonly Stop[];
}

function scopeOf(scope: StopScope): string {
  const named = Object.entries(scope).map(([key, value]) => `${key} ${value}`);
  return named.length === 0 ? "everything" : named.join(", ");
}
