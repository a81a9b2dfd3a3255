import { type Context, dataDirOf, type PlaceOptions, set } from "./context.ts";
import { refused, usage } from "./failure.ts";
import type { AgentTokenRequest } from "./wirings.ts";

/** Who a command speaks as, as its options say. */
export interface IdentityOptions extends PlaceOptions {
  /** A development agent or person. */
  readonly as?: string;
  readonly tenant?: string;
  readonly run?: string;
  readonly user?: string;
}

/** Who `call` speaks as in development when nobody says otherwise: the demo's billing agent. */
export const defaultAgent = "billing-dispute-v3";
export const defaultTenant = "acme_co";
/** The run of calls that name none. Its budget is small: a long session names runs of its own. */
export const defaultRun = "r_cli";

const shortLifeMs = 10 * 60_000;

/** The agent's token: SALLYPORT_TOKEN unless `--as` says otherwise, else one minted for the development agent. */
export async function agentToken(context: Context, options: IdentityOptions): Promise<string> {
  const given = set(context.env["SALLYPORT_TOKEN"]);
  return given !== undefined && options.as === undefined ? given : mintAgent(context, options, { ...agentOf(options), ttlMs: shortLifeMs });
}

/** The same for a token that names no run, as opening one needs it. */
export async function runlessToken(context: Context, options: IdentityOptions): Promise<string> {
  const given = set(context.env["SALLYPORT_TOKEN"]);
  const { run: _none, ...agent } = agentOf(options);
  return given !== undefined && options.as === undefined ? given : mintAgent(context, options, { ...agent, ttlMs: shortLifeMs });
}

/** The development agent that these options mean. */
export function agentOf({
  as = defaultAgent,
  tenant = defaultTenant,
  run = defaultRun,
  user,
}: IdentityOptions): Omit<AgentTokenRequest, "ttlMs"> {
  return { agent: as, tenant, run, ...(user === undefined ? {} : { user: { id: user, groups: [] } }) };
}

/** A token of the development issuer. */
export async function mintAgent(context: Context, options: PlaceOptions, request: AgentTokenRequest): Promise<string> {
  const { offline, dataDir } = await openDevKeys(context, options);
  return offline.mintAgentToken(dataDir, request);
}

/** A person's token: SALLYPORT_TOKEN unless `--as` says otherwise, else one minted for the development person. */
export async function personToken(context: Context, options: IdentityOptions, byDefault: string): Promise<string> {
  const given = set(context.env["SALLYPORT_TOKEN"]);
  return given !== undefined && options.as === undefined ? given : mintPerson(context, options, options.as ?? byDefault, shortLifeMs);
}

/** A token of the development issuer for one of its people. */
export async function mintPerson(context: Context, options: PlaceOptions, name: string, ttlMs: number): Promise<string> {
  const { offline, dataDir } = await openDevKeys(context, options);
  const person = offline.devPeople.find((one) => one.person === name);
  if (person === undefined)
    throw usage(`nobody in development is called ${name}`, `the people are ${offline.devPeople.map((one) => one.person).join(", ")}`);
  return offline.mintPersonToken(dataDir, person, ttlMs);
}

async function openDevKeys(context: Context, options: PlaceOptions) {
  const offline = await context.wirings.offline();
  const dataDir = await dataDirOf(context, options);
  if (offline.hasDevKeys(dataDir)) return { offline, dataDir };
  throw refused(
    `there are no development keys in ${dataDir}`,
    "start the gateway with `npm start` or `serve --dev`, name its folder with --data, or bring a token in SALLYPORT_TOKEN",
  );
}
