import { checkArguments, readMountArguments, readNamedArguments } from "../rules/arguments.ts";
import { sha256Hex } from "../rules/canonical.ts";
import type { Catalogue, Tool } from "../rules/catalogue.ts";
import { type Denial, deny, isDenial } from "../rules/denial.ts";
import { callDigest } from "../rules/digests.ts";
import { encodeRequest } from "../rules/encode-request.ts";
import { inspectOutbound } from "../rules/findings.ts";
import { readDryRun, readHeaders, readIdempotencyKey, readPrefer } from "../rules/headers.ts";
import type { JsonObject } from "../rules/json.ts";
import { readPath } from "../rules/paths.ts";
import type { Principal } from "../rules/principal.ts";
import { type Route, routeByName, routeByPath } from "../rules/routing.ts";
import type { Identified, Resolved, Target } from "./call.ts";
import type { PathPorts } from "./ports.ts";

/** Which tool this is, and exactly which arguments: from here on nobody looks at the raw request again. */
export function resolve(ports: PathPorts, call: Identified): Resolved | Denial {
  const catalogue = ports.catalogue();
  const route = findRoute(catalogue, call.target);
  if (isDenial(route)) return route;
  const { tool, mount } = route;
  const meantHeaders = readHeaders(call.headers, tool.headers);
  if (isDenial(meantHeaders)) return meantHeaders;
  const dryRun = readDryRun(call.headers);
  if (isDenial(dryRun)) return dryRun;
  const read = readArguments(call, route);
  if (isDenial(read)) return read;
  const inspected = inspectArguments(tool, read);
  if (isDenial(inspected)) return inspected;
  const exact = pinArguments(call.principal, route, inspected.args, meantHeaders);
  if (isDenial(exact)) return exact;
  const key = readKey(call, tool, exact.callDigest, dryRun);
  if (isDenial(key)) return key;
  const { findings } = inspected;
  return { ...call, catalogue, mount, tool, meantHeaders, findings, ...exact, dryRun, key, prefer: readPrefer(call.headers) };
}

function findRoute(catalogue: Catalogue, target: Target): Route | Denial {
  if (target.by === "name") return routeByName(catalogue, target.tool);
  const segments = readPath(target.rawPath);
  return isDenial(segments) ? segments : routeByPath(catalogue, target.method, segments);
}

function readArguments({ target, headers, body }: Identified, { tool, pathParameters }: Route): JsonObject | Denial {
  const contentTypes = headers.get("content-type") ?? [];
  const { rawQuery } = target;
  return target.by === "name"
    ? readNamedArguments(tool, { contentTypes, body, rawQuery })
    : readMountArguments(tool, { contentTypes, body, rawQuery, pathParameters });
}

/** Outbound data is masked or refused before digest and policy see the arguments; what was masked must still fit the schema. */
function inspectArguments(tool: Tool, args: JsonObject): Pick<Resolved, "args" | "findings"> | Denial {
  const inspected = inspectOutbound(tool.outbound, args);
  if (isDenial(inspected) || inspected.findings.length === 0) return inspected;
  const masked = checkArguments(tool, inspected.args);
  return isDenial(masked) ? masked : { args: masked, findings: inspected.findings };
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

/** The key as the store keeps it: `k:` for the caller's own, `a:` for one derived from the arguments, so that neither can pretend to be the other. */
function readKey(call: Identified, tool: Tool, digest: string, dryRun: boolean): string | null | Denial {
  const key = readIdempotencyKey(call.headers);
  if (isDenial(key)) return key;
  if (key !== null) return `k:${key}`;
  if (tool.key === "from_arguments") return `a:${digest}:${call.principal.run ?? ""}`;
  return tool.key === "required" && !dryRun ? deny("ERR_KEY_REQUIRED") : null;
}
