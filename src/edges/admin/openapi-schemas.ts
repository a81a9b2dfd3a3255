import { codes } from "../../rules/codes.ts";
import type { JsonObject } from "../../rules/json.ts";
import { roles } from "../../rules/principal.ts";
import { states } from "../../rules/states.ts";
import { stopScopeKeys } from "../../rules/stops.ts";
import { schemaRef } from "../listener/openapi.ts";

const text: JsonObject = { type: "string" };
const maybeText: JsonObject = { type: ["string", "null"] };
const timeMs: JsonObject = { type: "integer", minimum: 0, description: "Unix milliseconds." };
const maybeTimeMs: JsonObject = { type: ["integer", "null"], description: "Unix milliseconds." };
const count: JsonObject = { type: "integer", minimum: 0 };
const hash: JsonObject = { type: "string", pattern: "^[0-9a-f]{64}$" };
const reasons: JsonObject = { type: "array", items: schemaRef("Reason") };
const anything: JsonObject = {};

/** 1 to 500 characters, one of which can be seen. Agents and the ledger's readers read it. */
const reason: JsonObject = { type: "string", minLength: 1, maxLength: 500, pattern: "\\S" };

/** An object that has all of these, and may have more in a later version: clients must not mind. */
function object(properties: Readonly<Record<string, JsonObject>>, optional: Readonly<Record<string, JsonObject>> = {}): JsonObject {
  return { type: "object", required: Object.keys(properties), properties: { ...properties, ...optional } };
}

/** A request's object: a member that is not here is refused. */
function asked(required: readonly string[], properties: Readonly<Record<string, JsonObject>>): JsonObject {
  return { type: "object", required, properties, additionalProperties: false };
}

const listOf = (name: string, items: JsonObject): JsonObject => object({ [name]: { type: "array", items } });
const orNull = (schema: JsonObject): JsonObject => ({ oneOf: [schema, { type: "null" }] });

const usage = object(
  { model: maybeText, inputTokens: count, outputTokens: count, costMicros: { type: ["integer", "null"] } },
  { cachedInputTokens: count, cacheWriteTokens: count },
);

/** The part of a call that admission fixes, and what became of it. */
const call = object(
  {
    id: text,
    parent: { ...maybeText, description: "The call that this one is a preview of, or a look at." },
    tenant: text,
    agent: text,
    workflow: text,
    environment: text,
    run: maybeText,
    user: maybeText,
    tool: text,
    effect: { enum: ["read", "write"] },
    callDigest: text,
    binding: { ...text, description: "What a vote signs: it names the exact request." },
    bodyDigest: text,
    receivedAtMs: timeMs,
    amount: orNull(object({ minor: { type: "integer" }, currency: text })),
    priceMicros: count,
    verdict: object({
      verdict: { enum: ["allow", "hold", "deny"] },
      reasons,
      tiers: { type: "array", items: text },
      obligations: { type: "array", items: text },
    }),
    policyDigest: text,
    catalogueDigest: text,
    key: { ...maybeText, description: "The idempotency key's digest." },
    state: { enum: states },
    updatedAtMs: timeMs,
    startedAtMs: maybeTimeMs,
    settleByMs: maybeTimeMs,
    hold: orNull(
      object({
        demands: { type: "array", items: object({ tier: text, group: text, people: count }) },
        expiresAtMs: timeMs,
        reasons,
        excluded: { type: "array", items: text },
      }),
    ),
    votes: { type: "array", items: schemaRef("Vote") },
    twin: maybeText,
    payloadDigest: text,
    settled: orNull(schemaRef("Settled")),
  },
  { metered: { const: true } },
);

/** Every document that people send or get. */
export const peopleSchemas: Readonly<Record<string, JsonObject>> = {
  Refusal: object({
    code: { enum: [...new Set(["ERR_ROLE", "ERR_NOT_FOUND", "ERR_CONFLICT", "ERR_INVALID", ...Object.keys(codes)])] },
    message: text,
  }),
  Reason: object({ rule: text, message: text }, { pointer: text }),
  Person: object(
    {
      person: { ...text, description: "The one key for this human across all issuers." },
      name: text,
      roles: { type: "array", items: { enum: roles } },
      groups: { type: "array", items: text },
      expiresAtMs: timeMs,
    },
    { token: object({ issuer: text, tokenId: maybeText }) },
  ),
  Me: object({ person: schemaRef("Person") }),
  Vote: object({
    ...{
      person: text,
      name: text,
      tier: text,
      approve: { type: "boolean" },
      reason: text,
      atMs: timeMs,
      binding: text,
      policyDigest: text,
    },
  }),
  Settled: object(
    {
      outcome: { enum: ["succeeded", "failed", "not_sent", "unknown", "rejected", "expired", "cancelled", "refused", "denied"] },
      code: maybeText,
      detail: maybeText,
      reasons,
      status: { type: ["integer", "null"] },
      contentType: maybeText,
      answerDigest: maybeText,
      latencyMs: { type: ["number", "null"] },
      by: { ...maybeText, description: "Who ended it; null when it ended by itself." },
    },
    {
      transfer: object({ requestBytes: count, requestDigest: hash, responseBytes: count, responseDigest: hash }),
      usage,
    },
  ),
  Call: call,
  Calls: listOf("calls", schemaRef("Call")),
  Holds: listOf("holds", schemaRef("Call")),
  ShownCall: object({
    call: schemaRef("Call"),
    request: {
      ...orNull(object({ method: text, url: text, body: anything, args: anything, headers: anything, before: anything })),
      description: "What would be, or was, sent, with every character that could mislead an eye written out; null when it was erased.",
    },
    looks: {
      type: "array",
      items: object({
        callId: text,
        tool: text,
        atMs: timeMs,
        state: { enum: states },
        status: { type: ["integer", "null"] },
        answer: anything,
      }),
      description: "What the gateway looked up at the upstream after the outcome was unknown, oldest first; the newest has its answer.",
    },
  }),
  State: object({ state: { enum: states } }),
  VoteRequest: asked(["approve", "reason", "binding"], {
    approve: { type: "boolean" },
    reason,
    binding: { ...text, description: "The one shown with the call. A vote on anything else does not count." },
  }),
  ReasonRequest: asked(["reason"], { reason }),
  ReconcileRequest: asked(["outcome", "reason"], {
    outcome: { enum: ["succeeded", "failed", "not_sent"], description: "What a person found out at the upstream." },
    reason,
  }),
  StopRequest: asked(["scope", "reason"], {
    scope: {
      ...asked([], Object.fromEntries(stopScopeKeys.map((key) => [key, reason]))),
      description: "Every member must match. `{}` stops everything.",
    },
    reason,
    expires_in_s: {
      type: ["integer", "null"],
      minimum: 1,
      maximum: 3_155_760_000,
      description: "Seconds; absent or null is until cleared.",
    },
  }),
  Stop: object({
    id: text,
    scope: { type: "object", properties: Object.fromEntries(stopScopeKeys.map((key) => [key, text])) },
    reason: text,
    setBy: text,
    setAtMs: timeMs,
    expiresAtMs: maybeTimeMs,
  }),
  StopSet: object({ stop: schemaRef("Stop") }),
  Stops: listOf("stops", schemaRef("Stop")),
  Cleared: object({ cleared: text }),
  Runs: listOf("runs", object({ run: text, tenant: text, agent: text, calls: count, lastMs: timeMs })),
  RunRecord: object({
    run_id: text,
    agent: text,
    tenant_id: text,
    model: maybeText,
    budget_usd: { type: ["number", "null"] },
    tool_calls: {
      type: "array",
      items: object({ tool: text, input_hash: text, status: { enum: states }, latency_ms: { type: ["number", "null"] } }),
    },
    approvals: { type: "array", items: object({ type: text, required: { const: true }, approved: { type: "boolean" } }) },
    outcome: orNull(object({ status: text, reason: text })),
    cost: object({ prompt_tokens: count, completion_tokens: count, usd: { type: "number" } }),
  }),
  Ledger: object({
    head: object({ size: count, hash }),
    entries: { type: "array", items: object({ seq: { type: "integer", minimum: 1 }, entry: { type: "object" }, prev: hash, hash }) },
  }),
  Live: object({ status: { enum: ["live", "dead"] } }),
  Ready: object({ status: { enum: ["ready", "not ready"] } }, { why: text, configuration: text, policy: text, dev: { type: "boolean" } }),
  OpenApi: object({ openapi: { const: "3.1.0" }, info: { type: "object" }, paths: { type: "object" } }),
};

/** Headers of answers, by the name under which the document describes them. */
export const peopleHeaders: Readonly<Record<string, JsonObject>> = {
  "Retry-After": { description: "Seconds after which asking again makes sense.", schema: { type: "integer", minimum: 1 } },
  "WWW-Authenticate": { description: "`Bearer`.", schema: text },
  Allow: { description: "The methods that this resource has.", schema: text },
};
