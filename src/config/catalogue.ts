import { canonicalJson, sha256Hex } from "../rules/canonical.ts";
import type { Catalogue, Mount, Tenant, Tier, Tool } from "../rules/catalogue.ts";
import type { JsonValue } from "../rules/json.ts";
import { buildContracts } from "./contracts.ts";
import type { TakenPorts } from "./mounts.ts";
import type { Problem } from "./problems.ts";
import { accepted } from "./quantities.ts";
import { reporterFor } from "./report.ts";
import { buildMounts, type Shaped, upstreamName } from "./routes.ts";
import type { ContractFile } from "./schema/contract.ts";
import type { RoutesFile } from "./schema/routes.ts";
import type { TenantsFile } from "./schema/tenants.ts";
import type { TiersFile } from "./schema/tiers.ts";

/** The files of a configuration whose shapes are good. */
export interface CatalogueFiles {
  readonly routes: readonly Shaped<RoutesFile>[];
  readonly contracts: readonly Shaped<ContractFile>[];
  /** Null: there is no such file, and the tenants are those that contracts name. */
  readonly tenants: Shaped<TenantsFile> | null;
  /** Null: there is no such file, and there are no tiers. */
  readonly tiers: Shaped<TiersFile> | null;
  /** False for a kind of which a file is broken: what it may have declared is then not called unknown. */
  readonly complete: { readonly tools: boolean; readonly tenants: boolean; readonly tiers: boolean };
}

export interface CatalogueOptions {
  /** For budgets that name no zone. */
  readonly zone: string;
  /** Whether anybody can approve at all: an issuer of people's tokens, or the development one. */
  readonly peopleCanSign: boolean;
  readonly upstreams: Readonly<Record<string, string>>;
  readonly takenPorts: TakenPorts;
}

/** Builds the catalogue and checks the files against each other; adds to `problems`, without which alone the catalogue may be used. */
export function buildCatalogue(files: CatalogueFiles, options: CatalogueOptions, problems: Problem[]): Catalogue {
  const tenants = buildTenants(files);
  const { tiers, defaultTier } = buildTiers(files, options, problems);
  const mounts = buildMounts(
    files.routes,
    { tenants, contracts: files.contracts, upstreams: options.upstreams, takenPorts: options.takenPorts },
    problems,
  );
  const tools = new Map(mounts.flatMap((mount) => mount.tools.map((tool): [string, Tool] => [tool.name, tool])));
  const declared = new Set(files.routes.flatMap(({ file }) => Object.keys(file.tools)));
  const contracts = buildContracts(
    files.contracts,
    { tools, declared, tenants, tiers, defaultTier, complete: files.complete, zone: options.zone },
    problems,
  );
  return { digest: digestOf(files, mounts, options.zone), tools, mounts, contracts, tenants, tiers };
}

function buildTenants({ tenants, contracts, complete }: CatalogueFiles): ReadonlyMap<string, Tenant> {
  if (!complete.tenants) return new Map();
  if (tenants !== null) return new Map(Object.entries(tenants.file).map(([name, values]) => [name, { name, values }]));
  return new Map(contracts.flatMap(({ file }) => file.tenants.map((name) => [name, { name, values: {} }])));
}

function buildTiers({ tiers: shaped }: CatalogueFiles, { peopleCanSign }: CatalogueOptions, problems: Problem[]) {
  const tiers = new Map<string, Tier>();
  let defaultTier: string | null = null;
  if (shaped === null) return { tiers, defaultTier };
  const report = reporterFor(shaped.source, problems);
  for (const [name, tier] of Object.entries(shaped.file)) {
    tiers.set(name, { name, group: tier.group, people: tier.people, expiresMs: accepted("duration", tier.expires) });
    if (!peopleCanSign)
      report([name], "can never be signed: gateway.yaml names no people.issuers", "add an issuer of people's tokens", "key");
    if (!tier.default) continue;
    if (defaultTier !== null) report([name, "default"], `must be true for one tier only, and ${defaultTier} is the default already`);
    defaultTier ??= name;
  }
  return { tiers, defaultTier };
}

/**
 * The digest of what the files mean: their values with all defaults, in canonical form, so that neither the order of keys nor comments count.
 * Of credentials only the header, the file names and the placeholders go in: a plain-text credential is a secret.
 */
function digestOf(files: CatalogueFiles, mounts: readonly Mount[], zone: string): string {
  const routes = files.routes.map(({ source, file }) => ({
    ...file,
    name: upstreamName(source.file),
    upstream: mounts.find((mount) => mount.upstream.name === upstreamName(source.file))?.upstream.url ?? "",
    credentials: file.credentials === undefined ? null : { ...file.credentials, value: withoutLiterals(file.credentials.value) },
    tools: Object.fromEntries(Object.entries(file.tools).map(([name, tool]) => [name, { ...tool }])),
  }));
  const contracts = files.contracts.map(({ file }) => file).sort((a, b) => (canonicalJson(asJson(a)) < canonicalJson(asJson(b)) ? -1 : 1));
  const document = {
    v: "sallyport-catalogue-1",
    zone,
    routes,
    contracts,
    tenants: files.tenants?.file ?? null,
    tiers: files.tiers?.file ?? null,
  };
  return sha256Hex(canonicalJson(asJson(document)));
}

function withoutLiterals(template: string): readonly string[] {
  return template.match(/\$\{file:(?:[^{}]|\{tenant\})+\}|\{[^{}]*\}/g) ?? [];
}

// Everything here was read from YAML and so is JSON; what is undefined was absent.
function asJson(value: unknown): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}
