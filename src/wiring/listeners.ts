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
  const agents = createAgentServer(ports, { publicUrl, limits: limitsOf(setup), draining: () => draining, onAnswer: metrics.countAnswer });
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
      await closeGently(agents);
      await closeGently(people);
    },
  };
}

const idleLookMs = 50;

/** Closes a listener. A connection that was busy when the close began would be kept alive after its answer, so idle ones are looked for until it is over. */
async function closeGently(server: FastifyInstance): Promise<void> {
  const timer = setInterval(() => server.server.closeIdleConnections(), idleLookMs);
  try {
    await server.close();
  } finally {
    clearInterval(timer);
  }
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
