import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CountingRelay, findFreePort, openRelay } from "../support/counting-relay.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { eventually, startGateway, type TestGateway } from "../support/gateway.ts";
import { startVendor, type VendorUpstream } from "../support/vendor-upstream.ts";

/** The vendors with a route file in `routes/`. */
export const vendors = ["stripe", "github", "openai", "anthropic"] as const;
export type Vendor = (typeof vendors)[number];

/** What the upstream does to the next write: acts and breaks the connection, or acts and answers with what the output schema does not know. */
export type Mishap = "break" | "unfit";

/** A gateway with a mount for every vendor, a counting wire before each, and what each vendor's writes really did. */
export interface SdkWorld {
  readonly gateway: TestGateway;
  readonly wires: Readonly<Record<Vendor, CountingRelay>>;
  readonly vendor: VendorUpstream;
  effects(vendor: Vendor): number;
  playNext(vendor: Vendor, mishap: Mishap): Promise<void>;
  /** Approves the one open hold of an agent, and resolves when it was executed. */
  approveHeldOf(agent: string): Promise<void>;
  close(): Promise<void>;
}

/** What an agent's contract differs in: `hasty` has one call an hour, `brisk` one a second, `poor` one a day. */
const tempers = {
  usual: "",
  hasty: "rates: [{ scope: agent, limit: 1/h }]",
  brisk: "rates: [{ scope: agent, limit: 1/s }]",
  poor: "budgets: [{ meter: calls, scope: agent, window: day, limit: 1 }]",
} as const;
export type Temper = keyof typeof tempers;

const gates: Readonly<Record<Vendor, string>> = {
  stripe: "  stripe.lookup_charge: allow\n  stripe.refund: { up_to: { USD: 10000 }, beyond: hold, tier: finance }",
  github: "  github.get_issue: allow\n  github.create_issue: allow\n  github.merge: { tier: finance }",
  openai: "  openai.get_model: allow\n  openai.create_vector_store: allow\n  openai.fine_tune: { tier: finance }",
  anthropic: "  anthropic.get_batch: allow\n  anthropic.create_batch: allow\n  anthropic.cancel_batch: { tier: finance }",
};

/** The name of an agent: of one client of one vendor, with one temper. */
export function agentOf(client: string, temper: Temper): string {
  return `${client}-${temper}`;
}

function contractOf(client: string, vendor: Vendor, temper: Temper): string {
  const head = `agent: ${agentOf(client, temper)}\nworkflow: sdk\nowner: payments-team\ntenants: [acme_co]\nstage: autonomous`;
  return `${head}\ntools:\n${gates[vendor]}\n${tempers[temper]}\n`;
}

/** Starts everything; `clients` are names of SDKs, each with the vendor it is for. */
export async function openWorld(clients: Readonly<Record<string, Vendor>>): Promise<SdkWorld> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-sdk-"));
  const stripePort = await findFreePort();
  const contracts = Object.entries(clients).flatMap(([client, vendor]) =>
    (Object.keys(tempers) as Temper[]).map((temper) => [
      `config/contracts/${agentOf(client, temper)}.yaml`,
      () => contractOf(client, vendor, temper),
    ]),
  );
  const routes = vendors.map((vendor) => {
    const text = readFileSync(new URL(`routes/${vendor}.yaml`, import.meta.url), "utf8");
    return [`routes/${vendor}.yaml`, () => (vendor === "stripe" ? swap("port: 8081", `port: ${stripePort}`)(text) : text)];
  });
  const configFile = writeDemoConfig(folder, { edit: Object.fromEntries([...contracts, ...routes]) });
  const vendor = await startVendor();
  const gateway = await startGateway({
    configFile,
    moreUpstreams: (sandboxUrl) => Object.fromEntries(vendors.map((one) => [one, one === "stripe" ? sandboxUrl : vendor.url])),
  });
  const agentsPort = Number(new URL(gateway.gateway.agentsUrl).port);
  const wires = {} as Record<Vendor, CountingRelay>;
  for (const one of vendors) wires[one] = await openRelay(one === "stripe" ? stripePort : agentsPort);
  return {
    gateway,
    wires,
    vendor,
    effects: (one) => (one === "stripe" ? gateway.sandbox.effects().length : vendor.effects()),
    async playNext(one, mishap) {
      if (one !== "stripe") return vendor.playNext(mishap);
      const mode = mishap === "break" ? "reset_before" : "not_json";
      await gateway.sandbox.setFault({ method: "POST", path_prefix: "/v1/refunds", mode, act: true });
    },
    async approveHeldOf(agent) {
      const { body } = await gateway.people("approver", "GET", "/sallyport/v1/holds");
      const [hold] = (body["holds"] as readonly { id: string; agent: string }[]).filter((one) => one.agent === agent);
      if (hold === undefined) throw new Error(`${agent} has no open hold`);
      const vote = await gateway.approve("approver", hold.id);
      if (vote.status !== 200) throw new Error(vote.text);
      await eventually("the approved call has run", async () => {
        const shown = await gateway.people("viewer", "GET", `/sallyport/v1/calls/${hold.id}`);
        return (shown.body["call"] as { state: string }).state === "succeeded";
      });
    },
    async close() {
      await Promise.all(Object.values(wires).map((wire) => wire.close()));
      await gateway.close();
      await vendor.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
