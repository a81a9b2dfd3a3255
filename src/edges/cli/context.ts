import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseDuration } from "../../config/quantities.ts";
import { isJsonObject } from "../../rules/json.ts";
import { usage } from "./failure.ts";
import type { Wirings } from "./wirings.ts";

/** The world as a command sees it. */
export interface Context {
  readonly wirings: Wirings;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text to standard output; what a terminal would obey or hide is written out. */
  readonly print: (line: string) => void;
  /** One line of JSON to standard output, as it is. */
  readonly printJson: (value: unknown) => void;
  /** Text to standard error, written out likewise. */
  readonly warn: (line: string) => void;
}

/** Options that say where the gateway's things are. */
export interface PlaceOptions {
  readonly config?: string;
  readonly data?: string;
  readonly url?: string;
}

/** Where a running development gateway is, as its `serve` wrote it. */
export interface Endpoints {
  readonly agentsUrl: string;
  readonly peopleUrl: string;
  readonly pid: number;
}

export const defaultConfigFile = "config/gateway.yaml";
const defaultDataDir = "data";

/** The configuration file: `--config`, else SALLYPORT_CONFIG, else `config/gateway.yaml`. */
export function configFileOf({ env }: Context, options: PlaceOptions): string {
  return options.config ?? set(env["SALLYPORT_CONFIG"]) ?? defaultConfigFile;
}

/** The data folder that was asked for (`--data`, SALLYPORT_DATA), or undefined: as configured. */
export function askedDataDir({ env }: Context, options: PlaceOptions): string | undefined {
  const asked = options.data ?? set(env["SALLYPORT_DATA"]);
  return asked === undefined ? undefined : resolve(asked);
}

/** The data folder: as asked, else the configuration's, else `data`. */
export async function dataDirOf(context: Context, options: PlaceOptions): Promise<string> {
  const asked = askedDataDir(context, options);
  if (asked !== undefined) return asked;
  // Reading a configuration takes a third of a second to load, so it waits until it is needed.
  const { readConfiguration } = await import("../../config/read.ts");
  const read = readConfiguration(configFileOf(context, options), { dev: true });
  return read.ok ? read.gateway.dataDir : resolve(defaultDataDir);
}

/** The file in which `serve --dev` says where it listens. */
export function endpointsFile(dataDir: string): string {
  return join(dataDir, "dev", "endpoints.json");
}

/** Base URL of one listener: `--url`, the environment, what `serve --dev` wrote, the defaults, in this order. No trailing slash. */
export async function baseUrlOf(context: Context, options: PlaceOptions, side: "agents" | "people"): Promise<string> {
  const asked = options.url ?? set(context.env[side === "agents" ? "SALLYPORT_URL" : "SALLYPORT_PEOPLE_URL"]);
  if (asked !== undefined) return checkUrl(asked);
  const endpoints = readEndpoints(await dataDirOf(context, options));
  if (side === "agents") return endpoints?.agentsUrl ?? "http://127.0.0.1:8080";
  return endpoints?.peopleUrl ?? "http://127.0.0.1:9090";
}

function readEndpoints(dataDir: string): Endpoints | null {
  try {
    const value: unknown = JSON.parse(readFileSync(endpointsFile(dataDir), "utf8"));
    if (!isJsonObject(value)) return null;
    const { agentsUrl, peopleUrl, pid } = value;
    return typeof agentsUrl === "string" && typeof peopleUrl === "string" ? { agentsUrl, peopleUrl, pid: Number(pid) } : null;
  } catch {
    // No gateway wrote there: the defaults hold.
    return null;
  }
}

function checkUrl(text: string): string {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text))
    throw usage(`${JSON.stringify(text)} is not a URL`, "write it like http://127.0.0.1:8080");
  return text.replace(/\/+$/, "");
}

/** A length of time as people write it, in milliseconds. */
export function readDuration(text: string, name: string): number {
  const duration = parseDuration(text);
  if (typeof duration !== "number") throw usage(`${name} must be ${duration.wanted}, not ${JSON.stringify(text)}`);
  return duration;
}

/** An environment variable that says something. */
export function set(value: string | undefined): string | undefined {
  return value === "" ? undefined : value;
}
