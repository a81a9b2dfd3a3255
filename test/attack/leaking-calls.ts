import type { Canary } from "./canaries.ts";

/** One request on the agents' listener. */
export interface LeakingRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const json = { "content-type": "application/json" };
const createPath = "/tickets/v1/tickets";
const create = (more: Readonly<Record<string, unknown>>): LeakingRequest => ({
  method: "POST",
  path: createPath,
  headers: json,
  body: JSON.stringify({ subject: "s", text: "t", ...more }),
});
const withHeader = (name: string, value: string): LeakingRequest => ({ ...create({}), headers: { ...json, [name]: value } });
const refund = (more: Readonly<Record<string, unknown>>, key: string): LeakingRequest => ({
  method: "POST",
  path: "/payments/v1/refunds",
  headers: { ...json, "idempotency-key": key },
  body: JSON.stringify({ charge: "ch_1001", amount: 100, ...more }),
});
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const percent = (text: string): string => Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

/** A header that is not declared is refused by its name when that is short and plain: whoever wrote it must learn which one. It is written down nowhere. */
export const nameIsTold = "the short name of a header";

/** Places of a call in which somebody may put something that must not be written down. */
export const places: Readonly<Record<string, (canary: Canary) => LeakingRequest>> = {
  "a text": ({ text }) => create({ text }),
  "a text in base64": ({ text }) => create({ text: base64(text) }),
  "a text, percent-encoded": ({ text }) => create({ text: percent(text) }),
  "a nested value": ({ text }) => create({ metadata: { a: { b: [{ c: text }] } } }),
  "an array": ({ text }) => create({ metadata: { list: [1, text, null] } }),
  "a nested key": ({ text }) => create({ metadata: { a: { [text]: 1 } } }),
  "a number": ({ digits }) => create({ metadata: { n: Number(digits) } }),
  "a number as a key": ({ digits }) => create({ metadata: { [digits]: true } }),
  "an undeclared argument": ({ text }) => create({ [text]: 1 }),
  "a value of the wrong type": ({ text }) => create({ subject: [text] }),
  "a value that is too long": ({ text }) => create({ subject: text.repeat(20) }),
  "a value that fits no pattern": ({ text }) => ({ method: "GET", path: `/payments/v1/charges/ch_${text}_` }),
  "a number that is too small": ({ digits, text }) => refund({ amount: -Number(digits) }, text),
  "a reason of a refund": ({ text }) => refund({ reason: text }, `k-${text.slice(-8)}`),
  "a reason of a refund that people must sign": ({ text }) => refund({ reason: text, amount: 20_000 }, `h-${text.slice(-8)}`),
  "an idempotency key": ({ text }) => refund({}, text),
  "an idempotency key that is refused": ({ text }) => refund({}, `${text} ${text}`),
  "an idempotency key that is used twice": ({ text, digits }) => refund({ amount: (Number(digits) % 50) + 1 }, text.slice(0, 9)),
  "a refused card beside it": ({ text }) => create({ text: `${text} 4111111111111111` }),
  "a masked address": ({ text }) => create({ text: `${text}@${text}.example` }),
  "the path": ({ text }) => ({ method: "GET", path: `/tickets/v1/tickets/tk_${text}` }),
  "a path that is no route": ({ text }) => ({ method: "GET", path: `/tickets/v1/${text}/x` }),
  "a path outside of all mounts": ({ text }) => ({ method: "POST", path: `/${text}` }),
  "a path that is not canonical": ({ text }) => ({ method: "GET", path: `/tickets/v1/%2e%2e/${text}` }),
  "the query": ({ text }) => ({ method: "GET", path: `${createPath}?query=${text}` }),
  "the query, percent-encoded": ({ text }) => ({ method: "GET", path: `${createPath}?query=${percent(text)}` }),
  "an undeclared parameter": ({ text }) => ({ method: "GET", path: `${createPath}?query=x&${text}=1` }),
  "a parameter that stands twice": ({ text }) => ({ method: "GET", path: `${createPath}?query=${text}&query=${text}` }),
  "a broken query": ({ text }) => ({ method: "GET", path: `${createPath}?query=%zz${text}` }),
  "a declared header": ({ text }) => withHeader("x-note", text),
  [nameIsTold]: ({ text }) => withHeader(text, "1"),
  "the long name of a header": ({ text }) => withHeader(text.repeat(4), "1"),
  "an undeclared header": ({ text }) => withHeader("x-other", text),
  "a header that is dropped": ({ text }) => withHeader("user-agent", text),
  "a trace header": ({ text }) => withHeader("traceparent", `00-${text}`),
  "a request id": ({ text }) => withHeader("x-request-id", text),
  "a forwarded address": ({ text }) => withHeader("x-forwarded-for", text),
  "the Host header": ({ text }) => withHeader("host", `${text}.example`),
  "a header of another gateway": ({ text }) => withHeader("x-api-key", text),
  "a cookie": ({ text }) => withHeader("cookie", `a=${text}`),
  "the content type": ({ text }) => ({ ...create({}), headers: { "content-type": `application/${text}` } }),
  "a preference": ({ text }) => withHeader("prefer", text),
  "the dry-run header": ({ text }) => withHeader("sallyport-dry-run", text),
  "a dry run": ({ text }) => ({ ...create({ text }), headers: { ...json, "sallyport-dry-run": "true" } }),
  "a token": ({ text }) => withHeader("authorization", `Bearer ${text}`),
  "a token of three parts": ({ text }) => withHeader("authorization", `Bearer ${base64(text)}.${base64(text)}.${base64(text)}`),
  "another scheme than Bearer": ({ text }) => withHeader("authorization", `Basic ${base64(text)}`),
  "a body that is no JSON": ({ text }) => ({ ...create({}), body: `{"text": ${text}}` }),
  "a body that breaks off": ({ text }) => ({ ...create({}), body: `{"text": "${text}` }),
  "a key that stands twice": ({ text }) => ({ ...create({}), body: `{"${text}":1,"${text}":2}` }),
  "a lone surrogate": ({ text }) => ({ ...create({}), body: `{"text":"${text}\\ud800"}` }),
  "a number that is not exact": ({ digits }) => ({ ...create({}), body: `{"n":${digits}${digits}.1}` }),
  "the name of a tool": ({ text }) => ({ method: "POST", path: `/sallyport/v1/tools/${text}`, headers: json, body: "{}" }),
  "a call by name": ({ text }) => ({
    method: "POST",
    path: "/sallyport/v1/tools/tickets.create",
    headers: json,
    body: JSON.stringify({ subject: text, text }),
  }),
  "a tool outside of the contract": ({ text }) => ({
    method: "POST",
    path: "/sallyport/v1/tools/deploys.create",
    headers: json,
    body: JSON.stringify({ service: "a", version: "1.0.0", [text]: text }),
  }),
  "the id of a call": ({ text }) => ({ method: "GET", path: `/sallyport/v1/calls/${text}` }),
};

/** What the upstream makes of a request that holds a canary. */
export const upstreamMoods = ["echo", "error", "page", "not json", "reset", "redirect", "headers"] as const;
