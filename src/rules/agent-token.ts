import type { TokenPlace } from "./catalogue.ts";
import { type Denial, deny } from "./denial.ts";
import type { RequestHeaders } from "./headers.ts";

/** Headers in which clients carry credentials. On a mount only its own may stand. */
const credentialHeaders = ["authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key", "private-token"];

/** RFC 7617 and RFC 4648 section 4: canonical base64, in which one text has one spelling. */
const basicText = /^Basic ([A-Za-z0-9+/]+={0,2})$/i;

/** The lower-case header that carries a token put in this place. */
export function tokenHeaderOf(place: TokenPlace): string {
  return place.in === "header" ? place.name : "authorization";
}

/**
 * The agent's token from the one place where it belongs. A token that stands elsewhere, twice, or together with another credential is refused, since
 * nobody could say which of them counts: ERR_TOKEN_MISSING, ERR_TOKEN_MALFORMED. What the token says is not looked at here.
 */
export function readAgentToken(headers: RequestHeaders, place: TokenPlace): { readonly token: string } | Denial {
  const header = tokenHeaderOf(place);
  const elsewhere = credentialHeaders.find((name) => name !== header && headers.has(name));
  if (elsewhere !== undefined) return deny("ERR_TOKEN_MALFORMED", `The token belongs in ${header} here, and ${elsewhere} must not stand.`);
  const [value, ...more] = headers.get(header) ?? [];
  if (value === undefined) return deny("ERR_TOKEN_MISSING", place.in === "header" ? `Here it belongs in the header ${header}.` : undefined);
  const token = more.length > 0 ? null : readValue(value, place);
  return token === null ? deny("ERR_TOKEN_MALFORMED") : { token };
}

function readValue(value: string, place: TokenPlace): string | null {
  switch (place.in) {
    case "bearer":
      return /^Bearer ([^\s,]+)$/i.exec(value)?.[1] ?? null;
    case "header":
      return /^[^\s,]+$/.test(value) ? value : null;
    case "basic":
      return readBasic(value, place.part);
  }
}

/** A user name beside the token may be anything short and plain; beside a token that is the user name, the password is empty. */
function readBasic(value: string, part: "username" | "password"): string | null {
  const encoded = basicText.exec(value)?.[1];
  if (encoded === undefined || encoded.length % 4 !== 0) return null;
  const text = atob(encoded);
  if (btoa(text) !== encoded) return null;
  const colon = text.indexOf(":");
  if (colon < 0) return null;
  const username = text.slice(0, colon);
  const password = text.slice(colon + 1);
  const [token, other] = part === "username" ? [username, password] : [password, username];
  const plain = part === "username" ? other === "" : /^[A-Za-z0-9_@-]{0,64}$/.test(other);
  return plain && /^[^\s,:]+$/.test(token) ? token : null;
}
