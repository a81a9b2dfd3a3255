import type { FastifyRequest } from "fastify";
import type { Received, Target } from "../../path/call.ts";
import type { RequestHeaders } from "../../rules/headers.ts";

/** Gate and path read the same list, which Node makes once for each request and nobody changes. */
const readBefore = new WeakMap<readonly string[], RequestHeaders>();

/** Every value of every header, in order, under its lower-case name. Node joins and drops repeated headers; the raw list does not. */
export function readRawHeaders(rawHeaders: readonly string[]): RequestHeaders {
  const known = readBefore.get(rawHeaders);
  if (known !== undefined) return known;
  const headers = new Map<string, string[]>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    const value = rawHeaders[index + 1] as string;
    const values = headers.get(name);
    if (values === undefined) headers.set(name, [value]);
    else values.push(value);
  }
  readBefore.set(rawHeaders, headers);
  return headers;
}

/** The raw target, cut at the first `?`. Nothing is decoded here. */
export function splitRawTarget(target: string): { readonly rawPath: string; readonly rawQuery: string } {
  const at = target.indexOf("?");
  return at < 0 ? { rawPath: target, rawQuery: "" } : { rawPath: target.slice(0, at), rawQuery: target.slice(at + 1) };
}

/** Whether a body comes behind the headers, whatever the method. */
export function announcesBody({ raw: { headers } }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || !["0", undefined].includes(headers["content-length"]);
}

const unread = new Uint8Array(1);

/**
 * What the path is handed. A body that was announced but that the framework does not read for this method counts as one that is not empty, so that a
 * tool without a body refuses it.
 */
export function readReceived(request: FastifyRequest, id: string, receivedAtMs: number, target: Target): Received {
  const headers = readRawHeaders(request.raw.rawHeaders);
  const body = request.body instanceof Uint8Array ? request.body : announcesBody(request) ? unread : null;
  return { id, receivedAtMs, target, headers, body };
}
