import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { formatProblem } from "../../src/config/problems.ts";
import { readConfiguration } from "../../src/config/read.ts";
import type { Tool } from "../../src/rules/catalogue.ts";
import { baseFiles, writeFiles } from "./base-config.ts";

const folder = mkdtempSync(join(tmpdir(), "sallyport-passthrough-"));
after(() => rmSync(folder, { recursive: true }));
let turn = 0;

const model = "routes/model.yaml";
const billing = "config/contracts/billing.yaml";
const desk = "routes/desk.yaml";
const good: Readonly<Record<string, string>> = {
  ...baseFiles,
  [model]: `upstream: https://model.example/v1
mount: { path: /model }
passthrough: true
credentials: { value: "Bearer \${file:secrets/{tenant}}" }
limits: { response_bytes: 1024MiB, request_bytes: 25MiB }
tools:
  model.files:
    match: GET /files/**
    describe: Read files.
    traits: { effect: read }
  model.chat:
    match: POST /chat/completions
    describe: Chat.
    traits: { effect: read }
    price: { usd: "0.10" }
    usage: { format: openai }
    prices: { "gpt-*": { input: "2.50", output: "10.00" }, gpt-5-mini: { input: "0.25", cached_input: "0.03", cache_write: "0.50", output: "2" } }
  model.act:
    match: POST /act/{id}
    describe: Act.
    traits: { effect: write }
    on_stop: finish
    stream_idle_timeout: 5s
    stream_timeout: 1h
`,
  "routes/secrets/acme_co": "sk_model_acme",
};

function read(files: Readonly<Record<string, string | null>>) {
  turn += 1;
  const root = join(folder, String(turn));
  const result = readConfiguration(writeFiles(root, files));
  return { result, lines: result.ok ? [] : result.problems.map((one) => formatProblem(one).slice(root.length + 1)) };
}

test("a passthrough mount is read with its defaults, and its prices from the longest name on", () => {
  const { result, lines } = read(good);
  assert.deepEqual(lines, []);
  assert.ok(result.ok);
  const tool = (name: string): Tool => result.catalogue.tools.get(name) as Tool;
  assert.equal(result.catalogue.mounts.find(({ upstream }) => upstream.name === "model")?.passthrough, true);
  assert.deepEqual(tool("model.files").pass, {
    rest: true,
    requestBytesMax: 26_214_400,
    idleMs: 60_000,
    wholeMs: 600_000,
    onStop: "cancel",
    usage: null,
    prices: [],
  });
  assert.deepEqual(tool("model.files").template, ["files"]);
  assert.deepEqual(
    tool("model.chat").pass?.prices.map(({ model: name, prefix, cacheWriteMicros }) => [name, prefix, cacheWriteMicros]),
    [
      ["gpt-5-mini", false, 500_000],
      ["gpt-", true, 5_000_000],
    ],
  );
  const { rest, idleMs, wholeMs, onStop } = tool("model.act").pass ?? {};
  assert.deepEqual([rest, idleMs, wholeMs, onStop], [false, 5000, 3_600_000, "finish"]);
  assert.equal(tool("pay.refund").pass, undefined);
  assert.notEqual(tool("model.act").digest, tool("model.chat").digest);
});

const files = "    traits: { effect: read }\n  model.chat:";
const unread = "is not for a tool of a passthrough mount, whose requests and answers are not read";
const typed = "    traits: { effect: write, reversible: true }\n";
const rows: readonly (readonly [title: string, file: string, from: string, to: string, says: string])[] = [
  ...[
    "input: {}",
    "output: {}",
    "amount: { pointer: /a, currency: { is: USD } }",
    "preview: model.chat",
    "reconcile: model.chat",
    "outbound: []",
    "key: optional",
    "body: json",
    "idempotency: { honoured_for: 24h }",
    "query: brackets",
  ].map((line) => [`${line} on a passthrough tool`, model, files, files.replace("\n", `\n    ⟦${line}\n`), unread] as const),
  ["items on a passthrough mount", model, "limits: { ", "limits: { ⟦items: { pointer: /a, max: 1 }, ", "limits.items cannot be counted"],
  [
    "an outbound default",
    model,
    "passthrough: true",
    "passthrough: true\n⟦outbound_default: { refuse: [pan] }",
    "outbound_default is not for a passthrough mount",
  ],
  [
    "made-up keys",
    model,
    "passthrough: true",
    'passthrough: true\n⟦client_key_pattern: "^x-"',
    "client_key_pattern is not for a passthrough mount",
  ],
  ["every path of a write", model, "POST /act/{id}", "⟦POST /act/**", 'tools["model.act"].match must name one path for a write'],
  ["a star inside", model, "GET /files/**", "⟦GET /files/*/x", 'tools["model.files"].match has a star'],
  ["two stars inside", model, "GET /files/**", "⟦GET /files/**/x", 'tools["model.files"].match has a star'],
  [
    "a write by GET",
    model,
    "traits: { effect: read }",
    "traits: { effect: ⟦write }",
    'tools["model.files"].traits.effect must be read for GET',
  ],
  [
    "a read by DELETE",
    model,
    "POST /chat/completions\n    describe: Chat.\n    traits: { effect: read",
    "DELETE /chat/completions\n    describe: Chat.\n    traits: { effect: ⟦read",
    'tools["model.chat"].traits.effect must be write for DELETE',
  ],
  [
    "prices without usage",
    model,
    "    usage: { format: openai }\n    prices",
    "    ⟦prices",
    'tools["model.chat"].prices means nothing without usage',
  ],
  ["prices without a ceiling", model, 'price: { usd: "0.10" }', "⟦price: {}", 'tools["model.chat"].price must name usd'],
  [
    "a format and pointers",
    model,
    "usage: { format: openai }",
    "⟦usage: { format: openai, input: /a }",
    'tools["model.chat"].usage must be a format, or pointers',
  ],
  ["one pointer", model, "usage: { format: openai }", "⟦usage: { input: /a }", 'tools["model.chat"].usage must be a format, or pointers'],
  ["a format that nobody writes", model, "format: openai", "format: ⟦gemini", 'tools["model.chat"].usage.format must be one of'],
  ["a pattern with a star inside", model, '"gpt-*": {', '⟦"gpt-*-x": {', 'tools["model.chat"].prices["gpt-*-x"] must be a model'],
  ["a price that is no decimal", model, 'output: "10.00"', 'output: ⟦"1e1"', 'tools["model.chat"].prices["gpt-*"].output must be'],
  [
    "two tools for one path",
    model,
    "POST /act/{id}",
    "⟦POST /chat/completions",
    'tools["model.act"].match answers to the same calls as model.chat',
  ],
  [
    "usage on a typed tool",
    desk,
    typed,
    `${typed}    ⟦usage: { format: openai }\n`,
    'tools["desk.reply"].usage is for tools of a passthrough mount',
  ],
  [
    "a stop's wish on a typed tool",
    desk,
    typed,
    `${typed}    ⟦on_stop: finish\n`,
    'tools["desk.reply"].on_stop is for tools of a passthrough mount',
  ],
  [
    "a request's bound on a typed mount",
    desk,
    "mount:",
    "limits: { ⟦request_bytes: 1MiB }\nmount:",
    "limits.request_bytes is for passthrough mounts",
  ],
  [
    "a typed answer of a gigabyte",
    desk,
    "mount:",
    "limits: { response_bytes: ⟦1024MiB }\nmount:",
    "limits.response_bytes must be at most 64MiB",
  ],
  ["a typed tool for every path", desk, "POST /v1/tickets/{ticket}/replies", "⟦GET /v1/**", 'tools["desk.reply"].match'],
  [
    "a passed-through write that people must sign",
    billing,
    "  desk.reply: allow",
    "  desk.reply: allow\n  ⟦model.act: hold",
    'tools["model.act"] is passed through and can only be allow',
  ],
  [
    "a passed-through write beside an amount budget",
    billing,
    "  desk.reply: allow",
    "  desk.reply: allow\n  ⟦model.act: allow",
    'tools["model.act"] is a write that is passed through, and an amount budget',
  ],
];

/** Line and column of the mark, counted by hand. */
function placeOf(marked: string): string {
  const before = marked.slice(0, marked.indexOf("⟦"));
  return `${before.split("\n").length}:${before.length - before.lastIndexOf("\n")}`;
}

for (const [title, file, from, to, says] of rows) {
  test(`${title} is refused where it stands`, () => {
    const original = good[file] ?? "";
    assert.ok(original.includes(from), `the configuration no longer says ${from}`);
    const marked = original.replace(from, () => to);
    const { lines } = read({ ...good, [file]: marked.replace("⟦", "") });
    const wanted = `${file}:${placeOf(marked)} `;
    assert.ok(
      lines.some((line) => line.startsWith(wanted) && line.includes(says)),
      `wanted ${wanted}${says}\nfound  ${lines.join("\n       ")}`,
    );
  });
}

test("the table of mistakes is not empty", () => assert.ok(rows.length >= 33, `${rows.length} rows`));

test("mounts of one host with different credentials are two ways of different rights, and start", () => {
  const other = good[model]?.replace("https://model.example/v1", "https://pay.example.com/v2") ?? "";
  const apart = { ...good, [model]: other.replace("secrets/{tenant}", "model/{tenant}"), "routes/model/acme_co": "sk_other" };
  assert.deepEqual(read(apart).lines, []);
  const same = read({ ...good, [model]: other, "routes/secrets/acme_co": "sk" }).lines;
  assert.match(same.join("\n"), /routes\/(?:model|pay)\.yaml:1:11 upstream is reached with the same credential by .*(?:model|pay)\.yaml/);
});

test("two passthrough mounts without any credential share one, and a mount without a path cannot be for every path", () => {
  const bare = (good[model] ?? "").replace(/^credentials.*\n/m, "");
  const second = bare.replace("path: /model", "path: /second").replaceAll("model.", "second.").replace("second.example", "model.example");
  assert.match(
    read({ ...good, [model]: bare, "routes/second.yaml": second }).lines.join("\n"),
    /second\.yaml:1:11 upstream is reached with the same credential/,
  );
  const everything = (good[model] ?? "").replace("path: /model", "port: 8085").replace("GET /files/**", "GET /**");
  assert.match(
    read({ ...good, [model]: everything }).lines.join("\n"),
    /model\.yaml:8:12 tools\["model\.files"\]\.match must not be every path/,
  );
});
