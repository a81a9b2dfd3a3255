import { type Code, type CodeRow, codeRow } from "../../rules/codes.ts";
import type { JsonObject, JsonValue } from "../../rules/json.ts";

/** A parameter in a route's path, in its query or among its headers. Those in a path are required, all others are not. */
export interface ParameterFacts {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly schema: JsonObject;
}

/** An answer of one status. */
export interface AnswerFacts {
  readonly description: string;
  /** Of the body; null is a body that has none, such as text. */
  readonly schema: JsonObject | null;
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Names of headers that are described in the document's components. */
  readonly headers?: readonly string[];
}

/** What a route says of itself to those who call it: one operation of the OpenAPI document. */
export interface Operation {
  /** Unique in its document; generated clients name their methods so. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly ParameterFacts[];
  /** The schema of its JSON body. Absent: it takes none. */
  readonly body?: { readonly required: boolean; readonly schema: JsonObject };
  /** Every answer that is no refusal, by status; `default` is the upstream's own. */
  readonly answers: Readonly<Record<string, AnswerFacts>>;
  /** Statuses of its refusals, beside those that every route of the listener may answer. */
  readonly refusals?: readonly CodeRow["status"][];
}

/** A route, as far as the document goes. */
export interface DescribedRoute {
  readonly method: string;
  /** With `:name` for a parameter, and a `*` at the end for the parameter called `resource`. */
  readonly url: string;
  readonly public: boolean;
  readonly operation: Operation;
}

/** All that a document says beside its routes. */
export interface DocumentFacts {
  readonly title: string;
  readonly description: string;
  /** Where the routes are: an absolute URL, or "/" for where the document came from. */
  readonly server: string;
  /** The tokens' scheme, by which every route is guarded that is not public. */
  readonly security: { readonly name: string; readonly scheme: JsonObject };
  readonly schemas: Readonly<Record<string, JsonObject>>;
  readonly headers: Readonly<Record<string, JsonObject>>;
  /** Statuses of refusals that every route may answer; `guarded` only those that are not public. */
  readonly refusals: { readonly every: readonly CodeRow["status"][]; readonly guarded: readonly CodeRow["status"][] };
  /** The answer of a refusal with this status. */
  readonly refusal: (status: CodeRow["status"]) => AnswerFacts;
}

/** The schema of that name in the document's components. */
export const schemaRef = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` });

/** The OpenAPI 3.1 document of one listener. Pure; the routes stand in it in the order given. */
export function describeRoutes(routes: readonly DescribedRoute[], facts: DocumentFacts): JsonObject {
  const { title, description, server, security, schemas, headers } = facts;
  const paths: Record<string, Record<string, JsonValue>> = {};
  for (const route of routes) {
    const path = pathTemplate(route.url);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeOperation(route, facts) };
  }
  return {
    openapi: "3.1.0",
    info: { title, description, version: "1", license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: server }],
    security: [{ [security.name]: [] }],
    paths,
    components: {
      securitySchemes: { [security.name]: security.scheme },
      schemas,
      headers,
      responses: Object.fromEntries(
        routes.flatMap((route) =>
          refusalsOf(route, facts).map((status) => {
            const { name, answer } = refusalFor(route.operation, status, facts);
            return [name, answer];
          }),
        ),
      ),
    },
  };
}

/** `/calls/:id` → `/calls/{id}`; a `*` at the end is the parameter `resource`. */
function pathTemplate(url: string): string {
  return url.replaceAll(/:([a-z_]+)/g, "{$1}").replace(/\*$/, "{resource}");
}

function describeOperation(route: DescribedRoute, facts: DocumentFacts): JsonObject {
  const { id, summary, description, parameters = [], body, answers } = route.operation;
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters.length === 0 ? {} : { parameters: parameters.map(describeParameter) }),
    ...(body === undefined ? {} : { requestBody: { required: body.required, content: { "application/json": { schema: body.schema } } } }),
    responses: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, describeAnswer(answer)])),
      ...Object.fromEntries(
        refusalsOf(route, facts)
          .filter((status) => !Object.hasOwn(answers, status))
          .map((status) => [status, { $ref: `#/components/responses/${refusalFor(route.operation, status, facts).name}` }]),
      ),
    },
    ...(route.public ? { security: [] } : {}),
  };
}

function describeParameter({ name, in: place, description, schema }: ParameterFacts): JsonObject {
  return { name, in: place, required: place === "path", description, schema };
}

function describeAnswer({ description, schema, contentType = "application/json", headers = [] }: AnswerFacts): JsonObject {
  return {
    description,
    ...(headers.length === 0
      ? {}
      : { headers: Object.fromEntries(headers.map((name) => [name, { $ref: `#/components/headers/${name}` }])) }),
    content: { [contentType]: schema === null ? {} : { schema } },
  };
}

function refusalsOf({ public: open, operation: { refusals = [] } }: DescribedRoute, facts: DocumentFacts): readonly CodeRow["status"][] {
  const { every, guarded } = facts.refusals;
  return [...new Set([...every, ...(open ? [] : guarded), ...refusals])].toSorted((one, other) => one - other);
}

/** A refusal, which where answers are passed on may be an upstream's answer with the same status. */
function refusalFor(
  { answers }: Operation,
  status: CodeRow["status"],
  facts: DocumentFacts,
): { readonly name: string; readonly answer: JsonObject } {
  const answer = describeAnswer(facts.refusal(status));
  if (!Object.hasOwn(answers, "default")) return { name: `Refused${status}`, answer };
  const content = { ...(answer["content"] as JsonObject), "*/*": {} };
  const description = `${String(answer["description"])} Or the upstream's own answer.`;
  return { name: `RefusedOrUpstream${status}`, answer: { ...answer, description, content } };
}

/** The codes of a status, for a refusal's description. */
export function codesOf(known: readonly Code[], status: number): readonly Code[] {
  return known.filter((code) => codeRow(code).status === status);
}
