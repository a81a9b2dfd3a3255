import assert from "node:assert/strict";
import { test } from "node:test";
import { Anthropic } from "@anthropic-ai/sdk";
import { Octokit } from "@octokit/rest";
import { OpenAI } from "openai";
import { Stripe } from "stripe";
import { renderAnswer } from "../../src/edges/http/render.ts";
import { problem } from "../../src/path/answers.ts";
import type { Answer } from "../../src/rules/answer.ts";
import { type Code, codeRow, codes } from "../../src/rules/codes.ts";
import { dialectNames, mayResend } from "../../src/rules/dialects.ts";
import { type Told, tell } from "./clients.ts";

/** Every SDK on a network that always answers the same, once with a write and once with a read. */
type Asks = (fetch: typeof globalThis.fetch, retries: number | undefined) => readonly (() => Promise<Told>)[];

const asks: Readonly<Record<string, Asks>> = {
  stripe: (fetch, retries) => {
    const httpClient = Stripe.createFetchHttpClient(fetch);
    const stripe = new Stripe("a.b.c", { httpClient, ...(retries === undefined ? {} : { maxNetworkRetries: retries }) });
    return [
      () => tell(stripe.refunds.create({ charge: "ch_1", amount: 1 })),
      () => tell(stripe.charges.retrieve("ch_1")),
      () => tell(stripe.v2.core.events.retrieve("evt_1")),
    ];
  },
  github: (fetch) => {
    const silent = { debug() {}, info() {}, warn() {}, error() {} };
    const octokit = new Octokit({ auth: "a.b.c", request: { fetch }, log: silent });
    const where = { owner: "o", repo: "r" };
    return [
      () => tell(octokit.rest.issues.create({ ...where, title: "t" })),
      () => tell(octokit.rest.issues.get({ ...where, issue_number: 1 })),
    ];
  },
  openai: (fetch, retries) => {
    const client = new OpenAI({ apiKey: "a.b.c", fetch, ...(retries === undefined ? {} : { maxRetries: retries }) });
    return [() => tell(client.vectorStores.create({ name: "n" })), () => tell(client.models.retrieve("m"))];
  },
  anthropic: (fetch, retries) => {
    const client = new Anthropic({ apiKey: "a.b.c", fetch, ...(retries === undefined ? {} : { maxRetries: retries }) });
    return [() => tell(client.messages.batches.cancel("b")), () => tell(client.messages.batches.retrieve("b"))];
  },
};

const openings = { false: "NOT executed. ", true: "EXECUTED. ", unknown: "It is NOT KNOWN whether this was executed. " } as const;

/** Every answer that is not the upstream's own: each code with and without details, and a hold in both its states. */
function everyRefusal(): readonly { readonly code: Code; readonly answer: Answer }[] {
  const problems = (Object.keys(codes) as Code[]).flatMap((code) => [
    { code, answer: problem("c_1", code) },
    {
      code,
      answer: problem("c_1", code, {
        detail: 'Because of <this> & "that" — ünd 𝕏.',
        reasons: [{ rule: "r", message: "m", pointer: "/a" }],
        retryAfterMs: 90_000,
        recorded: true,
        attachedTo: "c_0",
      }),
    },
  ]);
  const held = (["held", "approved"] as const).map((state) => ({
    code: "ERR_HELD" as const,
    answer: { kind: "held", callId: "c_1", state, tiers: ["finance"], reasons: [], expiresAtMs: 1, attached: false } as const,
  }));
  return [...problems, ...held];
}

for (const [sdk, ask] of Object.entries(asks)) {
  test(`${sdk}'s SDK throws on every refusal in every dialect, and in its own says the message and sends nothing again that must not be`, async () => {
    let asked = 0;
    const plays = dialectNames.flatMap((dialect) =>
      everyRefusal().map(async ({ code, answer }) => {
        // Whoever prefers to wait must not be told "held" in a way that an SDK takes for done.
        const canWait = dialect !== "problem";
        const rendered = renderAnswer(answer, { publicUrl: "http://gw", canWait, dialect, standings: [], nowMs: 0 });
        let requests = 0;
        const fetch = async (): Promise<Response> => {
          requests += 1;
          return new Response(rendered.body as string, { status: rendered.status, headers: rendered.headers });
        };
        const safe = mayResend(code, answer.kind === "problem" ? answer.retryAfterMs : null);
        // Whether a safe one is sent again is the SDK's affair; it would take seconds here.
        for (const call of ask(fetch, safe ? 0 : undefined)) {
          requests = 0;
          const told = await call();
          const what = `${sdk} in ${dialect}: ${code} ${rendered.status} → ${JSON.stringify(told)}`;
          asked += 1;
          assert.ok("thrown" in told, what);
          if (sdk === dialect) {
            const { executed } = codeRow(code);
            assert.ok(told.message.replace(/^[0-9]{3} /, "").startsWith(openings[String(executed) as keyof typeof openings]), what);
          }
          if (!safe) assert.equal(requests, 1, what);
        }
      }),
    );
    await Promise.all(plays);
    assert.ok(asked >= dialectNames.length * Object.keys(codes).length * 2, `${asked} refusals`);
    console.log(`${asked} refusals thrown`);
  });
}
