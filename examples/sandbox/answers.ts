export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

export type EffectKind = "refund" | "reply" | "ticket" | "deploy";

/** What a request changed, by the id of what it made. */
export interface Effect {
  readonly kind: EffectKind;
  readonly id: string;
}

/** What a route decided. `effect` is null when nothing is to change; else `body` is the whole object that comes into being. */
export interface Reply {
  readonly status: number;
  readonly body: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
  readonly effect: Effect | null;
}

/** 200 with an object; nothing changes. */
export function show(body: JsonObject, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status: 200, body, headers, effect: null };
}

/** 200 with `{items}`; nothing changes. */
export function showItems(items: readonly JsonObject[]): Reply {
  return show({ items });
}

/** 200 with the object that this request makes. `body.id` must be the effect's id. */
export function make(kind: EffectKind, id: string, rest: JsonObject): Reply {
  return { status: 200, body: { id, ...rest }, headers: {}, effect: { kind, id } };
}

/** A 4xx or 5xx with `{error: {code, message}}`; nothing changes. */
export function refuse(status: number, code: string, message: string): Reply {
  return { status, body: { error: { code, message } }, headers: {}, effect: null };
}
