import type { TSchema } from "typebox";
import { contractFile } from "./contract.ts";
import { gatewayFile } from "./gateway.ts";
import { routesFile } from "./routes.ts";
import { tenantsFile } from "./tenants.ts";
import { tiersFile } from "./tiers.ts";

export type FileKind = "gateway" | "contract" | "tenants" | "tiers" | "routes";

export interface FileKindRow {
  /** Where such files are in the demo, as the reference page heads them. */
  readonly place: string;
  readonly about: string;
  readonly schema: TSchema;
}

/** Every kind of configuration file. Validation, editors' schemas and the reference page are made from this table. */
export const fileKinds = {
  gateway: {
    place: "config/gateway.yaml",
    about: "The gateway itself: listeners, issuers, folders, limits. Only `issuers` is required.",
    schema: gatewayFile,
  },
  contract: {
    place: "config/contracts/*.yaml",
    about: "What one agent may do: tools with their gates, stage, budgets, rates.",
    schema: contractFile,
  },
  tenants: { place: "config/tenants.yaml", about: "The tenants, and the accounts that routes fill into headers.", schema: tenantsFile },
  tiers: { place: "config/tiers.yaml", about: "Who must sign what is held.", schema: tiersFile },
  routes: { place: "routes/*.yaml", about: "One upstream and its tools. The file's name is the upstream's name.", schema: routesFile },
} as const satisfies Record<FileKind, FileKindRow>;
