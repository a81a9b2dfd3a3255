import type { Catalogue, Mount, Tool } from "./catalogue.ts";
import { type Denial, deny } from "./denial.ts";

/** A tool, the mount it belongs to, and what its path parameters were in the request. */
export interface Route {
  readonly mount: Mount;
  readonly tool: Tool;
  readonly pathParameters: Readonly<Record<string, string>>;
}

/** The tool of this name; dots may be written as underscores, as function-calling models must. */
export function routeByName(catalogue: Catalogue, name: string): Route | Denial {
  const tool = catalogue.tools.get(name) ?? [...catalogue.tools.values()].find((one) => modelName(one.name) === name);
  const mount = tool === undefined ? undefined : mountOf(catalogue, tool);
  if (tool === undefined || mount === undefined) return deny("ERR_TOOL_UNKNOWN");
  return { mount, tool, pathParameters: {} };
}

/** A tool's name in the letters that every model vendor accepts. */
export function modelName(name: string): string {
  return name.replaceAll(".", "_");
}

/** The mount that a tool belongs to. */
export function mountOf(catalogue: Catalogue, tool: Tool): Mount | undefined {
  return catalogue.mounts.find((mount) => mount.upstream.name === tool.upstream);
}

/** What a request was addressed to. */
export interface Address {
  /** The listener's port when it is a mount's own; null on the agents' listener. */
  readonly port: number | null;
  /** The Host header in lower case, without its port; null when there is none. */
  readonly host: string | null;
  /** Decoded, canonical path segments. */
  readonly segments: readonly string[];
}

/** The mount that an address leads to, or null: whole segments, and the host exactly. A mount that names a host wins over one that does not. */
export function mountAt({ mounts }: Catalogue, { port, host, segments }: Address): Mount | null {
  const there = mounts.filter(
    (mount) =>
      mount.port === port &&
      (mount.host === null || mount.host === host) &&
      mount.path.every((segment, index) => segments[index] === segment),
  );
  return there.find((mount) => mount.host !== null) ?? there[0] ?? null;
}

/** The tool that answers to a method and an address. Literal segments win over parameters. */
export function routeByPath(catalogue: Catalogue, method: string, address: Address): Route | Denial {
  const mount = mountAt(catalogue, address);
  if (mount === null) return deny("ERR_ROUTE_UNKNOWN");
  const rest = address.segments.slice(mount.path.length);
  const routes = mount.tools.flatMap((tool) => {
    const pathParameters = tool.method === method ? matchTemplate(tool, rest) : null;
    return pathParameters === null ? [] : [{ mount, tool, pathParameters }];
  });
  const best = routes.sort((a, b) => vagueness(a) - vagueness(b))[0];
  return best ?? deny("ERR_ROUTE_UNKNOWN");
}

/** A template that ends in `/**` is vaguer than any without, the longer one less so. Paths have far fewer segments than the bound stands for. */
function vagueness({ tool, pathParameters }: Route): number {
  const open = tool.pass?.rest === true ? 1_000_000 - 1000 * tool.template.length : 0;
  return open + Object.keys(pathParameters).length;
}

function matchTemplate(tool: Tool, segments: readonly string[]): Readonly<Record<string, string>> | null {
  const open = tool.pass?.rest === true;
  if (open ? segments.length <= tool.template.length : segments.length !== tool.template.length) return null;
  const parameters: Record<string, string> = {};
  for (const [index, part] of tool.template.entries()) {
    const segment = segments[index] as string;
    if (typeof part === "string" && part !== segment) return null;
    if (typeof part !== "string") parameters[part.parameter] = segment;
  }
  return parameters;
}
