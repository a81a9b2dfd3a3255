/** Percent-encodes all but RFC 3986's unreserved characters, from UTF-8, with upper-case hex. Throws on a lone surrogate. */
export function encodePercent(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Undoes percent-encoding, or answers null for a `%` without two hex digits and for bytes that are not UTF-8 (overlong forms, surrogates). */
export function decodePercent(text: string): string | null {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
