import { type ClaimSource, idFrom, namePlaces, rowOf, type SubjectTable } from "./claim-sources.ts";
import { dateMs, expiryMs, idList, optionalId, optionalName, reading, unfitClaim } from "./claim-values.ts";
import { actorsOf } from "./delegation.ts";
import type { Denial } from "./denial.ts";
import type { JsonObject } from "./json.ts";
import { type Person, type Principal, type Role, roles } from "./principal.ts";

/**
 * Where the claims stand that name an agent or a person. Each place is a top-level claim's name, or, when it begins with `/`, an RFC 6901
 * pointer to a nested one (`/realm_access/roles`).
 */
export interface ClaimMapping {
  readonly agent: ClaimSource;
  readonly tenant: ClaimSource;
  readonly workflow: ClaimSource;
  readonly environment: ClaimSource;
  readonly run: ClaimSource;
  /** The person an agent acts for. Where an `act` claim says who acts, the default means the token's `sub`. */
  readonly user: ClaimSource;
  readonly userGroups: string;
  /** What revocations name. */
  readonly tokenId: string;
  /** The one key of a human, equal across all people's issuers. */
  readonly person: string;
  readonly name: string;
  readonly roles: string;
  readonly groups: string;
}

/** The mapping that holds where an issuer's configuration names no other. */
export const defaultClaims = {
  agent: "sub",
  tenant: "tenant",
  workflow: "workflow",
  environment: "environment",
  run: "run",
  user: "user",
  userGroups: "user_groups",
  tokenId: "jti",
  person: "sub",
  name: "name",
  roles: "roles",
  groups: "groups",
} as const satisfies ClaimMapping;

/**
 * Reads who calls from the claims of a verified agent token. `agent` and `tenant` are required; `environment` is `production` when absent;
 * workflow, run, user and token id are null when absent. A claim that is present must fit: null, blank and wrong types are refused, never
 * skipped. Where `act` says that somebody acts for the token's subject, the actor is the agent and the subject the user. A row of `subjects`
 * wins over the mapping. Codes: ERR_TOKEN_CLAIMS, naming the claim.
 */
export function principalFromClaims(
  claims: JsonObject,
  mapping: ClaimMapping,
  issuer: string,
  subjects: SubjectTable | null = null,
): Principal | Denial {
  return reading(() => {
    const actors = actorsOf(claims, issuer);
    const [actor = null, ...earlier] = actors;
    const row = subjects === null ? {} : rowOf(claims, subjects, actor);
    const user = actor === null ? idFrom(claims, mapping.user) : personActedFor(claims, mapping);
    const issuedAtMs = dateMs(claims, "iat");
    return {
      issuer,
      agent: row.agent ?? (actor === null ? requiredFrom(claims, mapping.agent) : agentOf(actor, mapping)),
      workflow: row.workflow ?? idFrom(claims, mapping.workflow),
      tenant: row.tenant ?? requiredFrom(claims, mapping.tenant),
      environment: row.environment ?? idFrom(claims, mapping.environment) ?? "production",
      run: idFrom(claims, mapping.run),
      user: user === null ? null : Object.freeze({ id: user, groups: idList(claims, mapping.userGroups) }),
      tokenId: optionalId(claims, mapping.tokenId),
      expiresAtMs: expiryMs(claims),
      ...(issuedAtMs === null ? {} : { issuedAtMs }),
      ...(earlier.length === 0 ? {} : { earlierActors: Object.freeze(earlier) }),
    };
  });
}

/**
 * Reads a human from the claims of a verified person's token. `person` is required; the name falls back to it. Roles that are not ours are
 * left out, because issuers send theirs along and an unknown role gives nothing; absent roles or groups are none. A token that somebody else
 * acts with (`act`) is no person's: software would vote as a human. Codes: ERR_TOKEN_CLAIMS.
 */
export function personFromClaims(claims: JsonObject, mapping: ClaimMapping, issuer = ""): Person | Denial {
  return reading(() => {
    if (Object.hasOwn(claims, "act")) unfitClaim("act", "says that somebody else acts with this token");
    const person = optionalId(claims, mapping.person) ?? unfitClaim(mapping.person, "is missing");
    const name = optionalName(claims, mapping.name) ?? person;
    const known = idList(claims, mapping.roles).filter((role): role is Role => (roles as readonly string[]).includes(role));
    const token = Object.freeze({ issuer, tokenId: optionalId(claims, mapping.tokenId) });
    return { person, name, roles: Object.freeze(known), groups: idList(claims, mapping.groups), expiresAtMs: expiryMs(claims), token };
  });
}

function requiredFrom(claims: JsonObject, source: ClaimSource): string {
  return idFrom(claims, source) ?? unfitClaim(namePlaces(source), "is missing");
}

// A fixed agent speaks for every token of its issuer, so that another actor contradicts the configuration.
function agentOf(actor: string, { agent }: ClaimMapping): string {
  const fixed = typeof agent === "object" && agent !== null && "is" in agent ? agent.is : actor;
  return fixed === actor ? actor : unfitClaim("/act/sub", "is not the agent that the configuration names");
}

// A mapping of one's own may choose another claim for the person's key (an e-mail address, say), but that claim must then be there; with the
// default one, a token that names its subject and yet another user says two things.
function personActedFor(claims: JsonObject, mapping: ClaimMapping): string {
  const own = mapping.user !== defaultClaims.user && mapping.user !== null;
  if (own) return requiredFrom(claims, mapping.user);
  const subject = optionalId(claims, "sub") ?? unfitClaim("sub", "is missing");
  const user = optionalId(claims, defaultClaims.user) ?? subject;
  return user === subject ? user : unfitClaim(defaultClaims.user, "is not the subject that the token's actor acts for");
}
