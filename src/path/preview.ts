import type { UpstreamOutcome } from "../ports/upstream.ts";
import { type Denial, deny, isDenial } from "../rules/denial.ts";
import type { JsonObject } from "../rules/json.ts";
import { readOutcome } from "../rules/outcome.ts";
import { readJsonObject } from "../rules/strict-json.ts";
import type { Governable, Started } from "./call.ts";
import { childOf, startChild } from "./child-call.ts";
import { forward } from "./forward.ts";
import type { PathPorts } from "./ports.ts";
import { settle } from "./settle.ts";

/**
 * The object that a write is about, read from the tenant's own account by a child call with an intent of its own. Null when the tool has no preview.
 * Threat: an id of another tenant's object. The tenant's credentials do not see it, so the write is denied here.
 */
export async function readPreview(ports: PathPorts, call: Governable): Promise<JsonObject | null | Denial> {
  if (call.tool.preview === null) return null;
  const tool = call.catalogue.tools.get(call.tool.preview);
  if (tool === undefined) return deny("ERR_PREVIEW_FAILED", `The preview tool ${call.tool.preview} does not exist.`);
  const reason = { rule: "preview", message: `preview of ${call.tool.name}` };
  const child = childOf(ports, call, { tool, id: ports.ids.callId(), reason });
  return isDenial(child) ? child : readBody(ports, await startChild(ports, child, call.id), tool.name);
}

async function readBody(ports: PathPorts, started: Started | Denial, tool: string): Promise<JsonObject | Denial> {
  if (isDenial(started)) return started;
  const executed = await forward(ports, started);
  await settle(ports, executed);
  const { result } = executed;
  if (isPassing(result)) return deny("ERR_PREVIEW_UNAVAILABLE", `${tool} did not answer, so the object of this call is not known.`);
  const reading = readOutcome(started.tool, result);
  if (reading.code !== null || result.kind !== "answered" || reading.outcome !== "succeeded") {
    const status = result.kind === "answered" ? ` (${result.status})` : "";
    return deny("ERR_PREVIEW_FAILED", `${tool} did not find the object of this call in the tenant's account${status}.`);
  }
  const body = readJsonObject(result.body);
  return isDenial(body) ? deny("ERR_PREVIEW_FAILED", `${tool} did not answer a JSON object.`) : body;
}

/** A fault of the way there, which says nothing about the object. */
function isPassing(result: UpstreamOutcome): boolean {
  if (result.kind === "not_sent") return result.cause !== "malformed" && result.cause !== "stopped";
  return result.kind === "interrupted" || (result.kind === "answered" && result.status >= 500);
}
