import type { ModelPrice, Mount, PassRules, Tool, UsageSource } from "../rules/catalogue.ts";
import type { JsonObject } from "../rules/json.ts";
import { type BuiltTool, digestOf, traitsOf } from "./built-tool.ts";
import { type Match, readMatch } from "./places.ts";
import { accepted } from "./quantities.ts";
import type { Report } from "./report.ts";
import type { RoutesFile, ToolFile } from "./schema/routes.ts";
import type { Source } from "./source.ts";

/** Keys of a tool that say what its arguments and answers are, or how a repetition of them is known: nobody reads them on a passthrough mount. */
const typedKeys = "input output amount preview reconcile outbound key idempotency body query in after".split(" ");
const passKeys = ["stream_idle_timeout", "stream_timeout", "on_stop", "usage", "prices"];
const typedResponseBytesMax = 64 * 1024 ** 2;
const defaults = { requestBytes: "10MiB", idle: "60s", whole: "10m" } as const;

type Says = Source["says"];

/** What a typed mount must have that a passthrough mount need not, and must not have that only that one may. */
export function checkTypedMount(routes: RoutesFile, says: Says, report: Report): void {
  if (says(["limits", "request_bytes"]))
    report(["limits", "request_bytes"], "is for passthrough mounts: `limits.body_bytes` of gateway.yaml bounds this one", null, "key");
  if (accepted("size", routes.limits.response_bytes) > typedResponseBytesMax)
    report(["limits", "response_bytes"], "must be at most 64MiB, but on a passthrough mount");
  for (const [name, file] of Object.entries(routes.tools)) {
    for (const key of passKeys.filter((one) => says(["tools", name, one])))
      report(["tools", name, key], "is for tools of a passthrough mount", null, "key");
    if (!says(["tools", name, "input"])) report(["tools", name, "input"], "is required");
    if (file.match.endsWith("/**"))
      report(
        ["tools", name, "match"],
        "must name one path: only tools of a passthrough mount may end in /**",
        "name the path's parameters",
      );
  }
}

/** What belongs to typed mounts: nothing that is passed through is read, so nothing of it could be held to any of this. */
export function checkPassMount(routes: RoutesFile, says: Says, report: Report): void {
  if (says(["limits", "items"])) report(["limits", "items"], "cannot be counted: answers are passed through unread", null, "key");
  for (const key of ["outbound_default", "client_key_pattern"])
    if (says([key])) report([key], "is not for a passthrough mount, whose requests are not read", null, "key");
  for (const name of Object.keys(routes.tools)) {
    for (const key of typedKeys.filter((one) => says(["tools", name, one])))
      report(
        ["tools", name, key],
        "is not for a tool of a passthrough mount, whose requests and answers are not read",
        "make the mount typed, or leave it out",
        "key",
      );
  }
}

/** Builds one tool of a passthrough mount, reporting everything that is wrong with it; null when it has no usable match. */
export function buildPassTool(name: string, file: ToolFile, routes: RoutesFile, upstream: string, report: Report): BuiltTool | null {
  const path = ["tools", name];
  const rest = file.match.endsWith("/**");
  const match = readPassMatch(file.match, rest, [...path, "match"], report);
  if (match === null) return null;
  if (rest && match.method !== "GET") report([...path, "match"], "must name one path for a write: only a GET may end in /**");
  if (file.traits.effect === "write" && match.method === "GET")
    report([...path, "traits", "effect"], "must be read for GET", "caches and crawlers repeat a GET");
  if (file.traits.effect === "read" && !["GET", "POST"].includes(match.method))
    report([...path, "traits", "effect"], `must be write for ${match.method}`);
  const tool: Tool = {
    name,
    describe: file.describe,
    digest: digestOf({
      name,
      upstream,
      passthrough: true,
      headers: Object.keys(routes.headers).sort(),
      limits: { ...routes.limits },
      file: file as unknown as JsonObject,
    }),
    upstream,
    method: match.method,
    template: match.template,
    traits: traitsOf(file),
    body: "none",
    places: new Map(),
    input: {},
    output: null,
    validateInput: () => [{ pointer: "", message: "a passed-through tool takes no arguments" }],
    validateOutput: null,
    headers: Object.keys(routes.headers).map((header) => header.toLowerCase()),
    amount: null,
    priceMicros: accepted("decimal", file.price.usd),
    idempotency: null,
    key: "optional",
    preview: null,
    outbound: [],
    noEffect: file.no_effect,
    timeoutMs: accepted("duration", file.timeout),
    responseBytesMax: accepted("size", routes.limits.response_bytes),
    itemsMax: null,
    pass: rulesOf(file, routes, rest, path, report),
  };
  return { tool, match };
}

function readPassMatch(text: string, rest: boolean, path: readonly string[], report: Report): Match | null {
  if (text === "GET /**") return { method: "GET", template: [], parameters: [] };
  const match = readMatch(rest ? text.slice(0, -"/**".length) : text, path, report);
  if (match?.template.some((part) => typeof part === "string" && part.includes("*")) === true)
    report(path, "has a star that is not the whole of its end", "only `/**` at the end stands for more segments");
  return match;
}

function rulesOf(file: ToolFile, routes: RoutesFile, rest: boolean, path: readonly string[], report: Report): PassRules {
  return {
    rest,
    requestBytesMax: accepted("size", routes.limits.request_bytes ?? defaults.requestBytes),
    idleMs: accepted("duration", file.stream_idle_timeout ?? defaults.idle),
    wholeMs: accepted("duration", file.stream_timeout ?? defaults.whole),
    onStop: file.on_stop ?? "cancel",
    usage: usageOf(file, [...path, "usage"], report),
    prices: pricesOf(file, path, report),
  };
}

function usageOf({ usage }: ToolFile, path: readonly string[], report: Report): UsageSource | null {
  if (usage === undefined) return null;
  const { format, input, output, cached_input: cachedInput, model } = usage;
  const pointers = [input, output, cachedInput, model].some((one) => one !== undefined);
  if (format !== undefined && !pointers) return { format };
  if (format === undefined && input !== undefined && output !== undefined)
    return { format: "pointers", input, output, cachedInput: cachedInput ?? null, model: model ?? null };
  report(path, "must be a format, or pointers to input and output", null, "key");
  return null;
}

function pricesOf(file: ToolFile, path: readonly string[], report: Report): readonly ModelPrice[] {
  if (file.prices === undefined) return [];
  const at = [...path, "prices"];
  if (Object.keys(file.prices).length === 0) report(at, "must name a model, or be left out");
  if (file.usage === undefined) report(at, "means nothing without usage: nobody counts the tokens", "add usage", "key");
  if (accepted("decimal", file.price.usd) === 0)
    report(
      [...path, "price"],
      "must name usd, the most that a call is expected to cost: it is reserved until the answer tells",
      null,
      "key",
    );
  const prices = Object.entries(file.prices).map(([name, { input, output, cached_input: cached, cache_write: write }]): ModelPrice => {
    const inputMicros = accepted("decimal", input);
    return {
      model: name.replace(/\*$/, ""),
      prefix: name.endsWith("*"),
      inputMicros,
      cachedInputMicros: cached === undefined ? inputMicros : accepted("decimal", cached),
      cacheWriteMicros: write === undefined ? 2 * inputMicros : accepted("decimal", write),
      outputMicros: accepted("decimal", output),
    };
  });
  return prices.sort((a, b) => b.model.length - a.model.length || Number(a.prefix) - Number(b.prefix));
}

/** A mount with what tells it apart from others: where its file says it goes, and the credential that each tenant has there. */
export interface Reach {
  readonly file: string;
  /** As the file has it, whatever a test puts in its place. */
  readonly url: string;
  readonly mount: Mount;
  /** Lower-case; null without one. */
  readonly credentialHeader: string | null;
}

/**
 * What one mount forbids must not go through another. A passthrough mount that reaches the same host with the same credential as any other mount would walk
 * around that one's rules.
 */
export function checkReach(reach: Reach, others: readonly Reach[], report: Report): void {
  const rival = others.find(
    (other) =>
      (reach.mount.passthrough ?? other.mount.passthrough) === true &&
      originOf(other.url) === originOf(reach.url) &&
      shareCredential(reach, other),
  );
  if (rival === undefined) return;
  report(
    ["upstream"],
    `is reached with the same credential by ${rival.file}, and one of the two is a passthrough mount`,
    "whatever the typed one forbids would go through the other: give them credentials of different rights, or one mount",
  );
}

function originOf(url: string): string {
  try {
    return new URL(url).origin;
  } catch {
    return url;
  }
}

/** Two mounts without any credential share that too: nothing keeps the one's calls from being the other's. */
function shareCredential(one: Reach, other: Reach): boolean {
  const held = new Set(credentialsOf(one));
  return credentialsOf(other).some((credential) => held.has(credential));
}

function credentialsOf({ mount, credentialHeader }: Reach): readonly string[] {
  if (credentialHeader === null) return [""];
  return [...mount.upstream.headersFor.values()].map((headers) => headers[credentialHeader] ?? "");
}
