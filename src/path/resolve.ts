import { readAgentToken, tokenHeaderOf } from "../rules/agent-token.ts";
import { checkArguments, readMountArguments, readNamedArguments } from "../rules/arguments.ts";
import { sha256Hex } from "../rules/canonical.ts";
import type { Catalogue, Tool } from "../rules/catalogue.ts";
import { type Denial, deny, isDenial } from "../rules/denial.ts";
import { callDigest } from "../rules/digests.ts";
import { encodeRequest } from "../rules/encode-request.ts";
import { inspectOutbound } from "../rules/findings.ts";
import { readDryRun, readHeaders, readIdempotencyKey, readPrefer } from "../rules/headers.ts";
import type { JsonObject } from "../rules/json.ts";
import { checkOwnToken } from "../rules/own-token.ts";
import type { Principal } from "../rules/principal.ts";
import { type Route, routeByName, routeByPath } from "../rules/routing.ts";
import type { Identified, Resolved, Target } from "./call.ts";
import type { PathPorts } from "./ports.ts";
import { readAddress } from "./read-address.ts";
import { resolvePass } from "./resolve-pass.ts";

/** Which tool this is, and exactly which arguments: from here on nobody looks at the raw request again. */
export function resolve(ports: PathPorts, call: Identified): Resolved | Denial {
  if (call.passes === true) return resolvePass(ports, call);
  const catalogue = ports.catalogue();
  const route = findRoute(catalogue, call);
  if (isDenial(route)) return route;
  const { tool, mount } = route;
  if (tool.pass !== undefined) return denyUnread(call.target, tool);
  const meantHeaders = readHeaders(
    call.headers,
    tool.headers,
    call.target.by === "name" ? "authorization" : tokenHeaderOf(mount.agentToken),
  );
  if (isDenial(meantHeaders)) return meantHeaders;
  const dryRun = readDryRun(call.headers);
  if (isDenial(dryRun)) return dryRun;
  const read = readArguments(call, route);
  if (isDenial(read)) return read;
  const inspected = inspectArguments(tool, read, meantHeaders);
  if (isDenial(inspected)) return inspected;
  const exact = pinArguments(call.principal, route, inspected.args, meantHeaders);
  if (isDenial(exact)) return exact;
  const leaking = checkToken(call, route, exact.outbound, meantHeaders);
  if (leaking !== null) return leaking;
  const keyed = readKey(call, route, exact.callDigest, dryRun);
  if (isDenial(keyed)) return keyed;
  const { findings } = inspected;
  return { ...call, catalogue, mount, tool, meantHeaders, findings, ...exact, dryRun, ...keyed, prefer: readPrefer(call.headers) };
}

/** What is passed through has no arguments that could be read: there is one way to it, and it is not this one. */
function denyUnread({ by }: Target, { name }: Tool): Denial {
  return by === "name" ? deny("ERR_TOOL_UNKNOWN", `${name} is passed through: call its own URL.`) : deny("ERR_ROUTE_UNKNOWN");
}

function findRoute(catalogue: Catalogue, { target, headers }: Identified): Route | Denial {
  if (target.by === "name") return routeByName(catalogue, target.tool);
  const address = readAddress(target, headers);
  return isDenial(address) ? address : routeByPath(catalogue, target.method, address);
}

function readArguments({ target, headers, body }: Identified, { tool, pathParameters }: Route): JsonObject | Denial {
  const contentTypes = headers.get("content-type") ?? [];
  const { rawQuery } = target;
  return target.by === "name"
    ? readNamedArguments(tool, { contentTypes, body, rawQuery })
    : readMountArguments(tool, { contentTypes, body, rawQuery, pathParameters });
}

/** Outbound data is masked or refused before digest and policy see the arguments; what was masked must still fit the schema. */
function inspectArguments(
  tool: Tool,
  args: JsonObject,
  headers: Readonly<Record<string, string>>,
): Pick<Resolved, "args" | "findings"> | Denial {
  const inspected = inspectOutbound(tool.outbound, args, headers);
  if (isDenial(inspected) || inspected.findings.length === 0) return inspected;
  const masked = checkArguments(tool, inspected.args);
  return isDenial(masked) ? masked : { args: masked, findings: inspected.findings };
}

/** The agent's token never leaves, not even in an argument. It is read again from where `identify` found it, so that no stage carries it along. */
function checkToken(
  { headers, target }: Identified,
  { mount }: Route,
  outbound: Resolved["outbound"],
  meantHeaders: Readonly<Record<string, string>>,
): Denial | null {
  const read = readAgentToken(headers, target.by === "name" ? { in: "bearer" } : mount.agentToken);
  return isDenial(read) ? read : checkOwnToken(read.token, { ...outbound, headers: meantHeaders });
}

/** The one form of the arguments: what is digested is what is judged, approved, sent and recorded. Also used for the stored call after approval. */
export function pinArguments(
  principal: Principal,
  { tool, mount }: Pick<Route, "tool" | "mount">,
  args: JsonObject,
  headers: Readonly<Record<string, string>>,
): Pick<Resolved, "args" | "outbound" | "callDigest" | "bodyDigest"> | Denial {
  const outbound = encodeRequest(tool, mount.upstream.url, args);
  if (isDenial(outbound)) return outbound;
  const { agent, tenant, environment, user } = principal;
  const digest = callDigest({
    tenant,
    environment,
    agent,
    user: user?.id ?? null,
    toolDigest: tool.digest,
    method: tool.method,
    url: outbound.url,
    headers,
    args,
  });
  return { args, outbound, callDigest: digest, bodyDigest: sha256Hex(outbound.body ?? "") };
}

/**
 * The key as the store keeps it: `k:` for the caller's own, `a:` for one derived from the arguments, so that neither can pretend to be the other.
 * The caller's own is a digest: nobody needs the key again, and a caller may write anything into it.
 * A key that the SDK made up is new for every call that the agent repeats, so it counts as a key only among the SDK's own retries.
 */
function readKey(
  call: Identified,
  { tool, mount }: Pick<Route, "tool" | "mount">,
  digest: string,
  dryRun: boolean,
): Pick<Resolved, "key" | "keyMadeUp"> | Denial {
  const key = readIdempotencyKey(call.headers);
  if (isDenial(key)) return key;
  const keyMadeUp = key !== null && call.target.by === "path" && mount.clientKeys?.test(key) === true;
  if (key !== null && !keyMadeUp) return { key: `k:${sha256Hex(key)}`, keyMadeUp };
  if (tool.key === "from_arguments") return { key: `a:${digest}:${call.principal.run ?? ""}`, keyMadeUp: false };
  if (tool.key === "required" && !dryRun)
    return deny("ERR_KEY_REQUIRED", keyMadeUp ? "The SDK made up the idempotency key of this call." : undefined);
  return { key: key === null ? null : `k:${sha256Hex(key)}`, keyMadeUp };
}
