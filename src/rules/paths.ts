import { type Denial, deny } from "./denial.ts";
import { decodePercent } from "./percent.ts";

/** RFC 3986 `pchar`, without `;`: some servers cut path parameters off before they route. */
const segmentText = /^(?:[A-Za-z0-9\-._~!$&'()*+,=:@]|%[0-9A-F]{2})+$/;
/** Unreserved characters never need an encoding (RFC 3986 section 6.2.2.2): `%2e`, `%41`, `%7E`. */
const needless = /%(?:2D|2E|5F|7E|3[0-9]|[46][1-9A-F]|[57][0-9A])/;
/** What makes a server behind us split, cut or decode a segment once more. */
const splits = /[/\\;?#\p{Cc}]|%[0-9A-Fa-f]{2}/u;

/** The path of a request target, and what follows its first `?` (empty when none does). */
export function splitTarget(raw: string): { readonly path: string; readonly query: string } {
  const mark = raw.indexOf("?");
  return mark === -1 ? { path: raw, query: "" } : { path: raw.slice(0, mark), query: raw.slice(mark + 1) };
}

/**
 * Reads the path part of a raw request target into decoded segments; `/` has none. Only origin form is read.
 *
 * The path must be in RFC 3986's normal form, else ERR_PATH_NOT_CANONICAL: no empty or dot segments, no encoded slash, backslash, semicolon,
 * question mark, number sign or control character, no needless or lower-case encoding, no second layer of encoding, no invalid UTF-8.
 * The other reserved characters (`:`, `@`, `+` ...) may stand raw or encoded, since honest clients do both; routes match decoded segments, and
 * the upstream's URL is built from the template, so the spelling is not passed on.
 */
export function readPath(raw: string): readonly string[] | Denial {
  if (raw === "/") return [];
  if (!raw.startsWith("/")) return deny("ERR_PATH_NOT_CANONICAL", "the path does not begin with a slash");
  const segments: string[] = [];
  for (const text of raw.slice(1).split("/")) {
    const segment = readSegment(text);
    if (segment === null) return deny("ERR_PATH_NOT_CANONICAL");
    segments.push(segment);
  }
  return segments;
}

function readSegment(text: string): string | null {
  if (!segmentText.test(text) || needless.test(text)) return null;
  const segment = decodePercent(text);
  return segment !== null && isPlainSegment(segment) ? segment : null;
}

/**
 * Whether a decoded text is one path segment for every server, also for one that decodes twice or maps look-alikes to ASCII (a full-width
 * slash, a one-dot leader). False for empty text, `.`, `..`, separators, control characters, percent escapes and lone surrogates.
 */
export function isPlainSegment(segment: string): boolean {
  if (!segment.isWellFormed() || !isPlain(segment)) return false;
  const compatible = segment.normalize("NFKC");
  return compatible === segment || isPlain(compatible);
}

function isPlain(segment: string): boolean {
  return segment !== "" && segment !== "." && segment !== ".." && !splits.test(segment);
}
