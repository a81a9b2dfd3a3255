import type { JsonObject } from "./json.ts";

const text = { type: "string" } as const;
const name = { type: "string", minLength: 1, maxLength: 512 } as const;
const texts = { type: "array", items: text } as const;
/** Counts and money: integers that a double holds exactly and that compare as people expect (never null, boolean or negative). */
const units = { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

const exactly = (properties: JsonObject): JsonObject => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const orNull = (schema: JsonObject): JsonObject => ({ anyOf: [schema, { type: "null" }] });

const traits = exactly({
  effect: { type: "string", enum: ["read", "write"] },
  reversible: { type: "boolean" },
  financial: { type: "string", enum: ["none", "low", "high"] },
  data: name,
  errors_detectable: { type: "boolean" },
  maturity: { type: "string", enum: ["experimental", "beta", "stable"] },
});

const states = ["received", "denied", "held", "admitted", "approved", "rejected", "expired", "cancelled", "refused"];
const outcomes = ["started", "succeeded", "failed", "not_sent", "unknown"];

/**
 * JSON Schema (2020-12) of the policy input. It is the source of `policies/input.schema.json`, by which `opa check` finds a misspelt field;
 * the gateway checks every input against it before any rule sees it (Rego would compare null, booleans and numbers without complaint).
 */
export const policyInputSchema: JsonObject = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "Sallyport policy input, version 1",
  ...exactly({
    v: { type: "integer", const: 1 },
    call: exactly({ id: name, time_ms: units, repeats: units, dry_run: { type: "boolean" } }),
    time: exactly({
      zone: name,
      date: { type: "string", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
      weekday: { type: "string", enum: ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] },
      minute_of_day: { type: "integer", minimum: 0, maximum: 1439 },
    }),
    agent: exactly({ id: name, workflow: name, tenant: name, environment: name }),
    user: orNull(exactly({ id: name, groups: texts })),
    contract: exactly({
      stage: { type: "string", enum: ["draft", "suggest", "autonomous"] },
      gate: exactly({
        allow: { type: "boolean" },
        up_to: orNull({ type: "object", additionalProperties: units }),
        beyond: { type: "string", enum: ["hold", "deny"] },
        tier: orNull(name),
      }),
    }),
    tool: exactly({
      name,
      traits,
      amount: orNull(exactly({ minor: units, currency: { type: "string", pattern: "^[A-Z]{3}$" } })),
      findings: { type: "array", items: exactly({ pointer: text, kind: name }) },
    }),
    args: { type: "object", additionalProperties: true },
    headers: { type: "object", additionalProperties: text },
    run: exactly({
      id: orNull(name),
      calls: { type: "array", items: exactly({ tool: name, status: { type: "string", enum: [...states, ...outcomes] } }) },
    }),
    budgets: {
      type: "object",
      additionalProperties: exactly({
        limit: units,
        left: { type: "integer", minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
      }),
    },
    approval: orNull(exactly({ tiers: texts, people: texts })),
    facts: { type: "object", properties: { preview: { type: "object", additionalProperties: true } }, additionalProperties: false },
    asserted: { type: "object", additionalProperties: false },
  }),
};
