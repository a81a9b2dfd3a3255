import { mkdtempSync, rmSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Referee, type SandboxOptions, sandboxHeaders, startSandbox } from "../support/referee.ts";

/** A request to be sent. Without a method it is a GET, or with a body a POST. */
export interface Sent {
  readonly method?: string;
  readonly path: string;
  /** Name and value in turn, as sent; replaces all default headers. */
  readonly rawHeaders?: readonly string[];
  readonly tenant?: "acme_co" | "globex";
  readonly key?: string;
  readonly body?: string | Uint8Array;
}

/** What came back; `cut` is "" for a whole answer, else what the socket said. */
export interface Got {
  readonly status: number | null;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly cut: string;
}

/** The sandbox's entry. */
export const serverFile = join(import.meta.dirname, "../../examples/sandbox/server.ts");
/** Raw headers, name and value in turn. */
export const acme = ["Authorization", "Bearer sk_sandbox_acme_co", "Sandbox-Account", "acct_acme_co"];
export const json = ["Content-Type", "application/json"];
export const host = ["Host", "sandbox"];

/** A sandbox that ends with the test. */
export async function start(t: TestContext, options: SandboxOptions = {}): Promise<Referee> {
  const referee = await startSandbox(options);
  t.after(() => referee.stop());
  return referee;
}

/** A data folder of the test itself, so that a second sandbox can be started on it. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-sandbox-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function headersOf(sent: Sent): string[] {
  if (sent.rawHeaders !== undefined) return [...sent.rawHeaders];
  const { authorization, "sandbox-account": account } = sandboxHeaders(sent.tenant ?? "acme_co");
  const key = sent.key === undefined ? [] : ["Idempotency-Key", sent.key];
  return [...host, "Authorization", authorization, "Sandbox-Account", account, ...(sent.body === undefined ? [] : json), ...key];
}

/** Sends one request on a connection of its own; never rejects. */
export function send(referee: { url: string }, sent: Sent, signal?: AbortSignal): Promise<Got> {
  const open = referee.url.startsWith("https:") ? httpsRequest : httpRequest;
  const method = sent.method ?? (sent.body === undefined ? "GET" : "POST");
  const length = sent.body === undefined ? [] : ["Content-Length", String(Buffer.byteLength(sent.body))];
  return new Promise((resolve) => {
    const headers = [...headersOf(sent), ...length];
    const options = {
      method,
      headers,
      agent: false,
      rejectUnauthorized: false,
      setHost: false,
      ...(signal === undefined ? {} : { signal }),
    } as const;
    // What was received before a reset counts, whichever of the two emitters tells of it first.
    const got = { status: null as number | null, headers: {} as IncomingHttpHeaders, text: "" };
    const finish = (cut: string) => resolve({ ...got, cut });
    const fail = (error: Error & { code?: string }) => finish(error.code ?? "error");
    const request = open(referee.url + sent.path, options, (response) => {
      Object.assign(got, { status: response.statusCode ?? null, headers: response.headers });
      response.on("data", (chunk: Buffer) => (got.text += chunk.toString("utf8")));
      response.on("end", () => finish(""));
      response.on("error", fail);
    });
    request.on("error", fail);
    request.end(sent.body);
  });
}

/** A refund of `charge`; amounts in minor units. */
export const refund = (amount: number, more: Partial<Sent> = {}, charge = "ch_1001"): Sent => ({
  path: "/v1/refunds",
  body: JSON.stringify({ charge, amount }),
  ...more,
});

/** The error code of a refusal. */
export const codeOf = (got: Got): string => (JSON.parse(got.text) as { error: { code: string } }).error.code;
/** The id of what was made or shown. */
export const idOf = (got: Got): string => (JSON.parse(got.text) as { id: string }).id;
/** The rows of a list. */
export const itemsOf = (got: Got): { id: string }[] => (JSON.parse(got.text) as { items: { id: string }[] }).items;

/** What the charge's owner sees as refunded, in minor units. */
export async function refundedOf(referee: Referee, charge = "ch_1001"): Promise<number> {
  const got = await send(referee, { path: `/v1/charges/${charge}`, tenant: charge.startsWith("ch_2") ? "globex" : "acme_co" });
  return (JSON.parse(got.text) as { amount_refunded: number }).amount_refunded;
}
