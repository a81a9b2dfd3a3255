import type { JsonObject, Reply } from "./answers.ts";
import type { Books } from "./books.ts";
import { createDeploy, listDeploys } from "./deploys.ts";
import { listCharges, listRefunds, refundCharge, showCharge } from "./payments.ts";
import { createTicket, listTickets, replyToTicket, showTicket } from "./tickets.ts";

/** A request that passed every check of form: what a route needs to decide. */
export interface Ask {
  readonly books: Books;
  /** The path's id; empty when the path has none. */
  readonly id: string;
  readonly query: ReadonlyMap<string, string>;
  /** The body's fields, each of the kind that the route declares. */
  readonly fields: JsonObject;
  readonly key: string | null;
  readonly bodySha256: string;
  readonly nowSeconds: number;
  /** An id that is unique over the life of the log, since it is made of the request's number in it. */
  readonly newId: (prefix: string) => string;
}

/** What a body field must be. Text lengths are in UTF-16 code units; `amount` is an integer from 1 to 2^53-1. */
export type FieldRule =
  | { readonly kind: "text"; readonly max: number; readonly optional?: true }
  | { readonly kind: "amount"; readonly optional?: true };

export interface Route {
  readonly method: "GET" | "POST";
  /** Path segments; null takes an id. */
  readonly path: readonly (string | null)[];
  readonly query: readonly string[];
  /** Null: the route takes no body. */
  readonly fields: Readonly<Record<string, FieldRule>> | null;
  /** Whether the body may also be a form, as the payments of the world have it. */
  readonly form: boolean;
  readonly answer: (ask: Ask) => Reply;
}

const text = (max: number): FieldRule => ({ kind: "text", max });
const get = (path: Route["path"], query: readonly string[], answer: Route["answer"]): Route => ({
  method: "GET",
  path,
  query,
  fields: null,
  form: false,
  answer,
});
const post = (path: Route["path"], fields: Readonly<Record<string, FieldRule>>, answer: Route["answer"], form = false): Route => ({
  method: "POST",
  path,
  query: [],
  fields,
  form,
  answer,
});

export const routes: readonly Route[] = [
  get(["v1", "charges"], ["customer"], listCharges),
  get(["v1", "charges", null], [], showCharge),
  get(["v1", "refunds"], ["charge"], listRefunds),
  post(
    ["v1", "refunds"],
    { charge: text(64), amount: { kind: "amount" }, reason: { kind: "text", max: 500, optional: true } },
    refundCharge,
    true,
  ),
  get(["v1", "tickets"], ["query"], listTickets),
  get(["v1", "tickets", null], [], showTicket),
  post(["v1", "tickets"], { subject: text(200), text: text(20_000) }, createTicket),
  post(["v1", "tickets", null, "replies"], { text: text(20_000) }, replyToTicket),
  get(["v1", "deploys"], ["service"], listDeploys),
  post(["v1", "deploys"], { service: text(64), version: text(64) }, createDeploy),
];
