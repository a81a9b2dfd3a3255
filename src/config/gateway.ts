import { dirname, isAbsolute, join, resolve } from "node:path";
import { isLoopbackHost, isZone, readBaseUrl } from "./addresses.ts";
import { buildIssuers, type IssuerSettings } from "./issuers.ts";
import type { Problem } from "./problems.ts";
import { accepted } from "./quantities.ts";
import { type Report, reporterFor } from "./report.ts";
import { buildRevocations, type RevocationSettings } from "./revocations.ts";
import type { GatewayFile } from "./schema/gateway.ts";
import type { Source } from "./source.ts";

/** `gateway.yaml` after it was read: paths absolute, times in milliseconds, sizes in bytes. */
export interface GatewayConfig {
  readonly file: string;
  readonly listen: { readonly agents: Address; readonly people: Address };
  /** Without a trailing slash. Null: make it from the address that the agents' listener really got. */
  readonly publicUrl: string | null;
  readonly documentationUrl: string | null;
  readonly issuers: readonly IssuerSettings[];
  readonly peopleIssuers: readonly IssuerSettings[];
  /** Null: nothing is revoked before its time. */
  readonly revocations: RevocationSettings | null;
  /** Names that the people's listener answers to, beside addresses and localhost. */
  readonly peopleHosts: readonly string[];
  readonly dataDir: string;
  readonly routesDir: string;
  readonly contractsDir: string;
  readonly tenantsFile: string;
  readonly tiersFile: string;
  readonly policiesDir: string;
  readonly bundleFile: string;
  /** IANA name. */
  readonly policyZone: string;
  readonly limits: GatewayLimits;
  readonly runs: { readonly tokenTtlMs: number; readonly openPerMinute: number };
  readonly stops: { readonly pollMs: number; readonly staleAfterMs: number };
  readonly retention: { readonly payloadsMs: number };
}

export interface Address {
  readonly host: string;
  /** 0..65535; 0 takes a free one. */
  readonly port: number;
}

export interface GatewayLimits {
  readonly bodyBytesMax: number;
  readonly headerBytesMax: number;
  readonly openHoldsPerAgentMax: number;
  readonly openHoldsPerRunMax: number;
  readonly waitMaxMs: number;
  readonly queueMax: number;
  readonly requestTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly connectionsMax: number;
  /** 0: no limit of its own. */
  readonly connectionsPerAddressMax: number;
  readonly answerTimeoutMs: number;
  readonly drainMs: number;
}

/** Resolves and checks a `gateway.yaml` whose shape is good; adds to `problems`. */
export function buildGateway(source: Source, file: GatewayFile, options: { readonly dev: boolean }, problems: Problem[]): GatewayConfig {
  const report = reporterFor(source, problems);
  const folder = dirname(source.file);
  checkListeners(file, options.dev, report);
  if (file.issuers.length === 0 && !options.dev)
    report(["issuers"], "must name at least one issuer", "start with --dev for a development issuer");
  if (!isZone(file.policy_zone)) report(["policy_zone"], 'must be a time zone like "Europe/Berlin"');
  const pollMs = accepted("duration", file.stops.poll);
  const staleAfterMs = accepted("duration", file.stops.stale_after);
  if (staleAfterMs <= pollMs) report(["stops", "stale_after"], "must be longer than stops.poll");
  return {
    file: source.file,
    listen: file.listen,
    publicUrl: readPublicUrl(file, report),
    documentationUrl: file.documentation_url ?? null,
    ...buildIssuers(file, folder, report),
    revocations: buildRevocations(file.revocations, folder, report),
    peopleHosts: file.people.hosts,
    ...placesOf(source.file, file),
    policyZone: file.policy_zone,
    limits: limitsOf(file),
    runs: { tokenTtlMs: accepted("duration", file.runs.token_ttl), openPerMinute: file.runs.open_per_minute },
    stops: { pollMs, staleAfterMs },
    retention: { payloadsMs: accepted("duration", file.retention.payloads) },
  };
}

const absolute = (folder: string, path: string): string => (isAbsolute(path) ? path : resolve(folder, path));

function placesOf(gatewayFile: string, file: GatewayFile) {
  const folder = dirname(gatewayFile);
  const policiesDir = absolute(folder, file.policies_dir);
  return {
    dataDir: absolute(folder, file.data_dir),
    routesDir: absolute(folder, file.routes_dir),
    contractsDir: absolute(folder, file.contracts_dir),
    tenantsFile: absolute(folder, file.tenants ?? "tenants.yaml"),
    tiersFile: absolute(folder, file.tiers ?? "tiers.yaml"),
    policiesDir,
    bundleFile: file.bundle === undefined ? join(policiesDir, "bundle.tar.gz") : absolute(folder, file.bundle),
  };
}

function limitsOf({ limits }: GatewayFile): GatewayLimits {
  return {
    bodyBytesMax: accepted("size", limits.body_bytes),
    headerBytesMax: accepted("size", limits.header_bytes),
    openHoldsPerAgentMax: limits.open_holds_per_agent,
    openHoldsPerRunMax: limits.open_holds_per_run,
    waitMaxMs: accepted("duration", limits.wait_max),
    queueMax: limits.queue_max,
    requestTimeoutMs: accepted("duration", limits.request_timeout),
    headersTimeoutMs: accepted("duration", limits.headers_timeout),
    keepAliveTimeoutMs: accepted("duration", limits.keep_alive_timeout),
    connectionsMax: limits.connections_max,
    connectionsPerAddressMax: limits.connections_per_address,
    answerTimeoutMs: accepted("duration", limits.answer_timeout),
    drainMs: accepted("duration", limits.drain),
  };
}

function checkListeners({ listen, limits }: GatewayFile, dev: boolean, report: Report): void {
  for (const who of ["agents", "people"] as const) {
    if (dev && !isLoopbackHost(listen[who].host))
      report(["listen", who, "host"], "must be a loopback address under --dev, whose tokens anybody can make");
  }
  if (listen.agents.port !== 0 && listen.agents.port === listen.people.port && listen.agents.host === listen.people.host) {
    report(["listen", "people", "port"], "must differ from listen.agents.port", "agents and people never share a listener");
  }
  if (accepted("duration", limits.headers_timeout) > accepted("duration", limits.request_timeout)) {
    report(["limits", "headers_timeout"], "must not be longer than limits.request_timeout");
  }
}

function readPublicUrl(file: GatewayFile, report: Report): string | null {
  if (file.public_url === undefined) return null;
  const read = readBaseUrl(file.public_url);
  if ("url" in read) return read.url;
  report(["public_url"], read.wrong);
  return null;
}
