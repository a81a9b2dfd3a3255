import { dirname, isAbsolute, join, resolve } from "node:path";
import type { ClaimMapping } from "../rules/claims.ts";
import { isClaimPlace } from "../rules/claims.ts";
import { isJsonObject } from "../rules/json.ts";
import { isLoopbackHost, isZone, readBaseUrl } from "./addresses.ts";
import type { Problem } from "./problems.ts";
import { accepted } from "./quantities.ts";
import { type Report, reporterFor } from "./report.ts";
import type { AgentIssuerFile, GatewayFile, PeopleIssuerFile } from "./schema/gateway.ts";
import { readText, type Source } from "./source.ts";

/** `gateway.yaml` after it was read: paths absolute, times in milliseconds, sizes in bytes. */
export interface GatewayConfig {
  readonly file: string;
  readonly listen: { readonly agents: Address; readonly people: Address };
  /** Without a trailing slash. Null: make it from the address that the agents' listener really got. */
  readonly publicUrl: string | null;
  readonly issuers: readonly IssuerSettings[];
  readonly peopleIssuers: readonly IssuerSettings[];
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
}

/** One trusted issuer, in the shape that the token adapter takes. */
export interface IssuerSettings {
  readonly issuer: string;
  readonly jwks: { readonly file: string } | { readonly url: string };
  readonly audience: string;
  readonly algorithms: AgentIssuerFile["algorithms"];
  readonly typ: readonly string[];
  readonly requiredClaims: readonly string[];
  readonly maxAgeMs: number;
  readonly clockToleranceMs: number;
  readonly claims: Partial<ClaimMapping>;
}

/** The host of the development issuer. `--dev` adds it by itself; no file may claim it. */
const developmentHost = "dev.sallyport.local";

/** Resolves and checks a `gateway.yaml` whose shape is good; adds to `problems`. */
export function buildGateway(source: Source, file: GatewayFile, options: { readonly dev: boolean }, problems: Problem[]): GatewayConfig {
  const report = reporterFor(source, problems);
  const folder = dirname(source.file);
  checkListeners(file, options.dev, report);
  if (file.issuers.length === 0 && !options.dev)
    report(["issuers"], "must name at least one issuer", "start with --dev for a development issuer");
  checkPairs(file, report);
  if (!isZone(file.policy_zone)) report(["policy_zone"], 'must be a time zone like "Europe/Berlin"');
  const pollMs = accepted("duration", file.stops.poll);
  const staleAfterMs = accepted("duration", file.stops.stale_after);
  if (staleAfterMs <= pollMs) report(["stops", "stale_after"], "must be longer than stops.poll");
  return {
    file: source.file,
    listen: file.listen,
    publicUrl: readPublicUrl(file, report),
    issuers: file.issuers.map((issuer, index) => buildIssuer(issuer, agentClaims(issuer.claims), folder, ["issuers", index], report)),
    peopleIssuers: file.people.issuers.map((issuer, index) =>
      buildIssuer(issuer, peopleClaims(issuer.claims), folder, ["people", "issuers", index], report),
    ),
    ...placesOf(source.file, file),
    policyZone: file.policy_zone,
    limits: limitsOf(file),
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

// A token that both listeners take would let an agent approve its own call.
function checkPairs(file: GatewayFile, report: Report): void {
  const seen = new Map<string, string>();
  const sides: readonly [string, readonly (string | number)[], readonly (AgentIssuerFile | PeopleIssuerFile)[]][] = [
    ["agents", ["issuers"], file.issuers],
    ["people", ["people", "issuers"], file.people.issuers],
  ];
  for (const [side, path, issuers] of sides) {
    for (const [index, { issuer, audience }] of issuers.entries()) {
      const pair = JSON.stringify([issuer, audience]);
      const other = seen.get(pair);
      if (other !== undefined) {
        const shared = other === side ? "stands twice with this audience" : "is shared by agents and people with one audience";
        report([...path, index, "issuer"], shared, other === side ? "keep one of the two" : "give each side an audience of its own");
      }
      seen.set(pair, side);
      if (URL.canParse(issuer) && new URL(issuer).hostname === developmentHost)
        report([...path, index, "issuer"], "is the development issuer", "it exists only with --dev, which adds it by itself");
    }
  }
}

function agentClaims({ agent, tenant, workflow, run, environment, user, user_groups }: AgentIssuerFile["claims"]): Partial<ClaimMapping> {
  return { agent, tenant, workflow, run, environment, user, userGroups: user_groups };
}

function peopleClaims(claims: PeopleIssuerFile["claims"]): Partial<ClaimMapping> {
  return { ...claims };
}

function buildIssuer(
  file: AgentIssuerFile | PeopleIssuerFile,
  claims: Partial<ClaimMapping>,
  folder: string,
  path: readonly (string | number)[],
  report: Report,
): IssuerSettings {
  for (const [name, place] of Object.entries(file.claims)) {
    if (!isClaimPlace(place)) report([...path, "claims", name], 'must be a claim\'s name, or a JSON pointer like "/realm_access/roles"');
  }
  return {
    issuer: file.issuer,
    jwks: readJwksPlace(file.jwks, folder, [...path, "jwks"], report),
    audience: file.audience,
    algorithms: file.algorithms,
    typ: [file.typ],
    requiredClaims: file.required_claims,
    maxAgeMs: accepted("duration", file.max_age),
    clockToleranceMs: accepted("duration", file.clock_tolerance),
    claims,
  };
}

function readJwksPlace(
  text: string,
  folder: string,
  path: readonly (string | number)[],
  report: Report,
): { readonly file: string } | { readonly url: string } {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const wrong = wrongJwksUrl(text);
    if (wrong !== null) report(path, wrong);
    return { url: text };
  }
  const file = absolute(folder, text);
  const wrong = wrongJwksFile(file);
  if (wrong !== null) report(path, wrong);
  return { file };
}

function wrongJwksUrl(text: string): string | null {
  if (!URL.canParse(text)) return "must be an https URL or a file";
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return "must not contain a user name or password";
  if (protocol === "https:" || (protocol === "http:" && isLoopbackHost(hostname))) return null;
  return "must be https: plain http is for loopback only";
}

function wrongJwksFile(file: string): string | null {
  const read = readText(file);
  if (!("text" in read)) return `names a file that ${read.cause}`;
  let set: unknown;
  try {
    set = JSON.parse(read.text);
  } catch {
    return "names a file that is not JSON";
  }
  const keys = isJsonObject(set) ? set["keys"] : undefined;
  if (!Array.isArray(keys) || keys.length === 0) return "names a file that is not a JWK set with keys";
  if (!keys.every((key) => isJsonObject(key) && typeof key["kty"] === "string" && key["kty"] !== "oct"))
    return "names a JWK set with a key that is not a public key";
  return keys.some((key) => isJsonObject(key) && Object.hasOwn(key, "d"))
    ? "names a JWK set with a private key, which must not be here"
    : null;
}
