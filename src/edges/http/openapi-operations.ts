import { runTokenTtlMsMax } from "../../control/open-run.ts";
import type { CodeRow } from "../../rules/codes.ts";
import type { JsonObject } from "../../rules/json.ts";
import { type AnswerFacts, type Operation, type ParameterFacts, schemaRef } from "../listener/openapi.ts";
import { toolFormats } from "./list-tools.ts";

/** Whatever else stands in an address is percent-encoded, and in one way only (`src/rules/paths.ts`). */
const segment: JsonObject = { type: "string", pattern: "^[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,99}$" };

const inPath = (name: string, description: string, schema = segment): ParameterFacts => ({ name, in: "path", description, schema });

const prefer: ParameterFacts = {
  name: "Prefer",
  in: "header",
  description:
    "`wait=N` keeps the connection up to N seconds for a call that is not over; `respond-async` does not. Both say that the client can tell 202 from done.",
  schema: { type: "string", examples: ["wait=20", "respond-async"] },
};

const callHeaders: readonly ParameterFacts[] = [
  {
    name: "Idempotency-Key",
    in: "header",
    description:
      "The same key with the same arguments is the same call. Bare or in double quotes. Needed by irreversible and financial writes.",
    schema: { type: "string", pattern: '^(?:[!#-~]{1,255}|"[!#-~]{1,255}")$' },
  },
  {
    name: "Sallyport-Dry-Run",
    in: "header",
    description: "Answers the proposal and executes nothing. Any other value is refused.",
    schema: { const: "true" },
  },
  prefer,
];

const json = (description: string, name: string, headers: readonly string[] = []): AnswerFacts => ({
  description,
  schema: schemaRef(name),
  headers,
});

const held: AnswerFacts = json("The call is held: it was NOT executed, and waits for people.", "Held", [
  ...["Sallyport-Call-Id", "Sallyport-Attached", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "Preference-Applied"],
]);

/** What the upstream said is passed on as it is, whatever it is. */
const upstreams: AnswerFacts = {
  description: "The upstream's own answer, with its status, content type and body: the call was executed.",
  schema: null,
  contentType: "*/*",
  headers: ["Sallyport-Call-Id", "Sallyport-Replayed", "Sallyport-Attached", "RateLimit", "RateLimit-Policy", "Preference-Applied"],
};

/** Whatever a call may come to, told now or later. Statuses of refusals are the upstream's too, which `Sallyport-Call-Id` and no problem document tell. */
const callRefusals: readonly CodeRow["status"][] = [400, 403, 404, 409, 413, 415, 422, 429, 502, 503, 504];

const runId = inPath("id", "The run of the token.");
const callId = inPath("id", "From `call_id` or `Location`.");

/** What each of our own resources says of itself. The routes of `agent-routes.ts` name them. */
export const agentOperations = {
  callTool: {
    id: "callTool",
    summary: "Call a tool by its name",
    description:
      "The same call as the tool's own method and path on its mount. A client that calls by name is answered 202 when the call is held.",
    parameters: [inPath("name", "A name of the list of tools. Dots may be written as underscores."), ...callHeaders],
    body: { required: true, schema: schemaRef("Arguments") },
    answers: {
      200: {
        ...upstreams,
        description: "Executed: the upstream's own answer. With `Sallyport-Dry-Run: true` a Proposal, and nothing was executed.",
      },
      202: held,
      default: upstreams,
    },
    refusals: callRefusals,
  },
  listTools: {
    id: "listTools",
    summary: "List the tools that the agent's contract names",
    parameters: [
      {
        name: "format",
        in: "query",
        description: "How each vendor wants a tool described.",
        schema: { enum: toolFormats, default: "jsonschema" },
      },
    ],
    answers: { 200: json("The tools, by name.", "Tools") },
  },
  getCall: {
    id: "getCall",
    summary: "Ask what became of a call",
    description: "Any token of the same agent, tenant, environment and user may ask.",
    parameters: [callId, prefer],
    answers: { 200: upstreams, 202: held, default: upstreams },
    refusals: [400, 403, 404, 409, 422, 502, 503, 504],
  },
  cancelCall: {
    id: "cancelCall",
    summary: "Take back a held call",
    description: "Only what is held or approved can be taken back; of anything else it is told what became of it, as by GET.",
    parameters: [callId, prefer],
    answers: {
      200: {
        description: "Cancelled, or the upstream's own answer when it was too late.",
        schema: null,
        contentType: "*/*",
        headers: ["Sallyport-Call-Id", "Sallyport-Replayed"],
      },
      202: held,
      default: upstreams,
    },
    refusals: [400, 403, 404, 409, 422, 502, 503, 504],
  },
  openRun: {
    id: "openRun",
    summary: "Open a run and get its token",
    description: `For clients that take one token and cannot send headers. Asked again, it opens another run. A token lives ${runTokenTtlMsMax / 60_000} minutes at most, and never longer than the one that opens the run.`,
    body: { required: false, schema: schemaRef("RunRequest") },
    answers: { 201: json("The run is open.", "Run", ["RateLimit", "RateLimit-Policy"]) },
    refusals: [413, 415, 422, 429],
  },
  reportUsage: {
    id: "reportUsage",
    summary: "Say what the run's model used",
    description: "Adds up, and counts against the run's cost budget. The token must be of this run.",
    parameters: [runId],
    body: { required: true, schema: schemaRef("Usage") },
    answers: { 200: json("Recorded.", "Recorded") },
    refusals: [404, 413, 415, 422, 429],
  },
  reportOutcome: {
    id: "reportOutcome",
    summary: "Say how the run ended",
    parameters: [runId],
    body: { required: true, schema: schemaRef("Outcome") },
    answers: { 200: json("Recorded.", "Recorded") },
    refusals: [404, 413, 415, 422, 429],
  },
  explainCode: {
    id: "explainCode",
    summary: "Explain a code",
    parameters: [inPath("code", "Such as `ERR_HELD`. A problem's `type` is this URL.")],
    answers: { 200: json("What the code means.", "CodeMeaning") },
    refusals: [404],
  },
  getResourceMetadata: {
    id: "getResourceMetadata",
    summary: "Where tokens for this gateway come from",
    answers: { 200: json("The metadata of the protected resource.", "ResourceMetadata") },
    refusals: [404],
  },
  getMountMetadata: {
    id: "getMountMetadata",
    summary: "The same for one mount",
    parameters: [inPath("resource", "The mount's path; its slashes are slashes here.")],
    answers: { 200: json("The metadata of the mount.", "ResourceMetadata") },
    refusals: [404],
  },
  getOpenApi: {
    id: "getOpenApi",
    summary: "This document",
    answers: { 200: json("OpenAPI 3.1.", "OpenApi") },
  },
} as const satisfies Readonly<Record<string, Operation>>;
