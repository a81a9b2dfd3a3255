import type { FastifyRequest, HTTPMethods } from "fastify";
import { cancelCall } from "../../control/cancel-call.ts";
import { collectCall, findOwnCall, waitForCall } from "../../control/collect-call.ts";
import { openRun } from "../../control/open-run.ts";
import { reportOutcome, reportUsage } from "../../control/report-run.ts";
import { problem, problemOf } from "../../path/answers.ts";
import type { Identified, Received, Target } from "../../path/call.ts";
import { identify } from "../../path/identify.ts";
import { answerCall } from "../../path/index.ts";
import type { StoredCall } from "../../ports/calls.ts";
import type { Answer } from "../../rules/answer.ts";
import { type Code, codes } from "../../rules/codes.ts";
import { checkContentType } from "../../rules/content-type.ts";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import { type DialectName, dialectAt } from "../../rules/dialects.ts";
import { type RequestHeaders, readHost, readPrefer } from "../../rules/headers.ts";
import type { JsonObject } from "../../rules/json.ts";
import { readQuery } from "../../rules/query.ts";
import { type RateStanding, rateLimitFields } from "../../rules/rate-fields.ts";
import { readJsonObject } from "../../rules/strict-json.ts";
import { allowedMethods } from "../listener/allowed-methods.ts";
import type { Operation } from "../listener/openapi.ts";
import { metadataPath } from "./challenge.ts";
import { listTools, type ToolFormat, toolFormats } from "./list-tools.ts";
import { writeAgentRoutes } from "./openapi.ts";
import { agentOperations as operations } from "./openapi-operations.ts";
import { keptSeconds, readMetadata } from "./protected-resource.ts";
import { readOutcomeReport, readUsageReport } from "./read-report.ts";
import { readReceived, splitRawTarget } from "./read-request.ts";
import { describeRun, readRunRequest } from "./read-run.ts";
import { json, type Rendered, renderAnswer } from "./render.ts";
import type { AgentEdge } from "./server.ts";

export interface AgentRoute {
  readonly method: HTTPMethods | HTTPMethods[];
  readonly url: string;
  /** True for what may begin a call: refused while draining. What looks at calls is answered to the end. */
  readonly begins?: true;
  /** True for what strangers may read; everything else needs a token before it is looked at. `test/edges/http/gate.test.ts` has the whole list. */
  readonly public?: true;
  /** What the OpenAPI document says of it. Absent on what is no resource of ours: the tools' own paths. */
  readonly operation?: Operation;
  readonly handle: (edge: AgentEdge, request: FastifyRequest) => Promise<Rendered>;
}

const base = "/sallyport/v1";

/** Every route of the agents' listener. `*` is the mounts: the tools' own paths. */
export const agentRoutes: readonly AgentRoute[] = [
  { method: "POST", url: `${base}/tools/:name`, begins: true, operation: operations.callTool, handle: callByName },
  { method: "GET", url: `${base}/tools`, operation: operations.listTools, handle: answerTools },
  { method: "GET", url: `${base}/calls/:id`, operation: operations.getCall, handle: answerOwnCall },
  { method: "DELETE", url: `${base}/calls/:id`, operation: operations.cancelCall, handle: cancelOwnCall },
  { method: "POST", url: `${base}/runs`, begins: true, operation: operations.openRun, handle: openOwnRun },
  { method: "POST", url: `${base}/runs/:id/usage`, operation: operations.reportUsage, handle: takeUsage },
  { method: "POST", url: `${base}/runs/:id/outcome`, operation: operations.reportOutcome, handle: takeOutcome },
  { method: "GET", url: `${base}/errors/:code`, public: true, operation: operations.explainCode, handle: explainCode },
  { method: "GET", url: metadataPath, public: true, operation: operations.getResourceMetadata, handle: answerMetadata },
  { method: "GET", url: `${metadataPath}/*`, public: true, operation: operations.getMountMetadata, handle: answerMetadata },
  { method: "GET", url: `${base}/openapi.json`, public: true, operation: operations.getOpenApi, handle: answerOpenApi },
  { method: ["GET", "POST", "PUT", "PATCH", "DELETE"], url: "*", begins: true, handle: callMount },
];

/** The mounts answer to every method and path that no other route has. */
export const mountRoute: AgentRoute = { method: "GET", url: "*", begins: true, handle: callMount };

function parameter(request: FastifyRequest, name: string): string {
  return (request.params as Readonly<Record<string, string>>)[name] ?? "";
}

function receive(edge: AgentEdge, request: FastifyRequest, target: Target): Received {
  return readReceived(request, edge.ports.ids.callId(), edge.ports.clock.nowMs(), target);
}

/** The name is read from the raw target: the framework decodes, and a tool has one spelling. */
function callByName(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  const { rawPath, rawQuery } = splitRawTarget(request.raw.url ?? "");
  const tool = rawPath.startsWith(`${base}/tools/`) ? rawPath.slice(`${base}/tools/`.length) : "";
  return answerReceived(edge, receive(edge, request, { by: "name", tool, rawQuery }), true);
}

/** The dialect of what a request is addressed to: raw segments, since a path that is refused for its spelling still names its mount. */
export function dialectFor({ ports }: AgentEdge, target: Target, headers: RequestHeaders): DialectName | null {
  if (target.by === "name") return null;
  return dialectAt(ports.catalogue(), { port: target.port, host: readHost(headers), segments: target.rawPath.split("/").slice(1) });
}

/** What a request on the tools' own paths is addressed to. */
export function mountTarget({ mountPort: port }: AgentEdge, request: FastifyRequest): Target {
  return { by: "path", method: request.method, ...splitRawTarget(request.raw.url ?? ""), port };
}

function callMount(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  return answerReceived(edge, receive(edge, request, mountTarget(edge, request)), false);
}

/** Methods of our own resource at this raw path, for a request that no route took; empty where there is no resource of ours. */
export function ownMethodsAt(rawPath: string): readonly string[] {
  return allowedMethods(agentRoutes, rawPath);
}

async function answerReceived(edge: AgentEdge, received: Received, byName: boolean): Promise<Rendered> {
  const { ports, limits } = edge;
  const { answer, standings } = await answerCall(ports, received);
  const told = { publicUrl: edge.publicUrl(), standings, nowMs: ports.clock.nowMs() };
  // The upstream's own answer is told in no dialect, and nobody waits for it.
  if (answer.kind === "upstream") return renderAnswer(answer, { ...told, canWait: false, dialect: null });
  const prefer = readPrefer(received.headers);
  const context = { ...told, canWait: byName || prefer.canWait, dialect: dialectFor(edge, received.target, received.headers) };
  if (answer.kind !== "held" || prefer.waitSeconds === 0) return renderAnswer(answer, context);
  const waitMs = Math.min(prefer.waitSeconds * 1000, limits.waitMsMax);
  const waited = await waitBounded(edge, answer.callId, waitMs).catch((error: unknown) => unreadable(edge, answer.callId, error));
  const rendered = renderAnswer(waited ?? answer, context);
  // What was done, and not what was wished (RFC 7240 section 3).
  return { ...rendered, headers: { ...rendered.headers, "preference-applied": `wait=${Math.floor(waitMs / 1000)}` } };
}

/** Connections that wait for one call at most; the next one is answered at once, and comes again by itself. */
export const waitersMax = 8;

async function waitBounded(edge: AgentEdge, callId: string, waitMs: number): Promise<Answer | null> {
  const { waiters } = edge;
  const waiting = waiters.get(callId) ?? 0;
  if (waiting >= waitersMax) return waitForCall(edge.ports, callId, 0, edge.draining);
  waiters.set(callId, waiting + 1);
  try {
    return await waitForCall(edge.ports, callId, waitMs, edge.draining);
  } finally {
    const left = (waiters.get(callId) ?? 1) - 1;
    if (left === 0) waiters.delete(callId);
    else waiters.set(callId, left);
  }
}

/** A call that is on record, and cannot be looked at: nobody may be told that it was not executed. */
function unreadable({ ports }: AgentEdge, callId: string, error: unknown): Answer {
  ports.onFault(callId, error);
  return problem(callId, "ERR_ANSWER_UNREADABLE", { recorded: true });
}

/** What most of our own resources take in their query. */
const noQuery: ReadonlyMap<string, "string"> = new Map();

/** For our own resources: who asks, or the answer that says why not. A query that is not declared is refused: a token in it would be in logs. */
async function identified(edge: AgentEdge, request: FastifyRequest, declared = noQuery): Promise<Identified | Rendered> {
  const received = receive(edge, request, { by: "name", tool: "", rawQuery: "" });
  const call = await identify(edge.ports, received);
  if (isDenial(call)) return renderDenial(edge, call);
  const query = readQuery(splitRawTarget(request.raw.url ?? "").rawQuery, declared);
  return isDenial(query) ? renderDenial(edge, query) : call;
}

/** A refusal that no call was made for; without a dialect it is one of our own resources'. */
export function renderDenial(
  { ports, publicUrl }: AgentEdge,
  denial: Denial,
  standings: readonly RateStanding[] = [],
  dialect: DialectName | null = null,
): Rendered {
  return renderAnswer(problemOf(ports.ids.callId(), denial, false), {
    publicUrl: publicUrl(),
    canWait: false,
    dialect,
    standings,
    nowMs: ports.clock.nowMs(),
  });
}

const toolsQuery: ReadonlyMap<string, "string"> = new Map([["format", "string"]]);

async function answerTools(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  const call = await identified(edge, request, toolsQuery);
  if ("status" in call) return call;
  const format = (request.query as { readonly format?: unknown }).format ?? "jsonschema";
  if (!toolFormats.includes(format as ToolFormat))
    return renderDenial(edge, deny("ERR_QUERY_INVALID", `format is one of ${toolFormats.join(", ")}.`));
  return json(200, {}, { tools: listTools(edge.ports.catalogue(), call.principal, format as ToolFormat) });
}

/** Does something with a call of the caller's; a fault on the way never says "not executed". */
async function withOwnCall(
  edge: AgentEdge,
  request: FastifyRequest,
  act: (call: Identified, stored: StoredCall) => Promise<Rendered>,
): Promise<Rendered> {
  const call = await identified(edge, request);
  if ("status" in call) return call;
  const callId = parameter(request, "id");
  try {
    const stored = await findOwnCall(edge.ports, call.principal, callId);
    return isDenial(stored) ? renderDenial(edge, stored) : await act(call, stored);
  } catch (error) {
    const context = { publicUrl: edge.publicUrl(), canWait: true, dialect: null, standings: [], nowMs: edge.ports.clock.nowMs() };
    return renderAnswer(unreadable(edge, callId, error), context);
  }
}

async function answerOwnCall(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  return withOwnCall(edge, request, (call, stored) => collect(edge, call, stored));
}

async function collect(edge: AgentEdge, call: Identified, stored: StoredCall): Promise<Rendered> {
  const { ports, publicUrl, limits } = edge;
  const { waitSeconds } = readPrefer(call.headers);
  const waited = waitSeconds === 0 ? null : await waitBounded(edge, stored.id, Math.min(waitSeconds * 1000, limits.waitMsMax));
  return renderAnswer(waited ?? (await collectCall(ports, stored)), {
    publicUrl: publicUrl(),
    canWait: true,
    dialect: null,
    standings: [],
    nowMs: ports.clock.nowMs(),
  });
}

async function cancelOwnCall(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  return withOwnCall(edge, request, async (call, stored) => {
    const cancelled = await cancelCall(edge.ports, stored, `agent:${call.principal.agent}`, "cancelled by its agent");
    if (cancelled) return json(200, {}, { call_id: stored.id, status: "cancelled", executed: false });
    return collect(edge, call, (await edge.ports.calls.find(stored.id)) ?? stored);
  });
}

async function openOwnRun(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  const call = await identified(edge, request);
  if ("status" in call) return call;
  const asked = readRunRequest(call, splitRawTarget(request.raw.url ?? "").rawQuery);
  if (isDenial(asked)) return renderDenial(edge, asked);
  const { opened, standings } = await openRun(edge.ports, call.principal, asked);
  return isDenial(opened) ? renderDenial(edge, opened, standings) : json(201, rateLimitFields(standings), describeRun(opened));
}

async function takeUsage(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  return takeReport(edge, request, async (call, body) => {
    const report = readUsageReport(body);
    return isDenial(report) ? report : reportUsage(edge.ports, call.principal, parameter(request, "id"), report);
  });
}

async function takeOutcome(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  return takeReport(edge, request, async (call, body) => {
    const outcome = readOutcomeReport(body);
    return isDenial(outcome) ? outcome : reportOutcome(edge.ports, call.principal, parameter(request, "id"), outcome);
  });
}

type TakeReport = (call: Identified, body: JsonObject) => Promise<Denial | null>;

async function takeReport(edge: AgentEdge, request: FastifyRequest, take: TakeReport): Promise<Rendered> {
  const call = await identified(edge, request);
  if ("status" in call) return call;
  const type = checkContentType(call.headers.get("content-type") ?? [], "json");
  if (type !== null) return renderDenial(edge, type);
  const body = readJsonObject(call.body ?? new Uint8Array());
  if (isDenial(body)) return renderDenial(edge, body);
  const denial = await take(call, body);
  return denial === null ? json(200, {}, { recorded: true }) : renderDenial(edge, denial);
}

/** What a code means: the `type` of every problem points here. It tells nothing about any call, so it needs no token. */
async function explainCode(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  const code = parameter(request, "code");
  return Object.hasOwn(codes, code) ? json(200, {}, { code, ...codes[code as Code] }) : renderDenial(edge, deny("ERR_ROUTE_UNKNOWN"));
}

/** Where a stranger learns which issuers there are. It says nothing of any call, so it needs no token. */
async function answerMetadata(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  const metadata = readMetadata(edge, request);
  return isDenial(metadata) ? renderDenial(edge, metadata) : metadata;
}

/** How to call all this. It names no tool, so it needs no token. */
async function answerOpenApi(edge: AgentEdge): Promise<Rendered> {
  const headers = { "content-type": "application/json; charset=utf-8", "cache-control": `public, max-age=${keptSeconds}` };
  return { status: 200, headers, body: writeAgentRoutes(agentRoutes, edge.publicUrl()) };
}
