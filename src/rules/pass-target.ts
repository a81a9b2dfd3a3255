import { type Denial, deny } from "./denial.ts";
import { isForbiddenKey } from "./keys.ts";
import { decodePercent, encodePercent } from "./percent.ts";

/** RFC 3986 `query`, without `;`, which some servers take for `&`, and with hex digits in upper case only. */
const queryText = /^(?:[A-Za-z0-9\-._~!$&'()*+,=:@/?]|%[0-9A-F]{2})*$/;
const pairsMax = 200;

/** Names under which servers take credentials or another method out of a query: the account and the tool are the route's to say. */
const refusedNames: ReadonlySet<string> = new Set(
  `_method access_token accesstoken api_key apikey api-key auth authorization client_secret key password secret sig signature token
  x-api-key x-goog-api-key x-http-method-override`.split(/\s+/),
);

/**
 * The absolute URL of a request that is passed through: the decoded, canonical path segments and the query, each written again in the one spelling that we
 * use. So upstream and route agree on what was asked. `segments` are what `readPath` read behind the mount.
 *
 * ERR_QUERY_INVALID for a query that is not plain `name=value` pairs of canonical characters, has a second layer of encoding or control characters, or
 * carries a credential or another method.
 */
export function encodePassTarget(baseUrl: string, segments: readonly string[], rawQuery: string): { readonly url: string } | Denial {
  const path = segments.map((segment) => `/${encodeSegment(segment)}`).join("");
  if (rawQuery === "") return { url: `${baseUrl}${path}` };
  const pairs = queryText.test(rawQuery) ? rawQuery.split("&").map(encodePair) : [null];
  if (pairs.length > pairsMax || pairs.includes(null))
    return deny("ERR_QUERY_INVALID", "the query is not plain pairs that may be passed on");
  return { url: `${baseUrl}${path}?${pairs.join("&")}` };
}

/** RFC 3986 `pchar` stays as route authors and SDKs write it (`models/x:generate`); everything else is encoded. */
function encodeSegment(text: string): string {
  return encodePercent(text).replace(/%(?:3A|40|24|26|2B|2C|3D|21|27|28|29|2A)/g, decodeURIComponent);
}

function encodePair(pair: string): string | null {
  const mark = pair.indexOf("=");
  const name = readText(mark === -1 ? pair : pair.slice(0, mark));
  const value = mark === -1 ? "" : readText(pair.slice(mark + 1));
  if (name === null || value === null || name === "" || isForbiddenKey(name) || refusedNames.has(name.toLowerCase())) return null;
  return mark === -1 ? encodePercent(name) : `${encodePercent(name)}=${encodePercent(value)}`;
}

/** A plus is a space, as in every form reader; control characters and what would decode once more are refused. */
function readText(text: string): string | null {
  const decoded = decodePercent(text.replaceAll("+", " "));
  return decoded === null || !decoded.isWellFormed() || /[\p{Cc}\\#]|%[0-9A-Fa-f]{2}/u.test(decoded) ? null : decoded;
}
