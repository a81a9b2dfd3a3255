import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ControlPorts } from "../../control/ports.ts";
import { problem } from "../../path/answers.ts";
import type { Code } from "../../rules/codes.ts";
import { agentRoutes } from "./agent-routes.ts";
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
      joinDuplicateHeaders: false,
    },
    frameworkErrors: (error, request, reply) => answerFrameworkFault(edge, error, request as FastifyRequest, reply as FastifyReply),
  });
  server.server.maxConnections = limits.connectionsMax;
  server.removeAllContentTypeParsers();
  // Bytes only: what they mean is the strict reader's business, and no framework setting can change it.
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error: Error & { readonly code?: string }, request, reply) => answerFrameworkFault(edge, error, request, reply));
  for (const { method, url, handle } of agentRoutes) {
    server.route({ method, url, handler: (request, reply) => answer(edge, request, reply, url, handle) });
  }
  const mounts = agentRoutes.find((route) => route.url === "*");
  server.setNotFoundHandler((request, reply) =>
    answer(edge, request, reply, "mount", mounts?.handle ?? (() => Promise.reject(new Error("no mount handler")))),
  );
  return server;
}

type Handle = (edge: AgentEdge, request: FastifyRequest) => Promise<Rendered>;

async function answer(edge: AgentEdge, request: FastifyRequest, reply: FastifyReply, name: string, handle: Handle): Promise<void> {
  const startedMs = edge.ports.clock.monotonicMs();
  const rendered = edge.draining() ? renderCode(edge, "ERR_DRAINING") : await handle(edge, request);
  if (edge.draining()) reply.header("connection", "close");
  send(reply, rendered);
  edge.onAnswer(name, rendered.status, edge.ports.clock.monotonicMs() - startedMs);
}

function answerFrameworkFault(
  edge: AgentEdge,
  error: Error & { readonly code?: string },
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  const code = faultCodes[error.code ?? ""] ?? "ERR_INTERNAL";
  if (code === "ERR_INTERNAL") edge.ports.onFault("", error);
  const rendered = renderCode(edge, code);
  send(reply, rendered);
  edge.onAnswer("framework", rendered.status, 0);
}

/** The response of a code that needs no call. */
export function renderCode({ ports, publicUrl }: AgentEdge, code: Code, detail?: string): Rendered {
  const context = { publicUrl: publicUrl(), canWait: false, standings: [], nowMs: ports.clock.nowMs() };
  return renderAnswer(problem(ports.ids.callId(), code, { detail }), context);
}

function send(reply: FastifyReply, { status, headers, body }: Rendered): void {
  void reply
    .code(status)
    .headers(headers)
    .send(typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}
