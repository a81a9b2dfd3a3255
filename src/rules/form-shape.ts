import type { ScalarType } from "./query.ts";

/** What may stand at one place of a form, from the schema: a text of some type, a map, a list, or several of these. */
export interface FormShape {
  readonly scalar: FormScalar | null;
  readonly object: FormObject | null;
  /** The shape of the list's items. */
  readonly array: FormShape | null;
}

/** How a text is read. At most one reading ever fits: where two could, the route does not start. */
export interface FormScalar {
  /** `string` stands alone. Empty: only `texts`. */
  readonly types: readonly ScalarType[];
  /** Texts that are strings whatever else may stand here, such as Stripe's `now` beside a timestamp. */
  readonly texts: ReadonlySet<string>;
}

export interface FormObject {
  readonly properties: ReadonlyMap<string, FormShape>;
  /** The shape of keys that are not declared; null refuses them. */
  readonly others: FormShape | null;
}
