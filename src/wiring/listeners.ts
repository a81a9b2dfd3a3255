import type { FastifyInstance } from "fastify";
import type { Metrics } from "../adapters/telemetry/metrics.ts";
import type { ControlPorts } from "../control/ports.ts";
import { createPeopleServer } from "../edges/admin/server.ts";
import type { ResourceFacts } from "../edges/http/protected-resource.ts";
import { agentListenerFixed, createAgentServer, type HttpLimits } from "../edges/http/server.ts";
import { openStreams } from "../edges/http/streams.ts";
import type { Setup } from "./setup.ts";
import type { GatewayOptions } from "./sqlite.ts";

export interface ListenersParts {
  readonly ports: ControlPorts;
  readonly setup: Setup;
  readonly options: GatewayOptions;
  readonly metrics: Metrics;
  readonly stopsAgeMs: () => number;
  readonly live: () => boolean;
}

export interface Listeners {
  readonly urls: { readonly agentsUrl: string; readonly peopleUrl: string };
  /** Refuses what comes from now on, waits for what is on its way until this moment of the monotonic clock, and then cuts who is still there. */
  drain(untilMs: number): Promise<void>;
}

/** Opens both ports. The people's first, so that probes see the process before agents do. */
export async function openListeners({ ports, setup, options, metrics, stopsAgeMs, live }: ListenersParts): Promise<Listeners> {
  const { gateway, catalogue, policy } = setup;
  const streams = openStreams();
  let draining = false;
  let running = 0;
  let agentsUrl = "";
  const why = (): string | null => {
    if (!live()) return "the store's writer has ended";
    if (draining) return "draining";
    return stopsAgeMs() > gateway.stops.staleAfterMs ? "the stops could not be read lately" : null;
  };
  const readiness = () => {
    const reason = why();
    const told = { configuration: catalogue.digest, policy: policy.digest, dev: options.dev };
    return { ready: reason === null, details: reason === null ? told : { why: reason, ...told } };
  };
  const people = createPeopleServer(ports, { readiness, metrics: metrics.text, live, hosts: gateway.peopleHosts });
  const publicUrl = (): string => gateway.publicUrl ?? agentsUrl;
  const agentServer = (mountPort: number | null): FastifyInstance =>
    createAgentServer(ports, {
      mountPort,
      publicUrl,
      limits: limitsOf(setup),
      resource: resourceOf(setup),
      draining: () => draining,
      running: { begin: () => (running += 1), end: () => (running -= 1) },
      streams,
      onAnswer: metrics.countAnswer,
    });
  const agents = agentServer(null);
  const peopleUrl = await people.listen({ host: gateway.listen.people.host, port: options.peoplePort ?? gateway.listen.people.port });
  const { host } = gateway.listen.agents;
  const mountPorts = [...new Set(catalogue.mounts.flatMap(({ port }) => (port === null ? [] : [port])))];
  const others = mountPorts.map((port) => ({ port, server: agentServer(port) }));
  try {
    agentsUrl = await agents.listen({ host, port: options.agentsPort ?? gateway.listen.agents.port });
    for (const { port, server } of others) await server.listen({ host, port });
  } catch (error) {
    await Promise.all([people, agents, ...others.map(({ server }) => server)].map((server) => server.close()));
    throw error;
  }
  return {
    urls: { agentsUrl, peopleUrl },
    async drain(untilMs) {
      draining = true;
      const streamsEnded = streams.endBy(untilMs);
      await Promise.all(
        [agents, ...others.map(({ server }) => server)].map((server) =>
          closeGently(server, () => running > 0 && performance.now() < untilMs),
        ),
      );
      await streamsEnded;
      await closeGently(people, () => false);
    },
  };
}

const lookMs = 10;

/**
 * Closes a listener: no new connections, then every answer that is being made or sent, then whoever is still connected. A socket on which nothing is being
 * answered, idle or half sent, keeps nobody waiting.
 */
async function closeGently(server: FastifyInstance, isRunning: () => boolean): Promise<void> {
  const closed = server.close();
  while (isRunning()) {
    server.server.closeIdleConnections();
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  server.server.closeAllConnections();
  await closed;
}

/** Every issuer, the development one too: where it is the only one, it is the only way in. */
function resourceOf({ gateway, dev }: Setup): ResourceFacts {
  const scopes = new Set(gateway.issuers.flatMap(({ requiredScope }) => requiredScope ?? []));
  const issuers = new Set([...gateway.issuers, ...(dev === null ? [] : [dev.agentIssuer])].map(({ issuer }) => issuer));
  // An authorization server's name is a URL (RFC 8414 section 2); a SPIFFE trust domain, say, is no place to ask for a token.
  const authorizationServers = [...issuers].filter((issuer) => /^https?:/.test(issuer));
  return { authorizationServers, scopes: [...scopes], documentation: gateway.documentationUrl };
}

function limitsOf({ gateway: { limits } }: Setup): HttpLimits {
  return {
    ...agentListenerFixed,
    bodyBytesMax: limits.bodyBytesMax,
    headerBytesMax: limits.headerBytesMax,
    headersTimeoutMs: limits.headersTimeoutMs,
    requestTimeoutMs: limits.requestTimeoutMs,
    answerTimeoutMs: limits.answerTimeoutMs,
    keepAliveTimeoutMs: limits.keepAliveTimeoutMs,
    connectionsMax: limits.connectionsMax,
    connectionsPerAddressMax: limits.connectionsPerAddressMax,
    waitMsMax: limits.waitMaxMs,
  };
}
