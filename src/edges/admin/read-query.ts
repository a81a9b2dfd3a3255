import type { FastifyRequest } from "fastify";
import { type Refusal, refuseRequest } from "../../control/refusal.ts";
import type { Operation } from "../listener/openapi.ts";

/** A query in which every parameter is declared, stands once and has a value. */
export type Query = Readonly<Record<string, string>>;

/** The query that a route is handed: a misspelt or doubled filter must not show more than was asked for. */
export function readQuery(request: Pick<FastifyRequest, "query">, { parameters = [] }: Operation): Query | Refusal {
  const known = parameters.filter((one) => one.in === "query").map(({ name }) => name);
  const entries = Object.entries(request.query as Readonly<Record<string, unknown>>);
  const fits = entries.every(([name, value]) => known.includes(name) && typeof value === "string" && value !== "");
  if (!fits) return refuseRequest("ERR_INVALID", `the query takes ${known.join(", ") || "nothing"}, each once and with a value`);
  return Object.fromEntries(entries) as Query;
}

/** A whole number from 1 to `max` in plain digits, null for anything else. */
export function readCount(text: string, max: number): number | null {
  return /^[1-9][0-9]{0,15}$/.test(text) && Number(text) <= max ? Number(text) : null;
}
