import type { Static } from "typebox";
import { defaultClaims } from "../../rules/claims.ts";
import { presetNames } from "../presets.ts";
import { absentable, anyForm, byName, count, fields, flag, list, names, oneOf, quantity, text } from "./kinds.ts";

const claimName = (field: { readonly description: string; readonly example: string }) => text(field, { lengthMax: 200 });

/** A claim of people's tokens; absent means the preset's, or the name told here. */
const claim = (who: string, byDefault: string) =>
  absentable(
    claimName({
      description: `The claim that holds ${who}: a top-level name, or a JSON pointer when it begins with a slash. Absent: the preset's, else \`${byDefault}\`.`,
      example: byDefault,
    }),
  );

const claimForms = 'a claim\'s name, a JSON pointer, a list of them, { is: "a fixed value" } or { claim: name, when: another }';
const claimPlaces = (example: string) =>
  list(
    { description: "Claims of which one must hold it; where several do, they must agree.", example: [example] },
    claimName({ description: "One claim.", example }),
    { min: 1, max: 4, unique: true },
  );
const claimObject = fields(
  {
    is: absentable(text({ description: "This value for every token of the issuer, whose tokens do not say it.", example: "acme_co" })),
    claim: absentable(claimName({ description: "A claim that only some tokens have a right to be read.", example: "oid" })),
    when: absentable(claimName({ description: "It is read only in tokens that have this claim too.", example: "scp" })),
  },
  { description: "A fixed value, or a claim with a condition.", example: { is: "acme_co" } },
);

/** Where one id of an agent's token stands. */
const source = (who: string, byDefault: string) =>
  absentable(
    anyForm(
      {
        description: `The claim that holds ${who}: ${claimForms}. Absent: the preset's, else \`${byDefault}\`.`,
        example: byDefault,
        like: claimForms,
      },
      [claimName({ description: "A claim's name or a JSON pointer.", example: byDefault }), claimPlaces(byDefault), claimObject],
    ),
  );

const algorithms = ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA", "Ed25519"] as const;
const types = ["at+jwt", "JWT", "JOSE", "none"] as const;
const expectForms = "text, a number, true or false, a list of texts, or { begins: text }";
const oneValue = { description: "The value.", example: "acme" };

const expected = byName(
  {
    description:
      "Claims that must have a certain value, by name or JSON pointer; with a preset they hold beside its own. The way to take tokens of one account, repository or namespace only.",
    key: "<claim>",
    default: {},
    example: { repository_owner: "acme" },
  },
  { pattern: "^.{1,200}$", like: "a claim's name or a JSON pointer" },
  anyForm({ description: `What it must be: ${expectForms}.`, example: "acme", like: expectForms }, [
    text(oneValue),
    flag({ description: "The value.", example: true }),
    count({ description: "The value.", example: 1 }, 0, Number.MAX_SAFE_INTEGER),
    list({ description: "One of these.", example: ["acme"] }, text(oneValue), { min: 1, max: 100, unique: true }),
    fields(
      { begins: text({ description: "How the text must begin.", example: "refs/tags/" }) },
      { description: "A beginning.", example: { begins: "refs/tags/" } },
    ),
  ]),
);

const issuerFields = {
  preset: absentable(
    oneOf(
      {
        description:
          "The identity provider: sets algorithms, types, required claims and where claims stand. Everything below still counts. See docs/identity.md.",
        example: "entra",
      },
      presetNames,
    ),
  ),
  issuer: absentable(
    text(
      {
        description:
          "The issuer, compared with the token's `iss` character by character. Required, except with the presets google and github_actions.",
        example: "https://id.example.com/agents",
      },
      { pattern: "^(https|http|spiffe)://", like: 'a URL like "https://id.example.com"' },
    ),
  ),
  jwks: absentable(
    text({
      description:
        "Where its public keys are: an https URL (http on loopback only), or a JWK set file, relative to this file. Required, except where a preset knows.",
      example: "https://id.example.com/jwks.json",
    }),
  ),
  jwks_ca: absentable(
    text({
      description:
        "PEM file of a private certificate authority for the URL of the keys, which is then the only one trusted. Absent: the public ones.",
      unit: "path",
      example: "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
    }),
  ),
  jwks_stale_max: quantity(
    "duration",
    {
      description: "While the keys cannot be read, the last good ones count until they are this old; then every token is refused.",
      default: "1h",
      example: "15m",
    },
    { min: "1m", max: "24h" },
  ),
  audience: anyForm(
    {
      description: "Our name at this issuer, or several; a token's `aud` must name one of them and nobody else.",
      example: "sallyport",
      like: "one name or a list of names",
    },
    [
      text({ description: "One name.", example: "sallyport" }),
      list({ description: "Several names.", example: ["sallyport"] }, text({ description: "One name.", example: "sallyport" }), {
        min: 1,
        max: 16,
        unique: true,
      }),
    ],
  ),
  audiences_beside: list(
    {
      description: "Other names that may stand in `aud` beside ours. Whoever they are gets tokens that are good here.",
      default: [],
      example: ["userinfo"],
    },
    text({ description: "One name.", example: "userinfo" }),
    { max: 16, unique: true },
  ),
  algorithms: absentable(
    list(
      {
        description:
          "Signature algorithms that this issuer may use; asymmetric ones only. Absent: the preset's, else ES256, RS256, PS256 and EdDSA.",
        example: ["ES256"],
      },
      oneOf({ description: "One algorithm.", example: "ES256" }, algorithms),
      { min: 1, max: 11, unique: true },
    ),
  ),
  typ: absentable(
    anyForm(
      {
        description:
          "The token type that the header must state, or several; `none` is a token without one. Absent: the preset's, else `at+jwt`.",
        example: "JWT",
        like: `${types.join(", ")}, or a list of them`,
      },
      [
        oneOf({ description: "One type.", example: "JWT" }, types),
        list({ description: "Several types.", example: ["JWT"] }, oneOf({ description: "One type.", example: "JWT" }, types), {
          min: 1,
          max: 4,
          unique: true,
        }),
      ],
    ),
  ),
  required_claims: absentable(
    list(
      {
        description:
          "Claims that must be there beside `iss`, by name or JSON pointer. With a preset they are added to its own. Absent: exp, iat, sub, aud and jti.",
        example: ["exp", "iat", "sub", "aud"],
      },
      claimName({ description: "One claim.", example: "jti" }),
      { max: 32, unique: true },
    ),
  ),
  expect: expected,
  max_age: quantity(
    "duration",
    { description: "Oldest token accepted, counted from `iat`, whatever its `exp`.", default: "24h", example: "1h" },
    { min: "1s", max: "400d" },
  ),
  clock_tolerance: quantity(
    "duration",
    { description: "Grace for `nbf` and `iat` when clocks differ; `exp` gets none.", default: "5s", example: "30s" },
    { min: "0s", max: "60s" },
  ),
};

const subjects = byName(
  {
    description:
      "The only subjects that may call, by the claim `subject_claim`, and what their tokens cannot say themselves. Absent: every subject that the claims name.",
    key: "<subject>",
    example: { "system:serviceaccount:agents:billing": { agent: "billing-dispute-v3", tenant: "acme_co" } },
  },
  { pattern: "^[^\\s\\p{C}](.{0,2046}[^\\s\\p{C}])?$", like: "a subject as the token writes it" },
  fields(
    {
      agent: absentable(text({ description: "The agent's id. Absent: by `claims.agent`.", example: "billing-dispute-v3" }, names.id)),
      tenant: absentable(text({ description: "The tenant. Absent: by `claims.tenant`.", example: "acme_co" }, names.tenant)),
      workflow: absentable(text({ description: "The workflow. Absent: by `claims.workflow`.", example: "billing-dispute" }, names.id)),
      environment: absentable(
        text({ description: "The environment. Absent: by `claims.environment`.", example: "production" }, names.environment),
      ),
    },
    { description: "What this subject is here.", example: { agent: "billing-dispute-v3", tenant: "acme_co" } },
  ),
);

/** One issuer of agents' tokens in `gateway.yaml`. */
export const agentIssuer = fields(
  {
    ...issuerFields,
    required_scope: absentable(
      text(
        { description: "A scope that a token must have, in its claim `scope` or `scp`. Absent: none.", example: "sallyport:call" },
        { pattern: "^[!#-\\[\\]-~]{1,200}$", like: 'one scope like "sallyport:call"' },
      ),
    ),
    claims: fields(
      {
        agent: source("the agent's id", defaultClaims.agent),
        tenant: source("the tenant", defaultClaims.tenant),
        workflow: source("the workflow", defaultClaims.workflow),
        run: source("the run", defaultClaims.run),
        environment: source("the environment; absent in a token means production", defaultClaims.environment),
        user: source("the person the agent acts for, by the same key as people's tokens", defaultClaims.user),
        user_groups: claim("that person's groups", defaultClaims.userGroups),
        token_id: claim("the token's own id, which revocations name", defaultClaims.tokenId),
      },
      { description: "Which claims name the agent, tenant and so on.", default: {}, example: { tenant: "org_id" } },
    ),
    subject_claim: absentable(
      claimName({ description: "The claim that `subjects` are listed by. Absent: the preset's, else `sub`.", example: "azp" }),
    ),
    subjects: absentable(subjects),
  },
  {
    description: "One issuer of agents' tokens.",
    example: { issuer: "https://id.example.com/agents", jwks: "https://id.example.com/jwks.json", audience: "sallyport" },
  },
);

/** One issuer of people's tokens in `gateway.yaml`. */
export const peopleIssuer = fields(
  {
    ...issuerFields,
    claims: fields(
      {
        person: claim("the one key of this human, equal across all issuers", defaultClaims.person),
        name: claim("the name to show", defaultClaims.name),
        roles: claim("the roles: viewer, approver, operator, auditor, admin", defaultClaims.roles),
        groups: claim("the groups that tiers name", defaultClaims.groups),
        token_id: claim("the token's own id, which revocations name", defaultClaims.tokenId),
      },
      { description: "Which claims name the person, roles and groups.", default: {}, example: { person: "email" } },
    ),
  },
  {
    description: "One issuer of people's tokens.",
    example: { issuer: "https://id.example.com/people", jwks: "https://id.example.com/people.json", audience: "sallyport-console" },
  },
);

/** What is revoked before its time. */
export const revocations = fields(
  {
    list: text({
      description:
        "Where the list is: a file, relative to this file, or an https URL (http on loopback only). Its form is in docs/identity.md.",
      example: "revocations.json",
    }),
    ca: absentable(
      text({
        description: "PEM file of a private certificate authority for the URL. Absent: the public ones.",
        unit: "path",
        example: "ca.pem",
      }),
    ),
    poll: quantity("duration", { description: "How often it is read.", default: "10s", example: "1s" }, { min: "100ms", max: "1h" }),
    stale_after: quantity(
      "duration",
      { description: "When the last good reading is older, every token is refused.", default: "5m", example: "1m" },
      { min: "1s", max: "24h" },
    ),
  },
  { description: "Tokens, agents and users that are revoked before their time. Absent: none are.", example: { list: "revocations.json" } },
);

export type AgentIssuerFile = Static<typeof agentIssuer>;
export type PeopleIssuerFile = Static<typeof peopleIssuer>;
export type RevocationsFile = Static<typeof revocations>;
