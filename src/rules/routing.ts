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

/** The tool that answers to a method and canonical path segments below a mount. Whole segments only; literal segments win over parameters. */
export function routeByPath(catalogue: Catalogue, method: string, segments: readonly string[]): Route | Denial {
  const mount = catalogue.mounts.find((one) => one.path.every((segment, index) => segments[index] === segment));
  if (mount === undefined) return deny("ERR_ROUTE_UNKNOWN");
  const rest = segments.slice(mount.path.length);
  const routes = mount.tools.flatMap((tool) => {
    const pathParameters = tool.method === method ? matchTemplate(tool, rest) : null;
    return pathParameters === null ? [] : [{ mount, tool, pathParameters }];
  });
  const best = routes.sort((a, b) => Object.keys(a.pathParameters).length - Object.keys(b.pathParameters).length)[0];
  return best ?? deny("ERR_ROUTE_UNKNOWN");
}

function matchTemplate(tool: Tool, segments: readonly string[]): Readonly<Record<string, string>> | null {
  if (tool.template.length !== segments.length) return null;
  const parameters: Record<string, string> = {};
  for (const [index, part] of tool.template.entries()) {
    const segment = segments[index] as string;
    if (typeof part === "string" && part !== segment) return null;
    if (typeof part !== "string") parameters[part.parameter] = segment;
  }
  return parameters;
}
