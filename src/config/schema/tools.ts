import { absentable, anyForm, byName, count, fields, flag, jsonSchema, list, names, notYet, oneOf, quantity, text } from "./kinds.ts";
import { passFields } from "./passthrough.ts";

const findingKinds = ["pan", "iban", "email", "ssn", "phone", "secret"] as const;

/** A list of the kinds of data that outbound rules look for. */
export const findings = (what: string) =>
  list(
    { description: what, default: [], example: ["pan", "iban"] },
    oneOf({ description: "A kind of data.", example: "pan" }, [...findingKinds]),
    { max: findingKinds.length, unique: true },
  );

/** What must not leave in one argument. */
export const outboundRule = fields(
  {
    pointer: text(
      {
        description:
          "The argument to look into, with all that stands below it. `*` stands for every item or member, as in `/items/*/note`.",
        unit: "JSON pointer",
        example: "/text",
      },
      names.pointer,
    ),
    refuse: findings("A call whose argument holds one of these is refused."),
    mask: findings("These are masked before policy, people and the upstream see them."),
    allow: findings("Kinds of `outbound_default` that may leave here."),
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

/** One tool of a route file. */
export const tool = fields(
  {
    match: text(
      {
        description:
          "Method and path template below the upstream's base; `{name}` is a path parameter and an argument. On a passthrough mount a GET may end in `/**`, which stands for one or more segments, and answers to HEAD too.",
        example: "GET /v1/charges/{charge}",
      },
      { pattern: "^(GET|POST|PUT|PATCH|DELETE) /[^\\s]+$", like: '"<METHOD> /path/{parameter}" with GET, POST, PUT, PATCH or DELETE' },
    ),
    describe: text({ description: "One sentence that models and approvers read.", example: "Refund a charge, fully or in part." }),
    traits,
    body: absentable(
      oneOf(
        {
          description:
            "What the body on the tool's own URL is, and what the upstream gets; `form` is `application/x-www-form-urlencoded` in bracket style. Absent: `json` when an argument travels in it, else `none`. A call by name is always JSON.",
          example: "form",
        },
        ["json", "form", "none"],
      ),
    ),
    query: absentable(
      oneOf(
        {
          description:
            "How the query is written: `flat`, or in the bracket style of forms (`created[gte]=1`, `expand[]=a`). Absent: `flat`.",
          example: "brackets",
        },
        ["flat", "brackets"],
      ),
    ),
    in: absentable(
      byName(
        {
          key: "argument",
          description: "Where single arguments travel when it is not the method's own place: the query for GET and DELETE, else the body.",
          example: { expand: "query" },
        },
        names.argument,
        oneOf({ description: "The place of one argument.", example: "query" }, ["query", "body"]),
      ),
    ),
    input: jsonSchema({
      description:
        "JSON Schema (2020-12) of the arguments: one flat object of path parameters, then query (GET, DELETE) or body unless `in` says otherwise; `additionalProperties: false`. Required, but on a passthrough mount, where there is none.",
      default: {},
      example: { type: "object", required: ["charge"], additionalProperties: false, properties: { charge: { type: "string" } } },
    }),
    output: absentable(
      jsonSchema({ description: "JSON Schema of a successful answer's body. Absent: not checked.", example: { type: "object" } }),
    ),
    amount: absentable(amount),
    price: fields(
      {
        usd: quantity("decimal", {
          description:
            "What one call costs, as quoted text; with `prices`, the most it is expected to cost, which is reserved until its answer tells.",
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
        {
          description:
            "A read tool of this file, called with the arguments it declares when the outcome is unknown: what it answers is shown to people, and decides nothing.",
          example: "payments.list_refunds",
        },
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
      {
        description: "Longest time for the upstream to answer; on a passthrough mount, until its answer begins.",
        default: "10s",
        example: "5s",
      },
      { min: "100ms", max: "300s" },
    ),
    ...passFields,
  },
  {
    description: "One tool.",
    example: { match: "GET /v1/charges/{charge}", describe: "Look up a charge.", traits: { effect: "read" }, input: {} },
  },
);
