import { type Denial, deny } from "./denial.ts";
import { atPointer, type JsonObject, type JsonValue } from "./json.ts";
import { type Person, type Principal, type Role, roles } from "./principal.ts";

/**
 * Where the claims stand that name an agent or a person. Each value is a top-level claim's name, or, when it begins with `/`, an RFC 6901
 * pointer to a nested one (`/realm_access/roles`).
 */
export interface ClaimMapping {
  readonly agent: string;
  readonly tenant: string;
  readonly workflow: string;
  readonly environment: string;
  readonly run: string;
  /** The person an agent acts for. */
  readonly user: string;
  readonly userGroups: string;
  /** The one key of a human, equal across all people's issuers. */
  readonly person: string;
  readonly name: string;
  readonly roles: string;
  readonly groups: string;
}

/** The mapping that holds where an issuer's configuration names no other. */
export const defaultClaims: ClaimMapping = {
  agent: "sub",
  tenant: "tenant",
  workflow: "workflow",
  environment: "environment",
  run: "run",
  user: "user",
  userGroups: "user_groups",
  person: "sub",
  name: "name",
  roles: "roles",
  groups: "groups",
};

/** Longest text taken from a claim, in UTF-16 units. */
export const claimLengthMax = 200;
/** Most values taken from a list claim. */
export const claimItemsMax = 200;
/** The end of the year 9999 in Unix seconds: later dates are a mistake, or an attempt to make a token that never ends. */
export const numericDateMax = 253_402_300_799;

// Ids are compared, logged and shown to approvers. Invisible, private and direction-changing characters would let two different ids look alike.
const unfitForId = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;
// A person's displayed name may need a zero-width joiner (Persian, emoji), but never a control, a line break or a change of direction.
const unfitForName = /[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/u;

/**
 * Reads who calls from the claims of a verified agent token. `agent` and `tenant` are required; `environment` is `production` when absent;
 * workflow, run, user and token id are null when absent. A claim that is present must fit: null, blank and wrong types are refused, never
 * skipped. Codes: ERR_TOKEN_CLAIMS, naming the claim.
 */
export function principalFromClaims(claims: JsonObject, mapping: ClaimMapping, issuer: string): Principal | Denial {
  return reading(() => {
    const user = optionalId(claims, mapping.user);
    return {
      issuer,
      agent: requiredId(claims, mapping.agent),
      workflow: optionalId(claims, mapping.workflow),
      tenant: requiredId(claims, mapping.tenant),
      environment: optionalId(claims, mapping.environment) ?? "production",
      run: optionalId(claims, mapping.run),
      user: user === null ? null : Object.freeze({ id: user, groups: idList(claims, mapping.userGroups) }),
      tokenId: optionalId(claims, "jti"),
      expiresAtMs: expiryMs(claims),
    };
  });
}

/**
 * Reads a human from the claims of a verified person's token. `person` is required; the name falls back to it. Roles that are not ours are
 * left out, because issuers send theirs along and an unknown role gives nothing; absent roles or groups are none. Codes: ERR_TOKEN_CLAIMS.
 */
export function personFromClaims(claims: JsonObject, mapping: ClaimMapping): Person | Denial {
  return reading(() => {
    const person = requiredId(claims, mapping.person);
    const name = text(claims, mapping.name, unfitForName) ?? person;
    const known = idList(claims, mapping.roles).filter((role): role is Role => (roles as readonly string[]).includes(role));
    return { person, name, roles: Object.freeze(known), groups: idList(claims, mapping.groups), expiresAtMs: expiryMs(claims) };
  });
}

/** The value that a mapping's entry names, or undefined when the token does not have it. */
export function claimAt(claims: JsonObject, place: string): JsonValue | undefined {
  if (place.startsWith("/")) return atPointer(claims, place);
  return Object.hasOwn(claims, place) ? claims[place] : undefined;
}

/** Whether a mapping's entry can name a claim: 1 to 200 characters, and a well-formed pointer when it begins with `/`. */
export function isClaimPlace(place: string): boolean {
  if (place.length === 0 || place.length > claimLengthMax || unfitForId.test(place)) return false;
  return !place.startsWith("/") || !/~(?![01])/.test(place);
}

// The leaves below throw this one private value, so that each field above stays one line; it never leaves this file.
class UnfitClaim {
  readonly denial: Denial;
  constructor(place: string, problem: string) {
    this.denial = deny("ERR_TOKEN_CLAIMS", `The token's claim "${place}" ${problem}.`);
  }
}

function reading<T extends object>(read: () => T): Readonly<T> | Denial {
  try {
    return Object.freeze(read());
  } catch (fault) {
    if (fault instanceof UnfitClaim) return fault.denial;
    throw fault;
  }
}

function requiredId(claims: JsonObject, place: string): string {
  const value = optionalId(claims, place);
  if (value === null) throw new UnfitClaim(place, "is missing");
  return value;
}

function optionalId(claims: JsonObject, place: string): string | null {
  return text(claims, place, unfitForId);
}

function text(claims: JsonObject, place: string, unfit: RegExp): string | null {
  const value = claimAt(claims, place);
  return value === undefined ? null : fitText(value, place, unfit);
}

function fitText(value: JsonValue, place: string, unfit: RegExp): string {
  if (typeof value !== "string") throw new UnfitClaim(place, "must be a string");
  if (value.length === 0 || value.trim() !== value) throw new UnfitClaim(place, "must not be empty or begin or end with white space");
  if (value.length > claimLengthMax) throw new UnfitClaim(place, `must have at most ${claimLengthMax} characters`);
  if (unfit.test(value)) throw new UnfitClaim(place, "has a control or invisible character");
  if (value.normalize("NFC") !== value) throw new UnfitClaim(place, "must be in Unicode form NFC");
  return value;
}

function idList(claims: JsonObject, place: string): readonly string[] {
  const value = claimAt(claims, place);
  if (value === undefined) return Object.freeze([]);
  if (!Array.isArray(value)) throw new UnfitClaim(place, "must be a list of strings");
  if (value.length > claimItemsMax) throw new UnfitClaim(place, `must have at most ${claimItemsMax} values`);
  return Object.freeze([...new Set(value.map((item: JsonValue) => fitText(item, place, unfitForId)))]);
}

function expiryMs(claims: JsonObject): number {
  const value = claimAt(claims, "exp");
  if (value === undefined) throw new UnfitClaim("exp", "is missing");
  if (!isNumericDate(value)) throw new UnfitClaim("exp", "must be a date in Unix seconds");
  return Math.floor(value * 1000);
}

/** Whether a claim is a usable RFC 7519 NumericDate: a number of seconds from 1 to the end of the year 9999. */
export function isNumericDate(value: JsonValue | undefined): value is number {
  return typeof value === "number" && value >= 1 && value <= numericDateMax;
}
