import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ControlPorts } from "../../control/ports.ts";
import { problem } from "../../path/answers.ts";
import { identify } from "../../path/identify.ts";
import type { Code } from "../../rules/codes.ts";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import { type DialectName, dialectAt } from "../../rules/dialects.ts";
import { readPath } from "../../rules/paths.ts";
import { guardSockets, type SocketGuard, type WireAnswer } from "../listener/guard-sockets.ts";
import { type ListenerLimits, listenerOptions } from "../listener/listener-limits.ts";
import { type AgentRoute, agentRoutes, dialectFor, mountRoute, mountTarget, ownMethodsAt, renderDenial } from "./agent-routes.ts";
import { type RouteFacts, registerPassthrough } from "./passthrough.ts";
import type { ResourceFacts } from "./protected-resource.ts";
import { readRawHeaders, readReceived, splitRawTarget } from "./read-request.ts";
import { type Rendered, renderAnswer } from "./render.ts";
import { guards, send } from "./send.ts";
import type { Streams } from "./streams.ts";

/** Limits of the agents' listener. */
export interface HttpLimits extends ListenerLimits {
  /** Longest time that `Prefer: wait` keeps a connection. */
  readonly waitMsMax: number;
}

/** Limits of the agents' listener that no configuration changes. */
export const agentListenerFixed = { headersMax: 100, requestsPerSocketMax: 10_000, pipelinedMax: 32 } as const;

export interface AgentEdgeOptions {
  /** The port of mounts that have a listener of their own; null for the agents' listener. */
  readonly mountPort: number | null;
  /** Absolute base of our own URLs; known once the listener has its port. */
  readonly publicUrl: () => string;
  readonly limits: HttpLimits;
  /** What strangers may know of how to get in. */
  readonly resource: ResourceFacts;
  /** True from the moment the process is told to stop; then no new call is admitted. */
  readonly draining: () => boolean;
  /** Answers that are being made or sent; a drain waits for them. */
  readonly running: { begin(): void; end(): void };
  /** Answers that are passed through right now. */
  readonly streams: Streams;
  /** Told of every answer, for metrics. */
  readonly onAnswer: (name: string, status: number, milliseconds: number) => void;
}

/** What a handler gets. */
export interface AgentEdge extends AgentEdgeOptions {
  readonly ports: ControlPorts;
  /** Connections that wait for a call, by its id. */
  readonly waiters: Map<string, number>;
}

/** Framework faults, by its code, as ours. Anything else is an internal one. */
const faultCodes: Readonly<Record<string, Code>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "ERR_BODY_TOO_LARGE",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "ERR_BODY_TYPE",
  FST_ERR_CTP_EMPTY_TYPE: "ERR_BODY_TYPE",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "ERR_JSON_MALFORMED",
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: "ERR_BODY_TYPE",
  FST_ERR_BAD_URL: "ERR_PATH_NOT_CANONICAL",
  FST_ERR_MAX_PARAM_LENGTH: "ERR_PATH_NOT_CANONICAL",
};

/** The agents' listener: our own routes, and everything else to the mounts. */
export function createAgentServer(ports: ControlPorts, options: AgentEdgeOptions): FastifyInstance {
  const { limits } = options;
  const edge: AgentEdge = { ...options, ports, waiters: new Map() };
  const server = fastify({
    ...listenerOptions(limits),
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => answerFrameworkFault(edge, error, request as FastifyRequest, reply as FastifyReply),
  });
  const sockets = guardSockets(server, limits, (denial) => renderWire(edge, denial));
  server.removeAllContentTypeParsers();
  // Bytes only: what they mean is the strict reader's business, and no framework setting can change it.
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error: FrameworkError, request, reply) => answerFrameworkFault(edge, error, request, reply));
  server.addHook("onRequest", (request, reply) => gate(edge, sockets, request, reply));
  for (const route of agentRoutes) {
    server.route({
      method: route.method,
      url: route.url,
      config: { public: route.public === true },
      handler: (request, reply) => answer(edge, request, reply, route),
    });
  }
  registerPassthrough(server, edge, sockets);
  server.setNotFoundHandler((request, reply) => answer(edge, request, reply, mountRoute));
  return server;
}

/**
 * The one gate of every route, of those that a plug-in adds later too, and of what is no route: a plain request, a caller who is known, and only then a body.
 * A route that strangers may use says so in its row. The path asks for the token again.
 */
async function gate(
  edge: AgentEdge,
  sockets: SocketGuard,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  const { bodyBytesMax } = request.routeOptions.config as RouteFacts;
  const denial = await sockets.admit(request.raw, reply.raw, () => refuseUnknown(edge, request), bodyBytesMax);
  if (denial === null) return undefined;
  if (denial === "ignore") return reply.hijack();
  const rendered = renderDenial(edge, denial, [], dialectOf(edge, request));
  if (denial.denied === "ERR_METHOD_UNKNOWN") reply.header("allow", methodsAt(request).join(", "));
  send(reply, rendered);
  edge.onAnswer("refused", rendered.status, 0);
  return reply;
}

function methodsAt(request: FastifyRequest): readonly string[] {
  return ownMethodsAt(splitRawTarget(request.raw.url ?? "").rawPath);
}

/** A spelling that the router takes for another one is no spelling of ours, and a caller without a token is nobody. */
async function refuseUnknown(edge: AgentEdge, request: FastifyRequest): Promise<Denial | null> {
  const isMount = leadsToMount(request);
  if (!isMount) {
    const path = readPath(splitRawTarget(request.raw.url ?? "").rawPath);
    if (isDenial(path)) return path;
  }
  if ((request.routeOptions.config as RouteFacts).public === true) return null;
  const target = isMount ? mountTarget(edge, request) : ({ by: "name", tool: "", rawQuery: "" } as const);
  const call = await identify(edge.ports, readReceived(request, "", edge.ports.clock.nowMs(), target));
  if (isDenial(call)) return call;
  // A resource of ours, asked in a way that it does not know (RFC 9110 section 15.5.6). Told before a body is read.
  return isMount && methodsAt(request).length > 0 ? deny("ERR_METHOD_UNKNOWN") : null;
}

/** Whether a request came to no route of ours, but to where the tools' own paths are. */
function leadsToMount({ is404, routeOptions }: FastifyRequest): boolean {
  return is404 || routeOptions?.url === "*" || (routeOptions?.config as RouteFacts | undefined)?.passes === true;
}

async function answer(edge: AgentEdge, request: FastifyRequest, reply: FastifyReply, route: AgentRoute): Promise<void> {
  edge.running.begin();
  // Told by the response's own end: an answer that was handed over is not yet one that was sent.
  reply.raw.once("close", () => edge.running.end());
  const startedMs = edge.ports.clock.monotonicMs();
  const rendered =
    edge.draining() && route.begins === true
      ? renderCode(edge, "ERR_DRAINING", dialectOf(edge, request))
      : await route.handle(edge, request);
  if (edge.draining()) reply.header("connection", "close");
  send(reply, rendered);
  edge.onAnswer(route.url === "*" ? "mount" : route.url, rendered.status, edge.ports.clock.monotonicMs() - startedMs);
}

function answerFrameworkFault(edge: AgentEdge, error: FrameworkError, request: FastifyRequest, reply: FastifyReply): void {
  const code = faultCodes[error.code ?? ""] ?? ((error.statusCode ?? 500) < 500 ? "ERR_JSON_MALFORMED" : "ERR_INTERNAL");
  if (code === "ERR_INTERNAL") edge.ports.onFault("", error);
  const rendered = renderCode(edge, code, dialectOf(edge, request));
  send(reply, rendered);
  edge.onAnswer("framework", rendered.status, 0);
}

type FrameworkError = Error & { readonly code?: string; readonly statusCode?: number };

/** The response of a code that needs no call. */
function renderCode({ ports, publicUrl }: AgentEdge, code: Code, dialect: DialectName | null): Rendered {
  const context = { publicUrl: publicUrl(), canWait: false, dialect, standings: [], nowMs: ports.clock.nowMs() };
  return renderAnswer(problem(ports.ids.callId(), code), context);
}

/** The dialect in which a request is refused, whichever route or none it came to. What the router cannot read belongs to no route of ours. */
function dialectOf(edge: AgentEdge, request: FastifyRequest): DialectName | null {
  if (request.routeOptions?.url !== undefined && !leadsToMount(request)) return null;
  return dialectFor(edge, mountTarget(edge, request), readRawHeaders(request.raw.rawHeaders));
}

/** A refusal without the framework: the bytes were no request. */
function renderWire(edge: AgentEdge, denial: Denial): WireAnswer {
  // Nothing of it can be read, so only a listener that is one mount's whole can know the dialect.
  const dialect = dialectAt(edge.ports.catalogue(), { port: edge.mountPort, host: null, segments: [] });
  const { status, headers, body } = renderDenial(edge, denial, [], dialect);
  edge.onAnswer("refused", status, 0);
  return { status, headers: { ...guards, ...headers }, body: typeof body === "string" ? body : "" };
}
