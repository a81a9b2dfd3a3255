import { type Denial, deny } from "./denial.ts";

/** A shorter part says nothing of whose it is. A verified token's parts are longer, each. */
const partMin = 16;

/**
 * Refuses what would send the caller's own token, or one of its three parts, to the upstream: ERR_TOKEN_IN_ARGUMENTS. Threat: a model that is talked into
 * quoting its token in a note gives whoever reads the note the agent's rights. Looks at the finished request, so nothing is left out; sees
 * the token as it is, not in another encoding and not cut into pieces. Four searches, each linear.
 */
export function checkOwnToken(
  token: string,
  request: { readonly url: string; readonly body: string | null; readonly headers: Readonly<Record<string, string>> },
): Denial | null {
  const needles = [token, ...token.split(".")].filter((part) => part.length >= partMin);
  const places = [request.url, request.body ?? "", ...Object.values(request.headers)];
  return needles.some((needle) => places.some((place) => place.includes(needle))) ? deny("ERR_TOKEN_IN_ARGUMENTS") : null;
}
