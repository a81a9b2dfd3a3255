import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ControlPorts } from "../../control/ports.ts";
import { problem } from "../../path/answers.ts";
import { identify } from "../../path/identify.ts";
import type { Code } from "../../rules/codes.ts";
import { isDenial } from "../../rules/denial.ts";
import { type AgentRoute, agentRoutes, mountRoute } from "./agent-routes.ts";
import { announcesBody, readReceived } from "./read-request.ts";
import { type Rendered, renderAnswer } from "./render.ts";

/** Limits of the agents' listener. Every one is explicit: the framework's own defaults leave some unset. */
export interface HttpLimits {
  readonly bodyBytesMax: number;
  readonly headerBytesMax: number;
  readonly requestTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly connectionsMax: number;
  readonly requestsPerSocketMax: number;
  /** Longest time that `Prefer: wait` keeps a connection. */
  readonly waitMsMax: number;
}

export interface AgentEdgeOptions {
  /** Absolute base of our own URLs; known once the listener has its port. */
  readonly publicUrl: () => string;
  readonly limits: HttpLimits;
  /** True from the moment the process is told to stop; then no new call is admitted. */
  readonly draining: () => boolean;
  /** Answers that are being made or sent; a drain waits for them. */
  readonly running: { begin(): void; end(): void };
  /** Told of every answer, for metrics. */
  readonly onAnswer: (name: string, status: number, milliseconds: number) => void;
}

/** What a handler gets. */
export interface AgentEdge extends AgentEdgeOptions {
  readonly ports: ControlPorts;
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
  const edge: AgentEdge = { ...options, ports };
  const server = fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxRequestsPerSocket: limits.requestsPerSocketMax,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    forceCloseConnections: "idle",
    http: {
      maxHeaderSize: limits.headerBytesMax,
      insecureHTTPParser: false,
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: 1000,
      joinDuplicateHeaders: false,
    },
    frameworkErrors: (error, request, reply) => answerFrameworkFault(edge, error, request as FastifyRequest, reply as FastifyReply),
  });
  server.server.maxConnections = limits.connectionsMax;
  server.removeAllContentTypeParsers();
  // Bytes only: what they mean is the strict reader's business, and no framework setting can change it.
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error: FrameworkError, request, reply) => answerFrameworkFault(edge, error, request, reply));
  server.addHook("onRequest", (request, reply) => refuseStrangersEarly(edge, request, reply));
  for (const route of agentRoutes) {
    server.route({ method: route.method, url: route.url, handler: (request, reply) => answer(edge, request, reply, route) });
  }
  server.setNotFoundHandler((request, reply) => answer(edge, request, reply, mountRoute));
  return server;
}

/** A stranger's body is not read: the token is looked at before it, and the connection ends. The path asks for it again. */
async function refuseStrangersEarly(edge: AgentEdge, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  if (!announcesBody(request)) return undefined;
  const received = readReceived(request, "", edge.ports.clock.nowMs(), { by: "name", tool: "", rawQuery: "" });
  const call = await identify(edge.ports, received);
  if (!isDenial(call)) return undefined;
  reply.header("connection", "close");
  send(reply, renderCode(edge, call.denied, call.detail));
  return reply;
}

/** Requests of one connection whose answers are still to come. More are a flood: nobody pipelines so deep. */
const pipelinedMax = 32;
const pending = new WeakMap<object, number>();

async function answer(edge: AgentEdge, request: FastifyRequest, reply: FastifyReply, route: AgentRoute): Promise<void> {
  const { socket } = request.raw;
  const behind = (pending.get(socket) ?? 0) + 1;
  if (behind > pipelinedMax) return void socket.destroy();
  pending.set(socket, behind);
  edge.running.begin();
  // Told by the response's own end: an answer that was handed over is not yet one that was sent.
  reply.raw.once("close", () => {
    pending.set(socket, (pending.get(socket) ?? 1) - 1);
    edge.running.end();
  });
  const startedMs = edge.ports.clock.monotonicMs();
  const rendered = edge.draining() && route.begins === true ? renderCode(edge, "ERR_DRAINING") : await route.handle(edge, request);
  if (edge.draining()) reply.header("connection", "close");
  send(reply, rendered);
  edge.onAnswer(route.url === "*" ? "mount" : route.url, rendered.status, edge.ports.clock.monotonicMs() - startedMs);
}

function answerFrameworkFault(edge: AgentEdge, error: FrameworkError, _request: FastifyRequest, reply: FastifyReply): void {
  const code = faultCodes[error.code ?? ""] ?? ((error.statusCode ?? 500) < 500 ? "ERR_JSON_MALFORMED" : "ERR_INTERNAL");
  if (code === "ERR_INTERNAL") edge.ports.onFault("", error);
  const rendered = renderCode(edge, code);
  send(reply, rendered);
  edge.onAnswer("framework", rendered.status, 0);
}

type FrameworkError = Error & { readonly code?: string; readonly statusCode?: number };

/** The response of a code that needs no call. */
export function renderCode({ ports, publicUrl }: AgentEdge, code: Code, detail?: string): Rendered {
  const context = { publicUrl: publicUrl(), canWait: false, standings: [], nowMs: ports.clock.nowMs() };
  return renderAnswer(problem(ports.ids.callId(), code, { detail }), context);
}

/** No browser may keep an answer, guess its type, or run what an upstream put into it. */
const guards = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; sandbox",
};

function send(reply: FastifyReply, { status, headers, body }: Rendered): void {
  void reply
    .code(status)
    .headers({ ...guards, ...headers })
    .send(typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}
