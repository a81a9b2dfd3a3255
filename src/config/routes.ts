import { basename } from "node:path";
import { tokenHeaderOf } from "../rules/agent-token.ts";
import type { Mount, Tenant, Tool } from "../rules/catalogue.ts";
import type { BuiltTool } from "./built-tool.ts";
import { type MountPlace, placeMount, readClientKeys, readTokenPlace, type TakenPorts } from "./mounts.ts";
import { checkOutboundDefault } from "./outbound.ts";
import { buildPassTool, checkPassMount, checkReach, checkTypedMount, type Reach } from "./passthrough.ts";
import { collide } from "./places.ts";
import type { Problem } from "./problems.ts";
import { type Report, reporterFor } from "./report.ts";
import type { ContractFile } from "./schema/contract.ts";
import type { RoutesFile } from "./schema/routes.ts";
import type { Source } from "./source.ts";
import { buildTool } from "./tools.ts";
import { buildUpstream } from "./upstreams.ts";

/** A file whose shape is good, with where its parts stand. */
export interface Shaped<F> {
  readonly source: Source;
  readonly file: F;
}

/** The name of an upstream: its route file's name without the ending. */
export function upstreamName(routeFile: string): string {
  return basename(routeFile).replace(/\.ya?ml$/, "");
}

export interface RoutesContext {
  readonly tenants: ReadonlyMap<string, Tenant>;
  readonly contracts: readonly Shaped<ContractFile>[];
  /** Upstream name → URL that takes the file's place. */
  readonly upstreams: Readonly<Record<string, string>>;
  readonly takenPorts: TakenPorts;
}

/** Builds all mounts and checks them against each other; adds to `problems`. */
export function buildMounts(routes: readonly Shaped<RoutesFile>[], context: RoutesContext, problems: Problem[]): readonly Mount[] {
  const toolNames = new Map<string, string>();
  const mounts: Mount[] = [];
  const places: MountPlace[] = [];
  const reaches: Reach[] = [];
  for (const { source, file } of routes) {
    const report = reporterFor(source, problems);
    const place = placeMount(file, source.file, places, context.takenPorts, report);
    if (Object.keys(file.mount).length > 0) places.push(place);
    checkToolNames(Object.keys(file.tools), source.file, toolNames, report);
    const mount = buildMount(file, source, place, context, report);
    const reach = { file: source.file, url: file.upstream, mount, credentialHeader: file.credentials?.header.toLowerCase() ?? null };
    checkReach(reach, reaches, report);
    reaches.push(reach);
    mounts.push(mount);
  }
  return mounts;
}

function buildMount(file: RoutesFile, source: Source, place: MountPlace, context: RoutesContext, report: Report): Mount {
  const name = upstreamName(source.file);
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name))
    report([], `has the name ${JSON.stringify(name)}, which must be like "payments": it names the upstream`);
  if (Object.keys(file.tools).length === 0) report(["tools"], "must name at least one tool");
  checkOutboundDefault(file, report);
  const upstream = buildUpstream(
    file,
    {
      name,
      file: source.file,
      tenants: context.tenants,
      tenantsInUse: tenantsInUse(file, context.contracts),
      urlOverride: context.upstreams[name],
    },
    report,
  );
  (file.passthrough ? checkPassMount : checkTypedMount)(file, source.says, report);
  const built: BuiltTool[] = [];
  for (const [toolName, tool] of Object.entries(file.tools)) {
    if (!file.passthrough && !source.says(["tools", toolName, "input"])) continue;
    const one = (file.passthrough ? buildPassTool : buildTool)(toolName, tool, file, name, report);
    if (one === null) continue;
    const rival = built.find((other) => other.tool.pass?.rest === one.tool.pass?.rest && collide(other.match, one.match));
    if (rival !== undefined)
      report(["tools", toolName, "match"], `answers to the same calls as ${rival.tool.name}`, "a method and path must lead to one tool");
    built.push(one);
  }
  const { path, port, host } = place;
  const agentToken = readTokenPlace(file, report);
  checkTokenHeader(file, agentToken, report);
  const clientKeys = readClientKeys(file, report);
  const mount = { path, port, host, agentToken, dialect: file.errors, clientKeys, upstream, tools: built.map(({ tool }): Tool => tool) };
  return file.passthrough ? { ...mount, passthrough: true } : mount;
}

function tenantsInUse(file: RoutesFile, contracts: readonly Shaped<ContractFile>[]): ReadonlySet<string> {
  const using = contracts.filter((contract) => Object.keys(contract.file.tools).some((tool) => Object.hasOwn(file.tools, tool)));
  return new Set(using.flatMap((contract) => contract.file.tenants));
}

// A header that carries the agent's token can mean nothing else, or the token would be read as an argument and sent on.
function checkTokenHeader(file: RoutesFile, place: Mount["agentToken"], report: Report): void {
  const header = tokenHeaderOf(place);
  const declared = Object.keys(file.headers).find((name) => name.toLowerCase() === header);
  if (declared !== undefined) report(["headers", declared], "carries the agent's token on this mount", null, "key");
}

// Models write dots as underscores, so names must differ even then.
function checkToolNames(names: readonly string[], file: string, seen: Map<string, string>, report: Report): void {
  for (const name of names) {
    const flat = name.replaceAll(".", "_");
    if (flat === "" || flat.length > 64)
      report(["tools", name], "must have a name of at most 64 characters, as models take no longer one", null, "key");
    const other = seen.get(flat);
    if (other !== undefined)
      report(["tools", name], `has the same name as ${other}`, "names must differ even with dots written as underscores", "key");
    seen.set(flat, `${name} in ${file}`);
  }
}
