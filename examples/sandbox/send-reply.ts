import type { ServerResponse } from "node:http";
import type { Reply } from "./answers.ts";

/** The reply's body as it goes over the wire. */
export function replyBytes(reply: Reply): Buffer {
  return Buffer.from(JSON.stringify(reply.body));
}

/** The reply's headers, for a body of these bytes. */
export function replyHeaders(reply: Reply, body: Buffer): Record<string, string | number> {
  return { ...reply.headers, "content-type": "application/json", "content-length": body.length };
}

/** Sends the whole reply, if the client is still there. */
export function sendReply(response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return;
  const body = replyBytes(reply);
  response.writeHead(reply.status, replyHeaders(reply, body));
  response.end(body);
}
