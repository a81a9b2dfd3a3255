import type { Readable } from "node:stream";
import { Pool } from "undici";
import type { OutboundRequest, StreamExchange, StreamRequest, UpstreamOutcome, Upstreams } from "../../ports/upstream.ts";
import type { Upstream } from "../../rules/catalogue.ts";
import { checkRequest, type Site } from "./check-request.ts";
import { Exchange } from "./exchange.ts";
import { StreamedExchange } from "./streamed-exchange.ts";

export interface UpstreamsOptions {
  readonly upstreams: readonly Pick<Upstream, "name" | "url" | "ca">[];
  /** For the TCP and TLS handshake, 1..60000, default 5000. undici's timer is coarse, up to a second late; a call's own deadline is not. */
  readonly connectTimeoutMs?: number;
  /** Connections to one upstream for one tenant, 1..10000, default 64. Calls beyond them wait, within their deadline. */
  readonly connectionsMax?: number;
  /** Calls to one upstream for one tenant that are waiting or on their way, default 1024. One more is `not_sent`. */
  readonly callsMax?: number;
  /** How long an unused connection is kept, default 4000. Short, for a connection that the upstream closes just as a write goes out is an unknown. */
  readonly idleMs?: number;
  /** Bytes of an answer's header names and values, default 16384; more is `interrupted`. */
  readonly responseHeaderBytesMax?: number;
}

type Limits = Required<Omit<UpstreamsOptions, "upstreams">>;

/** What holds where nothing is given; docs/limits.md tells it. */
export const upstreamDefaults: Limits = {
  connectTimeoutMs: 5000,
  connectionsMax: 64,
  callsMax: 1024,
  idleMs: 4000,
  responseHeaderBytesMax: 16_384,
};

/** One upstream, with a line of its own for each tenant: a tenant whose calls hang takes no connection of another's. */
interface Place {
  readonly site: Site;
  readonly ca: string | null;
  readonly lines: Map<string, Line>;
}

interface Line {
  readonly pool: Pool;
  calls: number;
}

/**
 * Opens the upstreams. A tenant's connections are made with its first call. Throws for a URL that is neither https nor http on
 * loopback, and for a name that stands twice. Ignores proxy settings and NODE_TLS_REJECT_UNAUTHORIZED in the environment.
 */
export function openUpstreams({ upstreams, ...given }: UpstreamsOptions): Upstreams {
  const limits: Limits = { ...upstreamDefaults, ...given };
  const places = new Map<string, Place>();
  for (const upstream of upstreams) {
    if (places.has(upstream.name)) throw new Error(`two upstreams are named ${upstream.name}`);
    places.set(upstream.name, { site: readSite(upstream), ca: upstream.ca, lines: new Map() });
  }
  return {
    send: (request) => send(places.get(request.upstream), request, limits),
    open: (request) => open(places.get(request.upstream), request, limits),
    close: async () => {
      const pools = [...places.values()].flatMap(({ lines }) => [...lines.values()].map(({ pool }) => pool));
      await Promise.all(pools.filter((pool) => !pool.closed).map((pool) => pool.close()));
    },
  };
}

function send(place: Place | undefined, request: OutboundRequest, limits: Limits): Promise<UpstreamOutcome> {
  if (place === undefined) return notSent("malformed", "no upstream has this name");
  const checked = checkRequest(place.site, request);
  if ("refused" in checked) return notSent("malformed", checked.refused);
  const line = lineOf(place, request.tenant, limits);
  if (line.calls >= limits.callsMax) return notSent("unreachable", "too many calls wait for this upstream");
  return dispatch(line, checked.target, request);
}

function open(place: Place | undefined, request: StreamRequest, limits: Limits): StreamExchange {
  const refused = (cause: "unreachable" | "malformed", detail: string): StreamExchange => ({
    head: Promise.resolve({ kind: "not_sent", cause, detail }),
    cancel: () => undefined,
  });
  if (place === undefined) return refused("malformed", "no upstream has this name");
  const checked = checkRequest(place.site, request);
  if ("refused" in checked) return refused("malformed", checked.refused);
  const line = lineOf(place, request.tenant, limits);
  if (line.calls >= limits.callsMax) return refused("unreachable", "too many calls wait for this upstream");
  line.calls += 1;
  const exchange = new StreamedExchange(request, () => (line.calls -= 1));
  const length = request.bodyBytes === null || request.body === null ? {} : { "content-length": String(request.bodyBytes) };
  const headers = { ...request.headers, ...length, "accept-encoding": "identity" };
  try {
    const { method, body } = request;
    line.pool.dispatch(
      { path: checked.target, method, headers, body: toBody(body), idempotent: false, headersTimeout: 0, bodyTimeout: 0 },
      exchange,
    );
  } catch (error) {
    exchange.onResponseError(null, error);
  }
  return exchange;
}

/** undici takes an iterable as it is; its types know only Node's streams. */
function toBody(body: AsyncIterable<Uint8Array> | null): Readable | null {
  return body as Readable | null;
}

/** Tenants are those of the configuration, so their lines are few. */
function lineOf({ site, ca, lines }: Place, tenant: string, limits: Limits): Line {
  const known = lines.get(tenant);
  if (known !== undefined) return known;
  const made = { pool: openPool(site, ca, limits), calls: 0 };
  lines.set(tenant, made);
  return made;
}

function dispatch(line: Line, target: string, request: OutboundRequest): Promise<UpstreamOutcome> {
  return new Promise((settle) => {
    line.calls += 1;
    const exchange = new Exchange(request, { settle, release: () => (line.calls -= 1) });
    const { method, body } = request;
    // Identity, because an answer that was packed can be neither checked against a schema nor redacted.
    const headers = { ...request.headers, "accept-encoding": "identity" };
    try {
      // The exchange's own deadline covers headers and body; undici's are off, so that there is one clock and one meaning.
      line.pool.dispatch({ path: target, method, headers, body, idempotent: false, headersTimeout: 0, bodyTimeout: 0 }, exchange);
    } catch (error) {
      exchange.onResponseError(null, error);
    }
  });
}

function notSent(cause: "unreachable" | "malformed", detail: string): Promise<UpstreamOutcome> {
  return Promise.resolve({ kind: "not_sent", cause, detail });
}

function openPool(site: Site, ca: string | null, limits: Limits): Pool {
  return new Pool(site.origin, {
    connections: limits.connectionsMax,
    // One request at a time on a connection: undici may send again what stood behind a broken one in a pipeline.
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: limits.idleMs,
    keepAliveMaxTimeout: limits.idleMs,
    maxHeaderSize: limits.responseHeaderBytesMax,
    connectTimeout: limits.connectTimeoutMs,
    // A resumed TLS session would not look at the certificate again.
    maxCachedSessions: 0,
    // Said out loud, for the default follows NODE_TLS_REJECT_UNAUTHORIZED.
    connect: { rejectUnauthorized: true, ...(ca === null ? {} : { ca }) },
  });
}

const loopback = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])$/;

function readSite({ name, url }: Pick<Upstream, "name" | "url">): Site {
  const { protocol, hostname, origin, pathname, href } = new URL(url);
  if (protocol !== "https:" && !(protocol === "http:" && loopback.test(hostname)))
    throw new Error(`upstream ${name} is neither https nor http on loopback`);
  const basePath = pathname === "/" ? "" : pathname;
  if (`${origin}${basePath}` !== url && href !== url)
    throw new Error(`the URL of upstream ${name} is not canonical: credentials, query or spelling`);
  if (basePath.endsWith("/") || url !== `${origin}${basePath}`) throw new Error(`the URL of upstream ${name} must end without a slash`);
  return { origin, basePath };
}
