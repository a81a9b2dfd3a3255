import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import { type Reply, refuse, show } from "./answers.ts";
import type { Fault, FaultTable } from "./faults.ts";
import { replyBytes, replyHeaders, sendReply } from "./send-reply.ts";

/** What a fault works with. `decided` is the real reply when the request was acted on, else null; `act` acts now and answers the real reply. */
export interface FaultScene {
  readonly fault: Fault;
  readonly table: FaultTable;
  readonly response: ServerResponse;
  readonly decided: Reply | null;
  readonly act: () => Promise<Reply>;
}

const SLOW_MS = 1_000;
const RESET_PAUSE_MS = 20;
const HUGE_BYTES = 16_777_216;
const HUGE_CHUNK = Buffer.alloc(65_536, "x");
const NOT_HTTP = Buffer.from("\u0000\u0001 this is not HTTP \u0002\r\n\r\n");

/** The status that the fault itself sends; null when it sends what was decided, or nothing. */
export function faultStatus(fault: Fault): number | null {
  if (fault.mode === "redirect") return fault.status ?? 307;
  if (fault.mode === "status") return fault.status ?? 503;
  return fault.status ?? null;
}

/** Misbehaves towards one client. Resolves when the fault is over. */
export async function playFault(scene: FaultScene): Promise<void> {
  const { fault, response } = scene;
  switch (fault.mode) {
    case "hang":
      return hang(scene);
    case "slow":
      return answerSlowly(scene);
    case "reset_before":
      return resetConnection(response);
    case "reset_after_headers":
      return answerPartly(scene, 0);
    case "reset_mid_body":
      return answerPartly(scene, 0.5);
    case "garbage":
      response.socket?.end(NOT_HTTP);
      return;
    case "status":
    case "redirect":
      return sendReply(response, ownReply(fault));
    case "huge":
      return answerHugely(scene);
    case "not_json": {
      const status = fault.status ?? scene.decided?.status ?? 200;
      response.writeHead(status, { "content-type": fault.content_type ?? "text/html" });
      response.end("<html><body>It works!</body></html>");
    }
  }
}

/** When the faults are cleared, a request that was acted on gets its late answer; any other loses its connection. */
async function hang(scene: FaultScene): Promise<void> {
  await scene.table.wait(null, clientOf(scene.response));
  if (scene.decided === null) resetConnection(scene.response);
  else sendReply(scene.response, scene.decided);
}

async function answerSlowly(scene: FaultScene): Promise<void> {
  const { fault, response, table } = scene;
  const delayMs = fault.delay_ms ?? SLOW_MS;
  if (fault.bytes === undefined) {
    // A server that acts late does not notice that its client has given up.
    await table.wait(delayMs, scene.decided === null ? null : clientOf(response));
    return sendReply(response, scene.decided ?? (await scene.act()));
  }
  const reply = scene.decided ?? (await scene.act());
  const body = replyBytes(reply);
  response.writeHead(reply.status, replyHeaders(reply, body));
  response.flushHeaders();
  for (let at = 0; at < body.length && !response.destroyed; at += fault.bytes) {
    await table.wait(delayMs, clientOf(response));
    response.write(body.subarray(at, at + fault.bytes));
  }
  response.end();
}

async function answerPartly(scene: FaultScene, share: number): Promise<void> {
  const { fault, response, table } = scene;
  const reply = scene.decided ?? show({ id: "cut_off" });
  const body = replyBytes(reply);
  response.writeHead(fault.status ?? reply.status, replyHeaders(reply, body));
  response.flushHeaders();
  if (share > 0) response.write(body.subarray(0, Math.floor(body.length * share)));
  // A reset right behind the bytes may overtake them at the other side; the pause lets them be read first.
  await table.wait(fault.delay_ms ?? RESET_PAUSE_MS, clientOf(response));
  resetConnection(response);
}

/** One JSON object of exactly `bytes` bytes (at least 13), without a Content-Length, as fast as the client takes it. */
async function answerHugely({ fault, response, decided }: FaultScene): Promise<void> {
  const [opening, closing] = ['{"filler":"', '"}'];
  let left = (fault.bytes ?? HUGE_BYTES) - opening.length - closing.length;
  response.writeHead(fault.status ?? decided?.status ?? 200, { "content-type": "application/json" });
  response.write(opening);
  while (left > 0 && !response.destroyed) {
    const chunk = HUGE_CHUNK.subarray(0, left);
    left -= chunk.length;
    if (!response.write(chunk)) await Promise.race([once(response, "drain"), once(response, "close")]);
  }
  response.end(closing);
}

function ownReply(fault: Fault): Reply {
  const reply = refuse(faultStatus(fault) ?? 503, "fault_injected", "This answer was asked for by a test.");
  return fault.location === undefined ? reply : { ...reply, headers: { location: fault.location } };
}

/** TLS has no way to send a reset; there the connection just ends without a goodbye. */
function resetConnection(response: ServerResponse): void {
  const { socket } = response;
  if (socket === null || socket.destroyed) return;
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

function clientOf(response: ServerResponse): { onGone(listener: () => void): void } {
  return { onGone: (listener) => (response.destroyed ? listener() : void response.once("close", listener)) };
}
