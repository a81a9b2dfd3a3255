import { readAgentToken, tokenHeaderOf } from "../rules/agent-token.ts";
import { type Denial, deny, isDenial } from "../rules/denial.ts";
import { callDigest } from "../rules/digests.ts";
import { headerValue, type RequestHeaders, readDryRun, readHeaders } from "../rules/headers.ts";
import { checkOwnToken } from "../rules/own-token.ts";
import { encodePassTarget } from "../rules/pass-target.ts";
import { mountAt, routeByPath } from "../rules/routing.ts";
import type { Identified, Resolved } from "./call.ts";
import type { PathPorts } from "./ports.ts";
import { readAddress } from "./read-address.ts";

/**
 * Which tool of a passthrough mount this is, and the one spelling of the URL that goes on. There are no arguments, so no two calls are the same: the digest
 * holds the call's own id, an idempotency key is dropped, and a write cannot be tried out.
 */
export function resolvePass(ports: PathPorts, call: Identified): Resolved | Denial {
  const { target, headers, principal } = call;
  if (target.by === "name") return deny("ERR_TOOL_UNKNOWN");
  const catalogue = ports.catalogue();
  const address = readAddress(target, headers);
  if (isDenial(address)) return address;
  if (mountAt(catalogue, address)?.passthrough !== true) return deny("ERR_ROUTE_UNKNOWN");
  const route = routeByPath(catalogue, target.method === "HEAD" ? "GET" : target.method, address);
  if (isDenial(route)) return route;
  const { tool, mount } = route;
  const meantHeaders = readHeaders(headers, tool.headers, tokenHeaderOf(mount.agentToken));
  if (isDenial(meantHeaders)) return meantHeaders;
  const dryRun = readDryRun(headers);
  if (isDenial(dryRun)) return dryRun;
  if (dryRun && tool.traits.effect === "write") return deny("ERR_DRY_RUN_PASSTHROUGH");
  const made = encodePassTarget(mount.upstream.url, address.segments.slice(mount.path.length), target.rawQuery);
  if (isDenial(made)) return made;
  const content = readContentHeaders(headers);
  if (isDenial(content)) return content;
  const token = readAgentToken(headers, mount.agentToken);
  const leaking = isDenial(token)
    ? token
    : checkOwnToken(token.token, { url: made.url, body: null, headers: { ...meantHeaders, ...content } });
  if (leaking !== null) return leaking;
  const { agent, tenant, environment, user } = principal;
  const digest = callDigest({
    tenant,
    environment,
    agent,
    user: user?.id ?? null,
    toolDigest: tool.digest,
    method: target.method,
    url: made.url,
    headers: meantHeaders,
    args: { call: call.id },
  });
  const outbound = { url: made.url, body: null, ...(target.method === "HEAD" ? { method: "HEAD" as const } : {}) };
  const read = { args: {}, meantHeaders, findings: [], outbound, callDigest: digest, bodyDigest: "" };
  return { ...call, catalogue, mount, tool, ...read, dryRun, key: null, keyMadeUp: false, prefer: { canWait: false, waitSeconds: 0 } };
}

/** RFC 9110 section 8.3, with one space at most; boundaries of multipart bodies fit. */
const contentType =
  /^[A-Za-z0-9!#$&^_.+-]{1,127}\/[A-Za-z0-9!#$&^_.+-]{1,127}(?:; ?[A-Za-z0-9-]{1,63}=(?:[A-Za-z0-9!#$&'*+^_`|~.:/=?()-]{1,127}|"[A-Za-z0-9 '()+_,./:=?-]{1,127}"))*$/;
const accept = /^[!-~](?:[ -~]{0,510}[!-~])?$/;

/** What the content of a request is called and which content is wanted: the only undeclared headers that go on. */
export function readContentHeaders(headers: RequestHeaders): Readonly<Record<string, string>> | Denial {
  const type = headerValue(headers, "content-type");
  if (type !== undefined && !contentType.test(type)) return deny("ERR_BODY_TYPE", "The Content-Type is not one plain media type.");
  const [wanted, ...more] = headers.get("accept") ?? [];
  const plain = wanted !== undefined && more.length === 0 && accept.test(wanted) ? wanted : "*/*";
  return { accept: plain, ...(type === undefined ? {} : { "content-type": type }) };
}
