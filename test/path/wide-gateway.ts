import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RequestLine } from "../../examples/sandbox/effects-log.ts";
import type { StoredCall } from "../../src/ports/calls.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { type DemoChanges, swap, writeDemoConfig } from "../support/demo-config.ts";
import { startGateway, type TestGateway, type TestGatewayOptions } from "../support/gateway.ts";

export type Edit = (text: string) => string;

const policies = join(import.meta.dirname, "../../policies");
const billing = "config/contracts/billing-dispute.yaml";

/** Several changes of one file, in order. */
export const all =
  (...edits: readonly Edit[]): Edit =>
  (text) =>
    edits.reduce((changed, edit) => edit(changed), text);

/** What the demo limits and most tests do not mean to test: rates, and the cost of a run and of the agent's day. */
export const unlimited: Edit = all(
  swap("limit: 60/min", "limit: 100000000/min"),
  swap("limit: 0.40 USD", "limit: 100000.00 USD"),
  swap("limit: 25.00 USD", "limit: 1000000.00 USD"),
);

export interface WideOptions extends Omit<TestGatewayOptions, "configFile"> {
  /** Files of the demo configuration to change; `false` for the billing contract leaves the demo's limits. */
  readonly edit?: DemoChanges["edit"];
  /** False keeps the demo's rates and cost budgets. Default true. */
  readonly lift?: boolean;
}

/** The demo gateway without the limits that would end a long test; closing it also removes its configuration. */
export async function startWide({ edit = {}, lift = true, ...options }: WideOptions = {}): Promise<TestGateway> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-config-"));
  const own = edit[billing] ?? ((text: string) => text);
  const gatewayFile = edit["config/gateway.yaml"] ?? ((text: string) => text);
  const configFile = writeDemoConfig(folder, {
    edit: {
      ...edit,
      [billing]: lift ? all(unlimited, own) : own,
      "config/gateway.yaml": all(swap("policies_dir: ../policies", `policies_dir: ${policies}`), gatewayFile),
    },
  });
  const world = await startGateway({ ...options, configFile }).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
  const { close } = world;
  world.close = async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  };
  return world;
}

/** A clock that a test can move on. */
export interface OwnClock extends Clock {
  /** Wall clock, milliseconds; never back. */
  pass(ms: number): void;
  /** The monotonic clock alone, as after a machine slept. */
  leap(ms: number): void;
}

export function ownClock(): OwnClock {
  let wall = 0;
  let monotonic = 0;
  return {
    nowMs: () => Date.now() + wall,
    monotonicMs: () => performance.now() + monotonic,
    pass: (ms) => (wall += ms),
    leap: (ms) => (monotonic += ms),
  };
}

/** What the store knows of a call, or null. */
export async function storedCall(world: TestGateway, id: string): Promise<StoredCall | null> {
  return world.gateway.ports.calls.find(id);
}

/** Requests that reached the upstream, without the previews of charges. */
export function sentTo(world: TestGateway): readonly RequestLine[] {
  return world.sandbox.requests().filter(({ method, url }) => !(method === "GET" && url.startsWith("/v1/charges/")));
}

/** Replaces a function of one of the gateway's ports: an injected fault. Answers how to put it back. */
export function inject<Port extends object, Name extends keyof Port>(port: Port, name: Name, fault: Port[Name]): () => void {
  const real = port[name];
  port[name] = fault;
  return () => {
    port[name] = real;
  };
}
