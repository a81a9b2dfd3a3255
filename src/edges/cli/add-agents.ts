import { type Command, InvalidArgumentError } from "commander";
import { isJsonObject, type JsonObject, type JsonValue } from "../../rules/json.ts";
import { examples, withPlaces } from "./add-serve.ts";
import { ask, askAsPerson } from "./ask-gateway.ts";
import { type CallFlags, callTool } from "./call-tool.ts";
import { baseUrlOf, type Context, readDuration } from "./context.ts";
import { refused, usage } from "./failure.ts";
import { agentToken, type IdentityOptions, mintAgent, mintPerson } from "./identity.ts";
import type { AddCommands } from "./program.ts";
import { printAs, timeOf } from "./show.ts";

/** `token`, `whoami` and `call`. */
export const addAgentCommands: AddCommands = (program, context, run) => {
  withPlaces(program.command("token"))
    .summary("mint a development token")
    .description("Print a token of the development issuer, and nothing else: for an agent, or for one of the development people.")
    .option("--agent <name>", "the agent")
    .option("--tenant <name>", "the agent's tenant")
    .option("--run <id>", "the run that the token proves")
    .option("--user <id>", "the person the agent acts for")
    .option("--groups <names>", "that person's groups, separated by commas")
    .option("--workflow <name>", "the agent's workflow; absent: the contract's")
    .option("--environment <name>", "absent: production")
    .option("--person <name>", "a person instead: viewer, approver, approver2, operator, auditor or admin")
    .option("--ttl <time>", "how long it lives, 1s to 24h", "1h")
    .addHelpText(
      "after",
      examples("sallyport token --agent billing-dispute-v3 --tenant acme_co --run r_1", "sallyport token --person approver --ttl 10m"),
    )
    .action(run(async (flags: TokenFlags) => printToken(context, flags)));

  withIdentity(withPlaces(program.command("whoami")))
    .summary("show who a token speaks for")
    .description("Ask the gateway who you are: as an agent, with the tools you may call, or as a person, with your roles.")
    .option("--json", "print JSON")
    .addHelpText("after", examples("sallyport whoami --as billing-dispute-v3", "sallyport whoami --as approver"))
    .action(run(async (flags: WhoamiFlags) => whoami(context, flags)));

  withIdentity(withPlaces(program.command("call")))
    .summary("call a tool through the gateway")
    .description("Call a tool as an agent. Arguments are words like charge=ch_1001, read as the tool's schema says, or one JSON object.")
    .argument("<tool>", "its name, such as payments.refund")
    .argument("[arguments...]", "key=value")
    .option("--args <json>", "the arguments as one JSON object")
    .option("--key <key>", "idempotency key: the same key is the same call, always")
    .option("--dry-run", "only ask what would happen")
    .option("--wait <seconds>", "how long to wait for people when the call is held", readSeconds)
    .option("--curl", "print the curl command instead of sending it")
    .option("--json", "print status, outcome and body as one line of JSON")
    .addHelpText(
      "after",
      `${examples("sallyport call payments.lookup_charge charge=ch_1001", "sallyport call payments.refund charge=ch_1001 amount=500 --key refund-1")}

Exit codes: 0 executed, or a dry run's proposal; 1 refused or failed; 4 held.`,
    )
    .action(run(async (tool: string, words: readonly string[], flags: CallFlags) => callTool(context, tool, words, flags)));
};

/** The options that say who a command speaks as, to which address. */
export function withIdentity(command: Command): Command {
  return command
    .option("--as <name>", "speak as this development agent or person")
    .option("--tenant <name>", "as an agent: the tenant (default acme_co)")
    .option("--run <id>", "as an agent: the run (default r_cli)")
    .option("--user <id>", "as an agent: the person it acts for")
    .option("--url <url>", "the listener's address (or SALLYPORT_URL; default: where the development gateway is)");
}

function readSeconds(text: string): number {
  if (!/^[0-9]{1,4}$/.test(text)) throw new InvalidArgumentError("Seconds are a whole number.");
  return Number(text);
}

interface TokenFlags extends IdentityOptions {
  readonly agent?: string;
  readonly groups?: string;
  readonly workflow?: string;
  readonly environment?: string;
  readonly person?: string;
  readonly ttl: string;
}

async function printToken(context: Context, flags: TokenFlags): Promise<undefined> {
  const ttlMs = readDuration(flags.ttl, "--ttl");
  if (ttlMs < 1_000 || ttlMs > 86_400_000) throw usage("--ttl must be from 1s to 24h");
  context.print(await mintFor(context, flags, ttlMs));
}

async function mintFor(context: Context, flags: TokenFlags, ttlMs: number): Promise<string> {
  const { agent, tenant, run, user, groups, workflow, environment, person } = flags;
  if (person !== undefined && agent !== undefined) throw usage("a token is for an agent or for a person, not both");
  if (person !== undefined) return mintPerson(context, flags, person, ttlMs);
  if (agent === undefined || tenant === undefined) throw usage("an agent's token needs --agent and --tenant", "a person's needs --person");
  if (groups !== undefined && user === undefined)
    throw usage("--groups needs --user", "they are the groups of the person the agent acts for");
  const acting = user === undefined ? {} : { user: { id: user, groups: groups === undefined ? [] : groups.split(",") } };
  const stated = Object.fromEntries(Object.entries({ run, workflow, environment }).filter(([, value]) => value !== undefined));
  return mintAgent(context, flags, { agent, tenant, ...stated, ...acting, ttlMs });
}

interface WhoamiFlags extends IdentityOptions {
  readonly json?: boolean;
}

async function whoami(context: Context, flags: WhoamiFlags): Promise<undefined> {
  const people = (await context.wirings.offline()).devPeople.map(({ person }) => person);
  if (flags.as !== undefined && people.includes(flags.as)) return whoamiPerson(context, flags, flags.as);
  const token = await agentToken(context, flags);
  const { status, json } = await ask({ method: "GET", url: `${await baseUrlOf(context, flags, "agents")}/sallyport/v1/tools`, token });
  const tools = isJsonObject(json) && Array.isArray(json["tools"]) ? (json["tools"] as readonly JsonValue[]).filter(isJsonObject) : null;
  // A token from the environment may be a person's, whose issuer the agents' listener does not know.
  if (flags.as === undefined && isJsonObject(json) && json["code"] === "ERR_TOKEN_UNTRUSTED")
    return whoamiPerson(context, flags, undefined);
  if (status !== 200 || tools === null) throw refused(messageOf(json) ?? `the gateway answered ${status}`, "a person says so with --as");
  const names = tools.map(({ name }) => String(name));
  const claims = readClaims(token);
  printAs(context, flags.json, { agent: claims, tools: names }, () => [
    ...Object.entries(claims).map(([name, value]) => `${name.padEnd(12)}${String(value)}`),
    `${"tools".padEnd(12)}${names.length === 0 ? "none: no contract names this agent, tenant and environment" : names.join(", ")}`,
  ]);
}

async function whoamiPerson(context: Context, flags: WhoamiFlags, as = "viewer"): Promise<undefined> {
  const { person } = await askAsPerson(context, flags, { method: "GET", path: "me", as });
  if (!isJsonObject(person)) throw refused("the gateway does not say who this is");
  printAs(context, flags.json, { person }, () => [
    `person      ${String(person["person"])} (${String(person["name"])})`,
    `roles       ${listOf(person["roles"])}`,
    `groups      ${listOf(person["groups"])}`,
    `until       ${timeOf(Number(person["expiresAtMs"]))}`,
  ]);
}

function listOf(value: JsonValue | undefined): string {
  return Array.isArray(value) && value.length > 0 ? value.join(", ") : "none";
}

function messageOf(json: JsonValue): string | null {
  return isJsonObject(json) && typeof json["message"] === "string" ? `${json["message"]} (${String(json["code"])})` : null;
}

/** What an agent's token says of itself; the gateway has just accepted it, so this is only reading. */
function readClaims(token: string): JsonObject {
  const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8");
  const { sub = "?", tenant = "?", run = "none", user = "none" } = JSON.parse(payload) as Record<string, JsonValue>;
  return { agent: sub, tenant, run, user };
}
