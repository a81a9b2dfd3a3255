import Type, { type Static } from "typebox";
import { absentable, anyForm, byName, count, fields, list, names, notYet, oneOf, quantity, text } from "./kinds.ts";

const gate = anyForm(
  {
    description:
      "`allow`: the agent acts alone. `hold`: people sign every call. An object without `up_to` holds too. A tool that is not named is denied, whatever policy says.",
    like: 'allow, hold, or an object like "{ up_to: { USD: 10000 }, beyond: hold, tier: finance }"',
    example: "allow",
  },
  [
    Type.Enum(["allow", "hold"]),
    fields(
      {
        up_to: absentable(
          byName(
            {
              key: "currency",
              description: "What the agent may move alone in one call. A currency that is not named is beyond.",
              unit: "minor units",
              example: { USD: 10_000 },
            },
            names.currency,
            count({ description: "The largest amount.", unit: "minor units", example: 10_000 }, 0, Number.MAX_SAFE_INTEGER),
          ),
        ),
        beyond: absentable(
          oneOf({ description: "What happens to a call beyond `up_to`. Absent: `hold`.", example: "deny" }, ["hold", "deny"]),
        ),
        tier: absentable(
          text({ description: "Who signs what is held. Absent: the default tier of `tiers.yaml`.", example: "finance" }, names.tier),
        ),
      },
      {
        description: "A gate that looks at the amount, or names a tier.",
        example: { up_to: { USD: 10_000 }, beyond: "hold", tier: "finance" },
      },
    ),
  ],
);

const budget = fields(
  {
    meter: oneOf(
      {
        description: "What is counted: `calls`, `cost` (the tools' prices and reported usage) or `amount` (money moved).",
        example: "cost",
      },
      ["calls", "cost", "amount"],
    ),
    scope: oneOf({ description: "Whose use is added up.", example: "run" }, ["run", "agent", "workflow", "tenant"], ["tool"]),
    window: absentable(
      oneOf({ description: "How long it is added up. Required, except for the scope `run`, whose window is the run.", example: "day" }, [
        "minute",
        "hour",
        "day",
        "week",
        "month",
      ]),
    ),
    zone: absentable(
      text({
        description: "Time zone in which the window turns. Absent: `policy_zone` of gateway.yaml.",
        unit: "IANA zone",
        example: "Europe/Berlin",
      }),
    ),
    limit: anyForm(
      {
        description: "A count for `calls`; USD for `cost`; money in one currency for `amount`.",
        like: '"0.40 USD", or a whole number for calls',
        example: "0.40 USD",
      },
      [Type.String({ maxLength: 40 }), Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })],
    ),
    beyond: oneOf(
      { description: "What happens to a call beyond the limit: it is refused.", default: "stop", example: "stop" },
      ["stop"],
      ["escalate", "hold", "warn"],
    ),
    held_share_max: count(
      { description: "The share of the limit that calls waiting for people may bind.", unit: "percent", default: 50, example: 25 },
      1,
      100,
    ),
  },
  { description: "One budget.", example: { meter: "cost", scope: "run", limit: "0.40 USD", beyond: "stop" } },
);

const rate = fields(
  {
    scope: oneOf({ description: "Whose calls are counted.", example: "agent" }, ["agent", "tenant", "tool"]),
    limit: quantity("rate", { description: "Calls per second, minute, hour or day.", example: "60/min" }),
  },
  { description: "One rate limit.", example: { scope: "agent", limit: "60/min" } },
);

/** `contracts/*.yaml`: what one agent may do. The floor: no policy can widen it. */
export const contractFile = fields({
  agent: text({ description: "The agent's id, as its token names it.", example: "billing-dispute-v3" }, names.id),
  workflow: text({ description: "What the agent works on.", example: "billing-dispute" }, names.id),
  owner: text(
    { description: "A person key or group; its people never approve this agent's calls.", example: "payments-team" },
    { lengthMax: 200 },
  ),
  tenants: list(
    { description: "The tenants this contract is for.", example: ["acme_co"] },
    text({ description: "One tenant.", example: "acme_co" }, names.tenant),
    { min: 1, max: 10_000, unique: true },
  ),
  environment: text(
    { description: "The environment of the agent's tokens.", default: "production", example: "staging" },
    names.environment,
  ),
  stage: oneOf(
    {
      description: "`draft`: writes are only dry-run. `suggest`: every write is held. `autonomous`: under the gates.",
      default: "draft",
      example: "autonomous",
    },
    ["draft", "suggest", "autonomous"],
  ),
  tools: byName(
    { key: "tool", description: "Every tool the agent may use, with its gate.", example: { "payments.lookup_charge": "allow" } },
    names.tool,
    gate,
  ),
  budgets: list(
    {
      description: "Limits on use and money over a window.",
      default: [],
      example: [{ meter: "cost", scope: "agent", window: "day", limit: "5.00 USD" }],
    },
    budget,
    { max: 32 },
  ),
  rates: list({ description: "Limits on calls over a short window.", default: [], example: [{ scope: "agent", limit: "60/min" }] }, rate, {
    max: 3,
  }),
  timeouts: fields(
    {
      call: quantity(
        "duration",
        { description: "Longest time for one call; a tool's own shorter timeout wins.", default: "30s", example: "10s" },
        { min: "100ms", max: "300s" },
      ),
      run: notYet("Longest time for one run.", "30m"),
    },
    { description: "How long things may take.", default: {}, example: { call: "10s" } },
  ),
});
export type ContractFile = Static<typeof contractFile>;
export type GateFile = ContractFile["tools"][string];
export type BudgetFile = ContractFile["budgets"][number];
