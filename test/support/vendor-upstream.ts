import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as it came. */
export interface VendorRequest {
  readonly method: string;
  readonly url: string;
  /** Lower-case name → value; repeated ones joined as Node does. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What comes instead of the answer; the request has had its effect by then. */
export type VendorFault = "break" | "unfit";

/** A stand-in for vendors whose servers cannot be had: every write is an effect, every answer the sent object with an id. */
export interface VendorUpstream {
  readonly url: string;
  requests(): readonly VendorRequest[];
  /** Requests that are no GET. */
  effects(): number;
  /** Plays a fault on the next write: `break` cuts the connection after the request came in whole, `unfit` answers 200 with an object that no schema expects. */
  playNext(fault: VendorFault): void;
  close(): Promise<void>;
}

/** Starts the stand-in on a free port of loopback. */
export async function startVendor(): Promise<VendorUpstream> {
  const requests: VendorRequest[] = [];
  let fault: VendorFault | null = null;
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readText(request);
    const { method = "", url = "" } = request;
    requests.push({ method, url, headers: request.headers as Record<string, string>, body });
    const played = method === "GET" ? null : fault;
    if (played !== null) fault = null;
    if (played === "break") return void request.socket.resetAndDestroy();
    response.setHeader("content-type", "application/json; charset=utf-8");
    response.end(JSON.stringify(played === "unfit" ? { strange: true } : answerTo(requests.length, body)));
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A test that forgets to close it must still be able to end.
  server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    effects: () => requests.filter(({ method }) => method !== "GET").length,
    playNext(next) {
      fault = next;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function answerTo(count: number, body: string): object {
  const sent: unknown = body.startsWith("{") ? JSON.parse(body) : {};
  return { ...(sent as object), id: `made_${count}` };
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
