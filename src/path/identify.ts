import { readAgentToken } from "../rules/agent-token.ts";
import type { TokenPlace } from "../rules/catalogue.ts";
import { type Denial, isDenial } from "../rules/denial.ts";
import { mountAt } from "../rules/routing.ts";
import type { Identified, Received } from "./call.ts";
import type { PathPorts } from "./ports.ts";
import { readAddress } from "./read-address.ts";

/** One token in the one place of the mount; anything else is 401 before anything of the call is read. */
export async function identify(ports: PathPorts, call: Received): Promise<Identified | Denial> {
  const token = readAgentToken(call.headers, tokenPlace(ports, call));
  if (isDenial(token)) return token;
  const principal = await ports.tokens.verify(token.token, call.receivedAtMs);
  return isDenial(principal) ? principal : { ...call, principal };
}

/** What leads to no mount is a call by name, one of our own resources, or nothing at all: there the token is a bearer token. */
function tokenPlace(ports: PathPorts, { target, headers }: Received): TokenPlace {
  const address = target.by === "path" ? readAddress(target, headers) : null;
  const mount = address === null || isDenial(address) ? null : mountAt(ports.catalogue(), address);
  return mount?.agentToken ?? { in: "bearer" };
}
