import type { FastifyInstance } from "fastify";

/** The framework's own list of a server's routes, from its printed tree; those that a plug-in added too. */
export function routesOf(server: FastifyInstance): readonly { readonly method: string; readonly url: string }[] {
  const found: { method: string; url: string }[] = [];
  const parts: string[] = [];
  for (const line of server.printRoutes({ commonPrefix: false }).split("\n")) {
    const entry = /^(.*?)(?:└── |├── )(.+?)(?: \(([A-Z, ]+)\))?$/.exec(line);
    if (entry === null) continue;
    const [, indent = "", part = "", methods = ""] = entry;
    const depth = indent.length / 4;
    parts.length = depth;
    parts[depth] = part;
    for (const method of methods.split(", ").filter((one) => one !== "")) found.push({ method, url: parts.join("") });
  }
  return found;
}
