import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../src/ports/clock.ts";
import { findFreePort } from "../support/counting-relay.ts";
import { swap, writeDemoConfig } from "../support/demo-config.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

const root = join(import.meta.dirname, "../..");

/** The packs of `routes/packs`, by the names of their upstreams. */
export const packs = ["stripe", "github"] as const;
export type Pack = (typeof packs)[number];

/** What the tests put where the page says that an operator's secrets are. */
export const secrets: Readonly<Record<Pack, string>> = { stripe: "rk_test_acme", github: "ghs_acme" };

/** What an operator adds to tenants.yaml for the Stripe pack. */
export const stripeAccount = "acct_1PackTest";

/** The text of a pack as it is shipped. */
export function readPack(pack: Pack): string {
  return readFileSync(join(root, "routes", "packs", `${pack}.yaml`), "utf8");
}

/** The fenced text of docs/packs.md behind the comment `<!-- name -->`. */
export function readFromPage(name: string): string {
  const page = readFileSync(join(root, "docs", "packs.md"), "utf8");
  const found = new RegExp(`<!-- ${name} -->\n\`\`\`[a-z]*\n(.*?)\`\`\``, "s").exec(page)?.[1];
  if (found === undefined) throw new Error(`docs/packs.md has no text ${name}`);
  return found;
}

/** A configuration made as docs/packs.md tells an operator to make it: packs copied, one secret for each, accounts in tenants.yaml. */
export interface PackFiles {
  readonly configFile: string;
  readonly stripePort: number;
  remove(): void;
}

/** Writes that configuration; `more` are further files of it. */
export async function writePackFiles(more: Readonly<Record<string, (text: string) => string>> = {}): Promise<PackFiles> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-packs-"));
  const stripePort = await findFreePort();
  for (const pack of packs) {
    mkdirSync(join(folder, "secrets", pack), { recursive: true });
    writeFileSync(join(folder, "secrets", pack, "acme_co"), `${secrets[pack]}\n`, { mode: 0o600 });
  }
  const placed = (pack: Pack) => swap("/run/secrets/", `${folder}/secrets/`)(readPack(pack));
  const configFile = writeDemoConfig(folder, {
    edit: {
      "routes/stripe.yaml": () => swap("port: 8081", `port: ${stripePort}`)(placed("stripe")),
      "routes/github.yaml": () => placed("github"),
      "config/tenants.yaml": swap("acme_co:\n", `acme_co:\n  stripe_account: ${stripeAccount}\n`),
      ...more,
    },
  });
  return { configFile, stripePort, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A gateway with both packs. */
export interface PackWorld {
  readonly gateway: TestGateway;
  readonly stripePort: number;
  close(): Promise<void>;
}

/** Starts it with the contracts given by name; upstreams that are not given are nowhere. */
export async function openPackWorld(options: {
  readonly contracts: Readonly<Record<string, string>>;
  readonly upstreams: Partial<Readonly<Record<Pack, string>>>;
  readonly clock?: Clock;
  /** Further files of the configuration. */
  readonly edit?: Readonly<Record<string, (text: string) => string>>;
}): Promise<PackWorld> {
  const contracts = Object.entries(options.contracts).map(([name, text]) => [`config/contracts/${name}.yaml`, () => text] as const);
  const files = await writePackFiles({ ...options.edit, ...Object.fromEntries(contracts) });
  const upstreams = { stripe: "http://127.0.0.1:9", github: "http://127.0.0.1:9", ...options.upstreams };
  const clock = options.clock === undefined ? {} : { clock: options.clock };
  const gateway = await startGateway({ configFile: files.configFile, moreUpstreams: () => upstreams, ...clock });
  return {
    gateway,
    stripePort: files.stripePort,
    async close() {
      await gateway.close();
      files.remove();
    },
  };
}
