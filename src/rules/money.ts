import type { AmountSource } from "./catalogue.ts";
import { type Denial, deny } from "./denial.ts";
import { atPointer, type JsonObject, type JsonValue } from "./json.ts";

/** Money that a call moves. Integer minor units, 0..2^53-1; ISO 4217 letters in upper case. */
export interface Money {
  readonly minor: number;
  readonly currency: string;
}

/** The amount of a call, from its arguments and its preview. What cannot be determined is a denial, never zero. */
export function readAmount(source: AmountSource, args: JsonObject, preview: JsonValue | null): Money | Denial {
  const minor = atPointer(args, source.pointer);
  if (typeof minor !== "number" || !Number.isSafeInteger(minor) || minor < 0) {
    return deny("ERR_AMOUNT_UNDETERMINED", `The amount at ${source.pointer} is not a whole number of minor units.`);
  }
  const told =
    "is" in source.currency ? source.currency.is : preview === null ? undefined : atPointer(preview, source.currency.fromPreview);
  // Letters are checked before they are raised: `uſd` and `ßs` would become three capital ones.
  if (typeof told !== "string" || !/^[A-Za-z]{3}$/.test(told))
    return deny("ERR_AMOUNT_UNDETERMINED", "The currency of this call cannot be determined.");
  return { minor, currency: told.toUpperCase() };
}
