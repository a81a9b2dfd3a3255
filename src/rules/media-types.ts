const known = new Set([
  ...[
    "application/json",
    "application/problem+json",
    "application/x-ndjson",
    "application/xml",
    "application/pdf",
    "application/zip",
    "application/gzip",
  ],
  ...["application/octet-stream", "application/x-www-form-urlencoded", "application/javascript", "application/yaml"],
  ...["text/plain", "text/html", "text/csv", "text/xml", "text/event-stream", "text/markdown", "text/css"],
  ...["image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml", "audio/mpeg", "audio/wav", "video/mp4"],
]);
const charsets = new Set(["utf-8", "us-ascii", "iso-8859-1"]);

/**
 * An upstream's media type in words of our own: a well-known type as it is, `+json` and `+xml` types as plain JSON and XML, other text as plain text, anything else
 * as bytes; with a well-known charset and no other parameter. Null stays null.
 *
 * Threat: the type is kept with the call's outcome, in the ledger, for ever and in the clear, and an upstream can write a caller's data into it.
 */
export function plainMediaType(contentType: string | null): string | null {
  if (contentType === null) return null;
  const [essence = "", ...parameters] = contentType
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const charset = parameters
    .map((parameter) => /^charset="?([a-z0-9-]+)"?$/.exec(parameter)?.[1])
    .find((name) => name !== undefined && charsets.has(name));
  return charset === undefined ? plainEssence(essence) : `${plainEssence(essence)}; charset=${charset}`;
}

function plainEssence(essence: string): string {
  if (known.has(essence)) return essence;
  if (!/^[a-z]+\/[a-z0-9!#$&^_.+-]+$/.test(essence)) return "application/octet-stream";
  if (essence.endsWith("+json")) return "application/json";
  if (essence.endsWith("+xml")) return "application/xml";
  return essence.startsWith("text/") ? "text/plain" : "application/octet-stream";
}
