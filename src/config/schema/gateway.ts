import type { Static } from "typebox";
import { agentIssuer, peopleIssuer, revocations } from "./issuers.ts";
import { absentable, count, fields, list, quantity, text } from "./kinds.ts";

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
    connections_per_address: count(
      {
        description:
          "Open connections of one client address (of one /64 for IPv6) on the agents' listener; 0 is no limit of its own. Behind a proxy all clients share an address.",
        default: 0,
        example: 200,
      },
      0,
      1_000_000,
    ),
    answer_timeout: quantity(
      "duration",
      {
        description: "Longest time for a client to take an answer that is ready; then the connection is cut.",
        default: "30s",
        example: "10s",
      },
      { min: "1s", max: "300s" },
    ),
    drain: quantity(
      "duration",
      {
        description: "Longest time that a stop waits for calls on their way; then connections are cut and the next start settles them.",
        default: "30s",
        example: "20s",
      },
      { min: "1s", max: "600s" },
    ),
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
  documentation_url: absentable(
    text(
      {
        description: "A page for people who write clients; strangers are told it with the issuers' names. Absent: none.",
        example: "https://wiki.example.com/sallyport",
      },
      { pattern: "^https?://[^/?#@]+([/?#].*)?$", like: 'a URL like "https://wiki.example.com/sallyport"' },
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
  revocations: absentable(revocations),
  people: fields(
    {
      issuers: list(
        { description: "Whose tokens people may bring; no (issuer, audience) pair may be shared with agents.", default: [], example: [] },
        peopleIssuer,
        { max: 32 },
      ),
      hosts: list(
        {
          description:
            "Names by which people reach their listener, without a port. Addresses and localhost always count; another name in `Host` is refused, so that no web page can make a browser speak to it under a name of its own.",
          default: [],
          example: ["sallyport.internal.example"],
        },
        text(
          { description: "One host name, in lower case.", example: "sallyport.internal.example" },
          { pattern: "^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", like: 'a host name like "sallyport.internal.example"', lengthMax: 253 },
        ),
        { max: 64, unique: true },
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
  runs: fields(
    {
      token_ttl: quantity(
        "duration",
        { description: "Longest life of a run token; never longer than the token that opened the run.", default: "1h", example: "15m" },
        { min: "1m", max: "1h" },
      ),
      open_per_minute: count(
        { description: "Runs that one agent may open for one tenant in a minute.", default: 60, example: 10 },
        1,
        10_000,
      ),
    },
    { description: "Runs that agents open, and their tokens.", default: {}, example: { token_ttl: "15m" } },
  ),
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
