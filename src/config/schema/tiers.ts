import type { Static } from "typebox";
import { byName, count, fields, flag, names, quantity, text } from "./kinds.ts";

/** `tiers.yaml`: tier → who must sign. */
export const tiersFile = byName(
  {
    key: "tier",
    description: "Every tier: who must sign a held call, how many, and how long it waits.",
    example: { finance: { group: "finance", people: 2, expires: "8h" } },
  },
  names.tier,
  fields(
    {
      group: text({ description: "A person with this group may sign.", example: "finance" }, { lengthMax: 200 }),
      people: count({ description: "How many different people must approve.", unit: "people", default: 1, example: 2 }, 1, 20),
      expires: quantity(
        "duration",
        { description: "How long a held call waits before it expires.", default: "8h", example: "30m" },
        { min: "1m", max: "30d" },
      ),
      default: flag({
        description: "The tier for writes whose contract names none. At most one tier may be it.",
        default: false,
        example: true,
      }),
    },
    { description: "One tier.", example: { group: "finance", people: 2, expires: "8h" } },
  ),
);
export type TiersFile = Static<typeof tiersFile>;
