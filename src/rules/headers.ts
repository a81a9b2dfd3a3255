import { type Denial, deny } from "./denial.ts";

/** Request headers as they came: lower-case name → every value, in order. */
export type RequestHeaders = ReadonlyMap<string, readonly string[]>;

/** Headers that Sallyport itself reads. Each may stand once. */
const ours = new Set(["authorization", "content-type", "content-length", "idempotency-key", "prefer", "sallyport-dry-run", "host"]);

/** Dropped without a word: they say nothing about the call, and nothing here trusts them. */
const harmless = new Set([
  ...[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "baggage",
    "cache-control",
    "connection",
    "date",
    "expect",
    "forwarded",
    "keep-alive",
  ],
  ...[
    "origin",
    "pragma",
    "priority",
    "referer",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "user-agent",
    "via",
    "x-real-ip",
    "x-request-id",
  ],
  ...["x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"],
]);

/** Families of harmless headers: what official SDKs tell about themselves, what browsers and meshes add. */
const harmlessPrefixes = ["sec-fetch-", "sec-ch-", "x-stainless-", "x-stripe-client-", "x-envoy-", "x-b3-"];

/**
 * The headers of a call that mean something: the tool's declared ones, each at most once. Everything that is neither declared nor harmless is refused, but
 * for the header that carried the agent's token, which `identify` has read.
 */
export function readHeaders(
  headers: RequestHeaders,
  declared: readonly string[],
  tokenHeader = "authorization",
): Readonly<Record<string, string>> | Denial {
  const meant: Record<string, string> = {};
  for (const [name, values] of headers) {
    const isDeclared = declared.includes(name);
    if (!isDeclared && name === "content-encoding" && values.length === 1 && values[0]?.toLowerCase() === "identity") continue;
    if (!isDeclared && (harmless.has(name) || harmlessPrefixes.some((prefix) => name.startsWith(prefix)))) continue;
    if (!isDeclared && !ours.has(name) && name !== tokenHeader)
      return deny("ERR_HEADER_REFUSED", `The header ${printable(name)} is not declared for this tool.`);
    const [value, ...more] = values;
    if (value === undefined || more.length > 0) return deny("ERR_HEADER_REFUSED", `The header ${printable(name)} stands more than once.`);
    if (isDeclared && !/^[!-~](?:[ -~]*[!-~])?$/.test(value))
      return deny("ERR_HEADER_REFUSED", `The header ${printable(name)} is not visible ASCII.`);
    if (isDeclared) meant[name] = value;
  }
  return meant;
}

/** The value of a header that may stand once; undefined when absent. The caller has refused repetitions by `readHeaders`. */
export function headerValue(headers: RequestHeaders, name: string): string | undefined {
  return headers.get(name)?.[0];
}

/** The host that a request names: in lower case and without its port; null when it names none or several. */
export function readHost(headers: RequestHeaders): string | null {
  const [host, ...more] = headers.get("host") ?? [];
  return host === undefined || host === "" || more.length > 0 ? null : host.toLowerCase().replace(/:[0-9]{1,5}$/, "");
}

function printable(name: string): string {
  return /^[!-~]{1,64}$/.test(name) ? name : "with an unprintable name";
}

/** Whether this is a dry run. Any value but `true` is refused: a misspelt wish for a dry run must not execute. */
export function readDryRun(headers: RequestHeaders): boolean | Denial {
  const value = headerValue(headers, "sallyport-dry-run");
  if (value === undefined) return false;
  return value === "true" ? true : deny("ERR_DRY_RUN_HEADER");
}

/** The idempotency key, bare or quoted (draft-ietf-httpapi-idempotency-key-header-07); null when absent. */
export function readIdempotencyKey(headers: RequestHeaders): string | null | Denial {
  const value = headerValue(headers, "idempotency-key");
  if (value === undefined) return null;
  const key = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  return /^[!#-~]{1,255}$/.test(key) ? key : deny("ERR_KEY_MALFORMED");
}

/** What `Prefer` says (RFC 7240): whether this client can wait for people, and how many seconds it would keep the connection. */
export function readPrefer(headers: RequestHeaders): { readonly canWait: boolean; readonly waitSeconds: number } {
  const preferences = (headerValue(headers, "prefer") ?? "").split(",").map((one) => one.trim().toLowerCase());
  const wait = preferences.map((one) => /^wait=([0-9]{1,4})$/.exec(one)?.[1]).find((seconds) => seconds !== undefined);
  return { canWait: wait !== undefined || preferences.includes("respond-async"), waitSeconds: wait === undefined ? 0 : Number(wait) };
}
