import type { CodeRow } from "../../rules/codes.ts";
import type { JsonObject } from "../../rules/json.ts";
import type { Role } from "../../rules/principal.ts";
import { type AnswerFacts, describeRoutes, type Operation, schemaRef } from "../listener/openapi.ts";
import { peopleOperations } from "./openapi-operations.ts";
import { peopleHeaders, peopleSchemas } from "./openapi-schemas.ts";

/** A route of the people's listener. Without roles it is open to strangers. */
interface Route {
  readonly method: string;
  readonly url: string;
  readonly roles?: readonly Role[];
  readonly operation: Operation;
}

export const openApiPath = "/sallyport/v1/openapi.json";

/** The routes that need no token: probes, metrics, and the document itself. */
export const openRoutes: readonly Route[] = [
  { method: "GET", url: "/livez", operation: peopleOperations.getLive },
  { method: "GET", url: "/readyz", operation: peopleOperations.getReady },
  { method: "GET", url: "/metrics", operation: peopleOperations.getMetrics },
  { method: "GET", url: openApiPath, operation: peopleOperations.getOpenApi },
];

const refusals = { every: [400, 405, 408, 413, 417, 421, 431, 500, 503], guarded: [401, 403] } as const;

const bearer = {
  name: "personToken",
  scheme: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "A token of an issuer of people. An agent's is not accepted.",
  },
} as const;

/** The OpenAPI document of the people's listener. It tells what there is, and nothing of what is in it. */
export function describePeopleRoutes(routes: readonly Route[]): JsonObject {
  const described = routes.map(({ roles, operation, ...route }) => ({
    ...route,
    public: roles === undefined,
    operation: roles === undefined ? operation : { ...operation, description: tellRoles(roles, operation) },
  }));
  return describeRoutes(described, {
    title: "Sallyport for people",
    description: "Holds, calls, runs, stops and the ledger. The command line does through this what people may do.",
    server: "/",
    security: bearer,
    schemas: peopleSchemas,
    headers: peopleHeaders,
    refusals,
    refusal: describeRefusal,
  });
}

function tellRoles(roles: readonly Role[], { description }: Operation): string {
  const told = `For the roles ${[...roles, "admin"].join(", ")}.`;
  return description === undefined ? told : `${description} ${told}`;
}

const headersOf: Readonly<Partial<Record<CodeRow["status"], readonly string[]>>> = {
  401: ["WWW-Authenticate"],
  405: ["Allow"],
  503: ["Retry-After"],
};

const meaning: Readonly<Partial<Record<CodeRow["status"], string>>> = {
  400: "The request is not what the route takes.",
  401: "The token is missing or not accepted here.",
  403: "The person has none of the route's roles.",
  404: "Nothing is here.",
  405: "The route does not know this method.",
  409: "What is asked for cannot be done to this any more.",
  421: "The listener is not known by this host name.",
  500: "An internal fault.",
  503: "The store of record, or an issuer's keys, cannot be used right now.",
};

function describeRefusal(status: CodeRow["status"]): AnswerFacts {
  return {
    description: meaning[status] ?? "The bytes are not a request that this listener takes.",
    schema: schemaRef("Refusal"),
    headers: headersOf[status] ?? [],
  };
}
