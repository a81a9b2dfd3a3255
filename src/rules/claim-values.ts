import { type Denial, deny } from "./denial.ts";
import { atPointer, type JsonObject, type JsonValue } from "./json.ts";

/** Longest text taken from a claim, in UTF-16 units. */
export const claimLengthMax = 200;
/** Longest text that is only looked up in a table, in UTF-16 units: as long as a SPIFFE id or a role's ARN may be. */
export const lookupLengthMax = 2048;
/** Most values taken from a list claim. */
export const claimItemsMax = 200;
/** The end of the year 9999 in Unix seconds: later dates are a mistake, or an attempt to make a token that never ends. */
export const numericDateMax = 253_402_300_799;

// Ids are compared, logged and shown to approvers. Invisible, private and direction-changing characters would let two different ids look alike.
const unfitForId = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;
// A person's displayed name may need a zero-width joiner (Persian, emoji), but never a control, a line break or a change of direction.
const unfitForName = /[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/u;

// The readers below throw this one private value, so that each field of a principal stays one line; `reading` turns it into its denial.
class UnfitClaim {
  readonly denial: Denial;
  constructor(place: string, problem: string) {
    this.denial = deny("ERR_TOKEN_CLAIMS", `The token's claim "${place}" ${problem}.`);
  }
}

/** Runs readers of this file and freezes what they made; the first claim that does not fit becomes the denial. */
export function reading<T extends object>(read: () => T): Readonly<T> | Denial {
  try {
    return Object.freeze(read());
  } catch (fault) {
    if (fault instanceof UnfitClaim) return fault.denial;
    throw fault;
  }
}

/** Ends the reading with ERR_TOKEN_CLAIMS: `problem` completes the sentence that begins with the claim. */
export function unfitClaim(place: string, problem: string): never {
  throw new UnfitClaim(place, problem);
}

/** The value that a place names, or undefined when the token does not have it. */
export function claimAt(claims: JsonObject, place: string): JsonValue | undefined {
  if (place.startsWith("/")) return atPointer(claims, place);
  return Object.hasOwn(claims, place) ? claims[place] : undefined;
}

/** Whether a text can name a claim: 1 to 200 characters, and a well-formed pointer when it begins with `/`. */
export function isClaimPlace(place: string): boolean {
  if (place.length === 0 || place.length > claimLengthMax || unfitForId.test(place)) return false;
  return !place.startsWith("/") || !/~(?![01])/.test(place);
}

/** Whether a text could be an id in a token. */
export function isId(text: string): boolean {
  return (
    text.length > 0 && text.length <= claimLengthMax && text.trim() === text && !unfitForId.test(text) && text.normalize("NFC") === text
  );
}

/** An id, or null when the claim is absent. A claim that is present must fit. */
export function optionalId(claims: JsonObject, place: string): string | null {
  const value = claimAt(claims, place);
  return value === undefined ? null : fitId(value, place);
}

/** A value as an id of at most `lengthMax` characters. */
export function fitId(value: JsonValue, place: string, lengthMax: number = claimLengthMax): string {
  return fitText(value, place, unfitForId, lengthMax);
}

/** A name to show, or null when the claim is absent. */
export function optionalName(claims: JsonObject, place: string): string | null {
  const value = claimAt(claims, place);
  return value === undefined ? null : fitText(value, place, unfitForName, claimLengthMax);
}

function fitText(value: JsonValue, place: string, unfit: RegExp, lengthMax: number): string {
  if (typeof value !== "string") return unfitClaim(place, "must be a string");
  if (value.length === 0 || value.trim() !== value) unfitClaim(place, "must not be empty or begin or end with white space");
  if (value.length > lengthMax) unfitClaim(place, `must have at most ${lengthMax} characters`);
  if (unfit.test(value)) unfitClaim(place, "has a control or invisible character");
  if (value.normalize("NFC") !== value) unfitClaim(place, "must be in Unicode form NFC");
  return value;
}

/** A list of ids, each once; none when the claim is absent. */
export function idList(claims: JsonObject, place: string): readonly string[] {
  const value = claimAt(claims, place);
  if (value === undefined) return Object.freeze([]);
  if (!Array.isArray(value)) return unfitClaim(place, "must be a list of strings");
  if (value.length > claimItemsMax) unfitClaim(place, `must have at most ${claimItemsMax} values`);
  return Object.freeze([...new Set(value.map((item: JsonValue) => fitId(item, place)))]);
}

/** The end of a token in Unix milliseconds; `exp` must be there. */
export function expiryMs(claims: JsonObject): number {
  return dateMs(claims, "exp") ?? unfitClaim("exp", "is missing");
}

/** A date claim in Unix milliseconds, or null when it is absent. */
export function dateMs(claims: JsonObject, place: string): number | null {
  const value = claimAt(claims, place);
  if (value === undefined) return null;
  return isNumericDate(value) ? Math.floor(value * 1000) : unfitClaim(place, "must be a date in Unix seconds");
}

/** Whether a claim is a usable RFC 7519 NumericDate: a number of seconds from 1 to the end of the year 9999. */
export function isNumericDate(value: JsonValue | undefined): value is number {
  return typeof value === "number" && value >= 1 && value <= numericDateMax;
}
