import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { formInput } from "../rules/form-cases.ts";
import { swap } from "../support/demo-config.ts";
import type { TestGateway } from "../support/gateway.ts";
import { startWide } from "./wide-gateway.ts";

/** A request as the upstream got it. */
export interface Reached {
  readonly method: string;
  readonly target: string;
  /** Every Content-Type header. */
  readonly contentTypes: readonly string[];
  readonly body: string;
}

/** A gateway in front of an upstream with form bodies and bracketed queries, which writes down what reaches it. */
export interface FormWorld {
  readonly world: TestGateway;
  readonly reached: Reached[];
  close(): Promise<void>;
}

const routes = (url: string): string => `upstream: ${url}
mount: { path: /books }
credentials: { header: Authorization, value: "Bearer sk_books_{tenant}" }
tools:
  books.refund:
    match: POST /v1/refunds
    describe: Refund a charge.
    traits: { effect: write, reversible: false, financial: high }
    body: form
    key: required
    amount: { pointer: /amount, unit: minor, currency: { is: USD } }
    in: { notify: query }
    input:
      type: object
      required: [charge, amount]
      additionalProperties: false
      properties:
        charge: { type: string }
        amount: { type: integer, minimum: 1 }
        notify: { type: boolean }
        reverse: { type: boolean }
        metadata: { type: object, additionalProperties: { type: string } }
        items: { type: array, items: { type: object, additionalProperties: false, properties: { price: { type: string }, quantity: { type: integer } } } }
        expand: { type: array, items: { type: string } }
        note: { type: [string, "null"] }
  books.list:
    match: GET /v1/charges
    describe: List charges.
    traits: { effect: read }
    query: brackets
    input:
      type: object
      additionalProperties: false
      properties:
        limit: { type: integer }
        created: { type: object, additionalProperties: false, properties: { gte: { type: integer }, lt: { type: integer } } }
        expand: { type: array, items: { type: string } }
  books.cancel:
    match: DELETE /v1/subscriptions/{id}
    describe: Cancel a subscription.
    traits: { effect: write, reversible: true }
    body: form
    in: { prorate: body }
    input:
      type: object
      required: [id]
      additionalProperties: false
      properties: { id: { type: string }, prorate: { type: boolean }, reason: { type: string } }
  books.anything:
    match: POST /v1/anything
    describe: Write anything.
    traits: { effect: write, reversible: true }
    body: form
    input: ${JSON.stringify(formInput)}
  books.drop:
    match: DELETE /v1/notes/{id}
    describe: Delete a note.
    traits: { effect: write, reversible: true }
    input: { type: object, required: [id], additionalProperties: false, properties: { id: { type: string } } }
  books.note:
    match: POST /v1/notes
    describe: Write a note.
    traits: { effect: write, reversible: true }
    body: json
    input: { type: object, additionalProperties: false, properties: { text: { type: string } } }
`;

const tools = `  books.refund: { up_to: { USD: 1000 }, beyond: hold, tier: finance }
  books.list: allow
  books.cancel: allow
  books.anything: allow
  books.drop: allow
  books.note: allow
`;

/** Starts both; the upstream answers every request with 200 and a JSON object. */
export async function startFormWorld(): Promise<FormWorld> {
  const reached: Reached[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url: target = "", headersDistinct } = request;
      reached.push({ method, target, contentTypes: headersDistinct["content-type"] ?? [], body: Buffer.concat(chunks).toString("utf8") });
      response.setHeader("content-type", "application/json").end('{"id":"x_1"}');
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const world = await startWide({
    edit: {
      "routes/books.yaml": () => routes(url),
      "config/contracts/billing-dispute.yaml": swap("  payments.lookup_charge: allow\n", `  payments.lookup_charge: allow\n${tools}`),
    },
  });
  return {
    world,
    reached,
    async close() {
      await world.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** SHA-256 (hex) of a text's UTF-8 bytes. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
