import type { ClaimPlaces } from "../rules/claim-sources.ts";
import type { ClaimMapping } from "../rules/claims.ts";
import type { ExpectedClaim } from "../rules/expected-claims.ts";

/** The identity providers whose tokens are known here. */
export const presetNames = ["entra", "google", "aws_sts", "auth0", "okta", "keycloak", "kubernetes", "spiffe", "github_actions"] as const;
export type PresetName = (typeof presetNames)[number];

/** What a provider's tokens look like. The configuration adds to it and never takes from `requiredClaims` and `expect`. */
export interface Preset {
  /** Which `issuer` may stand in the file; `is` when there is only one, which then may be left out. */
  readonly issuer: { readonly is?: string; readonly pattern: RegExp; readonly like: string };
  /** Where the provider publishes the keys of an issuer; null when `jwks` must say. */
  readonly jwks: ((issuer: string) => string) | null;
  readonly algorithms: readonly string[];
  /** Header types; `""` is a token without one. */
  readonly typ: readonly string[];
  readonly requiredClaims: readonly string[];
  readonly expect: (issuer: string) => Readonly<Record<string, ExpectedClaim>>;
  /** Claims of ID tokens that its access tokens have too. */
  readonly tolerates?: readonly string[];
  readonly iatOptional?: true;
  /** Audiences that the provider writes beside ours. */
  readonly audiencesBeside?: (issuer: string) => readonly string[];
  readonly claims: Partial<ClaimMapping>;
  /** What `subjects` are listed by. */
  readonly subjectBy: ClaimPlaces;
  /** Strangers can get a token of this issuer with our audience: `subjects`, or one of these claims in `expect`, must say whose count. */
  readonly pinnedBy?: (issuer: string) => readonly string[];
  /** How people's tokens differ; null when the provider has none that tell people from software. */
  readonly people: { readonly requiredClaims: readonly string[]; readonly claims: Partial<ClaimMapping> } | null;
}

// Claims with the plain names of the defaults are nobody's in these tokens: whoever could write one there would choose a tenant or a user.
const unnamed = { tenant: null, workflow: null, environment: null, run: null, user: null } as const;
const ecAndRsa = ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] as const;
const clientId = ["azp", "client_id"] as const;
const trustDomain = /^spiffe:\/\/[a-z0-9._-]+/;
const pathOf = (issuer: string, part: number): string => new URL(issuer).pathname.split("/")[part] ?? "";

/** One row for each provider; `docs/identity.md` shows a token of each. */
export const presets: Readonly<Record<PresetName, Preset>> = {
  entra: {
    issuer: {
      pattern:
        /^https:\/\/login\.(microsoftonline\.com|microsoftonline\.us|partner\.microsoftonline\.cn)\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/v2\.0$/,
      like: "https://login.microsoftonline.com/<tenant id>/v2.0",
    },
    jwks: (issuer) => `${issuer.slice(0, -"/v2.0".length)}/discovery/v2.0/keys`,
    algorithms: ["RS256"],
    typ: ["JWT"],
    requiredClaims: ["sub", "azp", "oid", "tid", "ver"],
    expect: (issuer) => ({ tid: pathOf(issuer, 1), ver: "2.0" }),
    claims: { ...unnamed, agent: "azp", user: { claim: "oid", when: "scp" }, userGroups: "groups", tokenId: "uti" },
    subjectBy: "azp",
    people: { requiredClaims: ["scp"], claims: { person: "oid", roles: "roles", groups: "groups", tokenId: "uti" } },
  },
  google: {
    issuer: { is: "https://accounts.google.com", pattern: /^https:\/\/accounts\.google\.com$/, like: "https://accounts.google.com" },
    jwks: () => "https://www.googleapis.com/oauth2/v3/certs",
    algorithms: ["RS256"],
    typ: ["JWT"],
    requiredClaims: ["sub", "azp", "email", "email_verified"],
    expect: () => ({ email_verified: true, email: { ends: ".gserviceaccount.com" } }),
    claims: { ...unnamed, agent: "email" },
    subjectBy: "email",
    pinnedBy: () => ["email", "sub", "azp"],
    people: null,
  },
  aws_sts: {
    issuer: {
      pattern: /^https:\/\/[A-Za-z0-9-]+\.tokens\.sts\.global\.api\.aws$/,
      like: "https://<your account's id>.tokens.sts.global.api.aws",
    },
    jwks: (issuer) => `${issuer}/.well-known/jwks.json`,
    algorithms: ["ES384", "RS256"],
    typ: ["JWT"],
    requiredClaims: ["sub", "jti", "/https:~1~1sts.amazonaws.com~1/aws_account"],
    expect: () => ({ sub: { begins: "arn:aws" } }),
    claims: { ...unnamed, agent: "sub" },
    subjectBy: "sub",
    people: null,
  },
  auth0: {
    issuer: { pattern: /^https:\/\/[^/]+\/$/, like: "https://<your domain>.auth0.com/ (with the slash)" },
    jwks: (issuer) => `${issuer}.well-known/jwks.json`,
    algorithms: ["RS256", "PS256"],
    typ: ["at+jwt", "JWT"],
    requiredClaims: ["sub"],
    expect: () => ({}),
    audiencesBeside: (issuer) => [`${issuer}userinfo`],
    claims: {
      ...unnamed,
      agent: clientId,
      user: { claim: "sub", unless: { claim: "sub", sameAs: clientId, suffix: "@clients" } },
    },
    subjectBy: clientId,
    people: null,
  },
  okta: {
    issuer: { pattern: /^https:\/\/[^/]+\/oauth2\/[A-Za-z0-9]+$/, like: "https://<your domain>.okta.com/oauth2/<authorization server>" },
    jwks: (issuer) => `${issuer}/v1/keys`,
    algorithms: ["RS256"],
    typ: [""],
    requiredClaims: ["sub", "cid", "jti", "scp", "ver"],
    expect: () => ({ ver: 1 }),
    tolerates: ["auth_time"],
    claims: { ...unnamed, agent: "cid", user: "uid", userGroups: "groups" },
    subjectBy: "cid",
    people: { requiredClaims: ["uid"], claims: { person: "uid", name: "sub", roles: "roles", groups: "groups" } },
  },
  keycloak: {
    issuer: { pattern: /^https?:\/\/.+\/realms\/[^/]+$/, like: "https://<your host>/realms/<realm>" },
    jwks: (issuer) => `${issuer}/protocol/openid-connect/certs`,
    algorithms: [...ecAndRsa, "EdDSA"],
    typ: ["JWT", "at+jwt"],
    requiredClaims: ["sub", "azp", "jti", "typ"],
    expect: () => ({ typ: "Bearer" }),
    tolerates: ["auth_time"],
    audiencesBeside: () => ["account"],
    claims: {
      ...unnamed,
      agent: "azp",
      user: { claim: "sub", unless: { claim: "preferred_username", prefix: "service-account-", sameAs: "azp" } },
      userGroups: "groups",
    },
    subjectBy: "azp",
    people: { requiredClaims: ["sid"], claims: { person: "sub", name: "name", roles: "/realm_access/roles", groups: "groups" } },
  },
  kubernetes: {
    issuer: { pattern: /^https:\/\//, like: "https://<the cluster's service account issuer>" },
    jwks: (issuer) => `${issuer.replace(/\/$/, "")}/openid/v1/jwks`,
    algorithms: ecAndRsa,
    typ: [""],
    requiredClaims: ["sub", "/kubernetes.io/namespace", "/kubernetes.io/serviceaccount/name", "/kubernetes.io/serviceaccount/uid"],
    expect: () => ({ sub: { begins: "system:serviceaccount:" } }),
    claims: { ...unnamed, agent: "sub" },
    subjectBy: "sub",
    people: null,
  },
  spiffe: {
    issuer: {
      pattern: /^(https:\/\/|spiffe:\/\/[a-z0-9._-]+$)/,
      like: "spiffe://<trust domain>, or the URL that the tokens name as `iss`",
    },
    jwks: null,
    algorithms: ecAndRsa,
    typ: ["", "JWT", "JOSE"],
    requiredClaims: ["sub"],
    expect: (issuer) => ({ sub: { begins: trustDomain.test(issuer) ? `${issuer}/` : "spiffe://" } }),
    iatOptional: true,
    claims: { ...unnamed, agent: "sub" },
    subjectBy: "sub",
    pinnedBy: (issuer) => (trustDomain.test(issuer) ? [] : ["sub"]),
    people: null,
  },
  github_actions: {
    issuer: {
      is: "https://token.actions.githubusercontent.com",
      pattern: /^https:\/\/[^/]+(\/[^/]+)*$/,
      like: "https://token.actions.githubusercontent.com, or your own GitHub's",
    },
    jwks: (issuer) => `${issuer}/.well-known/jwks`,
    algorithms: ["RS256"],
    typ: ["JWT"],
    requiredClaims: [
      "sub",
      "jti",
      "repository",
      "repository_id",
      "repository_owner",
      "repository_owner_id",
      "ref",
      "run_id",
      "workflow_ref",
    ],
    expect: () => ({ sub: { begins: "repo:" } }),
    claims: { ...unnamed, agent: "repository", run: "run_id" },
    subjectBy: "repository",
    pinnedBy: () => ["repository", "repository_id", "repository_owner", "repository_owner_id", "job_workflow_ref", "workflow_ref", "sub"],
    people: null,
  },
};
