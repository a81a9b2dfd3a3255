import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ControlPorts } from "../../control/ports.ts";
import { isRefusal, type Refusal } from "../../control/refusal.ts";
import { StoreUnavailable } from "../../ports/calls.ts";
import { type Code, codeRow } from "../../rules/codes.ts";
import { type Denial, deny, isDenial } from "../../rules/denial.ts";
import { readPath, splitTarget } from "../../rules/paths.ts";
import type { Person, Role } from "../../rules/principal.ts";
import { isOwnHost } from "../../rules/request-head.ts";
import { allowedMethods } from "../listener/allowed-methods.ts";
import { guardSockets, type SocketGuard, type WireAnswer } from "../listener/guard-sockets.ts";
import { type ListenerLimits, listenerOptions } from "../listener/listener-limits.ts";
import { describePeopleRoutes, openApiPath, openRoutes } from "./openapi.ts";
import { type PeopleRoute, peopleRoutes } from "./people-routes.ts";
import { readQuery } from "./read-query.ts";

export interface PeopleEdgeOptions {
  /** False once only a restart can help. */
  readonly live: () => boolean;
  /** What `/readyz` says: why not, or null, with the digests in force. */
  readonly readiness: () => { readonly ready: boolean; readonly details: object };
  /** The text of `/metrics`, Prometheus format. */
  readonly metrics: () => Promise<string>;
  /** Names that this listener answers to, beside addresses and localhost; lower case, without port. */
  readonly hosts: readonly string[];
}

/** Limits of the people's listener; no configuration changes them. */
export const peopleListener: ListenerLimits = {
  headerBytesMax: 16 * 1024,
  headersMax: 100,
  bodyBytesMax: 64 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  answerTimeoutMs: 30_000,
  keepAliveTimeoutMs: 5_000,
  connectionsMax: 1000,
  connectionsPerAddressMax: 0,
  requestsPerSocketMax: 1000,
  pipelinedMax: 32,
};

/** What a route asks for before it is handled. A route without it, such as one that a plug-in adds, is for `admin` alone. */
interface RouteGate {
  /** `probe`: for anybody, under whatever name; `host`: for anybody who names the host rightly. */
  readonly open?: "probe" | "host";
  readonly roles?: readonly Role[];
}

const statusOf = { ERR_ROLE: 403, ERR_NOT_FOUND: 404, ERR_CONFLICT: 409, ERR_INVALID: 400 } as const satisfies Record<
  Refusal["refused"],
  number
>;

/** The people's listener: another port, other issuers, roles. Nothing of an agent's is accepted here. */
export function createPeopleServer(ports: ControlPorts, options: PeopleEdgeOptions): FastifyInstance {
  const server = fastify({
    ...listenerOptions(peopleListener),
    frameworkErrors: (_error, _request, reply) => answerUnreadable(reply as FastifyReply),
  });
  const sockets = guardSockets(server, peopleListener, renderWire);
  const persons = new WeakMap<FastifyRequest, Person>();
  const hosts = new Set(options.hosts);
  const collectMetrics = shareWhileRunning(options.metrics);
  server.addHook("onRequest", (request, reply) => gate({ ports, sockets, persons, hosts }, request, reply));
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error: Error & { readonly statusCode?: number }, _request, reply) => answerFault(ports, error, reply));
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ code: "ERR_NOT_FOUND", message: "nothing is here" }));
  // What people may see is not for a cache, and not for a page that guesses.
  server.addHook("onSend", async (_request, reply) => {
    reply.headers(guards);
  });
  server.get("/livez", { config: { open: "probe" } }, async (_request, reply) =>
    reply.code(options.live() ? 200 : 503).send({ status: options.live() ? "live" : "dead" }),
  );
  server.get("/readyz", { config: { open: "probe" } }, async (request, reply) => {
    const { ready, details } = options.readiness();
    const told = isOwnHost(request.headers.host, hosts) ? details : {};
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready", ...told });
  });
  server.get("/metrics", { config: { open: "host" } }, async (_request, reply) =>
    reply.type("text/plain; version=0.0.4").send(await collectMetrics()),
  );
  server.get(openApiPath, { config: { open: "host" } }, async (_request, reply) =>
    reply.type("application/json; charset=utf-8").send(described),
  );
  for (const route of peopleRoutes) {
    const { method, url, roles } = route;
    server.route({ method, url, config: { roles }, handler: (request, reply) => answerPerson(ports, persons, route, request, reply) });
  }
  return server;
}

const routes = [...openRoutes, ...peopleRoutes];
/** Strangers may ask for it, so it is written once. */
const described = JSON.stringify(describePeopleRoutes(routes));

/** Methods of the routes at a request's address. */
function methodsAt(request: FastifyRequest): readonly string[] {
  return allowedMethods(routes, splitTarget(request.raw.url ?? "").path);
}

interface Gate {
  readonly ports: ControlPorts;
  readonly sockets: SocketGuard;
  readonly persons: WeakMap<FastifyRequest, Person>;
  readonly hosts: ReadonlySet<string>;
}

/** What the gate answers instead of the route. */
interface GateRefusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** The one gate of every route, of those that a plug-in adds later too: a plain request, under a name of ours, of a person with a role for it. */
async function gate(parts: Gate, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
  const refusal = await parts.sockets.admit(request.raw, reply.raw, () => refuseUnknown(parts, request));
  if (refusal === null) return undefined;
  if (refusal === "ignore") return reply.hijack();
  const { status, code, message } = isDenial(refusal) ? tell(refusal) : refusal;
  if (status === 401) reply.header("www-authenticate", "Bearer");
  if (status === 405) reply.header("allow", methodsAt(request).join(", "));
  return reply.code(status).send({ code, message });
}

async function refuseUnknown({ ports, hosts, persons }: Gate, request: FastifyRequest): Promise<GateRefusal | null> {
  const { open, roles = [] } = request.routeOptions.config as RouteGate;
  // Threat: a web page whose name is made to lead here (DNS rebinding) speaks to this listener from a person's own browser, and reads the answers.
  if (open !== "probe" && !isOwnHost(request.headers.host, hosts)) return tell(deny("ERR_HOST_REFUSED"));
  const path = readPath(splitTarget(request.raw.url ?? "").path);
  if (isDenial(path)) return tell(path);
  if (open !== undefined) return null;
  const person = await identifyPerson(ports, request);
  if ("code" in person) return { ...person, status: codeRow(person.code).status };
  persons.set(request, person);
  if (request.is404 && methodsAt(request).length > 0) return tell(deny("ERR_METHOD_UNKNOWN"));
  // What is nowhere needs no role: everybody who is known is told that nothing is here.
  if (request.is404 || person.roles.some((role) => role === "admin" || roles.includes(role))) return null;
  const message = `this needs one of the roles ${roles.join(", ") || "admin"}; you have ${person.roles.join(", ") || "none"}`;
  return { status: 403, code: "ERR_ROLE", message };
}

function tell({ denied, detail }: Denial): GateRefusal {
  const { status, title } = codeRow(denied);
  return { status, code: denied, message: detail ?? title };
}

async function answerPerson(
  ports: ControlPorts,
  persons: WeakMap<FastifyRequest, Person>,
  route: PeopleRoute,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const person = persons.get(request);
  if (person === undefined) throw new Error("a request came past the gate");
  const query = readQuery(request, route.operation);
  const result = isRefusal(query) ? query : await route.handle(ports, person, request, query);
  if (isRefusal(result)) return void reply.code(statusOf[result.refused]).send({ code: result.refused, message: result.message });
  return void reply.send(result);
}

/** A refusal without the framework: the bytes were no request. */
function renderWire(denial: Denial): WireAnswer {
  const { status, code, message } = tell(denial);
  return {
    status,
    headers: { ...guards, "content-type": "application/json; charset=utf-8" },
    body: `${JSON.stringify({ code, message })}\n`,
  };
}

/** No browser may keep what people see, or guess its type. */
const guards = { "cache-control": "no-store", "x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'" };

/** Whoever asks while it is being made gets the same one: strangers may ask, and cannot make it cost more than once at a time. */
function shareWhileRunning<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let running: Promise<Value> | null = null;
  return () => {
    running ??= make().finally(() => (running = null));
    return running;
  };
}

async function identifyPerson(
  ports: ControlPorts,
  request: FastifyRequest,
): Promise<Person | { readonly code: Code; readonly message: string }> {
  const token = bearerOf(request);
  if (token === undefined) return { code: "ERR_TOKEN_MISSING", message: "send `Authorization: Bearer <token>` of a people's issuer" };
  const person = await ports.people.verify(token, ports.clock.nowMs());
  return isDenial(person) ? { code: person.denied, message: person.detail ?? "the token is not accepted here" } : person;
}

/** The one bearer token of a request; undefined when there is none, or more than one header. */
function bearerOf(request: FastifyRequest): string | undefined {
  const [value, ...more] = request.raw.headersDistinct["authorization"] ?? [];
  return more.length > 0 ? undefined : /^Bearer ([^\s,]+)$/i.exec(value ?? "")?.[1];
}

/** An address that the framework does not read, such as one with a very long part. */
function answerUnreadable(reply: FastifyReply): void {
  const { status, code, message } = tell(deny("ERR_PATH_NOT_CANONICAL"));
  void reply.code(status).headers(guards).send({ code, message });
}

function answerFault(ports: ControlPorts, error: Error & { readonly statusCode?: number }, reply: FastifyReply): void {
  if (error instanceof StoreUnavailable)
    return void reply
      .code(503)
      .header("retry-after", "2")
      .send({ code: "ERR_STORE_UNAVAILABLE", message: "the store of record cannot be used right now" });
  const status = error.statusCode ?? 500;
  if (status >= 500) ports.onFault("", error);
  return void reply
    .code(status)
    .send({ code: status >= 500 ? "ERR_INTERNAL" : "ERR_INVALID", message: status >= 500 ? "an internal fault" : error.message });
}
