import { claimAt, fitId, isClaimPlace, isId, lookupLengthMax, unfitClaim } from "./claim-values.ts";
import type { JsonObject } from "./json.ts";

/** One place, or several of which at least one must hold the value; where more than one does, they must agree. */
export type ClaimPlaces = string | readonly string[];

/** A value that stands in the configuration because the issuer cannot write it into tokens. */
export interface FixedValue {
  readonly is: string;
}

/** A claim that is read only in some tokens. */
export interface ConditionalClaim {
  readonly claim: ClaimPlaces;
  /** Read only in tokens that have this claim. */
  readonly when?: string;
  /** Not read in tokens that an agent got for itself, by the name that the issuer then gives it. */
  readonly unless?: OwnName;
}

/** True of a token whose `claim` is `prefix` + the value at `sameAs` + `suffix`, letters of ASCII compared without case. */
export interface OwnName {
  readonly claim: string;
  readonly prefix?: string;
  readonly sameAs: ClaimPlaces;
  readonly suffix?: string;
}

/** Where one id of a principal comes from. Null: no token says it. */
export type ClaimSource = ClaimPlaces | FixedValue | ConditionalClaim | null;

/** What a table says about one subject. */
export interface SubjectRow {
  readonly agent?: string;
  readonly tenant?: string;
  readonly workflow?: string;
  readonly environment?: string;
}

/** The subjects of an issuer that may call at all, by the value of a claim. Who is not in it is refused. */
export interface SubjectTable {
  readonly by: ClaimPlaces;
  readonly rows: ReadonlyMap<string, SubjectRow>;
}

/** The id that a source names, or null when the token does not say it. Throws `UnfitClaim` for what does not fit. */
export function idFrom(claims: JsonObject, source: ClaimSource): string | null {
  if (source === null) return null;
  if (typeof source === "string" || isPlaces(source)) return idAt(claims, source);
  if ("is" in source) return source.is;
  if (source.when !== undefined && claimAt(claims, source.when) === undefined) return null;
  if (source.unless !== undefined && isOwnName(claims, source.unless)) return null;
  return idAt(claims, source.claim);
}

/** The places of a source in words, for messages. */
export function namePlaces(source: ClaimSource): string {
  if (source === null) return "";
  if (typeof source === "string") return source;
  if (isPlaces(source)) return source.join('" or "');
  return "is" in source ? source.is : namePlaces(source.claim);
}

/** The row of a verified token's subject, or of `actor` when somebody acts. Throws `UnfitClaim` for a subject that is not in the table. */
export function rowOf(claims: JsonObject, { by, rows }: SubjectTable, actor: string | null): SubjectRow {
  const subject = actor ?? idAt(claims, by, lookupLengthMax);
  const row = subject === null ? undefined : rows.get(subject);
  return row ?? unfitClaim(actor === null ? namePlaces(by) : "/act/sub", "names no subject of the configuration");
}

/** Whether a source is one that can be read. */
export function isClaimSource(source: ClaimSource): boolean {
  if (source === null) return true;
  if (typeof source === "string" || isPlaces(source)) return arePlaces(source);
  if ("is" in source) return isId(source.is);
  return arePlaces(source.claim) && (source.when === undefined || isClaimPlace(source.when));
}

function arePlaces(places: ClaimPlaces): boolean {
  return typeof places === "string" ? isClaimPlace(places) : places.length > 0 && places.every(isClaimPlace);
}

function isPlaces(source: object): source is readonly string[] {
  return Array.isArray(source);
}

function idAt(claims: JsonObject, places: ClaimPlaces, lengthMax?: number): string | null {
  let found: string | null = null;
  for (const place of typeof places === "string" ? [places] : places) {
    const value = claimAt(claims, place);
    if (value === undefined) continue;
    const id = fitId(value, place, lengthMax);
    if (found !== null && found !== id) unfitClaim(place, "contradicts another claim of the token");
    found = id;
  }
  return found;
}

function isOwnName(claims: JsonObject, { claim, prefix = "", sameAs, suffix = "" }: OwnName): boolean {
  const name = claimAt(claims, claim);
  const own = idAt(claims, sameAs);
  return typeof name === "string" && own !== null && lowered(name) === lowered(`${prefix}${own}${suffix}`);
}

// Only ASCII: other letters have pairs that some issuer may take for two names.
function lowered(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
