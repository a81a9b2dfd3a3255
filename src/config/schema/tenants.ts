import type { Static } from "typebox";
import { byName, names, text } from "./kinds.ts";

/** `tenants.yaml`: tenant → the values that `{tenant.x}` templates name. */
export const tenantsFile = byName(
  {
    key: "tenant",
    description: "Every tenant, with the values that `{tenant.<name>}` in routes stands for. Never secrets.",
    example: { acme_co: { payments_account: "acct_acme_co" } },
  },
  names.tenant,
  byName(
    { key: "name", description: "The values of one tenant.", example: { payments_account: "acct_acme_co" } },
    names.valueName,
    text(
      { description: "One value: an account, a region. Visible ASCII, because it may become a header.", example: "acct_acme_co" },
      { pattern: "^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$", like: "visible ASCII text", lengthMax: 500 },
    ),
  ),
);
export type TenantsFile = Static<typeof tenantsFile>;
