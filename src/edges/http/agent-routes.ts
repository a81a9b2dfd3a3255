import type { FastifyRequest, HTTPMethods } from "fastify";
import { cancelCall } from "../../control/cancel-call.ts";
import { collectCall, findOwnCall, waitForCall } from "../../control/collect-call.ts";
import { reportOutcome, reportUsage } from "../../control/report-run.ts";
import { problemOf } from "../../path/answers.ts";
import type { Identified, Received, Target } from "../../path/call.ts";
import { identify } from "../../path/identify.ts";
import { answerCall } from "../../path/index.ts";
import { type Code, codes } from "../../rules/codes.ts";
import { readContentType } from "../../rules/content-type.ts";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import { readPrefer } from "../../rules/headers.ts";
import type { JsonObject } from "../../rules/json.ts";
import { readJsonObject } from "../../rules/strict-json.ts";
import { listTools, type ToolFormat, toolFormats } from "./list-tools.ts";
import { readOutcomeReport, readUsageReport } from "./read-report.ts";
import { readReceived, splitRawTarget } from "./read-request.ts";
import { json, type Rendered, renderAnswer } from "./render.ts";
import type { AgentEdge } from "./server.ts";

export interface AgentRoute {
  readonly method: HTTPMethods | HTTPMethods[];
  readonly url: string;
  readonly handle: (edge: AgentEdge, request: FastifyRequest) => Promise<Rendered>;
}

const base = "/sallyport/v1";

/** Every route of the agents' listener. `*` is the mounts: the tools' own paths. */
export const agentRoutes: readonly AgentRoute[] = [
  { method: "POST", url: `${base}/tools/:name`, handle: callByName },
  { method: "GET", url: `${base}/tools`, handle: answerTools },
  { method: "GET", url: `${base}/calls/:id`, handle: answerOwnCall },
  { method: "DELETE", url: `${base}/calls/:id`, handle: cancelOwnCall },
  { method: "POST", url: `${base}/runs/:id/usage`, handle: takeUsage },
  { method: "POST", url: `${base}/runs/:id/outcome`, handle: takeOutcome },
  { method: "GET", url: `${base}/errors/:code`, handle: explainCode },
  { method: ["GET", "POST", "PUT", "PATCH", "DELETE"], url: "*", handle: callMount },
];

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

function callMount(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  const target = { by: "path", method: request.method, ...splitRawTarget(request.raw.url ?? "") } as const;
  return answerReceived(edge, receive(edge, request, target), false);
}

async function answerReceived(edge: AgentEdge, received: Received, byName: boolean): Promise<Rendered> {
  const { ports, limits } = edge;
  const { answer, standings } = await answerCall(ports, received);
  const prefer = readPrefer(received.headers);
  const context = { publicUrl: edge.publicUrl(), canWait: byName || prefer.canWait, standings, nowMs: ports.clock.nowMs() };
  if (answer.kind !== "held" || prefer.waitSeconds === 0) return renderAnswer(answer, context);
  const waited = await waitForCall(ports, answer.callId, Math.min(prefer.waitSeconds * 1000, limits.waitMsMax));
  const rendered = renderAnswer(waited ?? answer, context);
  return { ...rendered, headers: { ...rendered.headers, "preference-applied": `wait=${prefer.waitSeconds}` } };
}

/** For our own resources: who asks, or the answer that says why not. */
async function identified(edge: AgentEdge, request: FastifyRequest): Promise<Identified | Rendered> {
  const received = receive(edge, request, { by: "name", tool: "", rawQuery: "" });
  const call = await identify(edge.ports, received);
  return isDenial(call) ? renderDenial(edge, call) : call;
}

function renderDenial({ ports, publicUrl }: AgentEdge, denial: Denial): Rendered {
  return renderAnswer(problemOf(ports.ids.callId(), denial, false), {
    publicUrl: publicUrl(),
    canWait: false,
    standings: [],
    nowMs: ports.clock.nowMs(),
  });
}

async function answerTools(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  const call = await identified(edge, request);
  if ("status" in call) return call;
  const format = (request.query as { readonly format?: unknown }).format ?? "jsonschema";
  if (!toolFormats.includes(format as ToolFormat))
    return renderDenial(edge, deny("ERR_QUERY_INVALID", `format is one of ${toolFormats.join(", ")}.`));
  return json(200, {}, { tools: listTools(edge.ports.catalogue(), call.principal, format as ToolFormat) });
}

async function answerOwnCall(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  const { ports, publicUrl, limits } = edge;
  const call = await identified(edge, request);
  if ("status" in call) return call;
  const stored = await findOwnCall(ports, call.principal, parameter(request, "id"));
  if (isDenial(stored)) return renderDenial(edge, stored);
  const { waitSeconds } = readPrefer(call.headers);
  const waited = waitSeconds === 0 ? null : await waitForCall(ports, stored.id, Math.min(waitSeconds * 1000, limits.waitMsMax));
  return renderAnswer(waited ?? (await collectCall(ports, stored)), {
    publicUrl: publicUrl(),
    canWait: true,
    standings: [],
    nowMs: ports.clock.nowMs(),
  });
}

async function cancelOwnCall(edge: AgentEdge, request: FastifyRequest): Promise<Rendered> {
  const call = await identified(edge, request);
  if ("status" in call) return call;
  const stored = await findOwnCall(edge.ports, call.principal, parameter(request, "id"));
  if (isDenial(stored)) return renderDenial(edge, stored);
  const cancelled = await cancelCall(edge.ports, stored, `agent:${call.principal.agent}`, "cancelled by its agent");
  return cancelled ? json(200, {}, { call_id: stored.id, status: "cancelled", executed: false }) : answerOwnCall(edge, request);
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
  const type = readContentType(call.headers.get("content-type") ?? []);
  if (isDenial(type)) return renderDenial(edge, type);
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
