import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import httpProxy from "@fastify/http-proxy";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { problem } from "../../path/answers.ts";
import { passCall } from "../../path/index.ts";
import type { Passage } from "../../path/passage.ts";
import { readAddress } from "../../path/read-address.ts";
import type { RateStanding } from "../../ports/rates.ts";
import type { Answer } from "../../rules/answer.ts";
import type { Mount } from "../../rules/catalogue.ts";
import { isDenial } from "../../rules/denial.ts";
import type { DialectName } from "../../rules/dialects.ts";
import { rateLimitFields } from "../../rules/rate-fields.ts";
import { mountAt } from "../../rules/routing.ts";
import type { SocketGuard } from "../listener/guard-sockets.ts";
import { dialectFor, mountTarget } from "./agent-routes.ts";
import { keepAnswerHeaders } from "./pass-headers.ts";
import { type PassedAnswer, passOn } from "./pass-stream.ts";
import { readRawHeaders, readReceived, splitRawTarget } from "./read-request.ts";
import { type Rendered, renderAnswer } from "./render.ts";
import { guards, send } from "./send.ts";
import type { AgentEdge } from "./server.ts";

/** What a route says of itself to the gate. */
export interface RouteFacts {
  /** Strangers may read it. */
  readonly public?: boolean;
  /** It passes requests of a mount through. */
  readonly passes?: true;
  /** Where the listener's own limit does not hold. */
  readonly bodyBytesMax?: number;
}

/** One admitted call on its way from the admission to the sender. */
interface Taken {
  readonly passage: Passage;
  readonly standings: readonly RateStanding[];
  readonly request: FastifyRequest;
  readonly response: ServerResponse;
  readonly startedMs: number;
  /** Set by the sender, once. */
  begun: boolean;
}

type SenderDone = (error: Error | null, response?: SenderResponse) => void;

/** As `@fastify/reply-from` takes it from whatever it sends by. */
interface SenderResponse {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Readable;
}

/** Under which the sender finds the call among the headers that `@fastify/reply-from` hands it: a symbol never gets onto a wire. */
const takenKey: unique symbol = Symbol("taken");

type PassedHeaders = Readonly<Record<string, string>> & { readonly [takenKey]?: Taken };

/**
 * Adds one `@fastify/http-proxy` for each passthrough mount of this listener, with a static prefix, under the gate of the root. The plug-in brings a request's
 * body in and its answer out. It decides nothing: which route it is, is the constraint's to say, which asks what the path asks too (`mountAt`); where the
 * request goes, with which headers and on which connection, is the path's, through the `undici` option. So none of its own ways is taken to build a URL, to
 * verify a certificate, to copy a header or to send anything twice.
 */
export function registerPassthrough(server: FastifyInstance, edge: AgentEdge, sockets: SocketGuard): void {
  const mounts = edge.ports.catalogue().mounts.filter(({ passthrough, port }) => passthrough === true && port === edge.mountPort);
  if (mounts.length === 0) return;
  server.addConstraintStrategy({
    name: "mount",
    storage: openRouteStore,
    deriveConstraint: (request) => mountNameOf(edge, request),
    validate: () => undefined,
  });
  for (const mount of mounts) {
    server.register(async (scope) => {
      // The root reads bodies whole. Here they stay what they are: the plug-in adds parsers that hand the stream on.
      scope.removeAllContentTypeParsers();
      await scope.register(httpProxy, proxyOptions(edge, mount, sockets));
    });
  }
}

function openRouteStore() {
  const routes = new Map<unknown, unknown>();
  return {
    get: (name: unknown) => (routes.get(name) as never) ?? null,
    set: (name: unknown, route: unknown) => void routes.set(name, route),
  };
}

/** The passthrough mount that a raw request leads to, or undefined. */
function mountNameOf(edge: AgentEdge, { method = "", url = "", rawHeaders }: IncomingMessage): string | undefined {
  const address = readAddress({ by: "path", method, ...splitRawTarget(url), port: edge.mountPort }, readRawHeaders(rawHeaders));
  const mount = isDenial(address) ? null : mountAt(edge.ports.catalogue(), address);
  return mount?.passthrough === true ? mount.upstream.name : undefined;
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

function proxyOptions(edge: AgentEdge, mount: Mount, sockets: SocketGuard) {
  const taken = new WeakMap<FastifyRequest, Taken>();
  const prefix = mount.path.map((segment) => `/${segment}`).join("");
  const facts: RouteFacts = { passes: true, bodyBytesMax: Math.max(...mount.tools.map(({ pass }) => pass?.requestBytesMax ?? 0)) };
  return {
    upstream: mount.upstream.url,
    prefix,
    constraints: { mount: mount.upstream.name },
    httpMethods: methods,
    config: facts,
    websocket: false as const,
    // The plug-in's own URL building never sees what was asked: it works on the prefix alone, and its result is not used.
    preRewrite: () => prefix,
    preHandler: (request: FastifyRequest, reply: FastifyReply) => admitPassed(edge, taken, request, reply),
    undici: {
      request: (options: { readonly headers: PassedHeaders }, done: SenderDone) =>
        sendTaken(edge, sockets, options.headers[takenKey], done),
    } as never,
    retryMethods: [],
    disableRequestLogging: true,
    replyOptions: {
      retryDelay: () => null,
      rewriteRequestHeaders: (request: FastifyRequest) => ({ [takenKey]: taken.get(request) }) as never,
      onResponse: (_request: unknown, reply: FastifyReply, response: { readonly stream: Readable }) => {
        void reply.send(response.stream);
        // The head goes out when it is known, not with the first chunk: a stream may begin with silence.
        if (!reply.raw.headersSent) reply.raw.flushHeaders();
      },
      // Nothing can be said of a call whose sender failed, so nothing is.
      onError: (reply: FastifyReply, { error }: { readonly error: Error }) => {
        edge.ports.onFault("", error);
        reply.raw.destroy();
      },
    },
  } as never;
}

/** The path up to its durable write, in the plug-in's `preHandler`: what it does not let through never comes to the sender. */
async function admitPassed(
  edge: AgentEdge,
  taken: WeakMap<FastifyRequest, Taken>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  edge.running.begin();
  reply.raw.once("close", () => edge.running.end());
  const { ports } = edge;
  const received = { ...readReceived(request, ports.ids.callId(), ports.clock.nowMs(), mountTarget(edge, request)), body: null };
  const dialect = dialectFor(edge, received.target, received.headers);
  if (edge.draining()) {
    reply.header("connection", "close");
    return refuse(edge, reply, render(edge, problem(received.id, "ERR_DRAINING"), [], dialect));
  }
  const refused = await passCall(ports, received, (passage, standings) => {
    const call: Taken = { passage, standings, request, response: reply.raw, startedMs: ports.clock.monotonicMs(), begun: false };
    taken.set(request, call);
    reply.raw.once("close", () => endUnsent(call));
  });
  return refused === null ? undefined : refuse(edge, reply, render(edge, refused.answer, refused.standings, dialect));
}

function render(edge: AgentEdge, answer: Answer, standings: readonly RateStanding[], dialect: DialectName | null): Rendered {
  return renderAnswer(answer, { publicUrl: edge.publicUrl(), canWait: false, dialect, standings, nowMs: edge.ports.clock.nowMs() });
}

function refuse(edge: AgentEdge, reply: FastifyReply, rendered: Rendered): FastifyReply {
  send(reply, rendered);
  edge.onAnswer("passthrough", rendered.status, 0);
  return reply;
}

/** A call that was admitted and that the plug-in, for whatever reason, did not bring to the sender: nothing of it left. */
function endUnsent(call: Taken): void {
  if (call.begun) return;
  call.begun = true;
  void settleUnsent(call, "the call was not handed on");
}

function settleUnsent(call: Taken, detail: string): Promise<unknown> {
  const nothing = createHash("sha256").digest("hex");
  const transfer = { requestBytes: 0, requestDigest: nothing, responseBytes: 0, responseDigest: nothing };
  return call.passage.settle({ kind: "not_sent", cause: "malformed", detail }, { transfer, usage: null });
}

/** Where the plug-in would send: only what was admitted, and only once, whatever asks. */
function sendTaken(edge: AgentEdge, sockets: SocketGuard, call: Taken | undefined, give: SenderDone): void {
  if (call === undefined || call.begun) {
    give(new Error(call === undefined ? "a request without an admitted call came to the sender" : "a call came to the sender twice"));
    return;
  }
  call.begun = true;
  const { passage, request, response } = call;
  const length = request.raw.headers["content-length"];
  const body = request.body instanceof Readable ? request.body : null;
  if (body !== null && !sockets.handOn(request.raw)) return void settleUnsent(call, "the rest of the request was no request");
  const stream = passOn({ passage, body, bodyBytes: length === undefined ? null : Number(length), response });
  edge.streams.add(stream);
  stream.answer.then(
    (answer) => give(null, respond(edge, call, answer)),
    (error: unknown) => give(error as Error),
  );
}

function respond(edge: AgentEdge, { passage, standings, request, startedMs }: Taken, answer: PassedAnswer): SenderResponse {
  const ms = edge.ports.clock.monotonicMs() - startedMs;
  if (answer.kind === "problem") {
    const target = mountTarget(edge, request);
    const rendered = render(edge, answer.problem, standings, dialectFor(edge, target, readRawHeaders(request.raw.rawHeaders)));
    edge.onAnswer("passthrough", rendered.status, ms);
    const bytes = Buffer.from(rendered.body);
    const headers = { ...guards, ...rendered.headers, "content-length": String(bytes.byteLength) };
    return { statusCode: rendered.status, headers, body: Readable.from([bytes]) };
  }
  const { head, stream, known } = answer;
  edge.onAnswer("passthrough", head.status, ms);
  const ours = { ...guards, ...rateLimitFields(standings), "sallyport-call-id": passage.call.id };
  return { statusCode: head.status, headers: { ...keepAnswerHeaders(head, known), ...ours }, body: stream };
}
