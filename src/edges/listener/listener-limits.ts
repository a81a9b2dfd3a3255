import type { ServerOptions } from "node:http";

/** Bounds of one HTTP listener. Nothing is left to a default: the framework sets some to none, and Node's change between versions. */
export interface ListenerLimits {
  /** The whole head, bytes; more is 431. */
  readonly headerBytesMax: number;
  /** Header lines; more is 431. */
  readonly headersMax: number;
  /** Body, bytes; more is 413. */
  readonly bodyBytesMax: number;
  /** From a connection's or request's first moment to the end of its head, milliseconds; later is 408. */
  readonly headersTimeoutMs: number;
  /** The same to the end of its body, milliseconds; later is 408. */
  readonly requestTimeoutMs: number;
  /** From the moment an answer is ready until the client has taken it, milliseconds; then the connection is cut. */
  readonly answerTimeoutMs: number;
  /** An idle connection after an answer, milliseconds. */
  readonly keepAliveTimeoutMs: number;
  readonly connectionsMax: number;
  /** Of one address, or of one /64 of IPv6; 0 is no limit of its own. */
  readonly connectionsPerAddressMax: number;
  /** Requests on one connection; the last answer closes it. */
  readonly requestsPerSocketMax: number;
  /** Requests on one connection whose answers are still to come; one more cuts it. Nobody pipelines so deep. */
  readonly pipelinedMax: number;
}

/** How often time-outs are looked at: each may come so much later. */
export const checkingIntervalMs = 1000;
/** Node adds this to the time that it tells an idle client, so that it does not close just as a request comes in. */
export const keepAliveBufferMs = 1000;
/** A peer that has gone without a word is noticed by TCP's own probes, the first after this time. */
export const tcpProbeMs = 30_000;
/** What is read from a socket at once. */
export const readBytesMax = 64 * 1024;

/** The options of the framework and of Node's server. */
export function listenerOptions(limits: ListenerLimits) {
  const http: ServerOptions = {
    maxHeaderSize: limits.headerBytesMax,
    insecureHTTPParser: false,
    // Node would refuse it without a word; `checkHead` does, and says why.
    requireHostHeader: false,
    joinDuplicateHeaders: false,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    keepAliveTimeoutBuffer: keepAliveBufferMs,
    connectionsCheckingInterval: checkingIntervalMs,
    // The framework hands the body of a HEAD's answer to Node, which drops it; "true" would make a fault of that.
    rejectNonStandardBodyWrites: false,
    uniqueHeaders: ["content-type", "location", "retry-after", "www-authenticate"],
    highWaterMark: readBytesMax,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: tcpProbeMs,
  };
  return {
    logger: false,
    exposeHeadRoutes: false,
    forceCloseConnections: "idle",
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxRequestsPerSocket: limits.requestsPerSocketMax,
    // No idle time-out of sockets: it would cut calls that wait for people or for an upstream, and each state of a socket has its own bound.
    connectionTimeout: 0,
    http,
  } as const;
}
