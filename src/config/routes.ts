import { basename } from "node:path";
import type { Mount, Tenant, Tool } from "../rules/catalogue.ts";
import { collide } from "./places.ts";
import type { Problem } from "./problems.ts";
import { type Report, reporterFor } from "./report.ts";
import type { ContractFile } from "./schema/contract.ts";
import type { RoutesFile } from "./schema/routes.ts";
import type { Source } from "./source.ts";
import { type BuiltTool, buildTool } from "./tools.ts";
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
}

/** Builds all mounts and checks them against each other; adds to `problems`. */
export function buildMounts(routes: readonly Shaped<RoutesFile>[], context: RoutesContext, problems: Problem[]): readonly Mount[] {
  const toolNames = new Map<string, string>();
  const mounts: Mount[] = [];
  const seen: { readonly path: readonly string[]; readonly file: string }[] = [];
  for (const { source, file } of routes) {
    const report = reporterFor(source, problems);
    const path = file.mount.path.slice(1).split("/");
    checkMountPath(path, seen, report);
    seen.push({ path, file: source.file });
    checkToolNames(Object.keys(file.tools), source.file, toolNames, report);
    mounts.push(buildMount(file, source, path, context, report));
  }
  return mounts;
}

function buildMount(file: RoutesFile, source: Source, path: readonly string[], context: RoutesContext, report: Report): Mount {
  const name = upstreamName(source.file);
  if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name))
    report([], `has the name ${JSON.stringify(name)}, which must be like "payments": it names the upstream`);
  if (Object.keys(file.tools).length === 0) report(["tools"], "must name at least one tool");
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
  const built: BuiltTool[] = [];
  for (const [toolName, tool] of Object.entries(file.tools)) {
    const one = buildTool(toolName, tool, file, name, report);
    if (one === null) continue;
    const rival = built.find((other) => collide(other.match, one.match));
    if (rival !== undefined)
      report(["tools", toolName, "match"], `answers to the same calls as ${rival.tool.name}`, "a method and path must lead to one tool");
    built.push(one);
  }
  return { path, upstream, tools: built.map(({ tool }): Tool => tool) };
}

function tenantsInUse(file: RoutesFile, contracts: readonly Shaped<ContractFile>[]): ReadonlySet<string> {
  const using = contracts.filter((contract) => Object.keys(contract.file.tools).some((tool) => Object.hasOwn(file.tools, tool)));
  return new Set(using.flatMap((contract) => contract.file.tenants));
}

function checkMountPath(
  path: readonly string[],
  seen: readonly { readonly path: readonly string[]; readonly file: string }[],
  report: Report,
): void {
  if (["sallyport", ".well-known"].includes((path[0] ?? "").toLowerCase()))
    report(["mount", "path"], `must not start with /${path[0]}, which is the gateway's own`);
  const rival = seen.find((other) => startsWith(path, other.path) || startsWith(other.path, path));
  if (rival !== undefined)
    report(["mount", "path"], `meets the mount /${rival.path.join("/")} of ${rival.file}`, "no mount may begin with another");
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((segment, index) => path[index] === segment);
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
