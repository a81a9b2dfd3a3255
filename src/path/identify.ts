import { type Denial, deny, isDenial } from "../rules/denial.ts";
import type { Identified, Received } from "./call.ts";
import type { PathPorts } from "./ports.ts";

/** One bearer token in one place; anything else is 401 before anything of the call is read. */
export async function identify(ports: PathPorts, call: Received): Promise<Identified | Denial> {
  const [value, ...more] = call.headers.get("authorization") ?? [];
  if (value === undefined) return deny("ERR_TOKEN_MISSING");
  const token = /^Bearer ([^\s,]+)$/i.exec(value)?.[1];
  if (token === undefined || more.length > 0) return deny("ERR_TOKEN_MALFORMED");
  const principal = await ports.tokens.verify(token, call.receivedAtMs);
  return isDenial(principal) ? principal : { ...call, principal };
}
