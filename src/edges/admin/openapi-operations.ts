import type { JsonObject } from "../../rules/json.ts";
import { states } from "../../rules/states.ts";
import { type AnswerFacts, type Operation, type ParameterFacts, schemaRef } from "../listener/openapi.ts";

/** Whatever else stands in an address is percent-encoded, and in one way only (`src/rules/paths.ts`). */
const segment: JsonObject = { type: "string", pattern: "^[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,99}$" };
const inPath = (name: string, description: string): ParameterFacts => ({ name, in: "path", description, schema: segment });
const inQuery = (name: string, description: string, schema: JsonObject = { type: "string", minLength: 1 }): ParameterFacts => ({
  name,
  in: "query",
  description,
  schema,
});
const answer = (description: string, name: string): Readonly<Record<string, AnswerFacts>> => ({
  200: { description, schema: schemaRef(name) },
});
const body = (name: string) => ({ required: true, schema: schemaRef(name) });
const callId = inPath("id", "The call's id.");
const changing = [404, 409, 413, 415] as const;

/** What each route of the people's listener says of itself. */
export const peopleOperations = {
  getLive: {
    id: "getLive",
    summary: "Whether the process is alive",
    answers: { ...answer("It is.", "Live"), 503: { description: "Only a restart can help.", schema: schemaRef("Live") } },
  },
  getReady: {
    id: "getReady",
    summary: "Whether it takes calls, and which configuration is in force",
    answers: { ...answer("It does.", "Ready"), 503: { description: "It does not; `why` says why.", schema: schemaRef("Ready") } },
  },
  getMetrics: {
    id: "getMetrics",
    summary: "Metrics for Prometheus",
    answers: { 200: { description: "The text format.", schema: null, contentType: "text/plain" } },
  },
  getOpenApi: { id: "getOpenApi", summary: "This document", answers: answer("OpenAPI 3.1.", "OpenApi") },
  getMe: { id: "getMe", summary: "Who the token says you are", answers: answer("You.", "Me") },
  listCalls: {
    id: "listCalls",
    summary: "List calls, newest first",
    parameters: [
      inQuery("state", "Only of this state.", { enum: states }),
      inQuery("agent", "Only of this agent."),
      inQuery("tenant", "Only for this tenant."),
      inQuery("run", "Only of this run."),
      inQuery("limit", "How many at most.", { type: "integer", minimum: 1, maximum: 1000, default: 50 }),
    ],
    answers: answer("The calls.", "Calls"),
  },
  getCall: {
    id: "getCall",
    summary: "Show a call with what it would send",
    parameters: [callId],
    answers: answer("The call.", "ShownCall"),
    refusals: [404],
  },
  cancelCall: {
    id: "cancelCall",
    summary: "Take back a held or approved call",
    parameters: [callId],
    body: body("ReasonRequest"),
    answers: answer("It is cancelled.", "State"),
    refusals: changing,
  },
  reconcileCall: {
    id: "reconcileCall",
    summary: "Say what became of a call whose outcome is not known",
    parameters: [callId],
    body: body("ReconcileRequest"),
    answers: answer("It is settled.", "State"),
    refusals: changing,
  },
  listHolds: { id: "listHolds", summary: "List the calls that wait for people", answers: answer("The calls.", "Holds") },
  voteOnHold: {
    id: "voteOnHold",
    summary: "Approve or reject a held call",
    parameters: [callId],
    body: body("VoteRequest"),
    answers: answer("The vote is recorded; this is the call's state now.", "State"),
    refusals: changing,
  },
  listRuns: { id: "listRuns", summary: "List runs, the newest 200", answers: answer("The runs.", "Runs") },
  getRun: {
    id: "getRun",
    summary: "A run as one record, for evaluations",
    parameters: [inPath("tenant", "For whom."), inPath("agent", "Whose."), inPath("run", "Which.")],
    answers: answer("The run.", "RunRecord"),
    refusals: [404],
  },
  listStops: { id: "listStops", summary: "List the stops in force, oldest first", answers: answer("The stops.", "Stops") },
  setStop: {
    id: "setStop",
    summary: "Stop an agent, a tool, a tenant, a workflow, a run, or everything",
    description: "It holds when the answer is there.",
    body: body("StopRequest"),
    answers: answer("The stop.", "StopSet"),
    refusals: [413, 415],
  },
  clearStop: {
    id: "clearStop",
    summary: "End a stop",
    parameters: [inPath("id", "The stop's id.")],
    answers: answer("It is over.", "Cleared"),
    refusals: [404],
  },
  readLedger: {
    id: "readLedger",
    summary: "Read sealed entries of the ledger",
    parameters: [
      inQuery("from", "Number of the first entry.", { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER, default: 1 }),
      inQuery("limit", "How many at most.", { type: "integer", minimum: 1, maximum: 1000, default: 1000 }),
    ],
    answers: answer("The entries, and where the ledger ends.", "Ledger"),
  },
} as const satisfies Readonly<Record<string, Operation>>;
