import { codes } from "../../rules/codes.ts";
import type { JsonObject } from "../../rules/json.ts";
import { schemaRef } from "../listener/openapi.ts";

const text: JsonObject = { type: "string" };
const url: JsonObject = { type: "string", format: "uri" };
const time: JsonObject = { type: "string", format: "date-time" };
const whole: JsonObject = { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const executed: JsonObject = {
  enum: [false, true, "unknown"],
  description: "Whether the upstream acted. Never send a call again whose `executed` is `unknown`: it may have happened.",
};
const names: JsonObject = { type: "array", items: text };
const reasons: JsonObject = { type: "array", items: schemaRef("Reason") };

/** An object that has all of these, and may have more in a later version: clients must not mind. */
function object(properties: Readonly<Record<string, JsonObject>>, optional: Readonly<Record<string, JsonObject>> = {}): JsonObject {
  return { type: "object", required: Object.keys(properties), properties: { ...properties, ...optional } };
}

/** A request's object: a member that is not here is refused. */
function asked(required: readonly string[], properties: Readonly<Record<string, JsonObject>>): JsonObject {
  return { type: "object", required, properties, additionalProperties: false };
}

/** Every document that an agent sends to our own resources, or gets from them. */
export const agentSchemas: Readonly<Record<string, JsonObject>> = {
  Problem: {
    description:
      "A refusal (RFC 9457). `code` is stable, `message` is a sentence that a model can act on and says first whether anything was executed.",
    ...object(
      {
        type: { ...url, description: "Explains the code." },
        title: text,
        status: { type: "integer", minimum: 400, maximum: 599 },
        code: { enum: Object.keys(codes) },
        call_id: schemaRef("CallId"),
        executed,
        message: text,
        reasons,
        retryable: { type: "boolean", description: "Whether the same call may succeed later without a change by the caller." },
      },
      {
        // Of a held call, for clients that did not show that they can wait.
        state: { const: "held" },
        tiers: names,
        expires_at: time,
        location: url,
      },
    ),
  },
  Held: {
    description: "The call waits for people. It was NOT executed.",
    ...object({
      status: { const: "held" },
      executed: { const: false },
      call_id: schemaRef("CallId"),
      message: text,
      tiers: { ...names, description: "Who must sign." },
      reasons,
      expires_at: time,
      location: { ...url, description: "Ask here what became of it." },
    }),
  },
  Proposal: {
    description: "What would happen. Nothing was written, and nothing was sent but what the preview reads.",
    ...object({
      dry_run: { const: true },
      executed: { const: false },
      call_id: schemaRef("CallId"),
      tool: text,
      method: { enum: ["GET", "POST", "PUT", "PATCH", "DELETE"] },
      url,
      body: { type: ["string", "null"], description: "The bytes that would be sent." },
      args: { type: "object" },
      call_digest: text,
      verdict: { enum: ["allow", "hold", "deny"] },
      reasons,
      tiers: { type: "array", items: object({ tier: text, people: whole }) },
      amount: { oneOf: [object({ minor: whole, currency: text }), { type: "null" }] },
      price_usd_micros: whole,
      budgets: {
        type: "array",
        items: object({ budget: text, limit: whole, needs: whole, left: { type: "integer" }, fits: { type: "boolean" } }),
      },
      diff: {
        oneOf: [object({ before: { type: "object" }, arguments: { type: "object" } }), { type: "null" }],
        description: "The object before the call, beside the arguments; null when the tool has no preview, or the agent may not see it.",
      },
      policy: text,
    }),
  },
  Reason: object({ rule: text, message: text }, { pointer: { ...text, description: "JSON pointer of the argument concerned." } }),
  CallId: { type: "string", description: "Opaque. Gives no right to the call." },
  Arguments: { type: "object", description: "The tool's own input schema, as `GET /sallyport/v1/tools` lists it, holds." },
  Tools: object({
    tools: {
      type: "array",
      items: {
        type: "object",
        description: "In the asked format: `name`, `description` and the schemas, under the names that the vendor gives them.",
      },
    },
  }),
  Cancelled: object({ call_id: schemaRef("CallId"), status: { const: "cancelled" }, executed: { const: false } }),
  RunRequest: asked([], {
    ttl: { type: "integer", minimum: 1, maximum: 3600, description: "Seconds. Absent: as long as may be." },
  }),
  Run: object({
    run: text,
    token: { ...text, description: "The bearer token of the run. A secret: it is told once, and kept nowhere." },
    token_type: { const: "Bearer" },
    expires_at: time,
  }),
  Usage: asked([], {
    model: { type: ["string", "null"], minLength: 1, maxLength: 500 },
    prompt_tokens: whole,
    completion_tokens: whole,
    usd_micros: whole,
  }),
  Outcome: asked(["status"], {
    status: { type: "string", minLength: 1, maxLength: 500 },
    reason: { type: "string", maxLength: 500 },
  }),
  Recorded: object({ recorded: { const: true } }),
  CodeMeaning: object({
    code: { enum: Object.keys(codes) },
    status: { type: "integer", minimum: 400, maximum: 599 },
    retryable: { type: "boolean" },
    executed,
    title: text,
    advice: text,
  }),
  ResourceMetadata: {
    description: "RFC 9728.",
    ...object(
      { resource: url, bearer_methods_supported: { const: ["header"] }, resource_name: text },
      { authorization_servers: { type: "array", items: text }, scopes_supported: names, resource_documentation: url },
    ),
  },
  OpenApi: object({ openapi: { const: "3.1.0" }, info: { type: "object" }, paths: { type: "object" } }),
};

/** Headers of answers, by the name under which the document describes them. */
export const agentHeaders: Readonly<Record<string, JsonObject>> = {
  "Sallyport-Call-Id": { description: "The call's id.", schema: schemaRef("CallId") },
  "Sallyport-Replayed": {
    description: "`true` when the answer comes from the record: nothing was sent for this request.",
    schema: { const: "true" },
  },
  "Sallyport-Attached": { description: "The call that this request joined without an explicit key.", schema: text },
  "Preference-Applied": { description: "How long the wait was allowed to be (RFC 7240).", schema: text },
  Location: { description: "Absolute URL of the call.", schema: url },
  "Retry-After": { description: "Seconds after which asking again makes sense.", schema: { type: "integer", minimum: 1 } },
  RateLimit: { description: "What each rate has left (draft-ietf-httpapi-ratelimit-headers-11).", schema: text },
  "RateLimit-Policy": { description: "The rates themselves (same draft).", schema: text },
  "WWW-Authenticate": { description: "Where tokens come from, and what is wrong with this one (RFC 6750, RFC 9728).", schema: text },
  Allow: { description: "The methods that this resource has.", schema: text },
};
