import type { Mount, TokenPlace } from "../rules/catalogue.ts";
import { repeatsRepetition } from "../rules/patterns.ts";
import type { Report } from "./report.ts";
import type { RoutesFile } from "./schema/routes.ts";
import { reservedHeader } from "./upstreams.ts";

/** Where a mount is, with the file that says so. */
export type MountPlace = Pick<Mount, "path" | "port" | "host"> & { readonly file: string };

/** Ports that the gateway's own listeners take; 0 is a free one, which meets nothing. */
export type TakenPorts = readonly number[];

/** Reads where a mount is, and holds it against the mounts before it and the gateway's own paths and ports. */
export function placeMount(
  { mount, tools }: RoutesFile,
  file: string,
  others: readonly MountPlace[],
  taken: TakenPorts,
  report: Report,
): MountPlace {
  const place = { path: mount.path?.slice(1).split("/") ?? [], port: mount.port ?? null, host: mount.host ?? null, file };
  if (mount.path === undefined && mount.port === undefined && mount.host === undefined) {
    report(["mount"], "must name a path, a port or a host", null, "key");
    return place;
  }
  checkReserved(place, Object.entries(tools), report);
  if (place.port !== null && taken.includes(place.port)) report(["mount", "port"], "is the port of a listener of gateway.yaml");
  const rival = others.find((other) => meet(place, other));
  if (rival !== undefined)
    report(
      ["mount", ...(mount.path === undefined ? [] : ["path"])],
      `meets the mount ${describePlace(rival)} of ${rival.file}`,
      "no mount may begin with another of the same port and host",
    );
  return place;
}

function meet(left: MountPlace, right: MountPlace): boolean {
  const same = left.port === right.port && left.host === right.host;
  return same && (startsWith(left.path, right.path) || startsWith(right.path, left.path));
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((segment, index) => path[index] === segment);
}

function describePlace({ path, port, host }: MountPlace): string {
  return `${host ?? ""}${port === null ? "" : `:${port}`}/${path.join("/")}`;
}

// What is ours stays ours on every port and host, also where a mount has no path of its own.
function checkReserved({ path }: MountPlace, tools: readonly (readonly [string, { readonly match: string }])[], report: Report): void {
  const isOurs = (segment: string | undefined): boolean => ["sallyport", ".well-known"].includes((segment ?? "").toLowerCase());
  if (isOurs(path[0])) report(["mount", "path"], `must not start with /${path[0]}, which is the gateway's own`);
  if (path.length > 0) return;
  for (const [name, { match }] of tools) {
    const first = match.split(" ", 2)[1]?.split("/")[1];
    if (isOurs(first)) report(["tools", name, "match"], `must not start with /${first} on a mount without a path: it is the gateway's own`);
    if (first === "**") report(["tools", name, "match"], "must not be every path of a mount without one", "give the mount a path");
    if (first?.startsWith("{") === true)
      report(["tools", name, "match"], "must not start with a parameter on a mount without a path", "give the mount a path");
  }
}

/** Reads where agents put their token on this mount. */
export function readTokenPlace({ agent_token: place }: RoutesFile, report: Report): TokenPlace {
  if (typeof place === "string") return { in: "bearer" };
  const { header, basic } = place;
  if ((header === undefined) === (basic === undefined)) {
    report(["agent_token"], "must be exactly one of header and basic");
    return { in: "bearer" };
  }
  if (header === undefined) return { in: "basic", part: basic ?? "password" };
  const name = header.toLowerCase();
  const wrong = name === "authorization" || name === "idempotency-key" ? "is a header with a use of its own" : reservedHeader(name);
  if (wrong !== null) report(["agent_token", "header"], wrong, name === "authorization" ? "write bearer, or basic" : null);
  return { in: "header", name };
}

/** Compiles the pattern of keys that the SDK makes up. */
export function readClientKeys({ client_key_pattern: pattern }: RoutesFile, report: Report): RegExp | null {
  if (pattern === undefined) return null;
  try {
    const compiled = new RegExp(pattern, "u");
    if (repeatsRepetition(pattern)) report(["client_key_pattern"], "repeats a repetition, which can take a matcher minutes");
    else if (compiled.test("")) report(["client_key_pattern"], "must not match every key");
    return compiled;
  } catch {
    report(["client_key_pattern"], "is no regular expression");
    return null;
  }
}
