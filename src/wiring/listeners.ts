import type { FastifyInstance } from "fastify";
import type { Metrics } from "../adapters/telemetry/metrics.ts";
import type { ControlPorts } from "../control/ports.ts";
import { createPeopleServer } from "../edges/admin/server.ts";
import { createAgentServer, type HttpLimits } from "../edges/http/server.ts";
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
  /** Refuses what comes from now on, and waits for what is on its way. */
  drain(): Promise<void>;
}

/** Opens both ports. The people's first, so that probes see the process before agents do. */
export async function openListeners({ ports, setup, options, metrics, stopsAgeMs, live }: ListenersParts): Promise<Listeners> {
  const { gateway, catalogue, policy } = setup;
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
  const people = createPeopleServer(ports, { readiness, metrics: metrics.text, live });
  const publicUrl = (): string => gateway.publicUrl ?? agentsUrl;
  const agents = createAgentServer(ports, {
    publicUrl,
    limits: limitsOf(setup),
    draining: () => draining,
    running: { begin: () => (running += 1), end: () => (running -= 1) },
    onAnswer: metrics.countAnswer,
  });
  const peopleUrl = await people.listen({ host: gateway.listen.people.host, port: options.peoplePort ?? gateway.listen.people.port });
  const listening = agents.listen({ host: gateway.listen.agents.host, port: options.agentsPort ?? gateway.listen.agents.port });
  agentsUrl = await listening.catch(async (error: unknown) => {
    await people.close();
    throw error;
  });
  return {
    urls: { agentsUrl, peopleUrl },
    async drain() {
      draining = true;
      await closeGently(agents, () => running);
      await closeGently(people, () => 0);
    },
  };
}

const lookMs = 10;

/**
 * Closes a listener: no new connections, then every answer that is being made or sent, then whoever is still connected. A socket on which nothing is being
 * answered, idle or half sent, keeps nobody waiting.
 */
async function closeGently(server: FastifyInstance, running: () => number): Promise<void> {
  const closed = server.close();
  while (running() > 0) {
    server.server.closeIdleConnections();
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  server.server.closeAllConnections();
  await closed;
}

function limitsOf({ gateway: { limits } }: Setup): HttpLimits {
  const { bodyBytesMax, headerBytesMax, requestTimeoutMs, headersTimeoutMs, keepAliveTimeoutMs, connectionsMax, waitMaxMs } = limits;
  return {
    bodyBytesMax,
    headerBytesMax,
    requestTimeoutMs,
    headersTimeoutMs,
    keepAliveTimeoutMs,
    connectionsMax,
    requestsPerSocketMax: 10_000,
    waitMsMax: waitMaxMs,
  };
}
