import { type Denial, deny } from "./denial.ts";

/** The head of a request as the parser read it. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** `1.1`; the parser also lets `0.9`, `1.0` and `2.0` pass. */
  readonly version: string;
  /** Name, value, name, value ..., as they came. */
  readonly rawHeaders: readonly string[];
}

export interface HeadLimits {
  /** Header lines, repeated ones included. The parser drops what is beyond its own limit without a word, so that one must be higher. */
  readonly headersMax: number;
  readonly bodyBytesMax: number;
}

/** Headers that frame a request or say whose it is: two of them are two meanings. */
const single = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "authorization",
  "content-type",
  "content-encoding",
  "expect",
  "upgrade",
]);

/** Headers that make a server behind us, or a framework, take the request for another one. */
const overrides = new Set([
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-method",
  "x-original-url",
  "x-original-uri",
  "x-rewrite-url",
]);

/** Spellings of the two framing headers that only a careless reader takes for them. */
const framingAlike = /^-*(?:content-*length|transfer-*encoding)-*$/;

const overrideDetail = "The method and the path stand in the request line alone.";
/** RFC 9110 section 5.6.2 allows more; `_` and `.` become `-` or `_` in other servers, and two names become one. */
const headerName = /^[A-Za-z0-9-]{1,128}$/;
/** RFC 3986 host and port, or nothing. */
const hostText = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])?(?::[0-9]{1,5})?$/;

/**
 * What no request may have, whatever it asks for: framing that two readers could read differently, another protocol, header names that another
 * server would fold together, and a body that could not be read as it is. Null when there is nothing of the kind.
 * ERR_REQUEST_MALFORMED, ERR_PATH_NOT_CANONICAL, ERR_HEADER_REFUSED, ERR_HEAD_TOO_LARGE, ERR_EXPECTATION, ERR_BODY_TYPE, ERR_BODY_TOO_LARGE, ERR_BODY_UNEXPECTED.
 */
export function checkHead(head: RequestHead, limits: HeadLimits): Denial | null {
  const { rawHeaders, target, version } = head;
  if (version !== "1.1" && version !== "1.0") return deny("ERR_REQUEST_MALFORMED", "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
  if (!target.startsWith("/")) return deny("ERR_PATH_NOT_CANONICAL", "The request target begins with a slash.");
  if (rawHeaders.length > 2 * limits.headersMax)
    return deny("ERR_HEAD_TOO_LARGE", `A request has at most ${limits.headersMax} header lines.`);
  const seen = new Map<string, string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const denial = checkHeader(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "", seen);
    if (denial !== null) return denial;
  }
  return checkFrame(head, seen) ?? checkBody(head.method, seen, limits);
}

/** One header line; remembers the values of those that may stand once. */
function checkHeader(rawName: string, value: string, seen: Map<string, string>): Denial | null {
  if (!headerName.test(rawName)) return deny("ERR_HEADER_REFUSED", "A header's name has only letters, digits and hyphens.");
  const name = rawName.toLowerCase();
  if (overrides.has(name)) return deny("ERR_HEADER_REFUSED", overrideDetail);
  if (!single.has(name)) return framingAlike.test(name) ? deny("ERR_REQUEST_MALFORMED", `The header ${name} is no framing header.`) : null;
  // Two tokens are the business of whoever reads tokens: that is a 401.
  if (seen.has(name) && name !== "authorization") return deny("ERR_HEADER_REFUSED", `The header ${name} stands more than once.`);
  seen.set(name, value);
  return null;
}

function checkFrame({ version }: RequestHead, seen: ReadonlyMap<string, string>): Denial | null {
  const coding = seen.get("transfer-encoding");
  if (coding !== undefined && (version !== "1.1" || coding.trim().toLowerCase() !== "chunked"))
    return deny("ERR_REQUEST_MALFORMED", "The only transfer coding is chunked, in HTTP/1.1.");
  const length = seen.get("content-length");
  if (coding !== undefined && length !== undefined) return deny("ERR_REQUEST_MALFORMED", "A body has a length or is chunked, not both.");
  if (length !== undefined && !/^(?:0|[1-9][0-9]{0,15})$/.test(length))
    return deny("ERR_REQUEST_MALFORMED", "Content-Length is one plain number.");
  if (version === "1.1" && !seen.has("host")) return deny("ERR_REQUEST_MALFORMED", "A request names its Host.");
  if (!hostText.test(seen.get("host") ?? "")) return deny("ERR_REQUEST_MALFORMED", "Host is one name or address, with a port or without.");
  if (seen.has("upgrade")) return deny("ERR_HEADER_REFUSED", "No other protocol is spoken here: leave out the header upgrade.");
  const expected = seen.get("expect");
  return expected === undefined || expected.toLowerCase() === "100-continue" ? null : deny("ERR_EXPECTATION");
}

const bodiless = new Set(["GET", "HEAD"]);

function checkBody(method: string, seen: ReadonlyMap<string, string>, { bodyBytesMax }: HeadLimits): Denial | null {
  const length = seen.get("content-length");
  const announced = seen.has("transfer-encoding") || (length !== undefined && length !== "0");
  if (announced && bodiless.has(method)) return deny("ERR_BODY_UNEXPECTED", `${method} takes no body.`);
  const encoding = seen.get("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    return deny("ERR_BODY_TYPE", "A body is sent as it is: no content encoding is undone here.");
  return length !== undefined && Number(length) > bodyBytesMax
    ? deny("ERR_BODY_TOO_LARGE", `A body has at most ${bodyBytesMax} bytes.`)
    : null;
}

/** Whether a Host header names an address itself, this machine, or one of these names (lower case, without port). A page of another name cannot. */
export function isOwnHost(value: string | undefined, names: ReadonlySet<string>): boolean {
  if (value === undefined) return false;
  const host = value.toLowerCase().replace(/:[0-9]{1,5}$/, "");
  return /^(?:[0-9]{1,3}\.){3}[0-9]{1,3}$/.test(host) || /^\[[0-9a-f:.]+\]$/.test(host) || host === "localhost" || names.has(host);
}
