import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { startStripeMock } from "../support/stripe-mock.ts";

/** A request that arrived. */
export interface StripeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** What stripe-mock, which holds it to Stripe's own description, answered. */
  readonly status: number;
}

/** stripe-mock with a memory: it judges and makes up every answer, and the refunds that it took are kept and listed. */
export interface StripeUpstream {
  readonly url: string;
  readonly requests: StripeRequest[];
  readonly refunds: readonly Record<string, unknown>[];
  /** The next write acts and its connection breaks. */
  breakNext(): void;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Starts stripe-mock, the program at this path, and what stands before it. */
export async function startStripe(program: string): Promise<StripeUpstream> {
  const mock = await startStripeMock(program);
  const requests: StripeRequest[] = [];
  const refunds: Record<string, unknown>[] = [];
  let breaks = false;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const { method = "", url = "", headers } = request;
    const judged = await ask(mock.port, request, body);
    requests.push({ method, url, headers, body, status: judged.status });
    const reply = judged.status === 200 ? remember(refunds, { method, url, body }, judged) : judged;
    if (breaks && method === "POST") {
      breaks = false;
      request.socket.resetAndDestroy();
      return;
    }
    response.writeHead(reply.status, { "content-type": "application/json" }).end(reply.text);
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    refunds,
    breakNext: () => {
      breaks = true;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await mock.stop();
    },
  };
}

function ask(port: number, { method, url, headers }: IncomingMessage, body: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ host: "127.0.0.1", port, method, path: url, headers }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function remember(refunds: Record<string, unknown>[], sent: Pick<StripeRequest, "method" | "url" | "body">, reply: Reply): Reply {
  const [path, query] = sent.url.split("?");
  if (path !== "/v1/refunds") return reply;
  const answer = JSON.parse(reply.text) as Record<string, unknown>;
  if (sent.method === "POST") {
    const told = new URLSearchParams(sent.body);
    const refund = {
      ...answer,
      id: `re_${refunds.length + 1}`,
      charge: told.get("charge"),
      amount: Number(told.get("amount")),
      created: refunds.length,
    };
    refunds.push(refund);
    return { ...reply, text: JSON.stringify(refund) };
  }
  const charge = new URLSearchParams(query).get("charge");
  const data = refunds.filter((refund) => charge === null || refund["charge"] === charge).toReversed();
  return { ...reply, text: JSON.stringify({ ...answer, data }) };
}
