import { findContract } from "../rules/contract.ts";
import { type Denial, deny, isDenial } from "../rules/denial.ts";
import { bindingDigest } from "../rules/digests.ts";
import type { Governable, Resolved } from "./call.ts";

/** One contract must name agent, tenant, environment and tool, and the tenant must have an account at the upstream: the floor that no policy widens. */
export function checkContract(call: Resolved): Governable | Denial {
  const governed = findContract(call.catalogue, call.principal, call.tool);
  if (isDenial(governed)) return governed;
  const { upstream } = call.mount;
  const account = upstream.accountFor.get(call.principal.tenant);
  if (account === undefined) return deny("ERR_CREDENTIAL_NONE", `${call.principal.tenant} has no account at ${upstream.name}.`);
  const binding = bindingDigest({ callDigest: call.callDigest, run: call.principal.run, upstream: upstream.url, account });
  return { ...call, governed, account, binding };
}
