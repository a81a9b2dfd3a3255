import { isJsonObject, type JsonObject, type JsonValue } from "../../rules/json.ts";
import { ask, type Response } from "./ask-gateway.ts";
import { baseUrlOf, type Context } from "./context.ts";
import { type ExitCode, exitCodes } from "./failure.ts";
import { agentOf, agentToken, type IdentityOptions } from "./identity.ts";
import { readCallArguments } from "./read-arguments.ts";
import { pretty, shellQuote } from "./show.ts";

export interface CallFlags extends IdentityOptions {
  readonly args?: string;
  readonly key?: string;
  readonly dryRun?: boolean;
  /** Seconds to wait for people to decide on a held call. */
  readonly wait?: number;
  readonly curl?: boolean;
  readonly json?: boolean;
}

/** Calls a tool by its name, as an agent does. */
export async function callTool(context: Context, tool: string, words: readonly string[], flags: CallFlags): Promise<ExitCode> {
  const base = `${await baseUrlOf(context, flags, "agents")}/sallyport/v1/tools`;
  const token = await agentToken(context, flags);
  const args = readCallArguments(words, flags.args, words.length === 0 ? null : await findSchema(base, token, tool));
  // A given text goes as it is: read and written again, a large number or a double key would not be what was typed, and nobody would be told.
  const body = flags.args ?? JSON.stringify(args);
  const url = `${base}/${encodeURIComponent(tool)}`;
  if (flags.curl === true) return printCurl(context, flags, url, body);
  const response = await ask({ method: "POST", url, token, headers: headersOf(flags), body });
  const reading = readAnswer(response, flags.dryRun === true);
  if (flags.json === true) context.printJson(asJson(response, reading));
  else printAnswer(context, tool, response, reading);
  return reading.exitCode;
}

function headersOf({ key, dryRun, wait }: CallFlags): Readonly<Record<string, string>> {
  return {
    ...(key === undefined ? {} : { "idempotency-key": key }),
    ...(dryRun === true ? { "sallyport-dry-run": "true" } : {}),
    ...(wait === undefined ? {} : { prefer: `wait=${wait}` }),
  };
}

/** The input schema of a tool that this agent may call; null for others, which the gateway then refuses by name. */
async function findSchema(base: string, token: string, tool: string): Promise<JsonObject | null> {
  const { json } = await ask({ method: "GET", url: base, token });
  const tools = isJsonObject(json) && Array.isArray(json["tools"]) ? (json["tools"] as readonly JsonValue[]) : [];
  const asModels = (name: string): string => name.replaceAll(".", "_");
  const found = tools.filter(isJsonObject).find(({ name }) => typeof name === "string" && asModels(name) === asModels(tool));
  const schema = found?.["input_schema"];
  return isJsonObject(schema) ? schema : null;
}

/** What an answer means for the person who reads it, and for their shell. */
interface Reading {
  /** Such as `executed`, `HELD` or `REFUSED ERR_POLICY_DENIED`. */
  readonly word: string;
  readonly exitCode: ExitCode;
  readonly note: string | null;
}

function readAnswer({ status, headers, json }: Response, dryRun: boolean): Reading {
  const body = isJsonObject(json) ? json : {};
  if (body["status"] === "held") return { word: "HELD", exitCode: exitCodes.held, note: heldNote };
  const code = headers.get("content-type")?.startsWith("application/problem+json") === true ? body["code"] : undefined;
  if (typeof code === "string") return { word: `${wordOf(body)} ${code}`, exitCode: exitCodes.refused, note: notes[code] ?? null };
  if (headers.get("sallyport-call-id") === null)
    return { word: "NOT A GATEWAY'S ANSWER", exitCode: exitCodes.refused, note: "is --url the agents' listener?" };
  if (dryRun) return { word: "proposal, nothing was executed", exitCode: exitCodes.done, note: null };
  const replayed = headers.get("sallyport-replayed") === "true" ? ", answered from the record (Sallyport-Replayed: true)" : "";
  if (status >= 200 && status < 300) return { word: `executed${replayed}`, exitCode: exitCodes.done, note: null };
  return { word: `the upstream refused it${replayed}`, exitCode: exitCodes.refused, note: null };
}

function wordOf({ executed }: JsonObject): string {
  return executed === false ? "REFUSED" : executed === true ? "EXECUTED, but" : "OUTCOME UNKNOWN";
}

const heldNote = "somebody may approve it: `bin/sallyport holds list`; the same call again collects the answer";

const notes: Readonly<Record<string, string>> = {
  ERR_BUDGET_EXHAUSTED: "begin another run with --run NAME",
  ERR_KEY_REQUIRED: "give the call a key of its own: --key NAME",
  ERR_KEY_REUSED: "another call needs another --key",
};

function asJson({ status, headers, text, json }: Response, { word }: Reading): JsonObject {
  return {
    status,
    outcome: word,
    call_id: headers.get("sallyport-call-id"),
    replayed: headers.get("sallyport-replayed") === "true",
    attached: headers.get("sallyport-attached"),
    body: json ?? text,
  };
}

function printAnswer({ print, warn }: Context, tool: string, { status, headers, text, json }: Response, { word, note }: Reading): void {
  const attached = headers.get("sallyport-attached");
  const joined = attached === null ? "" : ", joined the earlier call";
  print(`${status} ${word}${joined} · ${tool} · ${headers.get("sallyport-call-id") ?? "no call id"}`);
  print(json === null ? text : pretty(json));
  if (note !== null) warn(`hint: ${note}`);
}

/** The same call for people who would rather see the wire. The token is not printed but minted where the command runs. */
function printCurl({ print, env }: Context, flags: CallFlags, url: string, body: string): ExitCode {
  const useGiven = env["SALLYPORT_TOKEN"] !== undefined && env["SALLYPORT_TOKEN"] !== "" && flags.as === undefined;
  const token = useGiven ? "$SALLYPORT_TOKEN" : `$(${tokenCommand(flags)})`;
  const headers = Object.entries(headersOf(flags)).map(([name, value]) => `-H ${shellQuote(`${name}: ${value}`)}`);
  const lines = [
    `curl -sS -i -X POST ${shellQuote(url)}`,
    `-H "authorization: Bearer ${token}"`,
    "-H 'content-type: application/json'",
    ...headers,
  ];
  print([...lines, `--data-binary ${shellQuote(body)}`].join(" \\\n  "));
  return exitCodes.done;
}

function tokenCommand(flags: CallFlags): string {
  const { agent, tenant, run, user } = agentOf(flags);
  const places = [
    ["--config", flags.config],
    ["--data", flags.data],
  ] as const;
  const words = [["--agent", agent], ["--tenant", tenant], ["--run", run], ["--user", user?.id], ...places] as const;
  return ["bin/sallyport token", ...words.flatMap(([name, value]) => (value === undefined ? [] : [name, shellQuote(value)]))].join(" ");
}
