import type { Static } from "typebox";
import { defaultClaims } from "../../rules/claims.ts";
import { absentable, count, fields, list, oneOf, quantity, text } from "./kinds.ts";

const claim = (who: string, byDefault: string) =>
  text({
    description: `The claim that holds ${who}: a top-level name, or a JSON pointer when it begins with a slash.`,
    default: byDefault,
    example: byDefault,
  });

const algorithms = ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA", "Ed25519"] as const;

const issuerFields = {
  issuer: text(
    { description: "The issuer, compared with the token's `iss` character by character.", example: "https://id.example.com/agents" },
    { pattern: "^(https|http)://", like: 'a URL like "https://id.example.com"' },
  ),
  jwks: text({
    description: "Where its public keys are: an https URL (http on loopback only), or a JWK set file, relative to this file.",
    example: "https://id.example.com/jwks.json",
  }),
  audience: text({ description: "Our name at this issuer; a token's `aud` must name it.", example: "sallyport" }),
  algorithms: list(
    {
      description: "Signature algorithms that this issuer may use; asymmetric ones only.",
      default: ["ES256", "RS256", "PS256", "EdDSA"],
      example: ["ES256"],
    },
    oneOf({ description: "One algorithm.", example: "ES256" }, algorithms),
    { min: 1, max: 11, unique: true },
  ),
  typ: oneOf({ description: "The token type that the header must state.", default: "at+jwt", example: "JWT" }, ["at+jwt", "JWT"]),
  required_claims: list(
    {
      description: "Claims that must be there beside `iss`.",
      default: ["exp", "iat", "sub", "aud", "jti"],
      example: ["exp", "iat", "sub", "aud"],
    },
    text({ description: "One claim.", example: "jti" }),
    { max: 32, unique: true },
  ),
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

const agentIssuer = fields(
  {
    ...issuerFields,
    claims: fields(
      {
        agent: claim("the agent's id", defaultClaims.agent),
        tenant: claim("the tenant", defaultClaims.tenant),
        workflow: claim("the workflow", defaultClaims.workflow),
        run: claim("the run", defaultClaims.run),
        environment: claim("the environment; absent in a token means production", defaultClaims.environment),
        user: claim("the person the agent acts for", defaultClaims.user),
        user_groups: claim("that person's groups", defaultClaims.userGroups),
      },
      { description: "Which claims name the agent, tenant and so on.", default: {}, example: { tenant: "org_id" } },
    ),
  },
  {
    description: "One issuer of agents' tokens.",
    example: { issuer: "https://id.example.com/agents", jwks: "https://id.example.com/jwks.json", audience: "sallyport" },
  },
);

const peopleIssuer = fields(
  {
    ...issuerFields,
    claims: fields(
      {
        person: claim("the one key of this human, equal across all issuers", defaultClaims.person),
        name: claim("the name to show", defaultClaims.name),
        roles: claim("the roles: viewer, approver, operator, auditor, admin", defaultClaims.roles),
        groups: claim("the groups that tiers name", defaultClaims.groups),
      },
      { description: "Which claims name the person, roles and groups.", default: {}, example: { person: "email" } },
    ),
  },
  {
    description: "One issuer of people's tokens.",
    example: { issuer: "https://id.example.com/people", jwks: "https://id.example.com/people.json", audience: "sallyport-console" },
  },
);

const address = (who: string, port: number) =>
  fields(
    {
      host: text({ description: `Address to bind the ${who} listener to.`, default: "127.0.0.1", example: "0.0.0.0" }),
      port: count(
        { description: `Port of the ${who} listener; 0 takes a free one.`, unit: "TCP port", default: port, example: port },
        0,
        65_535,
      ),
    },
    { description: `Where ${who} connect.`, default: {}, example: { host: "0.0.0.0", port } },
  );

const limits = fields(
  {
    body_bytes: quantity(
      "size",
      { description: "Largest request body accepted.", default: "256KiB", example: "1MiB" },
      { min: "1KiB", max: "16MiB" },
    ),
    header_bytes: quantity(
      "size",
      { description: "Largest request head accepted, all headers together.", default: "16KiB", example: "32KiB" },
      { min: "4KiB", max: "64KiB" },
    ),
    open_holds_per_agent: count(
      { description: "Calls of one agent that may wait for people at once.", default: 50, example: 100 },
      1,
      10_000,
    ),
    open_holds_per_run: count({ description: "Calls of one run that may wait for people at once.", default: 10, example: 20 }, 1, 10_000),
    wait_max: quantity(
      "duration",
      { description: "Longest time that `Prefer: wait` keeps a request open.", default: "30s", example: "20s" },
      { min: "0s", max: "120s" },
    ),
    queue_max: count(
      { description: "Calls that may wait for the store's writer; more are answered 503.", default: 10_000, example: 2000 },
      1,
      1_000_000,
    ),
    request_timeout: quantity(
      "duration",
      { description: "Longest time for a whole request to come in.", default: "15s", example: "30s" },
      { min: "1s", max: "300s" },
    ),
    headers_timeout: quantity(
      "duration",
      { description: "Longest time for a request's head to come in.", default: "10s", example: "5s" },
      { min: "1s", max: "60s" },
    ),
    keep_alive_timeout: quantity(
      "duration",
      { description: "Longest time an idle connection is kept.", default: "60s", example: "30s" },
      { min: "1s", max: "600s" },
    ),
    connections_max: count({ description: "Open connections on the agents' listener.", default: 10_000, example: 2000 }, 1, 1_000_000),
  },
  { description: "Bounds on what one caller can take.", default: {}, example: { body_bytes: "1MiB" } },
);

/** `gateway.yaml`: one per gateway. Paths in it are relative to its own folder. */
export const gatewayFile = fields({
  listen: fields(
    { agents: address("agents", 8080), people: address("people", 9090) },
    { description: "The two listeners.", default: {}, example: { agents: { port: 8080 } } },
  ),
  public_url: absentable(
    text(
      {
        description: "The agents' listener as agents see it; absolute `Location`s begin with it. Absent: made from the address bound.",
        example: "https://gw.example.com",
      },
      { pattern: "^https?://[^/?#@]+(/[^?#]*)?$", like: 'a URL like "https://gw.example.com"' },
    ),
  ),
  issuers: list(
    {
      description: "Whose tokens agents may bring. Empty only with `--dev`, which adds its own.",
      example: [{ issuer: "https://id.example.com/agents", jwks: "keys/agents.json", audience: "sallyport" }],
    },
    agentIssuer,
    { max: 32 },
  ),
  people: fields(
    {
      issuers: list(
        { description: "Whose tokens people may bring; no (issuer, audience) pair may be shared with agents.", default: [], example: [] },
        peopleIssuer,
        { max: 32 },
      ),
    },
    {
      description: "The people's side. Without an issuer nobody can approve, so no tier may exist.",
      default: {},
      example: { issuers: [] },
    },
  ),
  data_dir: text({
    description: "Folder of the store and its keys; made when it is not there.",
    unit: "path",
    default: "../data",
    example: "/var/lib/sallyport",
  }),
  routes_dir: text({ description: "Folder of the route files.", unit: "path", default: "../routes", example: "/etc/sallyport/routes" }),
  contracts_dir: text({ description: "Folder of the contracts.", unit: "path", default: "contracts", example: "/etc/sallyport/contracts" }),
  tenants: absentable(
    text({
      description: "The tenants' file. Absent: `tenants.yaml` if there is one, else the tenants that contracts name.",
      unit: "path",
      example: "tenants.yaml",
    }),
  ),
  tiers: absentable(
    text({ description: "The tiers' file. Absent: `tiers.yaml` if there is one, else no tiers.", unit: "path", example: "tiers.yaml" }),
  ),
  policies_dir: text({
    description: "Folder of the Rego sources.",
    unit: "path",
    default: "../policies",
    example: "/etc/sallyport/policies",
  }),
  bundle: absentable(
    text({
      description: "The built policy bundle. Absent: `bundle.tar.gz` in `policies_dir`.",
      unit: "path",
      example: "/etc/sallyport/bundle.tar.gz",
    }),
  ),
  policy_zone: text({
    description: "Time zone of the weekday and minute that policies see.",
    unit: "IANA zone",
    default: "UTC",
    example: "Europe/Berlin",
  }),
  limits,
  stops: fields(
    {
      poll: quantity(
        "duration",
        { description: "How often the stops are read from the store.", default: "500ms", example: "250ms" },
        { min: "50ms", max: "5s" },
      ),
      stale_after: quantity(
        "duration",
        { description: "When the last good read is older, nothing executes.", default: "5s", example: "3s" },
        { min: "1s", max: "60s" },
      ),
    },
    { description: "The kill switches.", default: {}, example: { poll: "250ms" } },
  ),
  retention: fields(
    {
      payloads: quantity(
        "duration",
        { description: "How long arguments and answers are kept; the ledger stays.", default: "30d", example: "90d" },
        { min: "1d", max: "3650d" },
      ),
    },
    { description: "How long things are kept.", default: {}, example: { payloads: "90d" } },
  ),
});
export type GatewayFile = Static<typeof gatewayFile>;
export type AgentIssuerFile = GatewayFile["issuers"][number];
export type PeopleIssuerFile = GatewayFile["people"]["issuers"][number];
