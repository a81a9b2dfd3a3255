import type { FastifyRequest } from "fastify";
import type { Catalogue } from "../../rules/catalogue.ts";
import { type Denial, deny } from "../../rules/denial.ts";
import { metadataPath, pathOf } from "./challenge.ts";
import { splitRawTarget } from "./read-request.ts";
import { json, type Rendered } from "./render.ts";
import type { AgentEdge } from "./server.ts";

/** What strangers may know of how to get in. Nothing here is secret. */
export interface ResourceFacts {
  /** Issuers whose tokens agents may bring, as they write themselves. */
  readonly authorizationServers: readonly string[];
  /** Scopes that some issuer's tokens must have; empty when none does. */
  readonly scopes: readonly string[];
  /** A page for people who write clients, or null. */
  readonly documentation: string | null;
}

/** Seconds for which a client may keep what is public: issuers and routes change with a restart. */
export const keptSeconds = 300;

/**
 * The metadata document of the gateway or of one mount, by the path inserted behind the well-known one (RFC 9728 section 3.1). It needs no token. An
 * unknown path is ERR_ROUTE_UNKNOWN. A document's `resource` is made from `public_url`, never from what the request says of its host.
 */
export function readMetadata(edge: AgentEdge, request: FastifyRequest): Rendered | Denial {
  const { rawPath, rawQuery } = splitRawTarget(request.raw.url ?? "");
  const resource = rawQuery === "" ? findResource(edge.publicUrl(), edge.ports.catalogue(), rawPath.slice(metadataPath.length)) : null;
  if (resource === null) return deny("ERR_ROUTE_UNKNOWN");
  const { authorizationServers, scopes, documentation } = edge.resource;
  const body = {
    resource,
    ...(authorizationServers.length === 0 ? {} : { authorization_servers: authorizationServers }),
    ...(scopes.length === 0 ? {} : { scopes_supported: scopes }),
    bearer_methods_supported: ["header"],
    resource_name: "Sallyport",
    ...(documentation === null ? {} : { resource_documentation: documentation }),
  };
  return json(200, { "cache-control": `public, max-age=${keptSeconds}` }, body);
}

/** The resource that a suffix names: the gateway, or a mount with a path. A proxy may keep or cut the path of `public_url`, so both spellings are known. */
function findResource(publicUrl: string, { mounts }: Catalogue, suffix: string): string | null {
  const base = pathOf(publicUrl);
  const paths = ["", ...mounts.filter(({ path, port, host }) => path.length > 0 && port === null && host === null).map(pathText)];
  const found = paths.find((path) => suffix === path || suffix === `${base}${path}`);
  return found === undefined ? null : `${publicUrl}${found}`;
}

function pathText({ path }: { readonly path: readonly string[] }): string {
  return path.map((segment) => `/${segment}`).join("");
}
