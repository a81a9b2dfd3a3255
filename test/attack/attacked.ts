import assert from "node:assert/strict";
import type { StoredCall } from "../../src/ports/calls.ts";
import { StoreUnavailable } from "../../src/ports/calls.ts";
import { type OwnClock, ownClock, storedCall, type WideOptions } from "../path/wide-gateway.ts";
import type { TestAnswer, TestGateway } from "../support/gateway.ts";
import { startAttacked } from "./worlds.ts";

/** A call as an attacker prepares it: its own run, key and reason, by which the referee knows it again. */
export interface Prepared {
  readonly reason: string;
  readonly token: string;
  readonly args: { readonly charge: string; readonly amount: number; readonly reason: string };
  send(headers?: Readonly<Record<string, string>>): Promise<TestAnswer>;
}

type Of = Parameters<TestGateway["agentToken"]>[0];

/** A gateway under attack, and short words for what every attack does. */
export interface Attacked {
  readonly world: TestGateway;
  readonly clock: OwnClock;
  /** A name that nothing else of this test has. */
  turn(): string;
  /** Refund requests with this reason that reached the upstream. */
  refunds(reason: string): number;
  refund(amount?: number, of?: Of): Promise<Prepared>;
  held(of?: Of): Promise<Prepared & { readonly id: string }>;
  /** Approves as if the process had died right after the vote: the duty has to find the call. */
  approveInStore(id: string): Promise<void>;
  stateOf(id: string): Promise<string | undefined>;
  /** Rows of the ledger, everything sealed. */
  ledgerSize(): Promise<number>;
  /** "NOT executed" must be true of every effect that the caller could have meant. */
  assertTruth(answer: TestAnswer, reason: string, where: string): void;
}

/** A store operation that fails. */
export const broken = (): Promise<never> => Promise.reject(new StoreUnavailable("injected: the store does not answer"));

export async function openAttacked(options: WideOptions = {}): Promise<Attacked> {
  const clock = ownClock();
  const world = await startAttacked({ clock, ...options });
  let turns = 0;
  const turn = (): string => {
    turns += 1;
    return `attack${turns}`;
  };
  const refunds = (reason: string): number =>
    world.sandbox.requests().filter(({ method, url, body }) => method === "POST" && url === "/v1/refunds" && body.includes(`"${reason}"`))
      .length;
  const refund: Attacked["refund"] = async (amount = 100, of = {}) => {
    const reason = turn();
    const token = await world.agentToken({ run: `r_${reason}`, ...of });
    const args = { charge: "ch_1006", amount, reason };
    return { reason, token, args, send: (headers = {}) => world.call("payments.refund", args, { key: reason, token, headers }) };
  };
  return {
    world,
    clock,
    turn,
    refunds,
    refund,
    async held(of = {}) {
      const call = await refund(20_000, of);
      const answer = await call.send();
      assert.equal(answer.status, 202, answer.text);
      return { ...call, id: answer.body["call_id"] as string };
    },
    async approveInStore(id) {
      const { binding } = (await storedCall(world, id)) as StoredCall;
      const seen = { atMs: clock.nowMs(), binding, policyDigest: "" };
      const vote = { person: "approver", name: "approver", tier: "finance", approve: true, reason: "yes", ...seen };
      assert.deepEqual(await world.gateway.ports.calls.vote(id, vote, ["finance"]), { kind: "recorded", state: "approved" });
    },
    stateOf: async (id) => (await storedCall(world, id))?.state,
    ledgerSize: async () => (await world.gateway.ports.ledger.head()).size,
    assertTruth(answer, reason, where) {
      if (refunds(reason) > 0) assert.notEqual(answer.body["executed"], false, `${where}: executed, and the agent is told: ${answer.text}`);
    },
  };
}
