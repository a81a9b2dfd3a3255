import { isJsonObject } from "../../rules/json.ts";
import { ask } from "./ask-gateway.ts";
import { baseUrlOf, type Context, readDuration } from "./context.ts";
import { refused, usage } from "./failure.ts";
import { type IdentityOptions, runlessToken } from "./identity.ts";
import { printAs, timeOf } from "./show.ts";

export interface OpenRunFlags extends IdentityOptions {
  readonly ttl?: string;
  readonly tokenOnly?: boolean;
  readonly json?: boolean;
}

/** Opens a run as an agent, and prints its id and token. */
export async function openRun(context: Context, flags: OpenRunFlags): Promise<undefined> {
  if (flags.tokenOnly === true && flags.json === true) throw usage("--token-only and --json are two forms of one answer");
  const url = `${await baseUrlOf(context, flags, "agents")}/sallyport/v1/runs`;
  const token = await runlessToken(context, flags);
  const { status, json } = await ask({ method: "POST", url, token, body: bodyOf(flags.ttl) });
  const body = isJsonObject(json) ? json : {};
  const { run, token: runToken, expires_at: until, message, code } = body;
  if (status !== 201 || typeof run !== "string" || typeof runToken !== "string" || typeof until !== "string")
    throw refused(typeof message === "string" ? `${message} (${String(code)})` : `the gateway answered ${status}`);
  if (flags.tokenOnly === true) context.print(runToken);
  else printAs(context, flags.json, body, () => [`run      ${run}`, `until    ${timeOf(Date.parse(until))}`, `token    ${runToken}`]);
}

function bodyOf(ttl: string | undefined): string | null {
  if (ttl === undefined) return null;
  const ttlMs = readDuration(ttl, "--ttl");
  if (ttlMs < 1_000 || ttlMs > 3_600_000) throw usage("--ttl must be from 1s to 1h");
  return JSON.stringify({ ttl: Math.floor(ttlMs / 1000) });
}
