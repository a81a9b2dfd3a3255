import type { IncomingMessage, ServerResponse } from "node:http";
import type { Reply } from "./answers.ts";
import { applyChange, type Books } from "./books.ts";
import { decide } from "./decide.ts";
import { type EffectsLog, sha256Hex } from "./effects-log.ts";
import type { Fault, FaultTable } from "./faults.ts";
import { faultStatus, playFault } from "./play-fault.ts";
import { type Received, readReceived } from "./received.ts";
import { sendReply } from "./send-reply.ts";

/** All that a running sandbox has. */
export interface Sandbox {
  readonly log: EffectsLog;
  readonly books: ReadonlyMap<string, Books>;
  readonly faults: FaultTable;
  /** False: GET requests are neither logged nor synced. */
  readonly logReads: boolean;
  /** Resolves when every effect that the books show is on disk. */
  committed: Promise<void>;
}

/** Logs a request, then acts on it, then answers: in this order, whatever happens. */
export async function serveRequest(sandbox: Sandbox, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const received = await readReceived(request);
  const logged = sandbox.logReads || received.method !== "GET";
  const seq = logged ? await sandbox.log.appendRequest(received) : null;
  if (received.cut === "aborted") return;
  if (received.cut === "too_large") response.setHeader("connection", "close");
  const fault = sandbox.faults.take(received.method, received.url);
  if (fault === null) return sendReply(response, await act(sandbox, seq, received, null));
  await serveFault({ sandbox, seq, received, fault, response });
}

interface FaultCase {
  readonly sandbox: Sandbox;
  readonly seq: number | null;
  readonly received: Received;
  readonly fault: Fault;
  readonly response: ServerResponse;
}

async function serveFault({ sandbox, seq, received, fault, response }: FaultCase): Promise<void> {
  const actLater = () => act(sandbox, seq, received, fault);
  const decided = fault.act === true ? await actLater() : null;
  // A slow request that is acted on later gets its line then.
  if (decided === null && fault.mode !== "slow" && seq !== null) {
    void sandbox.log.appendDone({ seq, done: true, status: faultStatus(fault), effect: null, fault: fault.mode });
  }
  await playFault({ fault, table: sandbox.faults, response, decided, act: actLater });
}

/**
 * Decides and changes the books in one turn of the loop, so that no two requests decide on the same state. Resolves when everything that the
 * reply tells of is on disk, the effects of others included.
 */
async function act(sandbox: Sandbox, seq: number | null, received: Received, fault: Fault | null): Promise<Reply> {
  const { tenant, key, reply } = decide(sandbox.books, seq ?? 0, received);
  const { effect, status, body } = reply;
  const played = fault === null ? {} : { fault: fault.mode };
  if (effect === null || tenant === null || seq === null) {
    if (seq !== null) void sandbox.log.appendDone({ seq, done: true, status, effect: null, ...played });
  } else {
    const books = sandbox.books.get(tenant);
    if (books === undefined) throw new Error("a decision names a tenant without books");
    const change = { effect, answer: body, key, bodySha256: sha256Hex(received.body) };
    applyChange(books, change);
    const line = { seq, done: true, status, effect, ...played, tenant, answer: body, key, body_sha256: change.bodySha256 } as const;
    sandbox.committed = sandbox.log.appendDone(line);
  }
  await sandbox.committed;
  return reply;
}
