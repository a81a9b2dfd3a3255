import type { Static } from "typebox";
import { dialectNames } from "../../rules/dialects.ts";
import { absentable, anyForm, byName, count, fields, flag, names, oneOf, quantity, secretFields, secretText, text } from "./kinds.ts";
import { findings, type outboundRule, tool } from "./tools.ts";

/** `routes/<upstream>.yaml`: one upstream and its tools. The file's name is the upstream's name. */
export const routesFile = fields({
  upstream: text({ description: "The upstream's base URL: https, or http on loopback only.", example: "https://api.stripe.com" }),
  mount: fields(
    {
      path: absentable(
        text(
          { description: "Leading path segments that select this upstream. Absent: all of its port or host.", example: "/payments" },
          { pattern: "^(/[A-Za-z0-9][A-Za-z0-9._-]*)+$", like: 'a path like "/payments", without a slash at its end' },
        ),
      ),
      port: absentable(
        count(
          {
            description: "A listener of its own beside `listen.agents`, on the same address: for SDKs that take only host and port.",
            unit: "TCP port",
            example: 8081,
          },
          1,
          65_535,
        ),
      ),
      host: absentable(
        text(
          {
            description: "A host name of its own, compared with the `Host` header's exactly, without its port.",
            example: "stripe.gw.example.com",
          },
          {
            pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
            like: "a host name in lower case, without a port",
          },
        ),
      ),
    },
    { description: "Where agents reach it: any of path, port and host.", example: { path: "/payments" } },
  ),
  agent_token: anyForm(
    {
      description: "The one place where agents put their token on this mount: what SDKs of this upstream do with their API key.",
      like: "bearer, { header: <name> } or { basic: username | password }",
      default: "bearer",
      example: { header: "x-api-key" },
    },
    [
      oneOf({ description: "`Authorization: Bearer <token>`.", example: "bearer" }, ["bearer"]),
      fields(
        {
          header: absentable(text({ description: "A header that holds the bare token.", example: "x-api-key" }, names.header)),
          basic: absentable(
            oneOf({ description: "`Authorization: Basic`, with the token as this part.", example: "password" }, ["username", "password"]),
          ),
        },
        { description: "Another place: a header, or a part of Basic authentication.", example: { header: "x-api-key" } },
      ),
    ],
  ),
  passthrough: flag({
    description:
      "Requests and answers of this mount are passed through unread: downloads, streams, model APIs. Its tools only say what may pass, and nothing on it can be held for people.",
    default: false,
    example: true,
  }),
  errors: oneOf(
    {
      description:
        "The dialect of this mount's refusals: what its SDKs need in order to throw, beside the problem document (RFC 9457). `problem` is for clients that are not known: an `error` object, and no more.",
      default: "problem",
      example: "stripe",
    },
    dialectNames,
  ),
  client_key_pattern: absentable(
    text(
      {
        description:
          "Idempotency keys that the SDK makes up for its own retries, as a pattern from the key's beginning. They tell its retries, but not that a call is meant twice.",
        unit: "regular expression",
        example: "^stripe-node-retry-",
      },
      { pattern: "^\\^", like: 'a pattern that begins with "^"', lengthMax: 200 },
    ),
  ),
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
          description:
            "Says that several tenants share one credential. Where they share the account too, every write needs a preview whose output requires `tenant` or `account`, and nothing keeps their reads apart.",
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
        {
          description:
            "Largest answer passed on; a larger one is withheld. At most 64MiB, but on a passthrough mount, where a larger one is cut off.",
          default: "1MiB",
          example: "256KiB",
        },
        { min: "1KiB", max: "1048576MiB" },
      ),
      request_bytes: absentable(
        quantity(
          "size",
          {
            description: "Only on a passthrough mount: largest request body. Absent: 10MiB. A longer one is refused or cut off.",
            example: "25MiB",
          },
          { min: "1KiB", max: "1048576MiB" },
        ),
      ),
      items: absentable(
        fields(
          {
            pointer: absentable(
              text(
                {
                  description: "Where the answer's list stands. Absent: the answer itself, when it is a list.",
                  unit: "JSON pointer",
                  example: "/data",
                },
                names.pointer,
              ),
            ),
            max: count({ description: "Most items there.", example: 100 }, 0, 1_000_000),
          },
          {
            description: "Most items in an answer; one with more is withheld. Absent: not counted.",
            example: { pointer: "/data", max: 100 },
          },
        ),
      ),
    },
    { description: "Bounds on answers.", default: {}, example: { response_bytes: "256KiB" } },
  ),
  outbound_default: fields(
    {
      refuse: findings("A call that holds one of these anywhere is refused."),
      mask: findings("These are masked wherever they stand in a text."),
    },
    {
      description:
        "What must not leave in any argument or declared header of any tool of this file. A tool's own `outbound` rule goes before it for the kinds it names, at its place.",
      default: {},
      example: { refuse: ["secret"] },
    },
  ),
  tools: byName({ key: "tool", description: "The tools, by name.", example: {} }, names.tool, tool),
});
export type RoutesFile = Static<typeof routesFile>;
export type ToolFile = RoutesFile["tools"][string];
export type OutboundFile = Static<typeof outboundRule>;
