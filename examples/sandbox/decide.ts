import { type Json, type JsonObject, type Reply, refuse } from "./answers.ts";
import { type Books, type Tenant, tenants } from "./books.ts";
import { sha256Hex } from "./effects-log.ts";
import { headerValues, type Received } from "./received.ts";
import { type FieldRule, type Route, routes } from "./routes.ts";

/** What a request comes to: the tenant once it is known, and the reply. Nothing has changed yet. */
export interface Decision {
  readonly tenant: Tenant | null;
  readonly key: string | null;
  readonly reply: Reply;
}

/** A header that means something here must stand at most once: no two readers of the request may disagree on it. */
const SINGLE_HEADERS = ["host", "authorization", "sandbox-account", "content-type", "idempotency-key"] as const;

/** Judges a request: form first, then who, then what. Pure but for the books it looks at. */
export function decide(allBooks: ReadonlyMap<string, Books>, seq: number, received: Received): Decision {
  const flaw = findFlaw(received);
  if (flaw !== null) return { tenant: null, key: null, reply: flaw };
  const tenant = authenticate(received);
  const books = tenant === null ? undefined : allBooks.get(tenant);
  if (tenant === null || books === undefined) {
    const reply = refuse(401, "unauthorized", "Send `Authorization: Bearer <key>` and the `Sandbox-Account` that the key belongs to.");
    return { tenant: null, key: null, reply };
  }
  const key = headerValues(received, "idempotency-key")[0] ?? null;
  return { tenant, key, reply: answerRoute({ books, key, seq, received }) };
}

function findFlaw(received: Received): Reply | null {
  if (received.cut === "too_large") return refuse(413, "body_too_large", "The body must not be longer than 64 KiB.");
  const doubled = SINGLE_HEADERS.find((name) => headerValues(received, name).length > 1);
  if (doubled !== undefined) return refuse(400, "header_repeated", `The header ${doubled} must stand once.`);
  if (headerValues(received, "host").length === 0) return refuse(400, "host_missing", "A Host header is needed.");
  if (received.trailers.length > 0) return refuse(400, "trailers_refused", "Trailers are not taken.");
  const key = headerValues(received, "idempotency-key")[0];
  if (key !== undefined && !/^[\x21-\x7e]{1,255}$/.test(key)) {
    return refuse(400, "idempotency_key_invalid", "An Idempotency-Key has 1 to 255 visible ASCII characters.");
  }
  return null;
}

function authenticate(received: Received): Tenant | null {
  const [authorization] = headerValues(received, "authorization");
  const [account] = headerValues(received, "sandbox-account");
  return tenants.find((name) => authorization === `Bearer sk_sandbox_${name}` && account === `acct_${name}`) ?? null;
}

function answerRoute(request: { books: Books; key: string | null; seq: number; received: Received }): Reply {
  const { books, key, seq, received } = request;
  const [path = "", ...queryParts] = received.url.split("?");
  const segments = path.split("/").slice(1);
  const onPath = routes.filter((route) => fitsPath(route, segments));
  const route = onPath.find((candidate) => candidate.method === received.method);
  if (onPath.length === 0) return refuse(404, "route_not_found", "Nothing is at this path.");
  if (route === undefined) return refuse(405, "method_not_allowed", "This path does not take this method.");
  const query = readQuery(route, queryParts.join("?"));
  if (typeof query === "string") return refuse(400, "query_invalid", query);
  const fields = readFields(route, received);
  if ("refusal" in fields) return fields.refusal;
  return route.answer({
    books,
    id: segments[route.path.indexOf(null)] ?? "",
    query,
    fields: fields.values,
    key,
    bodySha256: sha256Hex(received.body),
    nowSeconds: Math.floor(received.atMs / 1000),
    newId: (prefix) => `${prefix}_${String(seq).padStart(8, "0")}`,
  });
}

/** The path is compared as it was sent: nothing is decoded, so there is one spelling for each object. */
function fitsPath(route: Route, segments: readonly string[]): boolean {
  const fits = (segment: string, at: number) =>
    route.path[at] === null ? /^[A-Za-z0-9_]{1,64}$/.test(segment) : route.path[at] === segment;
  return segments.length === route.path.length && segments.every(fits);
}

/** The parameters, or what is wrong with them. */
function readQuery(route: Route, text: string): ReadonlyMap<string, string> | string {
  const found = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (!route.query.includes(name)) return "The query has a parameter that this path does not take.";
    if (found.has(name)) return `The parameter ${name} stands twice.`;
    found.set(name, value);
  }
  return found;
}

type Fields = { readonly values: JsonObject } | { readonly refusal: Reply };

function readFields(route: Route, received: Received): Fields {
  if (route.fields === null) {
    return received.body.length === 0 ? { values: {} } : { refusal: refuse(400, "body_unexpected", "This request takes no body.") };
  }
  const contentType = headerValues(received, "content-type")[0] ?? "";
  const isForm = route.form && /^application\/x-www-form-urlencoded$/i.test(contentType);
  if (!isForm && !/^application\/json(; ?charset=utf-8)?$/i.test(contentType)) {
    return { refusal: refuse(415, "content_type_unsupported", "Send `Content-Type: application/json`.") };
  }
  const body = isForm ? parseForm(route.fields, received.body) : parseObject(received.body);
  if (body === null) return { refusal: refuse(400, "body_malformed", "The body must be one JSON object in UTF-8.") };
  const stranger = Object.keys(body).find((name) => !Object.hasOwn(route.fields ?? {}, name));
  if (stranger !== undefined) return { refusal: refuse(400, "field_unknown", "The body has a field that this request does not take.") };
  const wrong = Object.entries(route.fields).find(([name, rule]) => !fitsRule(Object.hasOwn(body, name) ? body[name] : undefined, rule));
  return wrong === undefined ? { values: body } : { refusal: refuse(400, "field_invalid", `The field ${wrong[0]} is missing or invalid.`) };
}

/** Plain `name=text` pairs, each name once. Null when one stands twice, or when an amount is not written as an integer is. */
function parseForm(rules: Readonly<Record<string, FieldRule>>, bytes: Buffer): JsonObject | null {
  const pairs = [...new URLSearchParams(bytes.toString("latin1"))];
  if (new Set(pairs.map(([name]) => name)).size < pairs.length) return null;
  const values = pairs.map(([name, text]) => {
    const isAmount = Object.hasOwn(rules, name) && rules[name]?.kind === "amount";
    return [name, isAmount && /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : text];
  });
  return Object.fromEntries(values) as JsonObject;
}

function parseObject(bytes: Buffer): JsonObject | null {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) as Json;
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}

function fitsRule(value: Json | undefined, rule: FieldRule): boolean {
  if (value === undefined) return rule.optional === true;
  switch (rule.kind) {
    case "text":
      return typeof value === "string" && value.length >= 1 && value.length <= rule.max;
    case "amount":
      return Number.isSafeInteger(value) && (value as number) >= 1;
  }
}
