import { startWide } from "../path/wide-gateway.ts";
import { type DemoChanges, swap } from "../support/demo-config.ts";
import type { TestGateway } from "../support/gateway.ts";
import { type RawExchange, rawRequest, sendRaw } from "../support/raw-http.ts";

const shortLives = "  headers_timeout: 1s\n  request_timeout: 2s\n  keep_alive_timeout: 1s\n  answer_timeout: 2s\n";

/** A gateway whose sockets have short lives, so that a test can see each of them end. */
export function startShort(limits = shortLives, edit: DemoChanges["edit"] = {}): Promise<TestGateway> {
  return startWide({ edit: { ...edit, "config/gateway.yaml": swap("limits:\n", `limits:\n${limits}`) } });
}

/** The body of a write that can be found in the upstream's log. */
export const markedBody = (mark: string): string => JSON.stringify({ subject: mark, text: "wire" });

/** A whole request by name with such a body. */
export function markedRequest(mark: string, auth: string): string {
  const body = markedBody(mark);
  const headers = ["Host: gw", auth, "Content-Type: application/json", `Content-Length: ${body.length}`];
  return rawRequest("POST /sallyport/v1/tools/tickets.create HTTP/1.1", headers, body);
}

/** Sends each of these, so many at a time, on a connection of its own; waits until the gateway ends it. */
export async function sendAll(
  url: string,
  all: readonly (string | Uint8Array)[],
  timeoutMs = 8000,
  atOnce = 48,
): Promise<readonly RawExchange[]> {
  const answers: RawExchange[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length) {
      const index = next++;
      answers[index] = await sendRaw(url, all[index] ?? "", { timeoutMs });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return answers;
}

/** The bodies of the writes that reached the upstream, by the mark in their subject. */
export function bodiesByMark(world: TestGateway): ReadonlyMap<string, readonly string[]> {
  const writes = world.sandbox.requests().filter(({ method, url }) => method === "POST" && url === "/v1/tickets");
  return Map.groupBy(
    writes.map(({ body }) => body),
    (body) => (JSON.parse(body) as { subject: string }).subject,
  );
}

/** Every status in what came back, also of answers that the reader could not take apart. */
export function statusesOf({ responses, rest }: RawExchange): readonly number[] {
  return [...responses.map(({ status }) => status), ...[...rest.matchAll(/HTTP\/1\.1 ([0-9]{3})/g)].map(([, status]) => Number(status))];
}
