import type { Client, Sdk, Told } from "./clients.ts";
import { agentOf, type SdkWorld, type Temper } from "./world.ts";

/** One client at work: what a case may use. */
export interface Play {
  readonly world: SdkWorld;
  readonly sdk: Sdk;
  /** A client of this SDK with a token of its own run; the agent's contract has this temper. */
  readonly client: Client;
  readonly agent: string;
  /** A number that no other play has. */
  readonly turn: number;
}

export interface Case {
  readonly title: string;
  readonly temper?: Temper;
  /** Instead of a good token. */
  readonly token?: string;
  /** What happens before the call that is told of; its requests and effects are not counted. */
  readonly before?: (play: Play) => Promise<unknown>;
  readonly play: (play: Play) => Promise<Told>;
  /** What the message must begin with, or that the call must resolve. The SDK may put the status before it. */
  readonly expect: "resolves" | "NOT executed." | "EXECUTED." | "It is NOT KNOWN";
  /** Effects of the call that is told of. */
  readonly effects: 0 | 1;
  /** HTTP requests that the SDK may send for it. */
  readonly requestsMax: number;
}

/** The rows of the table in docs/agents.md, for every SDK. */
export const cases: readonly Case[] = [
  { title: "allowed", play: ({ client, turn }) => client.act(turn), expect: "resolves", effects: 1, requestsMax: 1 },
  { title: "not in the contract", play: ({ client }) => client.deny(), expect: "NOT executed.", effects: 0, requestsMax: 1 },
  { title: "held for people", play: ({ client, turn }) => client.hold(turn), expect: "NOT executed.", effects: 0, requestsMax: 1 },
  {
    title: "held, and called again before anybody has decided",
    before: ({ client, turn }) => client.hold(turn),
    play: ({ client, turn }) => client.hold(turn),
    expect: "NOT executed.",
    effects: 0,
    requestsMax: 1,
  },
  {
    title: "held, approved, and called again",
    before: async ({ world, client, agent, turn }) => {
      await client.hold(turn);
      await world.approveHeldOf(agent);
    },
    play: ({ client, turn }) => client.hold(turn),
    expect: "resolves",
    effects: 0,
    requestsMax: 1,
  },
  {
    title: "rate limit, an hour to wait",
    temper: "hasty",
    before: ({ client, turn }) => client.act(turn),
    play: ({ client, turn }) => client.act(turn + 1),
    expect: "NOT executed.",
    effects: 0,
    requestsMax: 1,
  },
  {
    title: "over the day's budget",
    temper: "poor",
    before: ({ client, turn }) => client.act(turn),
    play: ({ client, turn }) => client.act(turn + 1),
    expect: "NOT executed.",
    effects: 0,
    requestsMax: 1,
  },
  {
    title: "the upstream acts and breaks the connection",
    before: ({ world, sdk }) => world.playNext(sdk.vendor, "break"),
    play: ({ client, turn }) => client.act(turn),
    expect: "It is NOT KNOWN",
    effects: 1,
    requestsMax: 1,
  },
  {
    title: "the same call again after that",
    before: async ({ world, sdk, client, turn }) => {
      await world.playNext(sdk.vendor, "break");
      await client.act(turn);
    },
    play: ({ client, turn }) => client.act(turn),
    expect: "It is NOT KNOWN",
    effects: 0,
    requestsMax: 1,
  },
  {
    title: "the upstream acts and its answer does not fit",
    before: ({ world, sdk }) => world.playNext(sdk.vendor, "unfit"),
    play: ({ client, turn }) => client.act(turn),
    expect: "EXECUTED.",
    effects: 1,
    requestsMax: 1,
  },
  {
    title: "the same explicit key again",
    before: ({ client, turn }) => client.act(turn, `key-${turn}`),
    play: ({ client, turn }) => client.act(turn, `key-${turn}`),
    expect: "resolves",
    effects: 0,
    requestsMax: 1,
  },
  {
    title: "the same explicit key, other arguments",
    before: ({ client, turn }) => client.act(turn, `key-${turn}`),
    play: ({ client, turn }) => client.act(turn + 1, `key-${turn}`),
    expect: "NOT executed.",
    effects: 0,
    requestsMax: 1,
  },
  {
    title: "wrong token",
    token: "not.a.token",
    play: ({ client, turn }) => client.act(turn),
    expect: "NOT executed.",
    effects: 0,
    requestsMax: 1,
  },
];

/** What a case came to. */
export interface Seen {
  readonly told: Told;
  /** What the preparing call came to, when it was a call. */
  readonly prepared: unknown;
  readonly requests: number;
  readonly effects: number;
}

/** Plays a case and counts. `name` is the SDK's short name, which its agents have. */
export async function playCase(world: SdkWorld, name: string, sdk: Sdk, one: Case, turn: number): Promise<Seen> {
  const agent = agentOf(name, one.temper ?? "usual");
  const token = one.token ?? (await world.gateway.agentToken({ agent, run: `r_${turn}` }));
  const wire = world.wires[sdk.vendor];
  const play: Play = { world, sdk, agent, turn, client: sdk.connect(wire.url, token) };
  const prepared = await one.before?.(play);
  wire.reset();
  const before = world.effects(sdk.vendor);
  const told = await one.play(play);
  return { told, prepared, requests: wire.requests(), effects: world.effects(sdk.vendor) - before };
}
