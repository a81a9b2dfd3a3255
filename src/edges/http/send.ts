import type { FastifyReply } from "fastify";
import type { Rendered } from "./render.ts";

/** No browser may keep an answer, guess its type, or run what an upstream put into it. */
export const guards = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; sandbox",
};

/** Sends a response whole. */
export function send(reply: FastifyReply, { status, headers, body }: Rendered): void {
  void reply
    .code(status)
    .headers({ ...guards, ...headers })
    .send(typeof body === "string" ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength));
}
