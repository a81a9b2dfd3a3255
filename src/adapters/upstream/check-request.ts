import type { OutboundRequest, StreamRequest } from "../../ports/upstream.ts";

/** Headers that this adapter or the connection owns. A request that brings one could reframe itself or reach another virtual host. */
const ownedHeaders: ReadonlySet<string> = new Set([
  "accept-encoding",
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const methods: ReadonlySet<string> = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);
/** RFC 9110 section 5.6.2, in lower case. */
const headerName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;
/** Visible ASCII with inner spaces: no control character, and nothing that a receiver would trim or decode in its own way. */
const headerValue = /^(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?$/;
/** Request targets are written as they stand, so they must be what every reader takes them for: no fragment, no backslash, no raw Unicode. */
const requestTarget = /^\/[\x21\x22\x24-\x5b\x5d-\x7e]*$/;
const dotSegment = /\/(?:\.|%2e){1,2}(?:\/|$)/i;
/** Node's timers overflow beyond this and then fire at once. */
const timeoutMsMax = 2 ** 31 - 1;

/** Where an upstream is: its origin, and the base path that every request target must lie under. */
export interface Site {
  readonly origin: string;
  /** Empty, or a path without a trailing slash. */
  readonly basePath: string;
}

/** The request target (path and query) to be written, or why this request must not be sent. Never quotes a value: it may be a credential. */
export function checkRequest(
  site: Site,
  request: OutboundRequest | StreamRequest,
): { readonly target: string } | { readonly refused: string } {
  const refused = findMethodFault(request) ?? findHeaderFault(request.headers);
  if (refused !== null) return { refused };
  if (!request.url.startsWith(`${site.origin}/`)) return { refused: "the URL is not under its upstream's origin" };
  const target = request.url.slice(site.origin.length);
  const path = target.split("?", 1)[0] as string;
  if (!requestTarget.test(target) || dotSegment.test(path)) return { refused: "the URL is not in canonical form" };
  if (path !== site.basePath && !path.startsWith(`${site.basePath}/`)) return { refused: "the URL is not under its upstream's base path" };
  return { target };
}

function findMethodFault(request: OutboundRequest | StreamRequest): string | null {
  const whole = "timeoutMs" in request;
  const timeouts = whole ? [request.timeoutMs] : [request.headTimeoutMs, request.idleTimeoutMs, request.wholeTimeoutMs];
  // A HEAD is asked for only where answers are passed through: a tool's own is always read.
  if (!methods.has(request.method) && (whole || request.method !== "HEAD")) return "the method is not one of a tool's";
  return timeouts.every((ms) => ms >= 1 && ms <= timeoutMsMax) ? null : "the timeout is out of range";
}

function findHeaderFault(headers: OutboundRequest["headers"]): string | null {
  for (const [name, value] of Object.entries(headers)) {
    if (!headerName.test(name)) return "a header name is not a lower-case token";
    if (ownedHeaders.has(name)) return `the header ${name} is not a tool's to set`;
    if (!headerValue.test(value)) return `the value of the header ${name} is not visible ASCII`;
  }
  return null;
}
