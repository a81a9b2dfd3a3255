import type { Static } from "typebox";
import {
  absentable,
  anyForm,
  byName,
  count,
  fields,
  flag,
  jsonSchema,
  list,
  names,
  notYet,
  oneOf,
  quantity,
  secretFields,
  secretText,
  text,
} from "./kinds.ts";

const findings = (what: string) =>
  list(
    { description: what, default: [], example: ["pan", "iban"] },
    oneOf({ description: "A kind of data.", example: "pan" }, ["pan", "iban", "email"], ["ssn"]),
    { max: 3, unique: true },
  );

const outboundRule = fields(
  {
    pointer: text({ description: "The argument to look into: a text.", unit: "JSON pointer", example: "/text" }, names.pointer),
    refuse: findings("A call whose argument holds one of these is refused."),
    mask: findings("These are masked before policy, people and the upstream see them."),
  },
  { description: "What must not leave in one argument.", example: { pointer: "/text", refuse: ["pan", "iban"], mask: ["email"] } },
);

const traits = fields(
  {
    effect: oneOf({ description: "Whether it only reads, or acts.", example: "write" }, ["read", "write"]),
    reversible: flag({ description: "Whether what it did can be undone. Silence means it cannot.", default: false, example: true }),
    financial: oneOf({ description: "Whether money moves.", default: "none", example: "high" }, ["none", "low", "high"]),
    data: text(
      { description: "Data class, such as public, internal, personal, pci.", default: "internal", example: "pci" },
      { pattern: "^[a-z][a-z0-9_-]{0,31}$", like: 'a word like "pci"' },
    ),
    errors_detectable: flag({ description: "Whether a wrong result is noticed by itself.", default: false, example: true }),
    maturity: oneOf({ description: "How proved the tool is.", default: "experimental", example: "stable" }, [
      "experimental",
      "beta",
      "stable",
    ]),
  },
  { description: "The tool's risk, as policies see it.", example: { effect: "write", reversible: false, financial: "high" } },
);

const amount = fields(
  {
    pointer: text({ description: "The argument that is the amount: an integer.", unit: "JSON pointer", example: "/amount" }, names.pointer),
    unit: oneOf({ description: "What the number counts.", default: "minor", example: "minor" }, ["minor"], ["major"]),
    currency: fields(
      {
        is: absentable(text({ description: "A fixed currency.", example: "USD" }, names.currency)),
        from: absentable(
          oneOf({ description: "Where the currency is read: the preview's answer.", example: "preview" }, ["preview"], ["arguments"]),
        ),
        pointer: absentable(text({ description: "Where it stands there.", unit: "JSON pointer", example: "/currency" }, names.pointer)),
      },
      {
        description: "Either `is`, or `from: preview` with a pointer. An unknown currency denies the call.",
        example: { from: "preview", pointer: "/currency" },
      },
    ),
  },
  { description: "The money a call moves.", example: { pointer: "/amount", unit: "minor", currency: { is: "USD" } } },
);

const tool = fields(
  {
    match: text(
      {
        description: "Method and path template below the upstream's base; `{name}` is a path parameter and an argument.",
        example: "GET /v1/charges/{charge}",
      },
      { pattern: "^(GET|POST|PUT|PATCH|DELETE) /[^\\s]+$", like: '"<METHOD> /path/{parameter}" with GET, POST, PUT, PATCH or DELETE' },
    ),
    describe: text({ description: "One sentence that models and approvers read.", example: "Refund a charge, fully or in part." }),
    traits,
    body: absentable(
      oneOf(
        { description: "What the body is. Absent: `json` when an argument travels in it, else `none`.", example: "json" },
        ["json", "none"],
        ["form"],
      ),
    ),
    input: jsonSchema({
      description:
        "JSON Schema (2020-12) of the arguments: one flat object of path parameters, then query (GET, DELETE) or body; `additionalProperties: false`.",
      example: { type: "object", required: ["charge"], additionalProperties: false, properties: { charge: { type: "string" } } },
    }),
    output: absentable(
      jsonSchema({ description: "JSON Schema of a successful answer's body. Absent: not checked.", example: { type: "object" } }),
    ),
    amount: absentable(amount),
    price: fields(
      {
        usd: quantity("decimal", {
          description: "What one call costs, as quoted text.",
          unit: "US dollars",
          default: "0",
          example: "0.01",
        }),
      },
      { description: "What one call counts on `cost` budgets.", default: {}, example: { usd: "0.01" } },
    ),
    idempotency: absentable(
      fields(
        {
          header: text(
            {
              description: "The header in which the upstream takes a key; ours is derived from the call id.",
              default: "Idempotency-Key",
              example: "Idempotency-Key",
            },
            names.header,
          ),
          honoured_for: quantity(
            "duration",
            { description: "How long the upstream remembers a key.", example: "24h" },
            { min: "1m", max: "400d" },
          ),
        },
        {
          description: "The upstream's own promise not to act twice. Absent: it makes none.",
          example: { header: "Idempotency-Key", honoured_for: "24h" },
        },
      ),
    ),
    key: absentable(
      oneOf(
        {
          description:
            "Whether agents must bring an idempotency key. Absent: `required` for irreversible or financial writes with `idempotency`, else `optional`. `from_arguments` derives one from the call.",
          example: "from_arguments",
        },
        ["required", "from_arguments", "optional"],
      ),
    ),
    preview: absentable(
      text(
        {
          description: 'A read tool of this file, called first with the arguments it declares: the "before" that policy and people see.',
          example: "payments.lookup_charge",
        },
        names.tool,
      ),
    ),
    reconcile: absentable(
      text(
        { description: "A read tool of this file that tells people what became of an unknown outcome.", example: "payments.list_refunds" },
        names.tool,
      ),
    ),
    after: notYet("Tools that must have succeeded in this run.", ["payments.lookup_charge"]),
    outbound: absentable(
      anyForm(
        {
          description: "What must not leave in the arguments: one rule or a list.",
          like: "a rule with a pointer, or a list of them",
          example: { pointer: "/text", refuse: ["pan"] },
        },
        [outboundRule, list({ description: "Several rules.", example: [] }, outboundRule, { max: 32 })],
      ),
    ),
    no_effect: list(
      {
        description: "Statuses of the upstream that prove nothing happened.",
        unit: "HTTP status",
        default: [400, 401, 402, 403, 404, 422, 429],
        example: [400, 404],
      },
      count({ description: "One status.", unit: "HTTP status", example: 404 }, 400, 599),
      { max: 50, unique: true },
    ),
    timeout: quantity(
      "duration",
      { description: "Longest time for the upstream to answer.", default: "10s", example: "5s" },
      { min: "100ms", max: "300s" },
    ),
  },
  {
    description: "One tool.",
    example: { match: "GET /v1/charges/{charge}", describe: "Look up a charge.", traits: { effect: "read" }, input: {} },
  },
);

/** `routes/<upstream>.yaml`: one upstream and its tools. The file's name is the upstream's name. */
export const routesFile = fields({
  upstream: text({ description: "The upstream's base URL: https, or http on loopback only.", example: "https://api.stripe.com" }),
  mount: fields(
    {
      path: text(
        { description: "Leading path segments on the agents' listener that select this upstream.", example: "/payments" },
        { pattern: "^(/[A-Za-z0-9][A-Za-z0-9._-]*)+$", like: 'a path like "/payments", without a slash at its end' },
      ),
      port: notYet("A port of its own, for SDKs that take only host and port.", 8081),
      host: notYet("A host name of its own.", "stripe.gw.example.com"),
    },
    { description: "Where agents reach it.", example: { path: "/payments" } },
  ),
  agent_token: oneOf(
    { description: "Where agents put their token.", default: "bearer", example: "bearer" },
    ["bearer"],
    ["header", "basic"],
  ),
  passthrough: notYet("Forward what is not typed (downloads, streams).", true),
  errors: notYet("The error dialect of this upstream's SDKs.", "stripe"),
  client_key_pattern: notYet("Keys that the SDK makes up by itself.", "^stripe-node-retry-"),
  headers: byName(
    {
      key: "header",
      description: "Headers that mean something: in policy, digest and approval view. Others are dropped or refused.",
      default: {},
      example: { "Stripe-Version": {} },
    },
    names.header,
    fields({}, { description: "No options yet.", example: {} }),
  ),
  set_headers: byName(
    {
      key: "header",
      description: "Headers the gateway sets; `{tenant}` and `{tenant.<name>}` stand for the tenant's values.",
      default: {},
      example: { "Stripe-Account": "{tenant.stripe_account}" },
    },
    names.header,
    text({ description: "The value.", example: "{tenant.stripe_account}" }, { pattern: "^[\\x20-\\x7e]+$", like: "visible ASCII text" }),
  ),
  credentials: absentable(
    secretFields(
      {
        header: text(
          { description: "The header that carries the credential.", default: "Authorization", example: "X-Api-Key" },
          names.header,
        ),
        value: secretText({
          description:
            "Its value. `${file:/path}` is a file's content, `{tenant}` the tenant's name. Plain text only for a loopback upstream. A tenant without its file is denied.",
          example: "Bearer ${file:/run/secrets/stripe/{tenant}}",
        }),
        shared: flag({
          description: "Says that several tenants share one credential; then every write needs a preview.",
          default: false,
          example: true,
        }),
      },
      {
        description: "What proves us to the upstream, per tenant. Absent: nothing does.",
        example: { header: "Authorization", value: "Bearer ${file:/run/secrets/stripe/{tenant}}" },
      },
    ),
  ),
  ca: absentable(
    text({
      description: "PEM file of a private CA, relative to this file. Absent: the public ones.",
      unit: "path",
      example: "/etc/sallyport/ca.pem",
    }),
  ),
  limits: fields(
    {
      response_bytes: quantity(
        "size",
        { description: "Largest answer passed on; a larger one is withheld.", default: "1MiB", example: "256KiB" },
        { min: "1KiB", max: "64MiB" },
      ),
      items: notYet("Most items in an answer.", { pointer: "/data", max: 100 }),
    },
    { description: "Bounds on answers.", default: {}, example: { response_bytes: "256KiB" } },
  ),
  tools: byName({ key: "tool", description: "The tools, by name.", example: {} }, names.tool, tool),
});
export type RoutesFile = Static<typeof routesFile>;
export type ToolFile = RoutesFile["tools"][string];
export type OutboundFile = Static<typeof outboundRule>;
