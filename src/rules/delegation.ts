import { claimAt, fitId, unfitClaim } from "./claim-values.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

/** Most actors in one token, the acting one included: longer chains are nobody's plan, and each is shown to people. */
export const actorsMax = 4;

/**
 * The actors of a token with an `act` claim (RFC 8693 section 4.1), the one who acts now first, then the earlier ones; empty when nobody acts for
 * anybody. Only the first says who calls; the others are a record and give nothing. Each must have a `sub` that fits, and an `iss`, where there
 * is one, must be the token's own: an id of another issuer would be another actor under the same name. Throws `UnfitClaim`.
 */
export function actorsOf(claims: JsonObject, issuer: string): readonly string[] {
  const actors: string[] = [];
  let holder = claims;
  for (let place = "/act"; Object.hasOwn(holder, "act"); place = `${place}/act`) {
    const act = holder["act"];
    if (actors.length === actorsMax) unfitClaim("act", `names more than ${actorsMax} actors`);
    if (!isJsonObject(act)) return unfitClaim(place, "must be an object");
    const { sub, iss = issuer } = { sub: claimAt(act, "sub"), iss: claimAt(act, "iss") };
    if (iss !== issuer) unfitClaim(`${place}/iss`, "is not the issuer of the token");
    actors.push(sub === undefined ? unfitClaim(`${place}/sub`, "is missing") : fitId(sub, `${place}/sub`));
    holder = act;
  }
  return Object.freeze(actors);
}
