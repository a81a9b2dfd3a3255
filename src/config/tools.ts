import type { AmountSource, Tool, Validate } from "../rules/catalogue.ts";
import type { JsonObject } from "../rules/json.ts";
import { compileSchema } from "../rules/schema.ts";
import { readBodies } from "./bodies.ts";
import { type BuiltTool, digestOf, traitsOf } from "./built-tool.ts";
import { outboundOf } from "./outbound.ts";
import { type Match, placeArguments, propertiesOf, readMatch, requiredOf, schemaAt } from "./places.ts";
import { didYouMean } from "./problems.ts";
import { accepted } from "./quantities.ts";
import type { Report } from "./report.ts";
import type { RoutesFile, ToolFile } from "./schema/routes.ts";
import { reservedHeader } from "./upstreams.ts";

/** Builds one tool of a route file, reporting everything that is wrong with it; null when it has no usable match. */
export function buildTool(name: string, file: ToolFile, routes: RoutesFile, upstream: string, report: Report): BuiltTool | null {
  const path = ["tools", name];
  const match = readMatch(file.match, [...path, "match"], report);
  if (match === null) return null;
  const places = placeArguments(match, file, path, report);
  const bodies = readBodies(file, match, places, path, report);
  const key = keyOf(file, path, report);
  checkEffect(file, match, path, report);
  checkNamedTools(name, file, routes, path, report);
  checkIdempotencyHeader(file, routes, path, report);
  const outbound = outboundOf(file, routes, path, report);
  const tool: Tool = {
    name,
    describe: file.describe,
    digest: digestOf({
      name,
      upstream,
      body: bodies.body,
      key,
      headers: Object.keys(routes.headers).sort(),
      limits: { ...routes.limits },
      outbound_default: { ...routes.outbound_default },
      file: file as unknown as JsonObject,
    }),
    upstream,
    method: match.method,
    template: match.template,
    traits: traitsOf(file),
    ...bodies,
    places,
    input: file.input,
    output: file.output ?? null,
    validateInput: compile(file.input, "input", path, report),
    validateOutput: file.output === undefined ? null : compile(file.output, "output", path, report),
    headers: Object.keys(routes.headers).map((header) => header.toLowerCase()),
    amount: amountOf(file, routes, path, report),
    priceMicros: accepted("decimal", file.price.usd),
    idempotency:
      file.idempotency === undefined
        ? null
        : { header: file.idempotency.header, honouredForMs: accepted("duration", file.idempotency.honoured_for) },
    key,
    preview: file.preview ?? null,
    ...(file.reconcile === undefined ? {} : { reconcile: file.reconcile }),
    outbound,
    noEffect: file.no_effect,
    timeoutMs: accepted("duration", file.timeout),
    responseBytesMax: accepted("size", routes.limits.response_bytes),
    itemsMax: routes.limits.items === undefined ? null : { pointer: null, ...routes.limits.items },
  };
  return { tool, match };
}

function compile(schema: JsonObject, use: "input" | "output", path: readonly string[], report: Report): Validate {
  try {
    return compileSchema(schema, use);
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : "";
    report([...path, use], `is not a schema that can be held to: ${why.replace(/^the schema is not valid: /, "")}`, null, "key");
    return () => [{ pointer: "", message: "no valid schema" }];
  }
}

function checkEffect(file: ToolFile, { method }: Match, path: readonly string[], report: Report): void {
  if (file.traits.effect === "write" && method === "GET")
    report([...path, "traits", "effect"], "must be read for GET", "caches and crawlers repeat a GET");
  if (file.traits.effect === "read" && !["GET", "POST"].includes(method))
    report([...path, "traits", "effect"], `must be write for ${method}`);
}

// What cannot be undone must not happen twice by a repeated request, so it must be said how a repetition is known.
function keyOf(file: ToolFile, path: readonly string[], report: Report): Tool["key"] {
  const { effect, reversible, financial } = file.traits;
  const grave = effect === "write" && (!reversible || financial !== "none");
  if (grave && file.key === undefined && file.idempotency === undefined) {
    report(
      path,
      "is an irreversible or financial write and must say how a repetition is known",
      "add key: required or key: from_arguments",
      "key",
    );
  }
  if (grave && file.key === "optional")
    report([...path, "key"], "must be required or from_arguments for an irreversible or financial write");
  if (effect === "read" && file.key !== undefined && file.key !== "optional") report([...path, "key"], "must be optional for a read");
  return file.key ?? (grave ? "required" : "optional");
}

function checkIdempotencyHeader(file: ToolFile, routes: RoutesFile, path: readonly string[], report: Report): void {
  if (file.idempotency === undefined) return;
  const header = file.idempotency.header.toLowerCase();
  const others = [
    ...Object.keys(routes.headers),
    ...Object.keys(routes.set_headers),
    ...(routes.credentials === undefined ? [] : [routes.credentials.header]),
  ];
  const taken =
    others.some((other) => other.toLowerCase() === header) || (header === "authorization" ? true : reservedHeader(header) !== null);
  if (taken) report([...path, "idempotency", "header"], "is a header that already has another source");
}

// Previews and reconciling look-ups are made without asking people, so they must be reads, and of the same upstream and account.
function checkNamedTools(name: string, file: ToolFile, routes: RoutesFile, path: readonly string[], report: Report): void {
  for (const use of ["preview", "reconcile"] as const) {
    const namedTool = file[use];
    if (namedTool === undefined) continue;
    const named = Object.hasOwn(routes.tools, namedTool) ? routes.tools[namedTool] : undefined;
    if (named === undefined)
      report(
        [...path, use],
        `names the unknown tool ${namedTool}`,
        didYouMean(namedTool, Object.keys(routes.tools)) ?? "it must be in this file",
      );
    else if (named.traits.effect !== "read") report([...path, use], `must name a read tool, and ${namedTool} is a write`);
    else if (file.traits.effect === "read") report([...path, use], `is for writes, and ${name} is a read`);
    else if (use === "preview" || namedTool !== file.preview) checkReadArguments(namedTool, named, file, [...path, use], report);
  }
}

function checkReadArguments(namedTool: string, named: ToolFile, file: ToolFile, path: readonly string[], report: Report): void {
  const properties = propertiesOf(file.input);
  for (const argument of requiredOf(named.input)) {
    if (!Object.hasOwn(properties, argument))
      report(path, `names ${namedTool}, which requires ${argument}, and this tool has no such argument`);
    else if (!requiredOf(file.input).includes(argument))
      report(path, `names ${namedTool}, which requires ${argument}, and this tool does not require it`);
  }
}

function amountOf(file: ToolFile, routes: RoutesFile, path: readonly string[], report: Report): AmountSource | null {
  if (file.amount === undefined) return null;
  const at = [...path, "amount"];
  const { pointer, currency } = file.amount;
  const schema = schemaAt(file.input, pointer);
  if (schema === null) report([...at, "pointer"], "points at no declared argument");
  else if (schema["type"] !== "integer") report([...at, "pointer"], "must point at an integer: money is never a fraction");
  else if (typeof schema["minimum"] !== "number" || schema["minimum"] < 0)
    report([...at, "pointer"], "must point at an integer with a minimum of 0 or more", "a negative amount would lower what was spent");
  if (currency.is !== undefined && currency.from === undefined && currency.pointer === undefined)
    return { pointer, currency: { is: currency.is } };
  if (currency.is !== undefined || currency.from === undefined || currency.pointer === undefined) {
    report([...at, "currency"], "must be { is: USD } or { from: preview, pointer: /currency }", null, "key");
    return null;
  }
  if (file.preview === undefined)
    report([...at, "currency", "from"], "is preview, and this tool has no preview", "add preview: <read tool>");
  const output = file.preview === undefined ? undefined : routes.tools[file.preview]?.output;
  if (output !== undefined && schemaAt(output, currency.pointer) === null)
    report([...at, "currency", "pointer"], `points at nothing that ${file.preview} declares in its output`);
  return { pointer, currency: { fromPreview: currency.pointer } };
}
