import { type Code, codeRow } from "../../rules/codes.ts";

/** Where the metadata of protected resources stands (RFC 9728 section 3). */
export const metadataPath = "/.well-known/oauth-protected-resource";

/** The path of a URL, empty when it has none. */
export function pathOf(url: string): string {
  return new URL(url).pathname.replace(/\/$/, "");
}

/** Where the metadata of a resource stands: the well-known path goes between its host and its own path. */
export function metadataUrl(resource: string): string {
  return `${new URL(resource).origin}${metadataPath}${pathOf(resource)}`;
}

/** RFC 6750 section 3.1. No `error` when no token was sent: the client only has to learn where tokens come from. */
const errorOf: Partial<Record<Code, string | null>> = { ERR_TOKEN_MISSING: null, ERR_TOKEN_MALFORMED: "invalid_request" };

/** The WWW-Authenticate of an answer: on every 401, and on a 403 that a wider token would not get. Undefined on any other. */
export function challengeOf(code: Code, publicUrl: string, scope: string | undefined): string | undefined {
  const { status } = codeRow(code);
  if (status !== 401 && code !== "ERR_SCOPE_INSUFFICIENT") return undefined;
  const error = code === "ERR_SCOPE_INSUFFICIENT" ? "insufficient_scope" : Object.hasOwn(errorOf, code) ? errorOf[code] : "invalid_token";
  const parts = [
    ...(error === null ? [] : [`error="${error}"`, `error_description="${code}"`]),
    ...(scope === undefined ? [] : [`scope="${scope}"`]),
    `resource_metadata="${metadataUrl(publicUrl)}"`,
  ];
  return `Bearer ${parts.join(", ")}`;
}
