import type { AddressInfo } from "node:net";
import httpProxy from "@fastify/http-proxy";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Pool } from "undici";
import { serveContender } from "./serve-contender.ts";

/** The bare proxy: bytes through, nothing looked at. */
export async function serveHttpProxy(upstreamUrl: string): Promise<void> {
  const server = fastify({ logger: false });
  await server.register(httpProxy, { upstream: upstreamUrl, prefix: "/notes" });
  await serve(server, []);
}

/** The limit for any gateway of this kind that reads what passes: parse, send on, parse the answer, write it anew. Nothing is decided. */
export async function servePlain(upstreamUrl: string): Promise<void> {
  const pool = new Pool(upstreamUrl, { connections: 128, pipelining: 1 });
  const server = fastify({ logger: false });
  const headers = { "content-type": "application/json", accept: "application/json" };
  server.post("/notes/v1/notes", (request: FastifyRequest, reply: FastifyReply) =>
    passOn(pool.request({ path: "/v1/notes", method: "POST", headers, body: JSON.stringify(request.body) }), reply),
  );
  server.get<{ Params: { note: string } }>("/notes/v1/notes/:note", (request, reply: FastifyReply) =>
    passOn(pool.request({ path: `/v1/notes/${request.params.note}`, method: "GET", headers }), reply),
  );
  await serve(server, [pool]);
}

async function passOn(asked: ReturnType<Pool["request"]>, reply: FastifyReply): Promise<FastifyReply> {
  const { statusCode, body } = await asked;
  return reply.code(statusCode).send(await body.json());
}

async function serve(server: FastifyInstance, pools: readonly Pool[]): Promise<void> {
  await server.listen({ host: "127.0.0.1", port: 0 });
  serveContender({
    port: (server.server.address() as AddressInfo).port,
    close: async () => {
      server.server.closeAllConnections();
      await server.close();
      await Promise.all(pools.map((pool) => pool.destroy()));
    },
  });
}
