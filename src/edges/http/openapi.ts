import { type CodeRow, codes } from "../../rules/codes.ts";
import type { JsonObject } from "../../rules/json.ts";
import { type AnswerFacts, codesOf, describeRoutes, type Operation, schemaRef } from "../listener/openapi.ts";
import { agentHeaders, agentSchemas } from "./openapi-schemas.ts";

/** A route of the agents' listener; without an operation it is no resource of ours. */
interface Route {
  readonly method: string | readonly string[];
  readonly url: string;
  readonly public?: true;
  readonly operation?: Operation;
}

/** What the gate of every route may say, and what only that of guarded ones says. The tools' own paths are no part of the document. */
const refusals = { every: [400, 405, 408, 413, 417, 431, 500, 503], guarded: [401, 403] } as const;

const about = `A policy-enforcing gateway for AI agents' tool calls. This is what is the gateway's own: the tools' own paths are their vendors' APIs, as the mounts of
the routes have them. Every refusal is a problem document with a stable \`code\`; its \`message\` says first whether anything was executed.`;

const bearer = {
  name: "agentToken",
  scheme: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description:
      "A token of a configured issuer, or of a run that was opened by one. What issuers there are is in the metadata of the protected resource.",
  },
} as const;

/** The OpenAPI document of the agents' listener. It names no tool and no agent, so strangers may read it. */
export function describeAgentRoutes(routes: readonly Route[], publicUrl: string): JsonObject {
  const described = routes.flatMap(({ method, url, public: open, operation }) =>
    operation === undefined ? [] : [method].flat().map((one) => ({ method: one, url, public: open === true, operation })),
  );
  return describeRoutes(described, {
    title: "Sallyport for agents",
    description: about.replaceAll("\n", " "),
    server: publicUrl,
    security: bearer,
    schemas: agentSchemas,
    headers: agentHeaders,
    refusals,
    refusal: describeRefusal,
  });
}

const written = new WeakMap<readonly Route[], { readonly publicUrl: string; readonly text: string }>();

/** The document's text. Strangers may ask for it, so it is written once and not for each. */
export function writeAgentRoutes(routes: readonly Route[], publicUrl: string): string {
  const known = written.get(routes);
  if (known?.publicUrl === publicUrl) return known.text;
  const text = `${JSON.stringify(describeAgentRoutes(routes, publicUrl))}\n`;
  written.set(routes, { publicUrl, text });
  return text;
}

const headersOf: Readonly<Partial<Record<CodeRow["status"], readonly string[]>>> = {
  401: ["WWW-Authenticate"],
  403: ["WWW-Authenticate", "Location", "Retry-After", "RateLimit", "RateLimit-Policy"],
  405: ["Allow"],
  409: ["Location", "Retry-After"],
  429: ["Retry-After", "RateLimit", "RateLimit-Policy"],
  503: ["Retry-After"],
};

function describeRefusal(status: CodeRow["status"]): AnswerFacts {
  const known = codesOf(Object.keys(codes) as (keyof typeof codes)[], status);
  return {
    description: `Refused: ${known.map((code) => `\`${code}\``).join(", ")}.`,
    schema: schemaRef("Problem"),
    contentType: "application/problem+json",
    headers: ["Sallyport-Call-Id", ...(headersOf[status] ?? [])],
  };
}
