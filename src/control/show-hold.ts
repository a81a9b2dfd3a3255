import type { KeptCall } from "../path/call.ts";
import type { StoredCall } from "../ports/calls.ts";
import { escapeForPeople } from "../rules/escape-for-people.ts";
import type { JsonValue } from "../rules/json.ts";
import { type LookView, showLooks } from "./look-at-unknown.ts";
import type { ControlPorts } from "./ports.ts";

/** What people sign: the exact request, with every character that could mislead an eye written out. */
export interface HoldView {
  readonly call: StoredCall;
  readonly request: {
    readonly method: string;
    readonly url: string;
    /** The body as it will be sent; null when there is none. */
    readonly body: JsonValue;
    readonly args: JsonValue;
    readonly headers: JsonValue;
    readonly before: JsonValue;
  } | null;
  /** What the gateway looked up at the upstream after the outcome was unknown, oldest first; it decides nothing. */
  readonly looks: readonly LookView[];
}

/** A call with its arguments and preview, decrypted for a person who may see it. `request` is null when the payload was erased. */
export async function showCall(ports: ControlPorts, callId: string): Promise<HoldView | null> {
  const call = await ports.calls.find(callId);
  if (call === null) return null;
  const payload = call.payloadDigest === "" ? null : await ports.calls.payload(call.id, call.payloadDigest);
  const plain = payload === null ? null : ports.cipher.open(payload);
  const looks = await showLooks(ports, call);
  if (plain === null) return { call, request: null, looks };
  const { method, url, body, args, meantHeaders, preview } = JSON.parse(new TextDecoder().decode(plain)) as KeptCall;
  return {
    call,
    request: {
      method,
      url,
      body: escapeForPeople(body),
      args: escapeForPeople(args),
      headers: escapeForPeople(meantHeaders),
      before: escapeForPeople(preview),
    },
    looks,
  };
}
