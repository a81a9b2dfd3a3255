import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, before, test } from "node:test";
import { Anthropic } from "@anthropic-ai/sdk";
import { OpenAI } from "openai";
import { type Answerer, type PassWorld, passTools, startPassWorld } from "../support/pass-world.ts";

const chatTool = passTools.split("  llm.chat:")[1]?.split("  llm.messages:")[0] ?? "";
const messagesTool = passTools.split("  llm.messages:")[1] ?? "";
const route = (mount: string, lines: string, tool: string) => (url: string) =>
  `upstream: ${url}/${mount}\nmount: { path: /${mount} }\npassthrough: true\n${lines}\ntools:\n  ${mount}.ask:${tool}`;

let world: PassWorld;
before(async () => {
  world = await startPassWorld({
    // One call may cost its ceiling of 10 cents; two may not.
    budgets: "  - { meter: cost, scope: run, limit: 0.11 USD }\n  - { meter: cost, scope: agent, window: day, limit: 1000.00 USD }",
    routes: {
      gpt: route("gpt", 'errors: openai\ncredentials: { value: "Bearer sk_gpt_{tenant}" }', chatTool),
      claude: route(
        "claude",
        'errors: anthropic\ncredentials: { header: X-Api-Key, value: "sk_claude_{tenant}" }\nheaders: { Anthropic-Version: {} }',
        messagesTool,
      ),
    },
  });
});
after(() => world.close());

const token = (run: string) => world.agentToken({ agent: "reader", run });
const openai = async (run: string) => new OpenAI({ baseURL: `${world.gateway.agentsUrl}/gpt/v1`, apiKey: await token(run) });
const anthropic = async (run: string) => new Anthropic({ baseURL: `${world.gateway.agentsUrl}/claude`, apiKey: await token(run) });
const ask = { model: "gpt-5", messages: [{ role: "user" as const, content: "hi" }] };
const message = { model: "claude-5", max_tokens: 100, messages: [{ role: "user" as const, content: "hi" }] };

/** What a run has cost by the store, USD micros. */
async function costOfRun(run: string): Promise<number> {
  const key = JSON.stringify(["cost", null, "run", "production", "acme_co", "reader", run, "run", "UTC", 0]);
  const reservation = { key, budget: "cost/run", units: 0, limit: 110_000, heldMax: 0, endsAtMs: null };
  const of = { run, tenant: "acme_co", environment: "production", agent: "reader", callId: "", callDigest: "" };
  const { left } = await world.gateway.ports.calls.standing({ ...of, reservations: [reservation] });
  return 110_000 - (left[0] ?? Number.NaN);
}

const event = (response: ServerResponse, data: unknown, name?: string): void => {
  response.write(`${name === undefined ? "" : `event: ${name}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`);
};

/** Chunks one after the other, each only when `next` says so. */
function streamChat(texts: readonly string[], usage: unknown): { readonly answer: Answerer; next(): void } {
  let go = Promise.withResolvers<void>();
  const write = async (response: ServerResponse): Promise<void> => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const chunk = { id: "c", object: "chat.completion.chunk", created: 1, model: "gpt-5-2026" };
    for (const content of texts) {
      await go.promise;
      go = Promise.withResolvers();
      event(response, { ...chunk, choices: [{ index: 0, delta: { content }, finish_reason: null }], usage: null });
    }
    if (usage !== null) event(response, { ...chunk, choices: [], usage });
    event(response, "[DONE]");
    response.end();
  };
  const answer: Answerer = (request, response) => {
    request.resume();
    void write(response);
  };
  return { answer, next: () => go.resolve() };
}

test("the OpenAI SDK gets a stream chunk by chunk, and the run pays for exactly its tokens", async () => {
  const texts = ["a", "b", "c", "d"];
  const { answer, next } = streamChat(texts, {
    prompt_tokens: 1000,
    completion_tokens: 200,
    total_tokens: 1200,
    prompt_tokens_details: { cached_tokens: 400 },
  });
  world.upstream.answer = answer;
  const client = await openai("r_gpt");
  next();
  const stream = await client.chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } });
  const got: string[] = [];
  let usage: unknown = null;
  for await (const chunk of stream) {
    const content = chunk.choices[0]?.delta.content;
    if (typeof content === "string") got.push(content);
    usage = chunk.usage ?? usage;
    // The upstream sends the next only now: without this one it would wait for ever.
    next();
  }
  assert.deepEqual(got, texts);
  assert.notEqual(usage, null);
  const call = await world.newest();
  const { usage: read, transfer } = call.settled ?? {};
  assert.deepEqual(read, { model: "gpt-5-2026", input: 600, cachedInput: 400, cacheWrite: 0, output: 200, costMicros: 1500 + 500 + 2000 });
  assert.ok((transfer?.requestBytes ?? 0) > 50);
  assert.equal(await costOfRun("r_gpt"), 4000);
});

test("the Anthropic SDK does too, and its cache tokens have their own prices", async () => {
  world.upstream.answer = (request, response) => {
    request.resume();
    response.writeHead(200, { "content-type": "text/event-stream" });
    const usage = { input_tokens: 100, output_tokens: 1, cache_read_input_tokens: 1000, cache_creation_input_tokens: 10 };
    event(
      response,
      { type: "message_start", message: { id: "m", type: "message", role: "assistant", model: "claude-5", content: [], usage } },
      "message_start",
    );
    event(response, { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }, "content_block_start");
    event(response, { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "hello" } }, "content_block_delta");
    event(response, { type: "content_block_stop", index: 0 }, "content_block_stop");
    event(response, { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 50 } }, "message_delta");
    event(response, { type: "message_stop" }, "message_stop");
    response.end();
  };
  const client = await anthropic("r_claude");
  const final = await client.messages.stream(message).finalMessage();
  assert.deepEqual([final.content[0]?.type === "text" && final.content[0].text, final.usage.output_tokens], ["hello", 50]);
  assert.equal((await world.newest()).settled?.usage?.costMicros, 300 + 300 + 37.5 + 750 + 0.5);
  assert.equal(await costOfRun("r_claude"), 1388);
  const sent = world.upstream.seen.at(-1)?.headers;
  assert.equal(sent?.["x-api-key"], "sk_claude_acme_co");
  assert.match(String(sent?.["anthropic-version"]), /^20[0-9-]+$/);
});

test("a run whose budget is used up gets no further call, and the SDK throws at once", async () => {
  world.upstream.answer = (request, response) => {
    request.resume();
    const usage = { prompt_tokens: 0, completion_tokens: 5_000 };
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({ id: "x", model: "gpt-5", choices: [{ index: 0, message: { role: "assistant", content: "long" } }], usage }),
    );
  };
  const client = await openai("r_spent");
  const before = world.upstream.seen.length;
  const first = await client.chat.completions.create(ask);
  assert.equal(first.choices[0]?.message.content, "long");
  assert.equal(await costOfRun("r_spent"), 50_000);
  await assert.rejects(client.chat.completions.create(ask), (error: InstanceType<typeof OpenAI.APIError>) => {
    assert.equal(error.status, 403);
    assert.match(error.message, /NOT executed.*budget/);
    return true;
  });
  assert.equal(world.upstream.seen.length - before, 1);
});

test("usage that is not told, or cannot be believed or priced, costs the ceiling; a call that the vendor refused costs nothing", async () => {
  const answer =
    (status: number, body: unknown): Answerer =>
    (request, response) => {
      request.resume();
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
  const rows: readonly (readonly [string, Answerer, number])[] = [
    ["no usage", answer(200, { model: "gpt-5" }), 100_000],
    ["negative", answer(200, { model: "gpt-5", usage: { prompt_tokens: -5, completion_tokens: 0 } }), 100_000],
    ["an unknown model", answer(200, { model: "o3", usage: { prompt_tokens: 1, completion_tokens: 0 } }), 100_000],
    ["a stream without usage", streamChat([], null).answer, 100_000],
    ["an honest zero", answer(200, { model: "gpt-5", usage: { prompt_tokens: 0, completion_tokens: 0 } }), 0],
    ["refused by the vendor", answer(429, { error: {} }), 0],
    ["broken before it began", (_request, response) => void response.destroy(), 100_000],
    ["an overrun", answer(200, { model: "gpt-5", usage: { prompt_tokens: 0, completion_tokens: 20_000 } }), 200_000],
  ];
  for (const [index, [title, answerer, cost]] of rows.entries()) {
    world.upstream.answer = answerer;
    const run = `r_ceiling_${index}`;
    const response = await fetch(`${world.gateway.agentsUrl}/gpt/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${await token(run)}`, "content-type": "application/json" },
      body: JSON.stringify(ask),
    });
    await response.text();
    const call = await world.newest();
    if (title === "an overrun") assert.match(call.settled?.detail ?? "", /^overrun: the usage cost 200000/);
    assert.equal(await costOfRun(run), Math.min(cost, 110_000), title);
  }
  assert.equal(rows.length, 8);
});

test("an agent that hangs up right before the usage comes pays the ceiling", async () => {
  const stop = new AbortController();
  const { answer, next } = streamChat(["a", "b"], { prompt_tokens: 1, completion_tokens: 1 });
  world.upstream.answer = answer;
  next();
  const client = await openai("r_gone");
  const stream = await client.chat.completions.create({ ...ask, stream: true }, { signal: stop.signal });
  for await (const chunk of stream) if (chunk.model !== "") stop.abort();
  assert.equal((await world.newest()).state, "failed");
  assert.equal(await costOfRun("r_gone"), 100_000);
});

test("a crash in the middle of a model's answer leaves the ceiling booked", async () => {
  const { answer, next } = streamChat(["a", "b"], null);
  world.upstream.answer = answer;
  const client = await openai("r_crash");
  next();
  const stop = new AbortController();
  const stream = await client.chat.completions.create({ ...ask, stream: true }, { signal: stop.signal });
  const [call] = await world.gateway.ports.calls.list({ limit: 1 });
  // What the next start does with a call that was on its way.
  assert.equal(await world.gateway.ports.calls.interrupt(call?.id ?? "", Date.now()), "failed");
  assert.equal(await costOfRun("r_crash"), 100_000);
  stop.abort();
  stream.controller.abort();
});
