import { Anthropic } from "@anthropic-ai/sdk";
import { Octokit } from "@octokit/rest";
import { OpenAI } from "openai";
import { Stripe } from "stripe";
import { callPython } from "./python.ts";
import type { Vendor } from "./world.ts";

/** What an SDK made of an answer: the id of what it resolved with, or how it threw. */
export type Told = { readonly id: string } | { readonly thrown: string; readonly message: string };

/** One SDK with a token, as an agent's program has it. `act` writes, `hold` writes what people must approve, `deny` writes what no contract names. */
export interface Client {
  /** `turn` goes into the arguments, so that two turns are two calls. */
  act(turn: number, key?: string): Promise<Told>;
  hold(turn: number): Promise<Told>;
  deny(): Promise<Told>;
}

export interface Sdk {
  readonly name: string;
  readonly vendor: Vendor;
  /** The base is that of the counting wire. */
  connect(base: string, token: string): Client;
}

/** Awaits a call and tells how it came out. */
export async function tell(call: Promise<unknown>): Promise<Told> {
  try {
    return { id: String(((await call) as { id?: unknown }).id) };
  } catch (error) {
    const { name, message, constructor } = error as Error;
    // Some SDKs name their classes in `name`, some only by being one.
    return { thrown: name === "Error" ? constructor.name : name, message };
  }
}

const keyed = (key: string | undefined) => (key === undefined ? {} : { "idempotency-key": key });

const stripeNode: Sdk = {
  name: "stripe (Node)",
  vendor: "stripe",
  connect(base, token) {
    const { hostname: host, port } = new URL(base);
    const stripe = new Stripe(token, { host, port, protocol: "http" });
    const refund = (amount: number, key?: string) =>
      tell(stripe.refunds.create({ charge: "ch_1006", amount }, key === undefined ? {} : { idempotencyKey: key }));
    return {
      act: (turn, key) => refund(100 + turn, key),
      hold: (turn) => refund(20_000 + turn),
      deny: () => tell(stripe.customers.create({ name: "Ada" })),
    };
  },
};

const octokit: Sdk = {
  name: "@octokit/rest",
  vendor: "github",
  connect(base, token) {
    const silent = { debug() {}, info() {}, warn() {}, error() {} };
    const client = new Octokit({ auth: token, baseUrl: `${base}/github`, log: silent });
    const where = { owner: "acme", repo: "shop" };
    const data = async (call: Promise<{ data: unknown }>) => (await call).data;
    return {
      act: (turn, key) => tell(data(client.rest.issues.create({ ...where, title: `Turn ${turn}`, headers: keyed(key) }))),
      hold: (turn) => tell(data(client.rest.pulls.merge({ ...where, pull_number: turn }))),
      deny: () => tell(data(client.rest.repos.delete(where))),
    };
  },
};

const openai: Sdk = {
  name: "openai",
  vendor: "openai",
  connect(base, token) {
    const client = new OpenAI({ apiKey: token, baseURL: `${base}/openai/v1` });
    return {
      act: (turn, key) => tell(client.vectorStores.create({ name: `turn ${turn}` }, { headers: keyed(key) })),
      hold: (turn) => tell(client.fineTuning.jobs.create({ model: "model-1", training_file: `file-${turn}` })),
      deny: () => tell(client.models.delete("model-1")),
    };
  },
};

const anthropic: Sdk = {
  name: "@anthropic-ai/sdk",
  vendor: "anthropic",
  connect(base, token) {
    const client = new Anthropic({ apiKey: token, baseURL: `${base}/anthropic` });
    const requests = (turn: number) => [
      { custom_id: `turn-${turn}`, params: { model: "model-1", max_tokens: 10, messages: [{ role: "user" as const, content: "Hello" }] } },
    ];
    return {
      act: (turn, key) => tell(client.messages.batches.create({ requests: requests(turn) }, { headers: keyed(key) })),
      hold: (turn) => tell(client.messages.batches.cancel(`batch_${turn}`)),
      deny: () => tell(client.messages.batches.delete("batch_1")),
    };
  },
};

const stripePython: Sdk = {
  name: "stripe (Python)",
  vendor: "stripe",
  connect(base, token) {
    const refund = (amount: number, key?: string) =>
      callPython({ base, token, resource: "refunds", params: { charge: "ch_1006", amount }, ...(key === undefined ? {} : { key }) });
    return {
      act: (turn, key) => refund(500 + turn, key),
      hold: (turn) => refund(30_000 + turn),
      deny: () => callPython({ base, token, resource: "customers", params: { name: "Ada" } }),
    };
  },
};

/** Every official SDK that is held to the table in docs/agents.md, by the short name that its agents have. */
export const sdks: Readonly<Record<string, Sdk>> = { stripe: stripeNode, octokit, openai, anthropic, python: stripePython };
