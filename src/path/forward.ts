import type { UpstreamOutcome } from "../ports/upstream.ts";
import { mediaTypes } from "../rules/content-type.ts";
import type { Executed, Started } from "./call.ts";
import { stopSubject } from "./check-stops.ts";
import type { PathPorts } from "./ports.ts";

/**
 * Sends the canonical bytes, at most once, with the tenant's credentials. The stops are asked once more, and both they and the deadline again right before
 * the first byte goes to the socket: what was admitted too long ago is not sent, because somebody may meanwhile think it lost.
 */
export async function forward(ports: PathPorts, call: Started): Promise<Executed> {
  const startedMs = ports.clock.monotonicMs();
  const result = await send(ports, call);
  ports.reach("after_upstream_answer");
  return { ...call, result, latencyMs: Math.round(ports.clock.monotonicMs() - startedMs) };
}

async function send(ports: PathPorts, call: Started): Promise<UpstreamOutcome> {
  const { tool, mount, outbound } = call;
  const credentials = mount.upstream.headersFor.get(call.principal.tenant);
  if (credentials === undefined) return { kind: "not_sent", cause: "malformed", detail: "the tenant has no credential" };
  const body = outbound.body === null ? null : new TextEncoder().encode(outbound.body);
  const content = tool.body === "none" ? {} : { "content-type": mediaTypes[tool.body] };
  let refused: UpstreamOutcome | null = null;
  const result = await ports.upstreams.send({
    upstream: mount.upstream.name,
    tenant: call.principal.tenant,
    method: tool.method,
    url: outbound.url,
    headers: { ...content, accept: "application/json", ...call.meantHeaders, ...ourKey(call), ...credentials },
    body,
    timeoutMs: Math.min(tool.timeoutMs, call.governed.contract.callTimeoutMs),
    responseBytesMax: tool.responseBytesMax,
    maySend: () => {
      refused = refuseToSend(ports, call);
      if (refused === null) ports.reach("before_socket_write");
      return refused === null;
    },
  });
  return result.kind === "not_sent" && refused !== null ? refused : result;
}

/** Why a call may not go to the socket any more, or null: asked right before its first byte. */
export function refuseToSend(ports: PathPorts, call: Started): UpstreamOutcome | null {
  if (ports.clock.monotonicMs() >= call.sendByMs)
    return { kind: "not_sent", cause: "expired", detail: "the call was admitted too long ago" };
  const blocking = ports.stops.blocking(stopSubject(call), ports.clock.nowMs());
  return blocking === null ? null : { kind: "not_sent", cause: "stopped", detail: "a stop came before the first byte was sent" };
}

/** The upstream's key is derived from the call id, never the agent's: it means this execution and no other. */
function ourKey({ tool, id }: Started): Readonly<Record<string, string>> {
  return tool.idempotency === null ? {} : { [tool.idempotency.header.toLowerCase()]: `sallyport-${id}` };
}
