import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerTo } from "./requests.ts";
import { serveContender } from "./serve-contender.ts";

/** The upstream: as little as an HTTP server of JSON can do, so that what stands before it is what is measured. */
export async function serveUpstream(): Promise<void> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    if (request.method === "GET") answerNote(response, "found", (request.url ?? "").slice("/v1/notes/".length));
    else readWhole(request, (body) => answerNote(response, "booked", (JSON.parse(body) as { note: string }).note));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  serveContender({
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  });
}

function readWhole(request: IncomingMessage, then: (body: string) => void): void {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => (body += chunk));
  request.on("end", () => then(body));
}

function answerNote(response: ServerResponse, status: "booked" | "found", note: string): void {
  const body = JSON.stringify(answerTo(status, note));
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body);
}
