import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { assertDevAllowed } from "../adapters/dev-issuer/guard.ts";
import { type DevIssuer, openDevIssuer } from "../adapters/dev-issuer/issuer.ts";
import { loadPolicy } from "../adapters/rego-wasm/load-policy.ts";
import type { GatewayConfig } from "../config/gateway.ts";
import { readConfiguration } from "../config/read.ts";
import type { ControlPorts } from "../control/ports.ts";
import type { Policy } from "../ports/policy.ts";
import type { Catalogue } from "../rules/catalogue.ts";
import { isDenial } from "../rules/denial.ts";
import type { GatewayOptions } from "./sqlite.ts";
import { StartRefused } from "./start-refused.ts";

/** Everything that was read from files, checked. */
export interface Setup {
  readonly gateway: GatewayConfig;
  readonly catalogue: Catalogue;
  readonly policy: Policy;
  readonly dataDir: string;
  readonly dev: DevIssuer | null;
}

/** Reads configuration and policy. Throws `StartRefused` with every problem. */
export function readSetup(options: GatewayOptions, onFault: ControlPorts["onFault"]): Setup {
  const { upstreams } = options;
  const read = readConfiguration(options.configFile, { dev: options.dev, ...(upstreams === undefined ? {} : { upstreams }) });
  if (!read.ok) throw new StartRefused("the configuration has errors", read.problems);
  const { gateway, catalogue } = read;
  if (options.dev) for (const { host } of [gateway.listen.agents, gateway.listen.people]) assertDevAllowed({ host });
  const policy = loadPolicy(readBundle(gateway.bundleFile), { onFault: (cause) => onFault("", new Error(cause)) });
  if (isDenial(policy)) {
    const why = policy.reasons?.map((reason) => reason.message) ?? [policy.detail ?? ""];
    throw new StartRefused(`the policy bundle ${gateway.bundleFile} does not load`, why);
  }
  const dataDir = options.dataDir ?? gateway.dataDir;
  makeFolder(dataDir);
  return { gateway, catalogue, policy, dataDir, dev: options.dev ? openDevIssuer(dataDir) : null };
}

/** Makes the folder for this user alone. Its parent must be there: Node's recursive making never ends where a system folder takes no new ones. */
function makeFolder(folder: string): void {
  try {
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    throw new StartRefused(`the data folder ${folder} cannot be made: ${String(error)}`, [], { cause: error });
  }
}

function readBundle(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new StartRefused(`the policy bundle ${file} cannot be read`, [], { cause: error });
  }
}
