import type { IncomingMessage, ServerResponse } from "node:http";
import { type JsonObject, type Reply, refuse, show } from "./answers.ts";
import { readLogLines } from "./effects-log.ts";
import { readFault } from "./faults.ts";
import { readReceived } from "./received.ts";
import { sendReply } from "./send-reply.ts";
import type { Sandbox } from "./serve-request.ts";

/** Everything under this path is for tests, and exists only with `--control`. */
export const CONTROL_PREFIX = "/_control/";

/** Serves the tests' own requests, which are neither logged nor subject to faults. */
export async function serveControl(sandbox: Sandbox, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url, body } = await readReceived(request);
  sendReply(response, answerControl(sandbox, `${method} ${url}`, body));
}

function answerControl(sandbox: Sandbox, wanted: string, body: Buffer): Reply {
  switch (wanted) {
    case "POST /_control/faults":
      return addFault(sandbox, body);
    case "GET /_control/faults":
      return show({ items: sandbox.faults.list() as unknown as readonly JsonObject[] });
    case "DELETE /_control/faults":
      sandbox.faults.clear();
      return show({ items: [] });
    case "GET /_control/effects":
      return show({ items: readLogLines(sandbox.log.path) as unknown as readonly JsonObject[] });
    default:
      return refuse(404, "control_not_found", "No such control.");
  }
}

function addFault(sandbox: Sandbox, body: Buffer): Reply {
  const fault = readFault(parse(body));
  if (typeof fault === "string") return refuse(400, "fault_invalid", fault);
  sandbox.faults.add(fault);
  return show({ items: sandbox.faults.list() as unknown as readonly JsonObject[] });
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch {
    return null;
  }
}
