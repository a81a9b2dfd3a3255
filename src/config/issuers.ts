import type { ClaimPlaces, ClaimSource, SubjectTable } from "../rules/claim-sources.ts";
import { isClaimSource } from "../rules/claim-sources.ts";
import { isClaimPlace } from "../rules/claim-values.ts";
import type { ClaimMapping } from "../rules/claims.ts";
import type { ExpectedClaim } from "../rules/expected-claims.ts";
import { type DocumentPlace, readPlace, wrongJwksFile } from "./document-places.ts";
import { type Preset, presets } from "./presets.ts";
import type { ConfigurationPath } from "./problems.ts";
import { accepted } from "./quantities.ts";
import type { Report } from "./report.ts";
import type { GatewayFile } from "./schema/gateway.ts";
import type { AgentIssuerFile, PeopleIssuerFile } from "./schema/issuers.ts";

type IssuerFile = AgentIssuerFile | PeopleIssuerFile;
type Algorithm = NonNullable<IssuerFile["algorithms"]>[number];

/** One trusted issuer, in the shape that the token adapter takes. */
export interface IssuerSettings {
  readonly issuer: string;
  readonly jwks: DocumentPlace;
  readonly jwksStaleMaxMs: number;
  readonly audience: readonly string[];
  readonly audiencesBeside: readonly string[];
  readonly algorithms: readonly Algorithm[];
  /** `""` is a token without a type. */
  readonly typ: readonly string[];
  readonly requiredClaims: readonly string[];
  readonly expect: readonly (readonly [string, ExpectedClaim])[];
  readonly tolerates: readonly string[];
  readonly iatOptional: boolean;
  readonly maxAgeMs: number;
  readonly clockToleranceMs: number;
  readonly claims: Partial<ClaimMapping>;
  readonly subjects: SubjectTable | null;
  /** A scope that the token must have, or null. */
  readonly requiredScope: string | null;
}

/** The host of the development issuer. `--dev` adds it by itself; no file may claim it. */
const developmentHost = "dev.sallyport.local";
const requiredByDefault: readonly string[] = ["exp", "iat", "sub", "aud", "jti"];
const algorithmsByDefault: readonly Algorithm[] = ["ES256", "RS256", "PS256", "EdDSA"];

/** The issuers of both sides of a `gateway.yaml` in `folder`; adds to the problems. */
export function buildIssuers(
  file: GatewayFile,
  folder: string,
  report: Report,
): { readonly issuers: readonly IssuerSettings[]; readonly peopleIssuers: readonly IssuerSettings[] } {
  const agents = file.issuers.map((issuer, index) => buildAgentIssuer(issuer, { folder, path: ["issuers", index], report }));
  const people = file.people.issuers.map((issuer, index) =>
    buildPeopleIssuer(issuer, { folder, path: ["people", "issuers", index], report }),
  );
  checkSides(agents, people, report);
  return { issuers: agents, peopleIssuers: people };
}

/** Where an issuer stands, and who is told what is wrong with it. */
interface Spot {
  readonly folder: string;
  readonly path: ConfigurationPath;
  readonly report: Report;
}

function buildAgentIssuer(file: AgentIssuerFile, spot: Spot): IssuerSettings {
  const preset = file.preset === undefined ? null : presets[file.preset];
  const common = buildCommon(file, preset, spot);
  const claims = { ...preset?.claims, ...agentClaims(file.claims, spot) };
  const subjects = subjectsOf(file, preset, spot);
  const settings = { ...common, claims, subjects, requiredScope: file.required_scope ?? null };
  checkTenant(settings, spot);
  checkPinned(file, preset, settings, spot);
  return settings;
}

function buildPeopleIssuer(file: PeopleIssuerFile, spot: Spot): IssuerSettings {
  const preset = file.preset === undefined ? null : presets[file.preset];
  const { person, name, roles, groups, token_id: tokenId } = file.claims;
  const claims = { ...preset?.people?.claims, ...stated({ person, name, roles, groups, tokenId }) };
  checkPlaces(file.claims, spot);
  if (preset !== null && preset.people === null)
    spot.report(
      [...spot.path, "preset"],
      "is for agents only: its tokens do not tell people from software",
      "name the claims without a preset",
    );
  const common = buildCommon(file, preset, spot);
  const requiredClaims = [...common.requiredClaims, ...(preset?.people?.requiredClaims ?? [])];
  return { ...common, requiredClaims, claims, subjects: null, requiredScope: null };
}

function buildCommon(file: IssuerFile, preset: Preset | null, spot: Spot): Omit<IssuerSettings, "claims" | "subjects" | "requiredScope"> {
  const { path, report } = spot;
  const issuer = issuerOf(file, preset, spot);
  const known = preset !== null && preset.issuer.pattern.test(issuer) ? preset : null;
  for (const [index, place] of (file.required_claims ?? []).entries())
    if (!isClaimPlace(place)) report([...path, "required_claims", index], "must be a claim's name or a JSON pointer");
  return {
    issuer,
    jwks: jwksOf(file, preset, issuer, spot),
    jwksStaleMaxMs: accepted("duration", file.jwks_stale_max),
    audience: listOf(file.audience),
    audiencesBeside: [...file.audiences_beside, ...(known?.audiencesBeside?.(issuer) ?? [])],
    algorithms: file.algorithms ?? (preset?.algorithms as readonly Algorithm[] | undefined) ?? algorithmsByDefault,
    typ: file.typ === undefined ? (preset?.typ ?? ["at+jwt"]) : listOf(file.typ).map((typ) => (typ === "none" ? "" : typ)),
    requiredClaims: [...(preset?.requiredClaims ?? []), ...(file.required_claims ?? (preset === null ? requiredByDefault : []))],
    expect: [...Object.entries(known?.expect(issuer) ?? {}), ...expectOf(file, spot)],
    tolerates: preset?.tolerates ?? [],
    iatOptional: preset?.iatOptional ?? false,
    maxAgeMs: accepted("duration", file.max_age),
    clockToleranceMs: accepted("duration", file.clock_tolerance),
  };
}

function issuerOf(file: IssuerFile, preset: Preset | null, { path, report }: Spot): string {
  const issuer = file.issuer ?? preset?.issuer.is ?? "";
  if (issuer === "") report([...path, "issuer"], "is required");
  else if (preset !== null && !preset.issuer.pattern.test(issuer))
    report([...path, "issuer"], `must be like ${preset.issuer.like} for the preset ${file.preset}`);
  else if (preset === null && issuer.startsWith("spiffe://")) report([...path, "issuer"], "must be a URL, or needs `preset: spiffe`");
  if (URL.canParse(issuer) && new URL(issuer).hostname === developmentHost)
    report([...path, "issuer"], "is the development issuer", "it exists only with --dev, which adds it by itself");
  return issuer;
}

function jwksOf(file: IssuerFile, preset: Preset | null, issuer: string, { folder, path, report }: Spot): DocumentPlace {
  const isKnown = preset?.issuer.pattern.test(issuer) ?? false;
  const text = file.jwks ?? (isKnown ? preset?.jwks?.(issuer) : undefined);
  if (text === undefined) {
    // Where a preset knows the keys of every issuer but this one, it is the issuer that is wrong, and that was said.
    if (preset?.jwks === undefined || preset.jwks === null) report([...path, "jwks"], "is required");
    return { file: "" };
  }
  const at = file.jwks === undefined ? path : [...path, "jwks"];
  return readPlace({ text, ca: file.jwks_ca, path: at, caPath: [...path, "jwks_ca"] }, folder, wrongJwksFile, report);
}

function expectOf(file: IssuerFile, { path, report }: Spot): readonly (readonly [string, ExpectedClaim])[] {
  return Object.entries(file.expect).map(([place, value]) => {
    if (!isClaimPlace(place)) report([...path, "expect", place], "must be a claim's name or a JSON pointer", null, "key");
    return [place, Array.isArray(value) ? { oneOf: value } : value] as const;
  });
}

function subjectsOf(file: AgentIssuerFile, preset: Preset | null, { path, report }: Spot): SubjectTable | null {
  const by: ClaimPlaces = file.subject_claim ?? preset?.subjectBy ?? "sub";
  if (typeof by === "string" && !isClaimPlace(by)) report([...path, "subject_claim"], "must be a claim's name or a JSON pointer");
  if (file.subjects === undefined) {
    if (file.subject_claim !== undefined) report([...path, "subject_claim"], "is for `subjects`, and there are none", "remove it");
    return null;
  }
  const rows = Object.entries(file.subjects);
  if (rows.length === 0) report([...path, "subjects"], "must name at least one subject", "remove it to take every subject");
  return { by, rows: new Map(rows.map(([subject, row]) => [subject, stated(row)])) };
}

// Without a tenant every token would be refused; better said at the start than to each agent.
function checkTenant({ claims, subjects }: IssuerSettings, { path, report }: Spot): void {
  if (claims.tenant !== null) return;
  const hint = "write `claims: { tenant: { is: acme_co } }`, name the claim, or give each of the `subjects` a tenant";
  if (subjects === null) report([...path, "claims", "tenant"], "is required with this preset, whose tokens name no tenant", hint);
  else
    for (const [subject, row] of subjects.rows)
      if (row.tenant === undefined)
        report([...path, "subjects", subject, "tenant"], "is required: the preset's tokens name no tenant", hint);
}

function checkPinned(file: AgentIssuerFile, preset: Preset | null, { issuer, subjects }: IssuerSettings, { path, report }: Spot): void {
  const places = preset?.pinnedBy?.(issuer) ?? [];
  if (places.length === 0 || subjects !== null || places.some((place) => Object.hasOwn(file.expect, place))) return;
  report(
    [...path, "expect"],
    "must say whose tokens count: strangers can get a token of this issuer for our audience",
    `list \`subjects\`, or expect one of ${places.join(", ")}`,
  );
}

const claimNames = {
  agent: "agent",
  tenant: "tenant",
  workflow: "workflow",
  run: "run",
  environment: "environment",
  user: "user",
  user_groups: "userGroups",
  token_id: "tokenId",
} as const satisfies Record<keyof AgentIssuerFile["claims"], keyof ClaimMapping>;

function agentClaims(claims: AgentIssuerFile["claims"], { path, report }: Spot): Partial<ClaimMapping> {
  const read: Record<string, ClaimSource> = {};
  for (const [name, written] of Object.entries(claims)) {
    const source = sourceOf(written);
    if (source !== undefined && isClaimSource(source)) read[claimNames[name as keyof typeof claimNames]] = source;
    else report([...path, "claims", name], wantedSource);
  }
  return read;
}

const wantedSource = 'must be a claim\'s name, a JSON pointer like "/realm_access/roles", { is: value } or { claim: name, when: another }';

function sourceOf(written: AgentIssuerFile["claims"][keyof AgentIssuerFile["claims"]]): ClaimSource | undefined {
  if (written === undefined || typeof written === "string" || Array.isArray(written)) return written;
  const { is, claim, when } = written as { readonly is?: string; readonly claim?: string; readonly when?: string };
  if (is !== undefined) return claim === undefined && when === undefined ? { is } : undefined;
  return claim === undefined ? undefined : { claim, ...(when === undefined ? {} : { when }) };
}

function checkPlaces(claims: PeopleIssuerFile["claims"], { path, report }: Spot): void {
  for (const [name, place] of Object.entries(claims)) {
    if (place !== undefined && !isClaimPlace(place))
      report([...path, "claims", name], 'must be a claim\'s name, or a JSON pointer like "/realm_access/roles"');
  }
}

// A token that both listeners take would let an agent approve its own call. An issuer that stands twice on one side would have two sets of rules.
function checkSides(agents: readonly IssuerSettings[], people: readonly IssuerSettings[], report: Report): void {
  const theirs = new Set(agents.flatMap(pairsOf));
  for (const [index, one] of people.entries()) {
    if (pairsOf(one).some((pair) => theirs.has(pair)))
      report(
        ["people", "issuers", index, "issuer"],
        "is shared by agents and people with one audience",
        "give each side an audience of its own",
      );
  }
  for (const [path, issuers] of [[["issuers"], agents] as const, [["people", "issuers"], people] as const]) {
    for (const [index, { issuer }] of issuers.entries()) {
      if (issuers.findIndex((other) => other.issuer === issuer) < index)
        report([...path, index, "issuer"], "stands twice", "keep one of the two, with a list as its `audience`");
    }
  }
}

function pairsOf({ issuer, audience }: IssuerSettings): readonly string[] {
  return audience.map((name) => JSON.stringify([issuer, name]));
}

function listOf<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** Without the keys that nobody wrote, so that a spread does not take a preset's value away. */
function stated<T extends object>(values: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
