import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ControlPorts } from "../../control/ports.ts";
import { isRefusal, type Refusal } from "../../control/refusal.ts";
import { StoreUnavailable } from "../../ports/calls.ts";
import { type Code, codeRow } from "../../rules/codes.ts";
import { isDenial } from "../../rules/denial.ts";
import type { Person } from "../../rules/principal.ts";
import { type PeopleRoute, peopleRoutes } from "./people-routes.ts";

export interface PeopleEdgeOptions {
  /** False once only a restart can help. */
  readonly live: () => boolean;
  /** What `/readyz` says: why not, or null, with the digests in force. */
  readonly readiness: () => { readonly ready: boolean; readonly details: object };
  /** The text of `/metrics`, Prometheus format. */
  readonly metrics: () => Promise<string>;
}

const bodyBytesMax = 64 * 1024;
const statusOf = { ERR_ROLE: 403, ERR_NOT_FOUND: 404, ERR_CONFLICT: 409, ERR_INVALID: 400 } as const satisfies Record<
  Refusal["refused"],
  number
>;

/** The people's listener: another port, other issuers, roles. Nothing of an agent's is accepted here. */
export function createPeopleServer(ports: ControlPorts, options: PeopleEdgeOptions): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: 30_000,
    keepAliveTimeout: 5_000,
    maxRequestsPerSocket: 1000,
    exposeHeadRoutes: false,
    forceCloseConnections: "idle",
    http: { maxHeaderSize: 16 * 1024, headersTimeout: 10_000, connectionsCheckingInterval: 1000 },
  });
  server.server.maxConnections = 1000;
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  server.setErrorHandler((error: Error & { readonly statusCode?: number }, _request, reply) => answerFault(ports, error, reply));
  server.setNotFoundHandler((_request, reply) => reply.code(404).send({ code: "ERR_NOT_FOUND", message: "nothing is here" }));
  // What people may see is not for a cache, and not for a page that guesses.
  server.addHook("onSend", async (_request, reply) => {
    reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'" });
  });
  server.get("/livez", async (_request, reply) =>
    reply.code(options.live() ? 200 : 503).send({ status: options.live() ? "live" : "dead" }),
  );
  server.get("/readyz", async (_request, reply) => {
    const { ready, details } = options.readiness();
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready", ...details });
  });
  server.get("/metrics", async (_request, reply) => reply.type("text/plain; version=0.0.4").send(await options.metrics()));
  for (const route of peopleRoutes) {
    server.route({ method: route.method, url: route.url, handler: (request, reply) => answerPerson(ports, route, request, reply) });
  }
  return server;
}

async function answerPerson(ports: ControlPorts, route: PeopleRoute, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const person = await identifyPerson(ports, request);
  if ("code" in person) return void reply.code(codeRow(person.code).status).header("www-authenticate", "Bearer").send(person);
  if (!person.roles.some((role) => role === "admin" || route.roles.includes(role))) {
    return void reply.code(403).send({
      code: "ERR_ROLE",
      message: `this needs one of the roles ${route.roles.join(", ")}; you have ${person.roles.join(", ") || "none"}`,
    });
  }
  const result = await route.handle(ports, person, request);
  if (isRefusal(result)) return void reply.code(statusOf[result.refused]).send({ code: result.refused, message: result.message });
  return void reply.send(result);
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
