import { dirname, isAbsolute, join } from "node:path";
import type { Tenant, Upstream } from "../rules/catalogue.ts";
import { readBaseUrl } from "./addresses.ts";
import { requiredOf } from "./places.ts";
import { didYouMean } from "./problems.ts";
import type { Report } from "./report.ts";
import type { RoutesFile } from "./schema/routes.ts";
import { readText } from "./source.ts";
import { fillTemplate, parseTemplate, type Template, valueNames, variesByTenant } from "./template.ts";

/** What building an upstream needs beside its file. */
export interface UpstreamContext {
  readonly name: string;
  /** The route file, which relative paths start from. */
  readonly file: string;
  readonly tenants: ReadonlyMap<string, Tenant>;
  /** Tenants for which a contract names a tool of this upstream. */
  readonly tenantsInUse: ReadonlySet<string>;
  /** Takes the place of the file's URL, for tests. */
  readonly urlOverride: string | undefined;
}

/** Headers that a route may neither set nor declare: they are the connection's, the body's or ours. */
const reservedHeaders = new Set(
  `host content-length content-type content-encoding connection transfer-encoding te trailer upgrade keep-alive expect prefer cookie
  proxy-authorization proxy-connection forwarded x-forwarded-for x-forwarded-host x-forwarded-proto`.split(/\s+/),
);

/** Why a header name may not be used in a route, or null when it may. */
export function reservedHeader(name: string): string | null {
  const lower = name.toLowerCase();
  return reservedHeaders.has(lower) || lower.startsWith("sallyport-") ? "is a header that the gateway keeps to itself" : null;
}

/** Builds the upstream of one route file: its URL, CA and every tenant's headers. Secret files are read here and their contents never reported. */
export function buildUpstream(file: RoutesFile, context: UpstreamContext, report: Report): Upstream {
  const base = readBaseUrl(context.urlOverride ?? file.upstream);
  if ("wrong" in base) report(["upstream"], base.wrong);
  const loopback = "wrong" in base || base.loopback;
  checkHeaderNames(file, report);
  const set = Object.entries(file.set_headers).flatMap(([name, text]) => {
    const template = readTemplate(text, ["set_headers", name], { files: false }, report);
    return template === null ? [] : [{ name: name.toLowerCase(), template, path: ["set_headers", name] }];
  });
  const credential = readCredential(file, loopback, report);
  for (const { template, path } of [...set, ...(credential === null ? [] : [credential])]) checkValueNames(template, path, context, report);
  const { headersFor, accountFor } = fillForTenants(set, credential, context, report);
  if (file.credentials !== undefined) checkShared(file, headersFor, context, report);
  return { name: context.name, url: "url" in base ? base.url : "", headersFor, accountFor, ca: readCa(file, context, report) };
}

interface HeaderTemplate {
  readonly name: string;
  readonly template: Template;
  readonly path: readonly string[];
}

function checkHeaderNames(file: RoutesFile, report: Report): void {
  const seen = new Map<string, string>();
  const all: readonly (readonly [string, readonly string[]])[] = [
    ...Object.keys(file.headers).map((name) => [name, ["headers", name]] as const),
    ...Object.keys(file.set_headers).map((name) => [name, ["set_headers", name]] as const),
    ...(file.credentials === undefined ? [] : [[file.credentials.header, ["credentials", "header"]] as const]),
  ];
  for (const [name, path] of all) {
    const lower = name.toLowerCase();
    const ownUse =
      path[0] === "headers" && (lower === "authorization" || lower === "idempotency-key")
        ? "is a header that the gateway reads itself"
        : null;
    const wrong = reservedHeader(name) ?? ownUse;
    if (wrong !== null) report(path, wrong, null, "key");
    const other = seen.get(lower);
    if (other !== undefined) report(path, `is the same header as ${other}`, "a header has one source", "key");
    seen.set(lower, path[0] === "credentials" ? "the credential's" : `${path[0]}.${name}`);
  }
}

function readTemplate(text: string, path: readonly string[], allow: { readonly files: boolean }, report: Report): Template | null {
  const template = parseTemplate(text, allow);
  if (!("wrong" in template)) return template;
  report(path, template.wrong);
  return null;
}

function readCredential({ credentials }: RoutesFile, loopback: boolean, report: Report): HeaderTemplate | null {
  if (credentials === undefined) return null;
  const path = ["credentials", "value"];
  const template = readTemplate(credentials.value, path, { files: true }, report);
  if (template === null) return null;
  if (!loopback && !template.some((part) => part.kind === "file")) {
    report(path, "must not hold a credential in plain text", "write ${file:/path/to/secret}; plain text is for loopback upstreams only");
  }
  return { name: credentials.header.toLowerCase(), template, path };
}

// A value that one tenant lacks denies that tenant; a value that all lack is a slip of the pen.
function checkValueNames(template: Template, path: readonly string[], { tenants }: UpstreamContext, report: Report): void {
  if (tenants.size === 0) return;
  for (const name of valueNames(template)) {
    const known = [...tenants.values()].flatMap((tenant) => Object.keys(tenant.values));
    if (!known.includes(name)) report(path, `names {tenant.${name}}, which no tenant has`, didYouMean(name, known));
  }
}

type HeadersByTenant = Map<string, Readonly<Record<string, string>>>;

function fillForTenants(set: readonly HeaderTemplate[], credential: HeaderTemplate | null, context: UpstreamContext, report: Report) {
  const headersFor: HeadersByTenant = new Map();
  const accountFor: HeadersByTenant = new Map();
  const readSecret = secretReader(credential, context, report);
  let holders = 0;
  for (const tenant of context.tenants.values()) {
    const account = fillAll(set, (template) => fillTemplate(template, tenant, () => null));
    const secret = fillAll(credential === null ? [] : [credential], (template) => fillTemplate(template, tenant, readSecret));
    if (secret !== null) holders++;
    if (account === null || secret === null) continue;
    headersFor.set(tenant.name, { ...account, ...secret });
    accountFor.set(tenant.name, account);
  }
  if (holders === 0 && context.tenants.size > 0 && credential !== null && variesByTenant(credential.template)) {
    report(credential.path, "gives no tenant a credential", "a secret file per tenant, or a value in tenants.yaml, is missing");
  }
  return { headersFor, accountFor };
}

function fillAll(headers: readonly HeaderTemplate[], fill: (template: Template) => string | null): Record<string, string> | null {
  const filled: Record<string, string> = {};
  for (const { name, template } of headers) {
    const value = fill(template);
    if (value === null) return null;
    filled[name] = value;
  }
  return filled;
}

// Reads each secret file once. A file for one tenant may be missing: that tenant is denied. A file for all must be there.
function secretReader(credential: HeaderTemplate | null, context: UpstreamContext, report: Report): (path: string) => string | null {
  const read = new Map<string, string | null>();
  const perTenant = credential?.template.some((part) => part.kind === "file" && variesByTenant(part.path)) ?? false;
  return (path) => {
    const full = isAbsolute(path) ? path : join(dirname(context.file), path);
    const before = read.get(full);
    if (before !== undefined) return before;
    const secret = readSecretFile(full);
    if ("wrong" in secret && !(secret.missing && perTenant))
      report(credential?.path ?? [], `names the secret file ${path}, which ${secret.wrong}`);
    const value = "text" in secret ? secret.text : null;
    read.set(full, value);
    return value;
  };
}

function readSecretFile(file: string): { readonly text: string } | { readonly wrong: string; readonly missing: boolean } {
  const read = readText(file);
  if (!("text" in read)) return { wrong: read.cause, missing: read.missing };
  const text = read.text.replace(/\r?\n$/, "");
  if (text === "") return { wrong: "is empty", missing: false };
  return /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text)
    ? { text }
    : { wrong: "is not one line of visible ASCII text", missing: false };
}

// Two tenants with one credential are kept apart by the account header alone; without even that, by nothing but the arguments, and then a
// preview must say whose object a write is about, or policy has nothing to compare. An answer without it does not fit the output, so the write is denied.
function checkShared(file: RoutesFile, headersFor: HeadersByTenant, { tenantsInUse }: UpstreamContext, report: Report): void {
  const credentialHeader = file.credentials?.header.toLowerCase() ?? "";
  const users = [...headersFor].filter(([tenant]) => tenantsInUse.has(tenant));
  const pair = firstPair(users, (headers) => headers[credentialHeader] ?? "");
  if (pair === null) return;
  if (file.credentials?.shared !== true) {
    report(["credentials"], `is the same for the tenants ${pair.join(" and ")}`, "give each its own, or say shared: true", "key");
  } else if (firstPair(users, (headers) => JSON.stringify(headers)) !== null) {
    for (const [name, tool] of Object.entries(file.tools)) {
      if (tool.traits.effect !== "write") continue;
      if (tool.preview === undefined)
        report(["tools", name], "is a write whose tenants share credential and account, and needs a preview", null, "key");
      else if (!namesOwner(file.tools[tool.preview]))
        report(
          ["tools", name, "preview"],
          `is ${tool.preview}, whose output does not require tenant or account, and the tenants share credential and account`,
          "the preview must say whose object it is",
          "key",
        );
    }
  }
}

/** Whether an answer that fits the tool's output says whose the object is, in the words that the shipped policy reads. */
function namesOwner(tool: RoutesFile["tools"][string] | undefined): boolean {
  const required = requiredOf(tool?.output ?? {});
  return required.includes("tenant") || required.includes("account");
}

type TenantHeaders = readonly [string, Readonly<Record<string, string>>];

function firstPair(
  users: readonly TenantHeaders[],
  keyOf: (headers: Readonly<Record<string, string>>) => string,
): readonly [string, string] | null {
  const owners = new Map<string, string>();
  for (const [tenant, headers] of users) {
    const key = keyOf(headers);
    const other = owners.get(key);
    if (other !== undefined) return [other, tenant];
    owners.set(key, tenant);
  }
  return null;
}

function readCa(file: RoutesFile, context: UpstreamContext, report: Report): string | null {
  if (file.ca === undefined) return null;
  const read = readText(isAbsolute(file.ca) ? file.ca : join(dirname(context.file), file.ca));
  if (!("text" in read)) report(["ca"], `names a file that ${read.cause}`);
  else if (!read.text.includes("-----BEGIN CERTIFICATE-----")) report(["ca"], "names a file without a PEM certificate");
  else if (read.text.includes("PRIVATE KEY-----")) report(["ca"], "names a file with a private key");
  else return read.text;
  return null;
}
