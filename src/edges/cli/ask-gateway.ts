import { isJsonObject, type JsonObject, type JsonValue } from "../../rules/json.ts";
import { baseUrlOf, type Context } from "./context.ts";
import { CommandFailed, exitCodes, refused } from "./failure.ts";
import { type IdentityOptions, personToken } from "./identity.ts";

export interface Request {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: string;
  readonly token: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON text, sent as it is; null sends none. */
  readonly body?: string | null;
}

export interface Response {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON, null when it is none. */
  readonly json: JsonValue;
}

const timeoutMs = 90_000;

/** Sends one request. Rejects with exit code 3 when nobody answers. */
export async function ask({ method, url, token, headers = {}, body = null }: Request): Promise<Response> {
  const sent = { authorization: `Bearer ${token}`, ...(body === null ? {} : { "content-type": "application/json" }), ...headers };
  const init = { method, headers: sent, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) } as const;
  try {
    const response = await fetch(url, body === null ? init : { ...init, body });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parse(text) };
  } catch (error) {
    throw unreachable(url, error);
  }
}

function unreachable(url: string, error: unknown): CommandFailed {
  const { cause } = error as { readonly cause?: { readonly code?: string; readonly message?: string } };
  const why =
    error instanceof Error && error.name === "TimeoutError" ? "no answer in time" : (cause?.code ?? cause?.message ?? String(error));
  return new CommandFailed(
    exitCodes.unreachable,
    `cannot reach the gateway at ${new URL(url).origin} (${why})`,
    "start it with `npm start`, or say where it is with --url or --data",
  );
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return null;
  }
}

/** Asks the people's listener as a person; answers the body, or rejects with what the gateway said. */
export async function askAsPerson(
  context: Context,
  options: IdentityOptions,
  { as, ...request }: Pick<Request, "method"> & { readonly path: string; readonly as: string; readonly body?: JsonValue },
): Promise<JsonObject> {
  const url = `${await baseUrlOf(context, options, "people")}/sallyport/v1/${request.path}`;
  const token = await personToken(context, options, as);
  const { status, json } = await ask({
    method: request.method,
    url,
    token,
    body: request.body === undefined ? null : JSON.stringify(request.body),
  });
  const body = isJsonObject(json) ? json : {};
  if (status >= 200 && status < 300 && isJsonObject(json)) return body;
  const { code, message } = body;
  if (typeof code !== "string" || typeof message !== "string")
    throw refused(
      `the answer of ${new URL(url).origin} is not a gateway's (status ${status})`,
      "the people's listener is meant, by default port 9090",
    );
  throw refused(`${message} (${code})`, hints[code] ?? null);
}

const peoplesToken = "people's tokens come from a people's issuer and go to the people's listener; an agent's token is not one";

const hints: Readonly<Record<string, string>> = {
  ERR_TOKEN_MISSING: peoplesToken,
  ERR_TOKEN_UNTRUSTED: peoplesToken,
  ERR_ROLE: "speak as somebody else with --as, or ask for the role",
};
